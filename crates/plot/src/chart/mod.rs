//! Curves, points, histograms, densities and arrow fields over two axes.

pub(crate) mod axis;
mod backend;
mod bars;
mod draw;
mod heat;
mod layout;
mod series;

pub use bars::Bars;
pub use heat::Heat;
pub use series::Series;

use crate::canvas::{Canvas, Rect};
use crate::error::Result;
use crate::figure::{Panel, Record};
use crate::text;
use std::ops::Range;

/// One of the two axes.
#[derive(Debug, Clone, Default)]
pub(crate) struct AxisSetting {
    label: String,
    log: bool,
    range: Option<Range<f64>>,
    /// Names at 0, 1, 2, ... instead of numbers.
    names: Vec<String>,
}

/// A straight line across the plot, or words at a place.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    Vertical(f64, String),
    Horizontal(f64, String),
    Note(f64, f64, String),
}

/// A chart: series over two axes, drawn by plotters.
#[derive(Default)]
pub struct Chart {
    x: AxisSetting,
    y: AxisSetting,
    heat: Option<Heat>,
    series: Vec<Series>,
    marks: Vec<Mark>,
    height: Option<f64>,
    equal: bool,
    direct: bool,
}

impl Chart {
    /// A chart with two axis labels (markup, with units).
    pub fn new(x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        Self {
            x: AxisSetting { label: x_label.into(), ..AxisSetting::default() },
            y: AxisSetting { label: y_label.into(), ..AxisSetting::default() },
            ..Self::default()
        }
    }

    /// Add a series; it takes the next colour of the palette unless it has its own.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Lay a density under the series.
    pub fn heat(mut self, heat: Heat) -> Self {
        self.heat = Some(heat);
        self
    }

    /// Make the horizontal axis logarithmic.
    pub fn log_x(mut self) -> Self {
        self.x.log = true;
        self
    }

    /// Make the vertical axis logarithmic.
    pub fn log_y(mut self) -> Self {
        self.y.log = true;
        self
    }

    /// Fix the horizontal range; what lies outside is clipped.
    pub fn range_x(mut self, range: Range<f64>) -> Self {
        self.x.range = Some(range);
        self
    }

    /// Fix the vertical range; what lies outside is clipped.
    pub fn range_y(mut self, range: Range<f64>) -> Self {
        self.y.range = Some(range);
        self
    }

    /// A dashed vertical line at `x` with a label (markup, may be empty).
    pub fn line_at_x(mut self, x: f64, label: impl Into<String>) -> Self {
        self.marks.push(Mark::Vertical(x, label.into()));
        self
    }

    /// A dashed horizontal line at `y` with a label (markup, may be empty).
    pub fn line_at_y(mut self, y: f64, label: impl Into<String>) -> Self {
        self.marks.push(Mark::Horizontal(y, label.into()));
        self
    }

    /// Words centred above the point `(x, y)` (markup).
    pub fn note(mut self, x: f64, y: f64, words: impl Into<String>) -> Self {
        self.marks.push(Mark::Note(x, y, words.into()));
        self
    }

    /// Height with labels, px; by default it follows the width.
    pub fn height(mut self, height: f64) -> Self {
        self.height = Some(height);
        self
    }

    /// One unit is as long on both axes.
    pub fn equal_aspect(mut self) -> Self {
        self.equal = true;
        self
    }

    /// Name each series at its right end instead of in a legend above.
    pub fn direct_labels(mut self) -> Self {
        self.direct = true;
        self
    }
}

impl Panel for Chart {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        let layout = self.layout(width, None)?;
        Ok((layout.size.0, layout.size.1))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        self.draw_in(canvas, area)
    }

    fn records(&self) -> Vec<Record> {
        let name = |v: f64| match self.x.names.get(v.round().max(0.0) as usize) {
            Some(name) => text::plain(name),
            None => v.to_string(),
        };
        self.series.iter().flat_map(|s| s.records(&name)).collect()
    }
}
