use crate::canvas::{Anchor, Canvas, Rect, Stroke, TextStyle};
use crate::chart::axis::Axis;
use crate::error::{PlotError, Result, all_finite, same_length};
use crate::picture::Picture;
use crate::style::{AXIS, MUTED, SMALL_SIZE, sequential};
use std::ops::Range;

/// A function of two variables on a grid of cells, as colours under a chart, with a colour bar.
#[derive(Debug, Clone)]
pub struct Heat {
    pub(crate) x: Range<f64>,
    pub(crate) y: Range<f64>,
    rows: usize,
    columns: usize,
    values: Vec<f64>,
    label: String,
}

impl Heat {
    /// Values `[rows, columns]` over `x` and `y`; row 0 lies at the lower end of `y`. The label (markup) goes to the colour bar.
    /// Colours run linearly from the least value to the greatest, and smoothly from cell to cell.
    pub fn new(
        label: impl Into<String>,
        x: Range<f64>,
        y: Range<f64>,
        rows: usize,
        columns: usize,
        values: &[f64],
    ) -> Self {
        Self { x, y, rows, columns, values: values.to_vec(), label: label.into() }
    }

    /// Sample `f(x, y)` at the centres of `rows` by `columns` cells.
    pub fn of(
        label: impl Into<String>,
        x: Range<f64>,
        y: Range<f64>,
        rows: usize,
        columns: usize,
        f: impl Fn(f64, f64) -> f64,
    ) -> Self {
        let at = |range: &Range<f64>, k: usize, n: usize| {
            range.start + (range.end - range.start) * (k as f64 + 0.5) / n as f64
        };
        let cell = |k: usize| f(at(&x, k % columns, columns), at(&y, k / columns, rows));
        let values: Vec<f64> = (0..rows * columns).map(cell).collect();
        Self { x, y, rows, columns, values, label: label.into() }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.values.is_empty() {
            return Err(PlotError::empty(format!("density {:?}", self.label), "cell"));
        }
        same_length(
            format!("density {:?} [{}, {}]", self.label, self.rows, self.columns),
            self.rows * self.columns,
            self.values.len(),
        )?;
        all_finite(&format!("density {:?}", self.label), &self.values)
    }

    fn scale(&self) -> Result<Axis> {
        Axis::fit(&format!("density {:?}", self.label), &self.values, false, None, [0.0, 0.0])
    }

    fn picture(&self) -> Result<Picture> {
        let axis = self.scale()?;
        let rows = self.values.chunks_exact(self.columns).rev();
        let rgb: Vec<u8> = rows
            .flatten()
            .flat_map(|&v| {
                let c = sequential(axis.fraction(v));
                [c.0, c.1, c.2]
            })
            .collect();
        Picture::from_u8(self.rows, self.columns, 3, &rgb)
    }

    /// Width that the colour bar takes to the right of the plot.
    pub(crate) fn bar_width(&self) -> Result<f64> {
        let axis = self.scale()?;
        Ok(16.0 + 16.0 + 8.0 + Axis::label_width(&axis.labels(&axis.ticks(BAR_TICKS))) + self.label_room())
    }

    fn label_room(&self) -> f64 {
        if self.label.is_empty() { 0.0 } else { 28.0 }
    }

    /// The cells, stretched over their place inside the plot.
    pub(crate) fn draw(&self, canvas: &mut Canvas, place: Rect) -> Result<()> {
        canvas.stretched(place, &self.picture()?)
    }

    pub(crate) fn draw_bar(&self, canvas: &mut Canvas, plot: Rect) -> Result<()> {
        let axis = self.scale()?;
        let bar = Rect::new(plot.x + plot.w + 16.0, plot.y, 16.0, plot.h);
        let steps: usize = 256;
        let rgb: Vec<u8> = (0..steps)
            .rev()
            .flat_map(|k| {
                let c = sequential(k as f64 / (steps - 1) as f64);
                [c.0, c.1, c.2]
            })
            .collect();
        canvas.stretched(bar, &Picture::from_u8(steps, 1, 3, &rgb)?)?;
        canvas.rect(bar, 0.0, None, Some(Stroke::new(AXIS, 1.0)));
        let ticks = axis.ticks(BAR_TICKS);
        let labels = axis.labels(&ticks);
        let style = TextStyle::new(SMALL_SIZE).color(MUTED);
        for (&v, label) in ticks.iter().zip(&labels) {
            let y = bar.y + bar.h * (1.0 - axis.fraction(v));
            canvas.line((bar.x + bar.w, y), (bar.x + bar.w + 4.0, y), Stroke::new(AXIS, 1.0));
            canvas.text_centred(bar.x + bar.w + 8.0, y, label, style);
        }
        if !self.label.is_empty() {
            let x = bar.x + bar.w + 8.0 + Axis::label_width(&labels) + 22.0;
            let label = TextStyle { upright: true, ..TextStyle::new(SMALL_SIZE).anchor(Anchor::Middle) };
            canvas.text(x, bar.y + bar.h / 2.0, &self.label, label);
        }
        Ok(())
    }
}

const BAR_TICKS: usize = 5;
