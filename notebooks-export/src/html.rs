//! What all HTML files share.

use crate::i18n::Language;

/// Text that HTML shows as it is, in elements and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

/// JSON that cannot end the script element that holds it.
pub fn json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// A whole HTML file.
#[derive(Debug)]
pub struct File<'a> {
    /// The language.
    pub language: Language,
    /// The title, as text.
    pub title: &'a str,
    /// Names of style sheets and scripts in `assets/`, without ending.
    pub assets: &'a [&'a str],
    /// Class of the body.
    pub class: &'a str,
    /// The body, as HTML.
    pub body: String,
}

impl File<'_> {
    /// The file's text.
    pub fn text(&self) -> String {
        let asset = |name: &&str| {
            format!(
                "<link rel=\"stylesheet\" href=\"assets/{name}.css\">\n<script src=\"assets/{name}.js\"></script>\n"
            )
        };
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n{}</head>\n<body class=\"{}\">\n{}</body>\n</html>\n",
            self.language.tag(),
            escape(self.title),
            self.assets.iter().map(asset).collect::<String>(),
            self.class,
            self.body
        )
    }
}

/// A figure: the picture opens large, and downloads stand below. `folder` leads to the figures, with a slash at the end.
pub fn figure(folder: &str, name: &str, drawn: &crate::source::Drawn, language: Language, lazy: bool) -> String {
    let words = language.words();
    let (about, tag, size) = (escape(&drawn.about), drawn.language.tag(), svg_size(&drawn.svg));
    let lazy = if lazy { " loading=\"lazy\"" } else { "" };
    let mut files = vec![("svg", "SVG"), ("png", "PNG")];
    if drawn.csv.is_some() {
        files.push(("csv", words.data));
    }
    let links: Vec<String> = files
        .iter()
        .map(|(ending, label)| format!("<a href=\"{folder}{name}.{ending}\" download>{label}</a>"))
        .collect();
    format!(
        "<figure class=\"figure\"><a class=\"picture\" href=\"{folder}{name}.svg\"><img src=\"{folder}{name}.svg\" \
         alt=\"{about}\" lang=\"{tag}\"{size}{lazy}></a><figcaption><span lang=\"{tag}\">{about}</span> <span class=\"files\">{} \
         <code>{name}</code></span></figcaption></figure>\n",
        links.join(" · ")
    )
}

/// Width and height attributes, so that nothing moves when a picture arrives.
fn svg_size(svg: &str) -> String {
    let attribute = |name: &str| {
        let head = &svg[..svg.find('>')?];
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        rest.split_once('"')?.0.trim_end_matches("px").parse::<f64>().ok()
    };
    match (attribute("width"), attribute("height")) {
        (Some(width), Some(height)) => format!(" width=\"{width:.0}\" height=\"{height:.0}\""),
        _ => String::new(),
    }
}

/// The dialog in which a figure opens large.
pub fn dialog(language: Language) -> String {
    let words = language.words();
    format!(
        "<dialog class=\"large\" aria-label=\"{}\"><img alt=\"\"><div class=\"bar\"><p></p><span class=\"files\"></span>\
         <button type=\"button\" class=\"close\" autofocus>{}</button></div></dialog>\n",
        words.gallery, words.close
    )
}

/// The same file in the other languages, and the switch between light and dark.
pub fn switches(here: Language, files: &[(Language, String)]) -> String {
    let link = |(language, file): &(Language, String)| match *language == here {
        true => format!("<span aria-current=\"true\" lang=\"{}\">{}</span>", language.tag(), language.name()),
        false => format!("<a href=\"{file}\" lang=\"{0}\" hreflang=\"{0}\">{1}</a>", language.tag(), language.name()),
    };
    let languages: String = if files.len() > 1 { files.iter().map(link).collect() } else { String::new() };
    format!(
        "<span class=\"switches\">{languages}<button type=\"button\" class=\"theme\" aria-label=\"{0}\" title=\"{0}\">\
         ◐</button></span>",
        here.words().theme
    )
}
