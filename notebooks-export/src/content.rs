//! Blocks of a section as HTML, for pages and slides.

use crate::error::Result;
use crate::html::{self, escape};
use crate::markdown;
use crate::parse::Prose;
use crate::resolve::{Content, Paper};

/// How blocks are shown.
pub struct Shown<'a> {
    /// The paper.
    pub paper: &'a Paper,
    /// Where another paper's page is.
    pub address: &'a dyn Fn(&str) -> String,
    /// On a slide a figure is the picture alone.
    pub slide: bool,
}

impl Shown<'_> {
    /// Blocks as HTML.
    pub fn blocks(&self, blocks: &[Content]) -> Result<String> {
        blocks.iter().map(|block| self.block(block)).collect()
    }

    /// A heading's words as HTML.
    pub fn heading(&self, prose: &Prose) -> Result<String> {
        markdown::html(prose, self.paper, self.address)
    }

    fn block(&self, block: &Content) -> Result<String> {
        let words = self.paper.language.words();
        Ok(match block {
            Content::Prose(prose) => markdown::html(prose, self.paper, self.address)?,
            Content::Figure(name, drawn) if self.slide => {
                let about = escape(&drawn.about);
                format!("<div class=\"picture\"><img src=\"figures/{name}.svg\" alt=\"{about}\"></div>\n")
            }
            Content::Figure(name, drawn) => html::figure("figures/", name, drawn, self.paper.language, false),
            Content::Table(table, command) => {
                let (table, command) = (table.html(), escape(command));
                format!("{table}\n<p class=\"note\">{} <code>{command}</code></p>\n", words.measured_by)
            }
            Content::Code { path, text } => {
                let code = markdown::block(text, path.ends_with(".rs"));
                format!("{code}<p class=\"note\">{} <code>{}</code></p>\n", words.code_from, escape(path))
            }
            Content::Command { line, output } => {
                let (line, output) = (escape(line), escape(output.trim_end()));
                format!("<pre class=\"terminal\" tabindex=\"0\"><code><b>$ {line}</b>\n{output}</code></pre>\n")
            }
        })
    }
}
