//! Numbers as they are written.

use serde_json::{Map, Value};

/// How to write a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Format {
    /// With so many decimals.
    Decimals(usize),
    /// As a percentage with so many decimals.
    Percent(usize),
    /// A whole number with separators.
    Whole,
}

/// More decimals say nothing of an f64.
const MOST: usize = 15;

impl Format {
    /// Reads `.N`, `%N` or `,`.
    ///
    /// # Errors
    /// Anything else, with the forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = |rest: &str| rest.parse().ok().filter(|n| *n <= MOST);
        let format = match text.split_at_checked(1) {
            Some((".", rest)) => digits(rest).map(Self::Decimals),
            Some(("%", rest)) => digits(rest).map(Self::Percent),
            Some((",", "")) => Some(Self::Whole),
            _ => None,
        };
        format.ok_or_else(|| format!("`{text}` is no format; write .N, %N (N up to {MOST}) or ,"))
    }

    /// Writes a number.
    pub fn write(self, value: f64) -> String {
        match self {
            Self::Decimals(n) => format!("{value:.n$}"),
            Self::Percent(n) => format!("{:.n$}%", 100.0 * value),
            Self::Whole => separated(&format!("{value:.0}")),
        }
    }
}

fn separated(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Four significant digits, or the whole number that it is: for tables.
pub fn short(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return separated(&format!("{value:.0}"));
    }
    let exponent = value.abs().log10().floor();
    if !(-4.0..7.0).contains(&exponent) {
        return format!("{value:.3e}");
    }
    let decimals = (3.0 - exponent).max(0.0) as usize;
    format!("{value:.decimals$}")
}

/// The value of a metric, by name or JSON pointer.
///
/// # Errors
/// What is there instead.
pub fn find<'a>(metrics: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    if let Some(value) = metrics.get(name) {
        return Ok(value);
    }
    let mut known: Vec<&str> = metrics.keys().map(String::as_str).collect();
    let Some(pointer) = name.strip_prefix('/') else {
        return Err(format!("no metric is called `{name}`; there are: {}", known.join(", ")));
    };
    let mut parts = pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
    let mut at = parts.next().and_then(|part| metrics.get(&part));
    for part in parts {
        known = at.and_then(Value::as_object).map(|o| o.keys().map(String::as_str).collect()).unwrap_or_default();
        at = at.and_then(|value| match value {
            Value::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
            other => other.get(&part),
        });
    }
    at.ok_or_else(|| format!("nothing is at `{name}`; its last part could be: {}", known.join(", ")))
}

/// The number that a metric is.
///
/// # Errors
/// As [`find`], and a value that is no number.
pub fn number(metrics: &Map<String, Value>, name: &str) -> Result<f64, String> {
    find(metrics, name)?.as_f64().ok_or_else(|| format!("`{name}` is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn formats() {
        let write = |format: &str, value| Format::parse(format).expect("a format").write(value);
        assert_eq!(write(".2", 7.18887), "7.19");
        assert_eq!(write("%1", 0.8075), "80.8%");
        assert_eq!(write(",", 1234567.4), "1,234,567");
        assert_eq!(write(",", -123.0), "-123");
        for wrong in ["2", ".", ".x", "%", ",2", "", ".99"] {
            assert!(Format::parse(wrong).expect_err(wrong).contains(".N"), "{wrong}");
        }
    }

    #[test]
    fn short_numbers_keep_four_digits() {
        for (value, text) in [(7.188872, "7.189"), (0.0012345, "0.001234"), (11650.4268, "11650"), (5600.0, "5,600")] {
            assert_eq!(short(value), text);
        }
        assert_eq!((short(0.0), short(1e-9)), ("0".into(), "1.000e-9".into()));
    }

    #[test]
    fn metrics_by_name_and_pointer() {
        let metrics = json!({"fd": {"8": {"eta 0": 13.1}}, "a/b": 2.0, "each": [1.0, 2.0], "word": "x"});
        let metrics = metrics.as_object().expect("an object");
        assert_eq!(number(metrics, "/fd/8/eta 0"), Ok(13.1));
        assert_eq!(number(metrics, "a/b"), Ok(2.0));
        assert_eq!(number(metrics, "/a~1b"), Ok(2.0));
        assert_eq!(number(metrics, "/each/1"), Ok(2.0));
        assert!(number(metrics, "/fd/9/eta 0").expect_err("absent").contains("/fd/9"));
        assert!(number(metrics, "fid").expect_err("absent").contains("there are: fd, a/b"));
        assert!(number(metrics, "word").expect_err("a word").contains("not a number"));
    }
}
