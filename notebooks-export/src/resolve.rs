//! From directives to what they name.

use std::rc::Rc;

use crate::error::{ExportError, Fault, Result};
use crate::i18n::Language;
use crate::library::Library;
use crate::number::{self, Format};
use crate::parse::{self, Block, BlockDirective, Front, Inline, Parsed, Prose, Section};
use crate::source::{Answer, Bound, Drawn, Provenance};
use crate::table::Table;

/// A document with everything in its place.
#[derive(Debug)]
pub struct Paper {
    /// The paper's name.
    pub name: String,
    /// The language.
    pub language: Language,
    /// Path of the source.
    pub path: String,
    /// The front matter.
    pub front: Front,
    /// The sections.
    pub sections: Vec<Section<Content>>,
    /// What stands for each mark in prose.
    pub inlines: Vec<Option<Filled>>,
    /// How the results came about.
    pub provenance: Provenance,
}

/// A block of a section.
#[derive(Debug)]
pub enum Content {
    /// Prose.
    Prose(Prose),
    /// A figure with its name.
    Figure(String, Rc<Drawn>),
    /// A table of metrics, and the command that measures them.
    Table(Table, String),
    /// An excerpt and its file.
    Code {
        /// The file.
        path: String,
        /// The lines.
        text: String,
    },
    /// A command and what it prints.
    Command {
        /// The command line, from `cargo easel` on.
        line: String,
        /// The output.
        output: Rc<String>,
    },
}

/// What stands in a sentence.
#[derive(Debug, Clone)]
pub enum Filled {
    /// A number.
    Number(String),
    /// A paper.
    Link {
        /// Its name.
        paper: String,
        /// Its short name.
        short: String,
        /// Whether this export holds it.
        here: bool,
    },
}

/// Longest and shortest excerpt, in lines.
const EXCERPT: std::ops::RangeInclusive<usize> = 3..=30;

/// Puts in what the directives of `parsed` name; `papers` are those of the export.
///
/// # Errors
/// [`ExportError::Unresolved`] for the first directive that names nothing.
pub fn resolve(
    parsed: Parsed,
    paper: &str,
    language: Language,
    library: &Library<'_>,
    papers: &[String],
) -> Result<Paper> {
    let Parsed { path, front, sections, inlines } = parsed;
    let unresolved = |line, directive: &str, reason| ExportError::Unresolved {
        path: path.clone(),
        line,
        directive: directive.to_owned(),
        reason,
    };
    let fill = |inline: Option<(usize, String, Inline)>| match inline {
        None => Ok(None),
        Some((line, text, inline)) => {
            filled(inline, language, library, papers).map(Some).map_err(|e| unresolved(line, &text, e))
        }
    };
    let content = |block| match block {
        Block::Prose(prose) => Ok(Content::Prose(prose)),
        Block::Directive(line, text, directive) => {
            self::content(directive, language, library).map_err(|e| unresolved(line, &text, e))
        }
    };
    let contents = |blocks: Vec<Block>| blocks.into_iter().map(content).collect::<Result<Vec<_>>>();
    let section = |s: Section<Block>| {
        let (slide, rest) = (contents(s.slide)?, contents(s.rest)?);
        Ok(Section { id: s.id, level: s.level, heading: s.heading, slide, rest })
    };
    let provenance = library.source.provenance(paper);
    let missing = |reason| ExportError::Missing { what: format!("provenance of {paper}"), reason };
    Ok(Paper {
        name: paper.to_owned(),
        language,
        sections: sections.into_iter().map(section).collect::<Result<_>>()?,
        inlines: inlines.into_iter().map(fill).collect::<Result<_>>()?,
        provenance: provenance.map_err(missing)?,
        path: path.clone(),
        front,
    })
}

fn filled(inline: Inline, language: Language, library: &Library<'_>, papers: &[String]) -> Answer<Filled> {
    match inline {
        Inline::Number { paper, metric, format } => {
            let value = number::number(&*library.metrics(&paper)?, &metric)?;
            if format == Format::Whole && value != value.trunc() {
                return Err(Fault::from(format!("{value} is not a whole number; write .N or %N")));
            }
            Ok(Filled::Number(format.write(value)))
        }
        Inline::Link(paper) => {
            let document = library.source.document(&paper, language)?;
            let here = papers.contains(&paper);
            Ok(Filled::Link { short: parse::parse(&document)?.front.short, here, paper })
        }
    }
}

fn content(directive: BlockDirective, language: Language, library: &Library<'_>) -> Answer<Content> {
    let words = language.words();
    let measure = |paper: &str| format!("cargo easel evaluate {paper}");
    Ok(match directive {
        BlockDirective::Figure { name, about } => {
            let drawn = library.figure(&name)?;
            Content::Figure(
                name,
                match about {
                    Some(about) => Rc::new(Drawn { about, language, ..(*drawn).clone() }),
                    None => drawn,
                },
            )
        }
        BlockDirective::Expected(paper) => {
            let (metrics, expected) = (library.metrics(&paper)?, library.source.expected(&paper)?);
            if expected.is_empty() {
                return Err(Fault::from(format!("no numbers are expected of {paper}")));
            }
            let rows = expected.iter().map(|e| {
                let value = number::number(&metrics, &e.metric).ok();
                let (limit, holds) = match e.bound {
                    Bound::AtMost(limit) => (format!("≤ {}", number::short(limit)), value.is_some_and(|v| v <= limit)),
                    Bound::AtLeast(limit) => (format!("≥ {}", number::short(limit)), value.is_some_and(|v| v >= limit)),
                };
                let value = value.map_or(words.missing.to_owned(), number::short);
                vec![e.metric.clone(), value, limit, if holds { words.yes } else { words.no }.to_owned()]
            });
            let header = [words.metric, words.measured, words.expected, words.holds];
            Content::Table(Table::new(&header, rows), measure(&paper))
        }
        BlockDirective::Table { paper, metrics } => {
            let all = library.metrics(&paper)?;
            let row = |name: &String| -> Answer<Vec<String>> {
                let label = name.strip_prefix('/').map_or(name.clone(), |parts| parts.replace('/', ", "));
                Ok(vec![label, number::short(number::number(&all, name)?)])
            };
            let rows = metrics.iter().map(row).collect::<Answer<Vec<_>>>()?;
            Content::Table(Table::new(&[words.metric, words.value], rows), measure(&paper))
        }
        BlockDirective::Code { path, marker } => {
            let outside = path.starts_with('/') || path.split('/').any(|part| part == "..");
            if outside {
                return Err(Fault::from("the path goes from the project's root downwards"));
            }
            let text = excerpt(&library.source.file(&path)?, &marker)?;
            Content::Code { path, text }
        }
        BlockDirective::Command(words) => {
            let output = library.output(&words)?;
            let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            Content::Command { line: format!("cargo easel {}", line.join(" ")), output }
        }
    })
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The lines between `// excerpt: MARKER` and `// end excerpt`, without their common indentation and without the marks of
/// other excerpts.
fn excerpt(text: &str, marker: &str) -> std::result::Result<String, String> {
    let opening = |line: &str| line.trim().strip_prefix("// excerpt:").map(|name| name.trim().to_owned());
    let ending = |line: &str| line.trim() == "// end excerpt";
    let starts: Vec<usize> =
        (1..).zip(text.lines()).filter(|(_, l)| opening(l).as_deref() == Some(marker)).map(|p| p.0).collect();
    let start = match starts[..] {
        [start] => start,
        [] => {
            let known: Vec<String> = text.lines().filter_map(opening).collect();
            return Err(format!("no line is `// excerpt: {marker}`; there are: {}", known.join(", ")));
        }
        _ => return Err(format!("`// excerpt: {marker}` stands on several lines")),
    };
    let lines: Vec<&str> = text.lines().skip(start).take_while(|line| !ending(line)).collect();
    if start + lines.len() >= text.lines().count() {
        return Err(format!("`// excerpt: {marker}` has no `// end excerpt`"));
    }
    if let Some(inner) = lines.iter().find_map(|line| opening(line)) {
        return Err(format!("`// excerpt: {inner}` begins before `// excerpt: {marker}` has its `// end excerpt`"));
    }
    if !EXCERPT.contains(&lines.len()) {
        let (least, most) = (EXCERPT.start(), EXCERPT.end());
        return Err(format!("the excerpt `{marker}` has {} lines; {least} to {most} are readable", lines.len()));
    }
    let indent = lines.iter().filter(|l| !l.trim().is_empty()).map(|l| l.len() - l.trim_start().len()).min();
    let cut = |line: &&str| line.get(indent.unwrap_or(0)..).unwrap_or("").trim_end().to_owned() + "\n";
    Ok(lines.iter().map(cut).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "fn a() {\n    // excerpt: body\n    let x = 1;\n\n        deeper();\n    // end excerpt\n}\n\
                        // excerpt: short\none();\n// end excerpt\n// excerpt: open\n1\n2\n3\n";

    #[test]
    fn excerpts_lose_their_indentation() {
        assert_eq!(excerpt(FILE, "body").expect("there"), "let x = 1;\n\n    deeper();\n");
    }

    #[test]
    fn excerpts_that_are_wrong_say_why() {
        let why = |marker| excerpt(FILE, marker).expect_err(marker);
        assert!(why("absent").contains("there are: body, short, open"));
        assert!(why("short").contains("1 lines; 3 to 30"));
        assert!(why("open").contains("no `// end excerpt`"));
        let twice = "// excerpt: a\n1\n2\n3\n// end excerpt\n".repeat(2);
        assert!(excerpt(&twice, "a").expect_err("twice").contains("several lines"));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("--set=a.b=1"), "--set=a.b=1");
        assert_eq!(quoted("a b; rm 'x'"), r"'a b; rm '\''x'\'''");
    }
}
