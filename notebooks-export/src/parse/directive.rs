//! Directives.

use crate::number::Format;

/// What a directive asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Directive {
    /// The end of the slide.
    More,
    /// Something that stands alone.
    Block(Block),
    /// Something in a sentence.
    Inline(Inline),
}

/// What stands alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A figure.
    Figure {
        /// Its name.
        name: String,
        /// What it shows, in words of the document's.
        about: Option<String>,
    },
    /// The expected numbers of this paper.
    Expected(String),
    /// Metrics of a paper.
    Table {
        /// The paper.
        paper: String,
        /// Names of metrics, or JSON pointers.
        metrics: Vec<String>,
    },
    /// Lines of a file.
    Code {
        /// The file, from the project's root.
        path: String,
        /// The name of the excerpt.
        marker: String,
    },
    /// A command with what it prints; without its first word `easel`.
    Command(Vec<String>),
}

/// What stands in a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Inline {
    /// A metric.
    Number {
        /// The paper.
        paper: String,
        /// Name of the metric, or a JSON pointer.
        metric: String,
        /// How to write it.
        format: Format,
    },
    /// A link to a paper.
    Link(String),
}

/// How directives are written.
const FORMS: [(&str, &str); 8] = [
    ("more", "{{more}}"),
    ("figure", "{{figure NAME}} or {{figure NAME \"WHAT IT SHOWS\"}}"),
    ("number", "{{number PAPER METRIC FORMAT}}"),
    ("expected", "{{expected PAPER}}"),
    ("table", "{{table PAPER METRIC...}}"),
    ("code", "{{code FILE MARKER}}"),
    ("command", "{{command easel WORD...}}"),
    ("link", "{{link PAPER}}"),
];

/// Reads a directive without its braces.
///
/// # Errors
/// What is wrong, and the form that is expected.
pub fn parse(text: &str) -> Result<Directive, String> {
    let words = words(text)?;
    let (name, arguments) = words.split_first().ok_or("an empty directive")?;
    let Some((_, form)) = FORMS.iter().find(|(known, _)| known == name) else {
        let known: Vec<_> = FORMS.iter().map(|(known, _)| *known).collect();
        return Err(format!("no directive is called `{name}`; there are: {}", known.join(", ")));
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let block = match (name.as_str(), arguments.as_slice()) {
        ("more", []) => return Ok(Directive::More),
        ("number", [paper, metric, format]) => {
            let (paper, metric) = (paper.to_string(), metric.to_string());
            return Ok(Directive::Inline(Inline::Number { paper, metric, format: Format::parse(format)? }));
        }
        ("link", [paper]) => return Ok(Directive::Inline(Inline::Link(paper.to_string()))),
        ("figure", [name]) => Block::Figure { name: name.to_string(), about: None },
        ("figure", [name, about]) => Block::Figure { name: name.to_string(), about: Some(about.to_string()) },
        ("expected", [paper]) => Block::Expected(paper.to_string()),
        ("table", [paper, metrics @ ..]) if !metrics.is_empty() => {
            Block::Table { paper: paper.to_string(), metrics: metrics.iter().map(|m| m.to_string()).collect() }
        }
        ("code", [path, marker]) => Block::Code { path: path.to_string(), marker: marker.to_string() },
        ("command", ["easel", words @ ..]) if !words.is_empty() => {
            Block::Command(words.iter().map(|word| word.to_string()).collect())
        }
        _ => return Err(format!("{{{{{text}}}}} is not of the form {form}")),
    };
    Ok(Directive::Block(block))
}

/// Words, apart from each other by spaces; double quotes hold one together.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quoted { Err(format!("{{{{{text}}}}}: a double quote is not closed")) } else { Ok(words) }
}
