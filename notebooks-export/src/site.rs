//! The gallery: all papers, all figures.

use std::rc::Rc;

use crate::explore::Exhibit;
use crate::html::{self, File, dialog, escape};
use crate::i18n::Language;
use crate::names::Names;
use crate::parse::THEMES;
use crate::resolve::Paper;
use crate::source::Drawn;

/// A paper with all its figures.
#[derive(Debug)]
pub struct Shelf<'a> {
    /// The paper.
    pub paper: &'a Paper,
    /// Its figures.
    pub figures: Vec<(String, Rc<Drawn>)>,
    /// What can be moved on its page.
    pub exhibit: Option<&'a Exhibit>,
}

/// The gallery's text.
pub fn gallery(shelves: &[Shelf<'_>], names: &Names, language: Language, slides: bool, notebook: bool) -> String {
    let words = language.words();
    let page = |paper: &str| format!("{paper}/{}", names.page(language));
    let explore: String = shelves
        .iter()
        .filter_map(|shelf| Some((shelf.paper, shelf.exhibit?)))
        .map(|(paper, exhibit)| {
            format!(
                "<li><a href=\"{}#{}\"><b>{}</b><span>{}</span></a></li>\n",
                page(&paper.name),
                exhibit.id(),
                exhibit.title(language),
                exhibit.lead(language)
            )
        })
        .collect();
    let explore = if explore.is_empty() {
        String::new()
    } else {
        format!("<h2>{}</h2>\n<ul class=\"cards\">\n{explore}</ul>\n", words.explore)
    };
    let papers: String = shelves
        .iter()
        .map(|Shelf { paper, .. }| {
            let mut links = vec![];
            if slides {
                links.push(format!("<a href=\"{}/{}\">{}</a>", paper.name, names.slides(language), words.slides));
            }
            if notebook {
                let file = names.notebook(&paper.name, language);
                links.push(format!("<a href=\"{}/{file}\" download>{}</a>", paper.name, words.notebook));
            }
            format!(
                "<li><a class=\"main\" href=\"{}\"><b>{}</b> {}</a><span class=\"citation\">{}</span><span class=\"links\">{}</span></li>\n",
                page(&paper.name),
                escape(&paper.front.short),
                escape(&paper.front.title),
                escape(&paper.front.citation),
                links.join(" · ")
            )
        })
        .collect();
    let themes = THEMES.into_iter().filter(|theme| shelves.iter().any(|s| s.paper.front.themes.contains(theme)));
    let themes: Vec<_> = themes.map(|theme| (theme, language.theme(theme))).collect();
    let of: Vec<_> = shelves.iter().map(|s| (s.paper.name.as_str(), s.paper.front.short.as_str())).collect();
    let cards: String = shelves
        .iter()
        .flat_map(|shelf| shelf.figures.iter().map(move |f| (shelf.paper, f)))
        .map(|(paper, (name, drawn))| {
            let folder = format!("{}/figures/", paper.name);
            format!(
                "<li data-paper=\"{}\" data-themes=\"{}\">{}<a class=\"of\" href=\"{}\">{}</a></li>\n",
                paper.name,
                paper.front.themes.join(" "),
                html::figure(&folder, name, drawn, language, true),
                page(&paper.name),
                escape(&paper.front.short)
            )
        })
        .collect();
    let count: usize = shelves.iter().map(|shelf| shelf.figures.len()).sum();
    let body = format!(
        "<a class=\"skip\" href=\"#content\">{skip}</a>\n\
         <header class=\"top\"><a href=\"{home}\" aria-current=\"page\">Easel</a><nav></nav>{switches}</header>\n\
         <main id=\"content\" tabindex=\"-1\">\n<h1>{site}</h1>\n<p class=\"lead\">{lead}</p>\n{explore}\
         <h2 id=\"papers\">{papers_heading}</h2>\n<ul class=\"papers\">\n{papers}</ul>\n<h2 id=\"gallery\">{gallery}</h2>\n\
         <form class=\"filters\"><label>{paper} {by_paper}</label><label>{subject} {by_theme}</label>\
         <output aria-live=\"polite\"><b>{count}</b> {shown}</output></form>\n\
         <ul class=\"gallery\">\n{cards}</ul>\n</main>\n{dialog}",
        skip = words.skip,
        home = names.page(language),
        switches = html::switches(language, &names.each(|language| names.page(language))),
        site = words.site,
        lead = words.lead,
        papers_heading = words.papers,
        gallery = words.gallery,
        paper = words.paper,
        by_paper = select("paper", &of, words.all),
        subject = words.subject,
        by_theme = select("theme", &themes, words.all),
        shown = words.shown,
        dialog = dialog(language),
    );
    File { language, title: words.site, assets: &["easel"], class: "site", body }.text()
}

fn select(name: &str, choices: &[(&str, &str)], all: &str) -> String {
    let option = |(value, label): &(&str, &str)| format!("<option value=\"{value}\">{}</option>", escape(label));
    let options: String = choices.iter().map(option).collect();
    format!("<select name=\"{name}\"><option value=\"\">{all}</option>{options}</select>")
}
