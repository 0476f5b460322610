//! Colours for Rust: comments, strings, numbers and keywords.

use crate::html::escape;

const KEYWORDS: [&str; 34] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self",
    "struct", "trait", "true", "type", "use", "where",
];

/// Rust as HTML with spans of the classes `c` (comment), `s` (string), `n` (number), `k` (keyword).
pub fn rust(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let (length, class) = token(rest, first);
        let (token, after) = rest.split_at(length);
        match class {
            Some(class) => out += &format!("<span class=\"{class}\">{}</span>", escape(token)),
            None => out += &escape(token),
        }
        rest = after;
    }
    out
}

/// Length in bytes and class of the token at the start of `text`, which is not empty.
fn token(text: &str, first: char) -> (usize, Option<&'static str>) {
    let run = |more: fn(char) -> bool| text.find(|c| !more(c)).unwrap_or(text.len());
    if text.starts_with("//") {
        return (text.find('\n').unwrap_or(text.len()), Some("c"));
    }
    if first == '"' {
        let mut escaped = false;
        let end = text[1..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        return (end.map_or(text.len(), |end| end + 2), Some("s"));
    }
    if first.is_ascii_digit() {
        // `0..n` is a range, not a number with two points.
        let length = run(|c| c.is_alphanumeric() || c == '_' || c == '.');
        return (text[..length].find("..").unwrap_or(length), Some("n"));
    }
    if first.is_alphabetic() || first == '_' {
        let length = run(|c| c.is_alphanumeric() || c == '_');
        return (length, KEYWORDS.contains(&&text[..length]).then_some("k"));
    }
    (first.len_utf8(), None)
}

#[cfg(test)]
mod tests {
    use super::rust;

    #[test]
    fn tokens_get_classes_and_text_is_kept() {
        let html = rust("let s = \"a\\\"<b>\"; // <c>\nfor i in 0..n2 { f(1.5e-3) }");
        for part in [
            "<span class=\"k\">let</span> s",
            "<span class=\"s\">&quot;a\\&quot;&lt;b&gt;&quot;</span>;",
            "<span class=\"c\">// &lt;c&gt;</span>\n",
            "<span class=\"n\">0</span>..n2",
        ] {
            assert!(html.contains(part), "{html}");
        }
    }
}
