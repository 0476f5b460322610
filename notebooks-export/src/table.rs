//! Tables of numbers.

use crate::html::escape;

/// A header and rows; the first column holds names, the others values.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// From cells of plain text.
    pub fn new(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        Self { header: header.iter().map(ToString::to_string).collect(), rows: rows.into_iter().collect() }
    }

    /// As HTML.
    pub fn html(&self) -> String {
        let row = |cells: &[String], tag: &str| -> String {
            let cell = |(k, text): (usize, &String)| match k {
                0 => format!("<th scope=\"{}\">{}</th>", if tag == "th" { "col" } else { "row" }, escape(text)),
                _ if tag == "th" => format!("<th scope=\"col\" class=\"value\">{}</th>", escape(text)),
                _ => format!("<td class=\"value\">{}</td>", escape(text)),
            };
            format!("<tr>{}</tr>", cells.iter().enumerate().map(cell).collect::<String>())
        };
        let rows: String = self.rows.iter().map(|cells| row(cells, "td")).collect();
        format!(
            "<div class=\"wide\" tabindex=\"0\"><table class=\"numbers\"><thead>{}</thead><tbody>{rows}</tbody></table></div>",
            row(&self.header, "th")
        )
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let row = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| escape_markdown(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|:--{}|\n", "|--:".repeat(self.header.len().saturating_sub(1)));
        format!("{}{rule}{}", row(&self.header), self.rows.iter().map(|cells| row(cells)).collect::<String>())
    }
}

/// Text that Markdown shows as it is.
pub fn escape_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Backslashes before these are not honoured by every notebook viewer.
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '\n' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '$' | '|' | '#' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_in_both_forms() {
        let table = Table::new(&["metric", "value"], [vec!["<b>a|b_c$</b>".to_owned(), "1".to_owned()]]);
        assert!(table.html().contains("&lt;b&gt;a|b_c$&lt;/b&gt;"));
        let markdown = table.markdown();
        assert_eq!(markdown.lines().nth(1), Some("|:--|--:|"));
        assert!(markdown.contains(r"&lt;b&gt;a\|b\_c\$&lt;/b&gt;"), "{markdown}");
    }
}
