//! The slides of a paper: one file, one idea a slide.

use crate::content::Shown;
use crate::error::Result;
use crate::html::{self, File, escape};
use crate::names::Names;
use crate::resolve::Paper;

/// The text of the slides.
///
/// # Errors
/// Mathematics that is not understood.
pub fn slides(paper: &Paper, names: &Names, page: bool) -> Result<String> {
    let (language, words, front) = (paper.language, paper.language.words(), &paper.front);
    let address = |other: &str| match page {
        true => format!("../{other}/{}", names.page(language)),
        false => format!("../{other}/{}", names.slides(language)),
    };
    let shown = Shown { paper, address: &address, slide: true };
    let mut all =
        vec![format!("<h1>{}</h1>\n<p class=\"citation\">{}</p>\n", escape(&front.title), escape(&front.citation))];
    for section in &paper.sections {
        let heading = match &section.heading {
            Some(heading) => format!("<h2>{}</h2>\n", shown.heading(heading)?),
            None => String::new(),
        };
        all.push(format!("{heading}<div class=\"body\">\n{}</div>\n", shown.blocks(&section.slide)?));
    }
    let count = all.len();
    let slide = |(k, html): (usize, &String)| {
        let (class, number) = (if k == 0 { "slide title" } else { "slide" }, k + 1);
        format!(
            "<section class=\"{class}\" id=\"{number}\" aria-label=\"{number} / {count}\">\n{html}\
             <p class=\"number\"><span>{}</span><span>{number} / {count}</span></p></section>\n",
            escape(&front.short)
        )
    };
    let slides: String = all.iter().enumerate().map(slide).collect();
    let back = if page { format!("<a href=\"{}\">{}</a>", names.page(language), words.page) } else { String::new() };
    let body = format!(
        "<main id=\"content\">\n{slides}</main>\n<nav class=\"control\" aria-label=\"{title}\">{back}{switches}\
         <button type=\"button\" class=\"previous\" aria-label=\"{previous}\" title=\"{previous}\">‹</button>\
         <button type=\"button\" class=\"next\" aria-label=\"{next}\" title=\"{next}. {keys}\">›</button></nav>\n",
        title = words.slides,
        switches = html::switches(language, &names.each(|language| names.slides(language))),
        previous = words.previous,
        next = words.next,
        keys = words.keys,
    );
    let title = format!("{} · {}", front.short, words.slides);
    Ok(File { language, title: &title, assets: &["easel", "slides"], class: "slides", body }.text())
}
