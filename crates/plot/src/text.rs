//! Light markup for formulas in titles, labels and captions, and its measured width.
//!
//! | written | set as |
//! |---|---|
//! | `x_{t-1}`, `x^{2}` | subscript, superscript; may nest |
//! | `$x_t$` | mathematics: letters in italics, `-` as a minus sign, one-character `_t` and `^2` without braces |
//! | `\bar{x}`, `\hat{x}`, `\tilde{x}` | accent over the first letter |
//! | `\alpha` ... `\Omega`, `\sim`, `\nabla`, `\partial`, `\sqrt`, `\infty`, `\in`, `\cdot`, `\times`, `\pm`, `\leq`, `\geq`, `\neq`, `\approx`, `\propto`, `\to`, `\mid`, `\sum`, `\prod`, `\int`, `\dots`, `\\|`, `\,`, `\quad` | the character |
//! | `\log`, `\exp`, `\sin`, `\cos`, `\tanh`, `\min`, `\max`, `\argmin`, `\argmax` | the name, upright |
//! | `**bold**` | bold |
//! | `\_`, `\^`, `\*`, `\$`, `\\` | the character itself |
//!
//! Unicode may be written directly. What is not markup stays text: an unknown `\name`, a lone `$` or `**`, and every `<` and `&`.
//! [`literal`] protects text from outside, such as a prompt.

use crate::font::{self, Font};
use crate::style::MIN_SIZE;

/// A stretch of text in one face at one height.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The characters.
    pub text: String,
    /// `**...**`.
    pub bold: bool,
    /// Inside `$...$`.
    pub math: bool,
    /// A letter inside `$...$`.
    pub italic: bool,
    /// Nesting depth of sub- and superscripts; 0 on the line.
    pub level: u8,
    /// Shift of the baseline in units of the base size, positive downwards.
    pub shift: f64,
}

/// The base face of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Face {
    /// Regular.
    #[default]
    Sans,
    /// Bold.
    Bold,
    /// Monospaced.
    Mono,
}

impl Run {
    /// The font of this run in a text of base face `face`.
    pub fn font(&self, face: Face) -> Font {
        // Mathematics is set in the proportional face, also inside code.
        let mono = face == Face::Mono && !self.math;
        match (mono, self.italic, face == Face::Bold || self.bold) {
            (true, _, false) => Font::Mono,
            (true, _, true) => Font::MonoBold,
            (false, false, false) => Font::Sans,
            (false, false, true) => Font::SansBold,
            (false, true, false) => Font::SansOblique,
            (false, true, true) => Font::SansBoldOblique,
        }
    }

    /// Text size of this run, px, in a text of `size`: scripts shrink, but not below [`MIN_SIZE`].
    pub fn size(&self, size: f64) -> f64 {
        if self.level == 0 { size } else { (0.72 * size).max(MIN_SIZE.min(size)) }
    }
}

/// Make every character of `text` literal, so that none of it is read as markup.
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '$' | '_' | '^' | '*' | '}') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Width of marked-up `text`, px: the widest of its lines.
pub fn width(text: &str, size: f64, face: Face) -> f64 {
    text.split('\n').map(|line| runs_width(&parse(line), size, face)).fold(0.0, f64::max)
}

/// Width of runs on one line, px.
pub(crate) fn runs_width(runs: &[Run], size: f64, face: Face) -> f64 {
    runs.iter()
        .map(|run| run.text.chars().map(|c| font::advance(run.font(face), c)).sum::<f64>() * run.size(size))
        .sum()
}

/// Break marked-up `text` into lines of at most `limit` px, at spaces, and inside words only where a word alone is too wide.
/// A newline always breaks. There is at least one line.
pub fn wrap(text: &str, size: f64, face: Face, limit: f64) -> Vec<Vec<Run>> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line: Vec<Run> = Vec::new();
        for word in words(parse(paragraph)).into_iter().flat_map(|word| split_wide(word, size, face, limit)) {
            let mut longer = line.clone();
            if let Some(before) = line.last() {
                // Between two parts of a formula the space is part of it.
                let blank = Run { math: before.math && word[0].math, ..word[0].clone_with(" ") };
                longer.push(Run { level: 0, shift: 0.0, italic: false, ..blank });
            }
            longer.extend(word.iter().cloned());
            if line.is_empty() || runs_width(&longer, size, face) <= limit {
                line = longer;
            } else {
                lines.push(std::mem::replace(&mut line, word));
            }
        }
        lines.push(line);
    }
    lines
}

impl Run {
    /// Whether both are set in the same way.
    fn like(&self, other: &Run) -> bool {
        let key = |r: &Run| (r.level, r.math, r.italic, r.bold);
        key(self) == key(other) && self.shift == other.shift
    }

    fn clone_with(&self, text: &str) -> Run {
        Run { text: text.into(), ..self.clone() }
    }
}

/// Split runs at spaces; a word may span runs (`x_{t}`).
fn words(runs: Vec<Run>) -> Vec<Vec<Run>> {
    let mut words: Vec<Vec<Run>> = vec![Vec::new()];
    for run in runs {
        for (i, piece) in run.text.split(' ').enumerate() {
            if i > 0 {
                words.push(Vec::new());
            }
            if let (false, Some(word)) = (piece.is_empty(), words.last_mut()) {
                word.push(run.clone_with(piece));
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Cut a word that is wider than a line.
fn split_wide(word: Vec<Run>, size: f64, face: Face, limit: f64) -> Vec<Vec<Run>> {
    if runs_width(&word, size, face) <= limit {
        return vec![word];
    }
    let mut parts: Vec<Vec<Run>> = vec![Vec::new()];
    let mut used = 0.0;
    for run in &word {
        for c in run.text.chars() {
            let wide = font::advance(run.font(face), c) * run.size(size);
            if used > 0.0 && used + wide > limit {
                parts.push(Vec::new());
                used = 0.0;
            }
            used += wide;
            let part = parts.last_mut().expect("never empty");
            match part.last_mut() {
                Some(last) if last.like(run) => {
                    last.text.push(c);
                }
                _ => part.push(run.clone_with(&c.to_string())),
            }
        }
    }
    parts
}

/// Parse one line of markup.
pub fn parse(line: &str) -> Vec<Run> {
    let mut parser = Parser { rest: line, runs: Vec::new(), math: false, bold: false };
    parser.sequence(0, 0.0);
    parser.runs
}

/// The text without markup, for titles outside the drawing and for tables of data.
pub fn plain(text: &str) -> String {
    parse(text).into_iter().map(|run| run.text).collect()
}

struct Parser<'a> {
    rest: &'a str,
    runs: Vec<Run>,
    math: bool,
    bold: bool,
}

impl Parser<'_> {
    /// Read to the end, or to the brace that closes a script.
    fn sequence(&mut self, level: u8, shift: f64) {
        while let Some(c) = self.rest.chars().next() {
            if level > 0 && c == '}' {
                return;
            }
            let after = &self.rest[c.len_utf8()..];
            match c {
                '\\' => self.command(level, shift),
                '$' if self.math || after.contains('$') => {
                    self.rest = after;
                    self.math = !self.math;
                }
                '*' if after.starts_with('*') && (self.bold || after[1..].contains("**")) => {
                    self.rest = &after[1..];
                    self.bold = !self.bold;
                }
                '_' | '^' if after.starts_with('{') && after.contains('}') => {
                    self.rest = &after[1..];
                    self.sequence(level + 1, shift + script_shift(c, level));
                    self.rest = self.rest.strip_prefix('}').unwrap_or(self.rest);
                }
                '_' | '^' if self.math && !after.is_empty() => {
                    self.rest = after;
                    self.one(level + 1, shift + script_shift(c, level));
                }
                _ => {
                    self.rest = after;
                    self.push(c, level, shift);
                }
            }
        }
    }

    /// One character or command, as an argument without braces.
    fn one(&mut self, level: u8, shift: f64) {
        match self.rest.chars().next() {
            Some('\\') => self.command(level, shift),
            Some(c) => {
                self.rest = &self.rest[c.len_utf8()..];
                self.push(c, level, shift);
            }
            None => {}
        }
    }

    /// `\name`, `\bar{x}` or an escaped character.
    fn command(&mut self, level: u8, shift: f64) {
        let after = &self.rest[1..];
        let name: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
        if name.is_empty() {
            self.rest = after;
            match after.chars().next() {
                Some('|') => {
                    self.rest = &after[1..];
                    self.push('‖', level, shift);
                }
                Some(',') => {
                    self.rest = &after[1..];
                    self.push('\u{2009}', level, shift);
                }
                Some(c) if c.is_ascii_punctuation() => {
                    self.rest = &after[1..];
                    self.push_as(c, false, level, shift);
                }
                _ => self.push('\\', level, shift),
            }
            return;
        }
        let tail = &after[name.len()..];
        if let (Some(mark), Some(body)) = (accent(&name), tail.strip_prefix('{'))
            && let Some(end) = body.find('}').filter(|&end| end > 0)
        {
            self.rest = &body[..end];
            self.one(level, shift);
            self.accent_last(mark);
            self.sequence(level, shift);
            self.rest = &body[end + 1..];
            return;
        }
        if FUNCTIONS.contains(&name.as_str()) {
            self.rest = tail;
            name.chars().for_each(|c| self.push_as(c, false, level, shift));
        } else if let Some(c) = symbol(&name) {
            // As in TeX, a space that only ends the name of a letter is not part of the text.
            let ends_name = self.math && c.is_alphabetic() && tail[..].starts_with(' ');
            let glued = ends_name && tail[1..].starts_with(|c: char| c.is_alphanumeric());
            self.rest = if glued { &tail[1..] } else { tail };
            self.push(c, level, shift);
        } else {
            self.rest = after;
            self.push('\\', level, shift);
        }
    }

    fn accent_last(&mut self, mark: char) {
        if let Some(run) = self.runs.last_mut() {
            if mark == '\u{304}' && run.text.ends_with('α') {
                run.text.pop();
                run.text.push('ᾱ'); // precomposed, drawn well without mark positioning
            } else {
                run.text.push(mark);
            }
        }
    }

    fn push(&mut self, c: char, level: u8, shift: f64) {
        let italic = self.math && (c.is_ascii_alphabetic() || ('α'..='ω').contains(&c) || "ϵϕϑϱᾱ".contains(c));
        let c = if self.math && c == '-' { '\u{2212}' } else { c };
        self.push_as(c, italic, level, shift);
    }

    fn push_as(&mut self, c: char, italic: bool, level: u8, shift: f64) {
        // A combining accent stays with its letter.
        let italic = italic || (font::is_combining(c) && self.runs.last().is_some_and(|run| run.italic));
        let run = Run { text: c.to_string(), bold: self.bold, math: self.math, italic, level, shift };
        match self.runs.last_mut() {
            Some(last) if last.like(&run) => last.text.push(c),
            _ => self.runs.push(run),
        }
    }
}

fn script_shift(mark: char, level: u8) -> f64 {
    let shift = if mark == '_' { 0.22 } else { -0.36 };
    if level == 0 { shift } else { 0.6 * shift }
}

fn accent(name: &str) -> Option<char> {
    Some(match name {
        "bar" => '\u{304}',
        "hat" => '\u{302}',
        "tilde" => '\u{303}',
        _ => return None,
    })
}

/// Names of functions, set upright.
const FUNCTIONS: [&str; 9] = ["log", "exp", "sin", "cos", "tanh", "min", "max", "argmin", "argmax"];

fn symbol(name: &str) -> Option<char> {
    const GREEK: [&str; 24] = [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu",
        "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
    ];
    let lower = name.to_ascii_lowercase();
    if let Some(k) = GREEK.iter().position(|&g| g == lower) {
        let first = if name == lower { 'α' } else { 'Α' };
        // Both alphabets have a gap where the final sigma stands.
        return char::from_u32(first as u32 + k as u32 + u32::from(k >= 17)).filter(|_| name[1..] == lower[1..]);
    }
    Some(match name {
        "sim" => '∼',
        "nabla" => '∇',
        "partial" => '∂',
        "sqrt" => '√',
        "infty" => '∞',
        "in" => '∈',
        "cdot" => '·',
        "times" => '×',
        "leq" => '≤',
        "geq" => '≥',
        "approx" => '≈',
        "to" => '→',
        "pm" => '±',
        "propto" => '∝',
        "neq" => '≠',
        "mid" => '|',
        "sum" => '∑',
        "prod" => '∏',
        "int" => '∫',
        "dots" => '…',
        "quad" => '\u{2003}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(line: &str) -> Vec<(String, u8, bool)> {
        parse(line).into_iter().map(|r| (r.text, r.level, r.italic)).collect()
    }

    #[test]
    fn scripts_and_mathematics() {
        assert_eq!(
            shape("x_{t-1}^{2} a_b"),
            [("x", 0, false), ("t-1", 1, false), ("2", 1, false), (" a_b", 0, false)].map(own)
        );
        assert_eq!(shape("$x_t - 1$"), [("x", 0, true), ("t", 1, true), (" − 1", 0, false)].map(own));
        assert_eq!(shape(r"$\bar{\alpha}_{s_i}$"), [("ᾱ", 0, true), ("s", 1, true), ("i", 2, true)].map(own));
        assert_eq!(shape(r"\hat{x}\Sigma\sigma"), [("x\u{302}Σσ", 0, false)].map(own));
        assert!(parse("**b** n")[0].bold && !parse("**b** n")[1].bold);
    }

    fn own((text, level, italic): (&str, u8, bool)) -> (String, u8, bool) {
        (text.into(), level, italic)
    }

    #[test]
    fn what_is_not_markup_stays() {
        for text in [r"C:\name", "5 $", "a ** b", "x_", "x_{", "}", r"\", "^", "<b> & </b>", r"\bar{", "2*3", "\\é"] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn literal_protects_every_character() {
        for text in [r"$x_{t}$ **b** \alpha \\ ^{2}", "a_{b}}", r"\|"] {
            assert_eq!(plain(&literal(text)), text);
            assert!(parse(&literal(text)).iter().all(|r| r.level == 0 && !r.italic && !r.bold));
        }
    }

    #[test]
    fn wrapping_keeps_words_and_limits() {
        let text = "the posterior mean $x_{t-1}$ of a supercalifragilisticexpialidocious chain";
        for limit in [60.0, 150.0, 400.0] {
            let lines = wrap(text, 18.0, Face::Sans, limit);
            let joined: Vec<String> = lines.iter().map(|l| l.iter().map(|r| r.text.as_str()).collect()).collect();
            assert_eq!(joined.concat().replace(' ', ""), plain(text).replace(' ', ""));
            assert!(lines.iter().all(|l| runs_width(l, 18.0, Face::Sans) <= limit));
        }
        assert_eq!(wrap("", 18.0, Face::Sans, 10.0), vec![Vec::<Run>::new()]);
        assert_eq!(wrap("a\n\nb", 18.0, Face::Sans, 100.0).len(), 3);
    }
}
