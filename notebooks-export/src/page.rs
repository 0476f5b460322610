//! The page of a paper.

use crate::content::Shown;
use crate::error::Result;
use crate::explore::Exhibit;
use crate::html::{self, File, dialog, escape};
use crate::names::Names;
use crate::parse::{Section, plain};
use crate::resolve::{Content, Paper};

/// What else there is of the paper, and its thing to move.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// Whether slides are written.
    pub slides: bool,
    /// Whether a notebook is written.
    pub notebook: bool,
    /// What can be moved.
    pub exhibit: Option<&'a Exhibit>,
}

/// The page's text.
///
/// # Errors
/// Mathematics that is not understood.
pub fn page(paper: &Paper, names: &Names, beside: &Beside<'_>) -> Result<String> {
    let (language, words) = (paper.language, paper.language.words());
    let address = |other: &str| format!("../{other}/{}", names.page(language));
    let shown = Shown { paper, address: &address, slide: false };
    let (mut contents, mut sections) = (String::new(), String::new());
    for section in &paper.sections {
        sections += &self::section(section, &shown)?;
        if let Some(heading) = &section.heading {
            let (id, level) = (escape(&section.id), section.level);
            contents += &format!("<li class=\"level{level}\"><a href=\"#{id}\">{}</a></li>\n", shown.heading(heading)?);
        }
    }
    let mut links = String::new();
    if beside.slides {
        links += &format!("<a href=\"{}\">{}</a>", names.slides(language), words.slides);
    }
    if beside.notebook {
        links += &format!("<a href=\"{}\" download>{}</a>", names.notebook(&paper.name, language), words.notebook);
    }
    if let Some(exhibit) = beside.exhibit {
        contents +=
            &format!("<li class=\"level2\"><a href=\"#{}\">{}</a></li>\n", exhibit.id(), exhibit.title(language));
        sections += &exhibit.html(language);
    }
    contents += &format!("<li class=\"level2\"><a href=\"#provenance\">{}</a></li>\n", words.provenance);
    let front = &paper.front;
    let body = format!(
        "<a class=\"skip\" href=\"#content\">{skip}</a>\n\
         <header class=\"top\"><a href=\"../{home}\">Easel</a><nav aria-label=\"{short}\">{links}</nav>{switches}</header>\n\
         <div class=\"columns\">\n<details class=\"toc\" open><summary>{toc}</summary>\n<nav aria-label=\"{toc}\"><ol>\n{contents}</ol></nav></details>\n\
         <main id=\"content\" tabindex=\"-1\">\n<h1>{title}</h1>\n<p class=\"citation\">{citation}</p>\n{sections}{provenance}</main>\n</div>\n{dialog}",
        skip = words.skip,
        home = names.page(language),
        short = escape(&front.short),
        switches = html::switches(language, &names.each(|language| names.page(language))),
        toc = words.contents,
        title = escape(&front.title),
        citation = escape(&front.citation),
        provenance = provenance(paper),
        dialog = dialog(language),
    );
    let title = format!("{} · Easel", front.short);
    Ok(File { language, title: &title, assets: &["easel"], class: "page", body }.text())
}

fn section(section: &Section<Content>, shown: &Shown<'_>) -> Result<String> {
    let heading = match &section.heading {
        None => String::new(),
        Some(heading) => {
            let (level, html, label) = (section.level, shown.heading(heading)?, escape(&plain(heading)));
            let id = escape(&section.id);
            format!(
                "<h{level} id=\"{id}\">{html} <a class=\"anchor\" href=\"#{id}\" aria-label=\"{label}\">#</a></h{level}>\n"
            )
        }
    };
    Ok(format!("<section>\n{heading}{}{}</section>\n", shown.blocks(&section.slide)?, shown.blocks(&section.rest)?))
}

fn provenance(paper: &Paper) -> String {
    let (words, p) = (paper.language.words(), &paper.provenance);
    let rows = [
        (words.command, p.command.as_str()),
        (words.seed, &p.seed.to_string()),
        (words.version, p.version.as_str()),
        (words.config, p.config_blake3.as_str()),
    ];
    let rows: String =
        rows.map(|(name, value)| format!("<dt>{name}</dt><dd><code>{}</code></dd>\n", escape(value))).concat();
    format!(
        "<section class=\"provenance\">\n<h2 id=\"provenance\">{}</h2>\n<dl>\n{rows}</dl>\n</section>\n",
        words.provenance
    )
}
