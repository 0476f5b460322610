//! Marks that stand for directives while Markdown is read.

/// Around the number of a mark.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// The body of a document with marks for directives, and how its lines lie in the source.
#[derive(Debug)]
pub struct Prepared {
    /// The text.
    pub text: String,
    /// For each mark, the line and the text of its directive without braces.
    pub marks: Vec<(usize, String)>,
    lines: Vec<usize>,
}

impl Prepared {
    /// Prepares a body whose first line is the source's line `first`.
    ///
    /// Directives in fenced code stay as they are. One that has a line for itself gets a paragraph for itself.
    pub fn new(body: &str, first: usize) -> Result<Self, (usize, String)> {
        let mut prepared = Self { text: String::new(), marks: vec![], lines: vec![] };
        let mut fence: Option<&str> = None;
        // Lines of an equation that is still open, and where it began.
        let mut equation: Option<(usize, String)> = None;
        for (line, text) in body.lines().enumerate().map(|(i, text)| (first + i, text)) {
            if text.contains([OPEN, CLOSE]) {
                return Err((line, "a private-use character (U+E000, U+E001)".into()));
            }
            // A line of an equation may begin with a plus, which would begin a list: an equation becomes one line.
            let opens = fence.is_none() && text.matches("$$").count() % 2 == 1;
            match (equation.take(), opens) {
                (Some((first, all)), false) => {
                    equation = Some((first, format!("{all} {}", text.trim())));
                    continue;
                }
                (Some((first, all)), true) => {
                    prepared.line_of_text(first, &format!("{all} {}", text.trim()));
                    continue;
                }
                (None, true) => {
                    equation = Some((line, text.trim_end().to_owned()));
                    continue;
                }
                (None, false) => {}
            }
            let start = text.trim_start();
            let ticks = ["```", "~~~"].into_iter().find(|ticks| start.starts_with(ticks));
            match (fence, ticks) {
                (None, Some(_)) => fence = ticks,
                (Some(open), Some(close)) if open == close => fence = None,
                (None, None) => {
                    prepared.line_of_text(line, text);
                    continue;
                }
                _ => {}
            }
            prepared.push(line, text);
        }
        if let Some((first, _)) = equation {
            return Err((first, "`$$` is not closed".into()));
        }
        Ok(prepared)
    }

    fn line_of_text(&mut self, line: usize, text: &str) {
        let first = self.marks.len();
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, content, after)) = next(rest) {
            out += before;
            out += &mark(self.marks.len());
            self.marks.push((line, content.trim().to_owned()));
            rest = after;
        }
        let alone = self.marks.len() == first + 1 && out.trim_end() == mark(first) && rest.trim().is_empty();
        out += rest;
        if alone {
            self.push(line, "");
        }
        self.push(line, &out);
        if alone {
            self.push(line, "");
        }
    }

    fn push(&mut self, line: usize, text: &str) {
        self.text += text;
        self.text.push('\n');
        self.lines.push(line);
    }

    /// The source's line at an offset of the text.
    pub fn line(&self, offset: usize) -> usize {
        let index = self.text[..offset.min(self.text.len())].matches('\n').count();
        self.lines.get(index).or(self.lines.last()).copied().unwrap_or(1)
    }
}

/// What stands before the first directive of a line, the directive without braces, and the rest.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| at + from) {
        let inside = &text[open + 2..];
        if let Some(end) = inside.find("}}")
            && inside.starts_with(|c: char| c.is_ascii_lowercase())
            && !inside[..end].contains(['{', '}'])
        {
            return Some((&text[..open], &inside[..end], &inside[end + 2..]));
        }
        from = open + 1;
    }
    None
}

/// The mark of number `k`.
pub fn mark(k: usize) -> String {
    format!("{OPEN}{k}{CLOSE}")
}

/// A piece of text with marks.
#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// The mark of this number.
    Mark(usize),
}

/// The pieces of text with marks.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split(OPEN).enumerate().flat_map(|(i, part)| {
        let marked = if i == 0 { None } else { part.split_once(CLOSE) };
        let (mark, text) = match marked {
            Some((number, rest)) => (number.parse().ok().map(Piece::Mark), rest),
            None => (None, part),
        };
        mark.into_iter().chain((!text.is_empty()).then_some(Piece::Text(text)))
    })
}
