//! Jupyter notebooks, nbformat 4.5, with their outputs stored.
//!
//! Code cells hold shell escapes alone, `!cargo easel ...`: any kernel that has them runs the notebook.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::i18n::Language;
use crate::markdown::{filled_math, minus, wide};
use crate::names::Names;
use crate::parse::{Piece, Prose, pieces};
use crate::resolve::{Content, Filled, Paper};
use crate::source::Drawn;
use crate::table::escape_markdown;

/// A notebook's text.
pub fn notebook(paper: &Paper, names: &Names) -> String {
    let language = paper.language;
    let words = language.words();
    let mut cells = Cells::default();
    let front = &paper.front;
    cells.prose(&format!(
        "# {}\n\n{}\n\n*{}*",
        escape_markdown(&front.title),
        escape_markdown(&front.citation),
        words.notebook_note
    ));
    for section in &paper.sections {
        cells.finish();
        if let Some(heading) = &section.heading {
            cells.prose(&format!("{} {}", "#".repeat(section.level.into()), text(heading, paper, names)));
        }
        for content in section.slide.iter().chain(&section.rest) {
            match content {
                Content::Prose(prose) => cells.prose(&text(prose, paper, names)),
                Content::Figure(name, drawn) => {
                    cells.code(&format!("!cargo easel figure {name} --out figures"), Some(picture(drawn)));
                }
                Content::Table(table, command) => {
                    cells.prose(&format!("{}\n{} `{command}`", table.markdown(), words.measured_by));
                }
                Content::Code { path, text } => {
                    let name = if path.ends_with(".rs") { "rust" } else { "" };
                    let fence = fence(text);
                    cells.prose(&format!("{fence}{name}\n{text}{fence}\n\n{} `{path}`", words.code_from));
                }
                Content::Command { line, output } => {
                    let stream = json!({"name": "stdout", "output_type": "stream", "text": lines(output)});
                    cells.code(&format!("!{line}"), Some(stream));
                }
            }
        }
    }
    cells.finish();
    cells.prose(&format!("## {}\n\n{}", words.train, words.train_note));
    cells.code(&format!("!cargo easel run {0} --preset smoke --out {0}-smoke", paper.name), None);
    let p = &paper.provenance;
    cells.prose(&format!(
        "## {}\n\n- {}: `{}`\n- {}: {}\n- {}: {}\n- {}: `{}`",
        words.provenance,
        words.command,
        p.command,
        words.seed,
        p.seed,
        words.version,
        escape_markdown(&p.version),
        words.config,
        p.config_blake3
    ));
    cells.text(language)
}

/// Prose as Markdown with its numbers and links put in.
fn text(prose: &Prose, paper: &Paper, names: &Names) -> String {
    let put = |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Mark(k) => match &paper.inlines[k] {
            None => String::new(),
            Some(Filled::Number(number)) => minus(number),
            Some(Filled::Link { short, here: false, .. }) => escape_markdown(short),
            Some(Filled::Link { paper: other, short, .. }) => {
                let file = names.notebook(other, paper.language);
                format!("[{}](../{other}/{file})", escape_markdown(short))
            }
        },
    };
    let math = prose.events.iter().filter_map(|(event, _)| match event {
        pulldown_cmark::Event::InlineMath(text) | pulldown_cmark::Event::DisplayMath(text) => Some(text),
        _ => None,
    });
    // Numbers in equations are LaTeX, so equations go first.
    let source = math.fold(prose.source.clone(), |all, math| match math.contains('\u{E000}') {
        true => all.replace(math.as_ref(), &filled_math(math, paper)),
        false => all,
    });
    joined(&pieces(&source).map(put).collect::<String>())
}

/// Without the line breaks between Chinese characters, which would show as spaces.
fn joined(text: &str) -> String {
    if text.trim_start().starts_with("```") || text.trim_start().starts_with("~~~") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let joins = out.trim_end_matches('\n').chars().last().is_some_and(wide)
            && !out.ends_with("\n\n")
            && line.chars().next().is_some_and(wide);
        if joins {
            out.truncate(out.trim_end_matches('\n').len());
        }
        out += line;
    }
    out
}

/// A fence that no line of the text ends.
fn fence(text: &str) -> String {
    let mut fence = String::from("```");
    while text.contains(&fence) {
        fence.push('`');
    }
    fence
}

fn picture(drawn: &Drawn) -> Value {
    json!({
        "data": {
            "image/png": STANDARD.encode(&drawn.png),
            "image/svg+xml": lines(&drawn.svg),
            "text/plain": lines(&drawn.about),
        },
        "metadata": {},
        "output_type": "display_data",
    })
}

/// Lines with their ends, as notebooks keep text.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Cells as they come; prose gathers into one cell until something else follows.
#[derive(Default)]
struct Cells {
    cells: Vec<Value>,
    prose: String,
    executed: usize,
    seen: BTreeMap<String, usize>,
}

impl Cells {
    fn prose(&mut self, text: &str) {
        if !self.prose.is_empty() {
            self.prose += "\n\n";
        }
        self.prose += text.trim_matches('\n');
    }

    fn finish(&mut self) {
        if self.prose.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.prose);
        let id = self.id(&text);
        self.cells.push(json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": lines(&text)}));
    }

    /// A cell with its output, or one that was not executed.
    fn code(&mut self, source: &str, output: Option<Value>) {
        self.finish();
        self.executed += usize::from(output.is_some());
        let count = output.is_some().then_some(self.executed);
        let id = self.id(source);
        self.cells.push(json!({
            "cell_type": "code", "execution_count": count, "id": id, "metadata": {},
            "outputs": output.into_iter().collect::<Vec<_>>(), "source": lines(source),
        }));
    }

    /// From the content, so that a change elsewhere changes no other cell; the k-th equal cell counts itself.
    fn id(&mut self, content: &str) -> String {
        let count = self.seen.entry(content.to_owned()).or_default();
        *count += 1;
        let hash = blake3::hash(format!("{count}\n{content}").as_bytes()).to_hex();
        hash[..16].to_owned()
    }

    fn text(mut self, language: Language) -> String {
        self.finish();
        let notebook = json!({
            "cells": self.cells,
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "lang": language.tag(),
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        });
        // One space, as notebook programs write it: saving one changes nothing.
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
        notebook.serialize(&mut serializer).expect("a JSON value is JSON");
        out.push(b'\n');
        String::from_utf8(out).expect("JSON is UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_lines_are_joined_and_paragraphs_are_not() {
        assert_eq!(joined("前一行\n后一行\n\n新的一段\nwords\n字"), "前一行后一行\n\n新的一段\nwords\n字");
        assert_eq!(joined("```\n前\n后\n```"), "```\n前\n后\n```");
    }

    #[test]
    fn equal_cells_have_different_ids() {
        let mut cells = Cells::default();
        assert_ne!(cells.id("a"), cells.id("a"));
        assert_eq!(cells.id("b"), Cells::default().id("b"));
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fence("````\n"), "`````");
    }
}
