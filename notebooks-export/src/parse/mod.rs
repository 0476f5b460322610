//! From the text of a document to front matter, sections, prose and directives.
//!
//! Directives are taken out before Markdown is read and stand in it as marks of private-use characters, so that no
//! rule of Markdown can split or change them. Lines are counted in the source.

pub mod directive;
mod front;
mod marks;

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::error::{ExportError, Result};
use crate::source::Document;
pub use directive::{Block as BlockDirective, Directive, Inline};
pub use front::{Front, THEMES};
use marks::Prepared;
pub use marks::{Piece, pieces};

/// A parsed document.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Its path.
    pub path: String,
    /// Its front matter.
    pub front: Front,
    /// Its sections; what stands before the first heading is one without heading.
    pub sections: Vec<Section<Block>>,
    /// The directives inside of sentences, by the number of their mark; none where the mark was literal text.
    pub inlines: Vec<Option<(usize, String, Inline)>>,
}

/// A section: a slide, and what the page and the notebook have beyond it.
#[derive(Debug, Clone)]
pub struct Section<B> {
    /// Its name in addresses.
    pub id: String,
    /// 2 or 3; 0 for what stands before the first heading.
    pub level: u8,
    /// Its heading.
    pub heading: Option<Prose>,
    /// What is on the slide.
    pub slide: Vec<B>,
    /// What is not.
    pub rest: Vec<B>,
}

/// A block of a section.
#[derive(Debug, Clone)]
pub enum Block {
    /// A paragraph, list, table, equation.
    Prose(Prose),
    /// A directive that stands alone: line, text, meaning.
    Directive(usize, String, BlockDirective),
}

/// Markdown that was checked; marks stand for directives.
#[derive(Debug, Clone)]
pub struct Prose {
    /// As Markdown.
    pub source: String,
    /// As events, each with its line.
    pub events: Vec<(Event<'static>, usize)>,
}

type Located = (Event<'static>, Range<usize>);

/// Parses a document.
///
/// # Errors
/// [`ExportError::Syntax`] with the first line that is wrong.
pub fn parse(document: &Document) -> Result<Parsed> {
    let fail = |(line, what): (usize, String)| ExportError::Syntax { path: document.path.clone(), line, what };
    let (front, body, first) = front::parse(&document.text).map_err(fail)?;
    let prepared = Prepared::new(body, first).map_err(fail)?;
    sections(&prepared)
        .map(|(sections, inlines)| Parsed { path: document.path.clone(), front, sections, inlines })
        .map_err(fail)
}

/// A fault: its line, and what is wrong.
type Fault = (usize, String);

type Sections = (Vec<Section<Block>>, Vec<Option<(usize, String, Inline)>>);

fn sections(prepared: &Prepared) -> std::result::Result<Sections, Fault> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_MATH | Options::ENABLE_STRIKETHROUGH;
    let parser = Parser::new_ext(&prepared.text, options);
    if let Some((label, definition)) = parser.reference_definitions().iter().next() {
        let what = format!("write the address of `{label}` in the link itself: [words](address)");
        return Err((prepared.line(definition.span.start), what));
    }
    let mut reader = Reader { prepared, inlines: vec![None; prepared.marks.len()], sections: vec![] };
    let (mut block, mut depth) = (Vec::<Located>::new(), 0usize);
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        block.push((event.into_static(), range));
        if depth == 0 {
            reader.block(std::mem::take(&mut block))?;
        }
    }
    Ok((reader.sections.into_iter().map(|(section, _)| section).collect(), reader.inlines))
}

struct Reader<'a> {
    prepared: &'a Prepared,
    inlines: Vec<Option<(usize, String, Inline)>>,
    /// Sections, and whether `{{more}}` was met.
    sections: Vec<(Section<Block>, bool)>,
}

impl Reader<'_> {
    fn block(&mut self, events: Vec<Located>) -> std::result::Result<(), Fault> {
        let line = self.prepared.line(events[0].1.start);
        match &events[0].0 {
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => {
                Err((line, "the title stands in the front matter; sections begin with `## ` or `### `".into()))
            }
            Event::Start(Tag::Heading { level: level @ (HeadingLevel::H2 | HeadingLevel::H3), .. }) => {
                let level = *level as u8;
                let inner: Vec<Located> = events[1..events.len() - 1].to_vec();
                let heading = self.prose(inner)?;
                let id = self.id(&plain(&heading));
                self.sections.push((Section { id, level, heading: Some(heading), slide: vec![], rest: vec![] }, false));
                Ok(())
            }
            Event::Start(Tag::Paragraph) => match self.directives(&events) {
                Some(directives) => directives.into_iter().try_for_each(|(line, text)| self.directive(line, text)),
                None => self.push_prose(events),
            },
            _ => self.push_prose(events),
        }
    }

    /// The marks of a paragraph that has nothing else, if the first is a directive that stands alone.
    fn directives(&self, events: &[Located]) -> Option<Vec<(usize, String)>> {
        let mut found = Vec::new();
        for (event, _) in &events[1..events.len() - 1] {
            match event {
                Event::SoftBreak => {}
                Event::Text(text) => {
                    for piece in pieces(text) {
                        match piece {
                            Piece::Mark(k) => found.push(self.prepared.marks[k].clone()),
                            Piece::Text(text) if text.trim().is_empty() => {}
                            Piece::Text(_) => return None,
                        }
                    }
                }
                _ => return None,
            }
        }
        let inline = |text: &str| matches!(directive::parse(text), Ok(Directive::Inline(_)));
        found.first().is_some_and(|(_, text)| !inline(text)).then_some(found)
    }

    fn directive(&mut self, line: usize, text: String) -> std::result::Result<(), Fault> {
        let (section, more) = self.section();
        match directive::parse(&text).map_err(|what| (line, what))? {
            Directive::More if section.heading.is_none() || *more => {
                Err((line, "{{more}} stands once in a section, after its heading".into()))
            }
            Directive::More => {
                *more = true;
                Ok(())
            }
            Directive::Block(block) => {
                let block = Block::Directive(line, text, block);
                if *more {
                    section.rest.push(block)
                } else {
                    section.slide.push(block)
                }
                Ok(())
            }
            Directive::Inline(_) => Err((line, format!("{{{{{text}}}}} stands in a sentence"))),
        }
    }

    fn push_prose(&mut self, events: Vec<Located>) -> std::result::Result<(), Fault> {
        let prose = self.prose(events)?;
        let (section, more) = self.section();
        if *more {
            section.rest.push(Block::Prose(prose))
        } else {
            section.slide.push(Block::Prose(prose))
        }
        Ok(())
    }

    fn section(&mut self) -> &mut (Section<Block>, bool) {
        if self.sections.is_empty() {
            let section = Section { id: self.id("start"), level: 0, heading: None, slide: vec![], rest: vec![] };
            self.sections.push((section, false));
        }
        self.sections.last_mut().expect("one was pushed")
    }

    /// Checks events, and notes the directives in them.
    fn prose(&mut self, events: Vec<Located>) -> std::result::Result<Prose, Fault> {
        let source = match (events.first(), events.last()) {
            (Some((_, first)), Some((_, last))) => self.prepared.text[first.start..first.end.max(last.end)].trim_end(),
            _ => "",
        };
        let (mut checked, mut code) = (Vec::new(), false);
        for (event, range) in events {
            let line = self.prepared.line(range.start);
            match &event {
                Event::Start(Tag::CodeBlock(_)) => code = true,
                Event::End(TagEnd::CodeBlock) => code = false,
                _ => {}
            }
            let escaped = self.prepared.text[..range.start].ends_with('\\');
            checked.push((self.event(event, line, code, escaped)?, line));
        }
        Ok(Prose { source: self.restore(source), events: checked })
    }

    /// Checks an event; `escaped` tells whether a backslash stands before it.
    fn event(
        &mut self,
        event: Event<'static>,
        line: usize,
        code: bool,
        escaped: bool,
    ) -> std::result::Result<Event<'static>, Fault> {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => {
                Err((line, "HTML is not part of the syntax: write Markdown, and `\\<` for the sign".into()))
            }
            Event::Start(Tag::Image { .. }) => {
                Err((line, "pictures come from runs: name one with {{figure NAME}}".into()))
            }
            Event::Start(Tag::Link { ref dest_url, .. })
                if !["https://", "http://", "mailto:"].iter().any(|scheme| dest_url.starts_with(scheme)) =>
            {
                let what =
                    format!("the link `{dest_url}` leads nowhere in an export: write {{{{link PAPER}}}}, or https://");
                Err((line, what))
            }
            Event::Code(text) => Ok(Event::Code(self.restore(&text).into())),
            Event::Text(text) if code => Ok(Event::Text(self.restore(&text).into())),
            Event::Text(text) => {
                if text.rfind('$').is_some_and(|at| at > 0 || !escaped) {
                    let what = "a `$` without its partner: an equation begins and ends on lines that are no list items, and the \
                                sign itself is `\\$`";
                    return Err((line, what.into()));
                }
                for piece in pieces(&text) {
                    match piece {
                        Piece::Mark(k) => self.inline(k)?,
                        Piece::Text(text) if text.contains("{{") => {
                            return Err((line, "`{{` without a directive and `}}` on the same line".into()));
                        }
                        Piece::Text(_) => {}
                    }
                }
                Ok(Event::Text(text))
            }
            Event::InlineMath(text) => Ok(Event::InlineMath(self.math(&text).into())),
            Event::DisplayMath(text) => Ok(Event::DisplayMath(self.math(&text).into())),
            other => Ok(other),
        }
    }

    fn inline(&mut self, k: usize) -> std::result::Result<(), Fault> {
        let (line, text) = self.prepared.marks[k].clone();
        match directive::parse(&text).map_err(|what| (line, what))? {
            Directive::Inline(inline) => {
                self.inlines[k] = Some((line, text, inline));
                Ok(())
            }
            _ => Err((line, format!("{{{{{text}}}}} stands alone in its paragraph"))),
        }
    }

    /// Numbers may stand in mathematics; other braces there are LaTeX's own.
    fn math(&mut self, text: &str) -> String {
        for piece in pieces(text) {
            if let Piece::Mark(k) = piece {
                let (line, text) = self.prepared.marks[k].clone();
                if let Ok(Directive::Inline(inline @ Inline::Number { .. })) = directive::parse(&text) {
                    self.inlines[k] = Some((line, text, inline));
                }
            }
        }
        self.restore(text)
    }

    /// Text with the marks that are not directives put back.
    fn restore(&self, text: &str) -> String {
        let put = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Mark(k) if self.inlines[k].is_some() => marks::mark(k),
            Piece::Mark(k) => format!("{{{{{}}}}}", self.prepared.marks[k].1),
        };
        pieces(text).map(put).collect()
    }

    /// A name for a heading, of letters and digits of any script, unlike those before.
    fn id(&self, heading: &str) -> String {
        let words = heading.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let slug = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
        let slug = if slug.is_empty() { "section".to_owned() } else { slug };
        let taken = |id: &str| self.sections.iter().any(|(section, _)| section.id == id);
        let mut names = std::iter::once(slug.clone()).chain((2..).map(|n| format!("{slug}-{n}")));
        names.find(|name| !taken(name)).expect("numbers do not end")
    }
}

/// The words of prose, without markup.
pub fn plain(prose: &Prose) -> String {
    let words = prose.events.iter().filter_map(|(event, _)| match event {
        Event::Text(text) | Event::Code(text) | Event::InlineMath(text) => Some(text.as_ref()),
        Event::SoftBreak => Some(" "),
        _ => None,
    });
    words.collect()
}
