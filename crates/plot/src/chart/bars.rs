use crate::canvas::{Canvas, Rect};
use crate::chart::{Chart, Series};
use crate::error::{PlotError, Result, same_length};
use crate::figure::{Panel, Record};

/// Grouped bars over named categories.
pub struct Bars {
    y_label: String,
    categories: Vec<String>,
    series: Vec<(String, Vec<f64>)>,
    decimals: Option<usize>,
}

impl Bars {
    /// One group of bars for each category (markup).
    pub fn new<S: Into<String>>(y_label: impl Into<String>, categories: impl IntoIterator<Item = S>) -> Self {
        Self {
            y_label: y_label.into(),
            categories: categories.into_iter().map(Into::into).collect(),
            series: Vec::new(),
            decimals: None,
        }
    }

    /// A named series with one value for each category.
    pub fn series(mut self, name: impl Into<String>, values: &[f64]) -> Self {
        self.series.push((name.into(), values.to_vec()));
        self
    }

    /// Write each value over its bar.
    pub fn values(mut self, decimals: usize) -> Self {
        self.decimals = Some(decimals);
        self
    }

    /// The same as a chart with names on its axis.
    fn chart(&self) -> Result<Chart> {
        let (n, m) = (self.categories.len(), self.series.len());
        if n == 0 || m == 0 {
            return Err(PlotError::empty(format!("bars of {:?}", self.y_label), "category and series"));
        }
        let mut chart = Chart::new("", self.y_label.clone()).range_x(-0.6..n as f64 - 0.4);
        chart.x.names = self.categories.clone();
        let step = 0.8 / m as f64;
        for (j, (name, values)) in self.series.iter().enumerate() {
            same_length(format!("series {name:?}"), n, values.len())?;
            let left = |i: usize| i as f64 - 0.4 + step * j as f64;
            let spans: Vec<(f64, f64)> = (0..n).map(|i| (left(i) + 0.06 * step, left(i) + 0.94 * step)).collect();
            chart = chart.series(Series::bars(name.clone(), spans, values));
            if let Some(decimals) = self.decimals {
                for (i, &v) in values.iter().enumerate() {
                    let words = format!("{v:.decimals$}").replace('-', "\u{2212}");
                    chart = chart.note(left(i) + 0.5 * step, v.max(0.0), words);
                }
            }
        }
        Ok(chart)
    }
}

impl Panel for Bars {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        self.chart()?.size(width)
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        self.chart()?.draw(canvas, area)
    }

    fn records(&self) -> Vec<Record> {
        self.chart().map(|chart| chart.records()).unwrap_or_default()
    }
}
