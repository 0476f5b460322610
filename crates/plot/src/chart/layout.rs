//! Where the parts of a chart lie.

use crate::canvas::Rect;
use crate::chart::axis::Axis;
use crate::chart::series::Kind;
use crate::chart::{Chart, Mark};
use crate::error::{PlotError, Result, all_finite};
use crate::style::{BODY_SIZE, LEADING, SMALL_SIZE};
use crate::text::{self, Face, Run};

/// Axes, ticks, words and rectangles of a chart of a given size, relative to its top left corner.
pub(crate) struct Layout {
    pub size: (f64, f64),
    pub plot: Rect,
    pub x: Axis,
    pub y: Axis,
    pub x_ticks: Vec<(f64, Lines)>,
    pub y_ticks: Vec<(f64, String)>,
    pub x_label: Lines,
    pub y_label: Lines,
    pub legend: Vec<Entry>,
    /// Name of each series to the right of the plot; empty where they stand in the legend.
    pub direct: Vec<Lines>,
}

/// Wrapped text.
pub(crate) type Lines = Vec<Vec<Run>>;

/// A series in the legend.
pub(crate) struct Entry {
    pub series: usize,
    /// Left end and middle of its first line, from the left of the chart.
    pub at: (f64, f64),
    pub lines: Lines,
}

/// Width of the sample in a legend, px.
pub(crate) const SWATCH: f64 = 30.0;
/// From the left of an entry to its words, px.
pub(crate) const SWATCH_ROOM: f64 = SWATCH + 8.0;
/// Line to line in a legend, px.
const LEGEND_LINE: f64 = 26.0;
const LEGEND_GAP: f64 = 26.0;
/// From the axis to the tick labels, px.
pub(crate) const TICK: f64 = 8.0;
const LEAST_PLOT: (f64, f64) = (60.0, 140.0);

fn wrapped(words: &str, size: f64, limit: f64) -> Lines {
    if words.is_empty() { Vec::new() } else { text::wrap(words, size, Face::Sans, limit.max(40.0)) }
}

pub(crate) fn widest(lines: &[Vec<Run>]) -> f64 {
    lines.iter().map(|line| text::runs_width(line, SMALL_SIZE, Face::Sans)).fold(0.0, f64::max)
}

impl Chart {
    /// Lay out in `width`, in a given `height` or the natural one.
    pub(crate) fn layout(&self, width: f64, height: Option<f64>) -> Result<Layout> {
        let (x, y) = self.axes()?;
        let mut legend = self.legend(width);
        let legend_lines = legend.last().map_or(0.0, |e| e.at.1 / LEGEND_LINE + e.lines.len() as f64 - 0.5);
        let top = if legend.is_empty() { 10.0 } else { (LEGEND_LINE * legend_lines + 12.0).ceil() };
        // Words under the plot are broken before its exact width is known.
        let about = width - 100.0;
        let names: Vec<Lines> =
            self.x.names.iter().map(|n| wrapped(n, SMALL_SIZE, 0.95 * about / self.x.names.len() as f64)).collect();
        let x_label = wrapped(&self.x.label, BODY_SIZE, about);
        let name_lines = names.iter().map(Vec::len).max().unwrap_or(1) as f64;
        let label_room = BODY_SIZE * LEADING * x_label.len() as f64 + if x_label.is_empty() { 0.0 } else { 6.0 };
        let bottom = (SMALL_SIZE * LEADING * name_lines + TICK + 2.0 + label_room).ceil();
        let natural = self.height.unwrap_or((0.58 * width).clamp(280.0, 460.0).max(top + bottom + LEAST_PLOT.1));
        let height = height.unwrap_or(natural);
        let mut plot_h = height - top - bottom;
        let y_values = y.ticks((plot_h / 38.0).clamp(3.0, 9.0) as usize);
        let y_labels = y.labels(&y_values);
        let y_label = wrapped(&self.y.label, BODY_SIZE, plot_h);
        let y_room = BODY_SIZE * LEADING * y_label.len() as f64 + if y_label.is_empty() { 0.0 } else { 6.0 };
        let left = (Axis::label_width(&y_labels) + TICK + 2.0 + y_room).ceil();
        let limit = (0.34 * width).min(220.0);
        let direct: Vec<Lines> = match self.direct {
            true => self.series.iter().map(|s| wrapped(&s.name, SMALL_SIZE, limit)).collect(),
            false => Vec::new(),
        };
        let right = self.right_margin(&x, &direct)?;
        let mut plot_w = width - left - right;
        if plot_w < LEAST_PLOT.0 || plot_h < 40.0 {
            let why =
                format!("{width:.0} x {height:.0} px leave no room for a plot; give it more width, weight or height");
            return Err(PlotError::setting(format!("chart of {:?}", self.y.label), why));
        }
        if self.equal {
            let aspect = (x.high - x.low) / (y.high - y.low);
            plot_w = plot_w.min(plot_h * aspect).max(LEAST_PLOT.0);
            plot_h = plot_w / aspect;
        }
        let (plot_w, plot_h) = (plot_w.floor(), plot_h.floor());
        // The legend starts over the plot, or further left where it is long.
        let reach = legend.iter().map(|e| e.at.0 + SWATCH_ROOM + widest(&e.lines)).fold(0.0, f64::max);
        let shift = left.min((left + plot_w + right - reach).max(0.0));
        legend.iter_mut().for_each(|e| e.at.0 += shift);
        let x_ticks = if names.is_empty() { x_ticks(&x, plot_w) } else { (0..).map(f64::from).zip(names).collect() };
        Ok(Layout {
            size: (left + plot_w + right, top + plot_h + bottom),
            plot: Rect::new(left, top, plot_w, plot_h),
            x,
            y,
            x_ticks,
            y_ticks: y_values.into_iter().zip(y_labels).collect(),
            x_label,
            y_label,
            legend,
            direct,
        })
    }

    fn right_margin(&self, x: &Axis, direct: &[Lines]) -> Result<f64> {
        let names = direct.iter().map(|lines| widest(lines) + 14.0).fold(0.0, f64::max);
        let bar = self.heat.as_ref().map_or(Ok(0.0), |heat| heat.bar_width())?;
        // Half of the last tick label may stand out.
        let labels = x.labels(&x.ticks(5));
        let last = labels.last().map_or(0.0, |l| text::width(l, SMALL_SIZE, Face::Sans) / 2.0);
        Ok(names.max(bar).max(last).max(8.0).ceil())
    }

    /// Entries side by side, in as many lines as they need; none where names stand at the curves.
    fn legend(&self, width: f64) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let (mut x, mut y, mut rows) = (0.0, 0.5 * LEGEND_LINE, 0.0);
        for (series, s) in self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty() && !self.direct) {
            let lines = wrapped(&s.name, SMALL_SIZE, width - SWATCH_ROOM - 4.0);
            let own = SWATCH_ROOM + widest(&lines);
            if x > 0.0 && x + own > width {
                (x, y, rows) = (0.0, y + LEGEND_LINE * rows, 0.0);
            }
            rows = f64::max(rows, lines.len() as f64);
            entries.push(Entry { series, at: (x, y), lines });
            x += own + LEGEND_GAP;
        }
        entries
    }

    fn axes(&self) -> Result<(Axis, Axis)> {
        if self.series.is_empty() && self.heat.is_none() {
            return Err(PlotError::empty(format!("chart of {:?}", self.y.label), "series"));
        }
        self.series.iter().try_for_each(|s| s.check())?;
        self.heat.iter().try_for_each(|h| h.check())?;
        let mut xs: Vec<f64> = self.series.iter().flat_map(|s| s.extent_x()).collect();
        let mut ys: Vec<f64> = self.series.iter().flat_map(|s| s.extent_y(self.y.log)).collect();
        for mark in &self.marks {
            match mark {
                Mark::Vertical(x, _) => xs.push(*x),
                Mark::Horizontal(y, _) => ys.push(*y),
                Mark::Note(x, y, _) => {
                    xs.push(*x);
                    ys.push(*y);
                }
            }
        }
        all_finite("x of the marks", &xs)?;
        all_finite("y of the marks", &ys)?;
        if let Some(heat) = &self.heat {
            let fixed =
                |own: &Option<std::ops::Range<f64>>, of: &std::ops::Range<f64>| Some(own.clone().unwrap_or(of.clone()));
            return Ok((
                Axis::fit("the x axis", &xs, self.x.log, fixed(&self.x.range, &heat.x), [0.0; 2])?,
                Axis::fit("the y axis", &ys, self.y.log, fixed(&self.y.range, &heat.y), [0.0; 2])?,
            ));
        }
        let spread = self.series.iter().any(|s| matches!(s.kind, Kind::Points | Kind::Arrows(..)));
        let pad_x = if spread { 0.04 } else { 0.0 };
        // Bars and filled areas stand on the zero line.
        let grounded = self.series.iter().any(|s| s.is_grounded()) && ys.iter().all(|&v| v >= 0.0);
        let notes = self.marks.iter().any(|m| matches!(m, Mark::Note(..)));
        let pad_y = [if grounded { 0.0 } else { 0.05 }, if notes { 0.12 } else { 0.05 }];
        Ok((
            Axis::fit("the x axis", &xs, self.x.log, self.x.range.clone(), [pad_x; 2])?,
            Axis::fit("the y axis", &ys, self.y.log, self.y.range.clone(), pad_y)?,
        ))
    }
}

/// As many ticks as have room for their labels.
fn x_ticks(x: &Axis, plot_w: f64) -> Vec<(f64, Lines)> {
    let ticks = |most: usize| {
        let values = x.ticks(most);
        let labels = x.labels(&values);
        (values, labels)
    };
    let fits = |(values, labels): &(Vec<f64>, Vec<String>)| {
        Axis::label_width(labels) + 22.0 <= plot_w / values.len().max(1) as f64
    };
    let (values, labels) = (4..=10).rev().map(ticks).find(fits).unwrap_or_else(|| ticks(3));
    values.into_iter().zip(labels.iter().map(|label| vec![text::parse(label)])).collect()
}
