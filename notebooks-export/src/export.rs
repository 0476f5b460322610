//! The whole export.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use crate::assets;
use crate::error::{ExportError, Fault, Result};
use crate::explore::Exhibit;
use crate::i18n::Language;
use crate::library::Library;
use crate::manifest::{self, Files};
use crate::names::Names;
use crate::notebook::notebook;
use crate::pack;
use crate::page::{Beside, page};
use crate::parse;
use crate::resolve::{Content, Paper, resolve};
use crate::site::{Shelf, gallery};
use crate::slides::slides;
use crate::source::{Drawn, Source};
use crate::write;

/// What to write of a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// The notebook.
    pub notebook: bool,
    /// The page, and the gallery.
    pub page: bool,
    /// The slides.
    pub slides: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self { notebook: true, page: true, slides: true };
}

/// What to export.
#[derive(Debug, Clone)]
pub struct Request {
    /// The papers; all that have a document where empty.
    pub papers: Vec<String>,
    /// The languages, of which the first has the plain file names.
    pub languages: Vec<Language>,
    /// What to write.
    pub parts: Parts,
    /// The folder, which afterwards holds this export and nothing else.
    pub out: PathBuf,
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Number of files.
    pub files: usize,
    /// Their size.
    pub bytes: usize,
}

type Figures = Vec<(String, Rc<Drawn>)>;

/// Exports from a source.
///
/// # Errors
/// The first thing that is wrong, with its file and line; nothing is written then.
pub fn export(source: &dyn Source, request: &Request) -> Result<Summary> {
    let files = files(source, request)?;
    write::replace(&request.out, &files)?;
    Ok(Summary { files: files.len(), bytes: files.values().map(Vec::len).sum() })
}

/// All files of an export, the manifest included.
fn files(source: &dyn Source, request: &Request) -> Result<Files> {
    let known = source.papers();
    let missing = |what: String, reason: Fault| ExportError::Missing { what, reason };
    if let Some(unknown) = request.papers.iter().find(|paper| !known.contains(paper)) {
        let reason = format!("no paper of this name has a document; there are: {}", known.join(", "));
        return Err(missing(unknown.clone(), reason.into()));
    }
    // In the lecture's order, whatever was typed.
    let wanted = |paper: &&String| request.papers.is_empty() || request.papers.contains(paper);
    let papers: Vec<String> = known.iter().filter(wanted).cloned().collect();
    let (library, names, parts) = (Library::new(source), Names::new(&request.languages), request.parts);
    let mut documents = BTreeMap::new();
    for paper in &papers {
        for &language in names.languages() {
            let document = source.document(paper, language);
            let document = document.map_err(|e| missing(format!("{paper} in {}", language.name()), e))?;
            let parsed = parse::parse(&document)?;
            documents.insert((paper, language), resolve(parsed, paper, language, &library, &papers)?);
        }
    }
    let mut files = Files::new();
    let mut figures = BTreeMap::<&String, Figures>::new();
    let mut exhibits = BTreeMap::<&String, Exhibit>::new();
    for paper in &papers {
        let of_paper: Vec<&Paper> = names.languages().iter().map(|&language| &documents[&(paper, language)]).collect();
        if parts.page {
            figures.insert(paper, own_figures(paper, &library)?);
            exhibits.extend(Exhibit::of(paper, source)?.map(|exhibit| (paper, exhibit)));
        }
        let exhibit = exhibits.get(paper);
        if parts.page || parts.slides {
            for (name, drawn) in figures.get(paper).into_iter().flatten().chain(&shown(&of_paper)) {
                let file = |ending: &str| format!("{paper}/figures/{name}.{ending}");
                files.insert(file("svg"), drawn.svg.clone().into_bytes());
                files.insert(file("png"), drawn.png.clone());
                if let Some(csv) = &drawn.csv {
                    files.insert(file("csv"), csv.clone().into_bytes());
                }
            }
            put_assets(&mut files, &format!("{paper}/"), &assets::SITE);
        }
        if parts.slides {
            put_assets(&mut files, &format!("{paper}/"), &assets::SLIDES);
        }
        for (path, bytes) in exhibit.into_iter().flat_map(Exhibit::files) {
            let packed = pack::png(bytes, 0).map_err(|e| missing(format!("{paper}/{path}"), e.into()))?;
            files.insert(format!("{paper}/{path}"), packed);
        }
        for document in of_paper {
            let language = document.language;
            if parts.page {
                let beside = Beside { slides: parts.slides, notebook: parts.notebook, exhibit };
                files
                    .insert(format!("{paper}/{}", names.page(language)), page(document, &names, &beside)?.into_bytes());
            }
            if parts.slides {
                let text = slides(document, &names, parts.page)?;
                files.insert(format!("{paper}/{}", names.slides(language)), text.into_bytes());
            }
            if parts.notebook {
                let file = format!("{paper}/{}", names.notebook(paper, language));
                files.insert(file, notebook(document, &names).into_bytes());
            }
        }
    }
    if parts.page {
        for &language in names.languages() {
            let shelf = |paper| {
                let document = &documents[&(paper, language)];
                let told = shown(&[document]);
                let in_its_words =
                    |own: &(String, Rc<Drawn>)| told.iter().find(|f| f.0 == own.0).unwrap_or(own).clone();
                let figures = figures[paper].iter().map(in_its_words).collect();
                Shelf { paper: document, figures, exhibit: exhibits.get(paper) }
            };
            let shelves: Vec<Shelf<'_>> = papers.iter().map(shelf).collect();
            let text = gallery(&shelves, &names, language, parts.slides, parts.notebook);
            files.insert(names.page(language), text.into_bytes());
        }
        put_assets(&mut files, "", &assets::SITE);
    }
    let provenance: Vec<_> = papers
        .iter()
        .filter_map(|paper| {
            Some((paper.clone(), documents.get(&(paper, *names.languages().first()?))?.provenance.clone()))
        })
        .collect();
    let manifest = manifest::text(&provenance, &files);
    files.insert(manifest::NAME.into(), manifest.into_bytes());
    Ok(files)
}

fn own_figures(paper: &str, library: &Library<'_>) -> Result<Figures> {
    let missing = |what: &str| {
        let what = what.to_owned();
        move |reason| ExportError::Missing { what, reason }
    };
    let infos = library.source.figures(paper).map_err(missing(paper))?;
    let draw = |name: &String| library.figure(name).map_err(missing(&format!("figure {name} of {paper}")));
    infos.into_iter().map(|info| Ok((info.name.clone(), draw(&info.name)?))).collect()
}

/// The figures that documents show, other papers' among them.
fn shown(documents: &[&Paper]) -> Figures {
    let sections = documents.iter().flat_map(|document| &document.sections);
    let figure = |content: &Content| match content {
        Content::Figure(name, drawn) => Some((name.clone(), drawn.clone())),
        _ => None,
    };
    sections.flat_map(|section| section.slide.iter().chain(&section.rest)).filter_map(figure).collect()
}

fn put_assets(files: &mut Files, folder: &str, assets: &[(&str, &str)]) {
    files.extend(assets.iter().map(|(path, text)| (format!("{folder}{path}"), text.as_bytes().to_vec())));
}
