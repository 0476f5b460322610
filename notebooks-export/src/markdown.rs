//! Prose as HTML.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Tag, TagEnd};

use crate::error::{ExportError, Result};
use crate::highlight;
use crate::html::escape;
use crate::math;
use crate::parse::{Piece, Prose, pieces};
use crate::resolve::{Filled, Paper};

/// Prose as HTML; `address` leads to another paper of this export.
///
/// # Errors
/// Mathematics that is not understood.
pub fn html(prose: &Prose, paper: &Paper, address: &dyn Fn(&str) -> String) -> Result<String> {
    let mut events = Vec::with_capacity(prose.events.len());
    let mut code: Option<(bool, String)> = None;
    for (k, (event, line)) in prose.events.iter().enumerate() {
        let fail = |what| ExportError::Syntax { path: paper.path.clone(), line: *line, what };
        let math = |text: &str, display| {
            let html = math::html(&filled_math(text, paper), display).map_err(fail)?;
            Ok::<_, ExportError>(Event::InlineHtml(html.into()))
        };
        let next = match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let rust = matches!(kind, CodeBlockKind::Fenced(name) if name.as_ref() == "rust");
                code = Some((rust, String::new()));
                continue;
            }
            Event::Text(text) if code.is_some() => {
                code.iter_mut().for_each(|(_, all)| all.push_str(text));
                continue;
            }
            Event::End(TagEnd::CodeBlock) => match code.take() {
                Some((rust, text)) => Event::Html(block(&text, rust).into()),
                None => continue,
            },
            Event::Text(text) => {
                push_text(&mut events, text, paper, address);
                continue;
            }
            Event::SoftBreak if joins(&prose.events, k) => continue,
            Event::InlineMath(text) => math(text, false)?,
            Event::DisplayMath(text) => math(text, true)?,
            Event::Start(Tag::Table(_)) => {
                events.push(Event::Html("<div class=\"wide\" tabindex=\"0\">".into()));
                event.clone()
            }
            Event::End(TagEnd::Table) => {
                events.push(event.clone());
                Event::Html("</div>".into())
            }
            other => other.clone(),
        };
        events.push(next);
    }
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, events.into_iter());
    Ok(out)
}

/// A block of code as HTML.
pub fn block(text: &str, rust: bool) -> String {
    let text = if rust { highlight::rust(text) } else { escape(text) };
    format!("<pre tabindex=\"0\"><code>{text}</code></pre>\n")
}

fn push_text<'a>(events: &mut Vec<Event<'a>>, text: &str, paper: &Paper, address: &dyn Fn(&str) -> String) {
    for piece in pieces(text) {
        events.push(match piece {
            Piece::Text(text) => Event::Text(CowStr::from(text.to_owned())),
            Piece::Mark(k) => match &paper.inlines[k] {
                Some(Filled::Number(number)) => Event::Text(minus(number).into()),
                Some(Filled::Link { short, here: false, .. }) => Event::Text(short.clone().into()),
                Some(Filled::Link { paper, short, .. }) => {
                    let html = format!("<a href=\"{}\">{}</a>", escape(&address(paper)), escape(short));
                    Event::InlineHtml(html.into())
                }
                None => continue,
            },
        });
    }
}

/// A number with the sign that is as wide as a plus.
pub fn minus(number: &str) -> String {
    number.replace('-', "−")
}

/// LaTeX with its numbers put in.
pub fn filled_math(text: &str, paper: &Paper) -> String {
    let put = |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Mark(k) => match &paper.inlines[k] {
            Some(Filled::Number(number)) => number.replace(',', "{,}").replace('%', r"\%"),
            _ => String::new(),
        },
    };
    pieces(text).map(put).collect()
}

/// Whether a line break stands between two characters that are written without a space.
fn joins(events: &[(Event<'_>, usize)], k: usize) -> bool {
    let text = |event: Option<&(Event<'_>, usize)>| match event {
        Some((Event::Text(text), _)) => Some(text.to_string()),
        _ => None,
    };
    let before = k.checked_sub(1).and_then(|k| text(events.get(k))).and_then(|t| t.chars().last());
    let after = text(events.get(k + 1)).and_then(|t| t.chars().next());
    before.is_some_and(wide) && after.is_some_and(wide)
}

/// Whether a character is a Chinese one or its punctuation.
pub fn wide(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FFEF}'
        | '\u{20000}'..='\u{3FFFF}' | '“' | '”' | '‘' | '’' | '…' | '—')
}
