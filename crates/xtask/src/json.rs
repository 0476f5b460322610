//! The little JSON that `doctor` writes.

use std::fmt::Write;

/// A string in quotes.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A string in quotes, or null.
pub fn maybe(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), string)
}

/// An object of values that are JSON already.
pub fn object(fields: &[(&str, String)]) -> String {
    let fields = fields.iter().map(|(key, value)| format!("{}:{value}", string(key)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// An array of values that are JSON already.
pub fn array(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        assert_eq!(string("a\"b\\c\nd\u{e9}"), "\"a\\\"b\\\\c\\u000ad\u{e9}\"");
        assert_eq!(maybe(None), "null");
    }

    #[test]
    fn objects_and_arrays_nest() {
        let inner = array(["1".to_owned(), string("x")]);
        assert_eq!(object(&[("a", inner), ("b", "true".into())]), "{\"a\":[1,\"x\"],\"b\":true}");
        assert_eq!(object(&[]), "{}");
    }
}
