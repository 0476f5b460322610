use crate::canvas::{Anchor, Canvas, Rect, Stroke, TextStyle};
use crate::error::{PlotError, Result, same_length};
use crate::figure::{Panel, Record};
use crate::style::{AXIS, BODY_SIZE, INK, LEADING, MUTED, SMALL_SIZE};
use crate::text::{self, Face, Run};

/// Which value of a column is the best one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Best {
    /// The smallest, as for losses and distances.
    Lowest,
    /// The largest, as for scores.
    Highest,
}

/// A table with rules above, below and under its header. The first column is set left, the others right.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    best: Vec<(usize, Best)>,
    notes: String,
}

const PAD: f64 = 30.0;
const ROW_PAD: f64 = 9.0;
const LINE: f64 = BODY_SIZE * LEADING;
const NARROWEST: f64 = 60.0;

impl Table {
    /// An empty table with named columns (markup).
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self {
            header: header.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            best: Vec::new(),
            notes: String::new(),
        }
    }

    /// Add a row (markup), as long as the header.
    pub fn row<S: Into<String>>(mut self, cells: impl IntoIterator<Item = S>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Set the best value of a column (from 0) bold; ties are all bold. The number that a cell starts with counts; cells without
    /// one take no part.
    pub fn best(mut self, column: usize, best: Best) -> Self {
        self.best.push((column, best));
        self
    }

    /// Notes below the table (markup).
    pub fn notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = notes.into();
        self
    }

    fn is_best(&self, row: usize, column: usize) -> bool {
        self.best.iter().filter(|(c, _)| *c == column).any(|(_, best)| {
            let signed =
                |r: &Vec<String>| leading_number(&r[column]).map(|v| if *best == Best::Lowest { v } else { -v });
            let least = self.rows.iter().filter_map(signed).fold(f64::INFINITY, f64::min);
            signed(&self.rows[row]) == Some(least)
        })
    }

    fn check(&self) -> Result<()> {
        if self.header.is_empty() || self.rows.is_empty() {
            return Err(PlotError::empty("table", "column and row"));
        }
        for (k, row) in self.rows.iter().enumerate() {
            same_length(format!("row {k} of the table"), self.header.len(), row.len())?;
        }
        match self.best.iter().find(|(c, _)| *c >= self.header.len()) {
            Some((c, _)) => {
                Err(PlotError::setting("table", format!("best of column {c}, but there are {}", self.header.len())))
            }
            None => Ok(()),
        }
    }

    fn layout(&self, limit: f64) -> Result<Layout> {
        self.check()?;
        let n = self.header.len();
        let natural = |c: usize| {
            let cells = self.rows.iter().map(|r| text::width(&r[c], BODY_SIZE, Face::Bold));
            cells.fold(text::width(&self.header[c], BODY_SIZE, Face::Bold), f64::max).ceil() + 1.0
        };
        let mut widths: Vec<f64> = (0..n).map(natural).collect();
        let gaps = PAD * n as f64;
        // Where there is too little room, the widest columns give way and their cells wrap.
        let mut over = widths.iter().sum::<f64>() + gaps - limit;
        while over > 0.0 {
            let widest = widths.iter().copied().fold(0.0, f64::max);
            if widest <= NARROWEST {
                let why = format!("{n} columns do not fit into {limit:.0} px; give it more width or fewer columns");
                return Err(PlotError::setting("table", why));
            }
            let next = widths.iter().copied().filter(|&w| w < widest).fold(NARROWEST.min(widest), f64::max);
            let level: Vec<usize> = (0..n).filter(|&c| widths[c] == widest).collect();
            let cut = (over / level.len() as f64).min(widest - next).max(0.01);
            for c in level.iter().copied() {
                widths[c] = widest - cut;
            }
            over -= cut * level.len() as f64;
        }
        let wrap = |cell: &String, c: usize, face: Face| text::wrap(cell, BODY_SIZE, face, widths[c].max(1.0));
        let header: Vec<_> = self.header.iter().enumerate().map(|(c, cell)| wrap(cell, c, Face::Bold)).collect();
        let face = |r: usize, c: usize| if self.is_best(r, c) { Face::Bold } else { Face::Sans };
        let rows = self.rows.iter().enumerate();
        let rows: Vec<Vec<_>> = rows
            .map(|(r, row)| row.iter().enumerate().map(|(c, cell)| (face(r, c), wrap(cell, c, face(r, c)))).collect())
            .collect();
        let width = widths.iter().sum::<f64>() + gaps;
        let notes =
            if self.notes.is_empty() { Vec::new() } else { text::wrap(&self.notes, SMALL_SIZE, Face::Sans, width) };
        Ok(Layout { widths, header, rows, notes, width })
    }
}

struct Layout {
    widths: Vec<f64>,
    header: Vec<Vec<Vec<Run>>>,
    rows: Vec<Vec<(Face, Vec<Vec<Run>>)>>,
    notes: Vec<Vec<Run>>,
    width: f64,
}

fn height<'a>(cells: impl Iterator<Item = &'a Vec<Vec<Run>>>) -> f64 {
    (cells.map(Vec::len).max().unwrap_or(1) as f64 * LINE + ROW_PAD).ceil()
}

impl Panel for Table {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        let l = self.layout(width)?;
        let rows: f64 = l.rows.iter().map(|row| height(row.iter().map(|(_, cell)| cell))).sum();
        let notes = if l.notes.is_empty() { 0.0 } else { l.notes.len() as f64 * SMALL_SIZE * LEADING + 12.0 };
        Ok((l.width, height(l.header.iter()) + rows + 16.0 + notes))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let l = self.layout(area.w)?;
        let x0 = (area.x + (area.w - l.width) / 2.0).floor();
        let (strong, thin) = (Stroke::new(INK, 2.0), Stroke::new(AXIS, 1.2));
        let mut y = area.y.floor() + 1.0;
        let rule = |canvas: &mut Canvas, y: f64, stroke| canvas.line((x0, y), (x0 + l.width, y), stroke);
        let cell = |canvas: &mut Canvas, c: usize, y: f64, h: f64, lines: &[Vec<Run>], face: Face| {
            let left = x0 + PAD / 2.0 + l.widths[..c].iter().map(|w| w + PAD).sum::<f64>();
            let (x, anchor) = if c == 0 { (left, Anchor::Start) } else { (left + l.widths[c], Anchor::End) };
            canvas.lines_centred(x, y + h / 2.0, lines, TextStyle::new(BODY_SIZE).face(face).anchor(anchor));
        };
        rule(canvas, y, strong);
        y += 2.0;
        let h = height(l.header.iter());
        l.header.iter().enumerate().for_each(|(c, lines)| cell(canvas, c, y, h, lines, Face::Bold));
        y += h + 2.0;
        rule(canvas, y, thin);
        y += 4.0;
        for row in &l.rows {
            let h = height(row.iter().map(|(_, lines)| lines));
            row.iter().enumerate().for_each(|(c, (face, lines))| cell(canvas, c, y, h, lines, *face));
            y += h;
        }
        y += 4.0;
        rule(canvas, y, strong);
        canvas.lines_below(x0 + PAD / 2.0, y + 8.0, &l.notes, TextStyle::new(SMALL_SIZE).color(MUTED));
        Ok(())
    }

    fn records(&self) -> Vec<Record> {
        let cells = self.rows.iter().flat_map(|row| {
            let first = row.first().map(|cell| text::plain(cell)).unwrap_or_default();
            row.iter().zip(&self.header).skip(1).map(move |(cell, name)| Record {
                series: first.clone(),
                x: text::plain(name),
                y: text::plain(cell),
                ..Record::default()
            })
        });
        cells.collect()
    }
}

/// The number at the start of a cell: `3.17`, `≤3.70` and `7.67 ± 0.13` have one.
fn leading_number(cell: &str) -> Option<f64> {
    let plain = text::plain(cell).replace('\u{2212}', "-").replace('\u{2009}', "");
    let digits = plain.trim_start_matches(['≤', '≥', '<', '>', '~', '≈', ' ']);
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let end = digits.find(|c| !number(c)).unwrap_or(digits.len());
    digits[..end].parse().ok().filter(|v: &f64| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_start_of_cells() {
        for (cell, value) in [("3.17", 3.17), ("≤3.70", 3.7), ("7.67 ± 0.13", 7.67), ("−2.5 %", -2.5), ("1e-3", 1e-3)]
        {
            assert_eq!(leading_number(cell), Some(value), "{cell}");
        }
        assert_eq!(leading_number("-"), None);
        assert_eq!(leading_number("n/a"), None);
    }

    #[test]
    fn the_best_of_a_column() {
        let table =
            Table::new(["a", "b", "c"]).row(["x", "2.0", "5"]).row(["y", "1.5 ± 0.1", "-"]).row(["z", "1.5", "7"]);
        let table = table.best(1, Best::Lowest).best(2, Best::Highest);
        let bold: Vec<_> =
            (0..3).flat_map(|r| (0..3).map(move |c| (r, c))).filter(|&(r, c)| table.is_best(r, c)).collect();
        assert_eq!(bold, [(1, 1), (2, 1), (2, 2)]);
    }
}
