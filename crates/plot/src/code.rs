use crate::canvas::{Anchor, Canvas, Rect, Stroke, TextStyle};
use crate::error::{PlotError, Result};
use crate::figure::Panel;
use crate::style::{AXIS, BODY_SIZE, INK, LEADING, MUTED, PANEL_SIZE, SMALL_SIZE};
use crate::text::{self, Face, Run};

/// An algorithm box: a title between rules, numbered monospaced lines, keywords bold, formulas in `$...$`.
pub struct Code {
    title: String,
    lines: Vec<String>,
}

/// Words set bold.
const KEYWORDS: [&str; 17] = [
    "for", "do", "end", "while", "repeat", "until", "if", "then", "else", "return", "to", "in", "Input:", "Output:",
    "Require:", "Ensure:", "function",
];
const NUMBER_WIDTH: f64 = 38.0;
const STEP: f64 = BODY_SIZE * 1.55;
const HEAD_PAD: f64 = 18.0;

impl Code {
    /// Lines of markup; two leading spaces are one level of indentation.
    pub fn new<S: Into<String>>(title: impl Into<String>, lines: impl IntoIterator<Item = S>) -> Self {
        Self { title: title.into(), lines: lines.into_iter().map(Into::into).collect() }
    }

    fn title_lines(&self, width: f64) -> Vec<Vec<Run>> {
        text::wrap(&self.title, PANEL_SIZE, Face::Bold, (width - 16.0).max(60.0))
    }

    /// Indentation in px and the wrapped runs of each line.
    fn layout(&self, width: f64) -> Result<Vec<(f64, Vec<Vec<Run>>)>> {
        if self.lines.is_empty() {
            return Err(PlotError::empty(format!("algorithm {:?}", self.title), "line"));
        }
        let lines = self.lines.iter().map(|line| {
            let body = line.trim_start_matches(' ');
            let indent = 11.0 * (line.len() - body.len()) as f64;
            let room = width - NUMBER_WIDTH - indent - 8.0;
            (indent, text::wrap(&embolden(body), BODY_SIZE, Face::Mono, room.max(60.0)))
        });
        Ok(lines.collect())
    }
}

/// Keywords outside formulas between `**`.
fn embolden(line: &str) -> String {
    let mut math = false;
    let words = line.split(' ').map(|word| {
        let bold = !math && KEYWORDS.contains(&word);
        math ^= word.matches('$').count() % 2 == 1;
        if bold { format!("**{word}**") } else { word.to_string() }
    });
    words.collect::<Vec<_>>().join(" ")
}

impl Panel for Code {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        let lines = self.layout(width)?;
        let line_width = |(indent, rows): &(f64, Vec<Vec<Run>>)| {
            indent + rows.iter().map(|r| text::runs_width(r, BODY_SIZE, Face::Mono)).fold(0.0, f64::max)
        };
        let widest = lines.iter().map(line_width).fold(0.0, f64::max) + NUMBER_WIDTH + 8.0;
        let title_lines = self.title_lines(width);
        let title = title_lines.iter().map(|l| text::runs_width(l, PANEL_SIZE, Face::Bold)).fold(0.0, f64::max) + 16.0;
        let head = title_lines.len() as f64 * PANEL_SIZE * LEADING + HEAD_PAD;
        let count: usize = lines.iter().map(|(_, rows)| rows.len()).sum();
        Ok((widest.max(title).ceil().min(width), head + count as f64 * STEP + 14.0))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let lines = self.layout(area.w)?;
        let w = self.size(area.w)?.0;
        let (x, mut y) = ((area.x + (area.w - w) / 2.0).floor(), area.y.floor() + 1.0);
        let rule = |canvas: &mut Canvas, y: f64, stroke| canvas.line((x, y), (x + w, y), stroke);
        rule(canvas, y, Stroke::new(INK, 2.0));
        let title = self.title_lines(area.w);
        let head = title.len() as f64 * PANEL_SIZE * LEADING + HEAD_PAD;
        canvas.lines_centred(x + 8.0, y + head / 2.0 - 3.0, &title, TextStyle::new(PANEL_SIZE).face(Face::Bold));
        rule(canvas, y + head - 6.0, Stroke::new(AXIS, 1.2));
        y += head;
        for (k, (indent, rows)) in lines.iter().enumerate() {
            let number = TextStyle::new(SMALL_SIZE).face(Face::Mono).color(MUTED).anchor(Anchor::End);
            canvas.text(x + NUMBER_WIDTH - 12.0, y + STEP * 0.66, &(k + 1).to_string(), number);
            for row in rows {
                let middle = y + STEP * 0.66 - 0.36 * BODY_SIZE;
                let style = TextStyle::new(BODY_SIZE).face(Face::Mono);
                canvas.lines_centred(x + NUMBER_WIDTH + indent, middle, std::slice::from_ref(row), style);
                y += STEP;
            }
        }
        rule(canvas, y + 8.0, Stroke::new(INK, 2.0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_outside_formulas() {
        assert_eq!(embolden("for $t = T$ to 1 do"), "**for** $t = T$ **to** 1 **do**");
        assert_eq!(embolden("$x in y$ in"), "$x in y$ **in**");
    }
}
