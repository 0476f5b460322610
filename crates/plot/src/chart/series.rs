use crate::error::{PlotError, Result, all_finite, same_length};
use crate::figure::Record;
use crate::style::Color;
use crate::text;

/// How a series is drawn.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Line,
    Points,
    /// Left and right edge of each bar.
    Bars(Vec<(f64, f64)>),
    /// Components of the vector at each point.
    Arrows(Vec<f64>, Vec<f64>),
}

/// One series of a [`crate::Chart`].
#[derive(Debug, Clone)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) band: Option<(Vec<f64>, Vec<f64>)>,
    pub(crate) color: Option<Color>,
    pub(crate) dashed: bool,
    pub(crate) filled: bool,
}

impl Series {
    fn new(name: impl Into<String>, kind: Kind, x: &[f64], y: &[f64]) -> Self {
        Self {
            name: name.into(),
            kind,
            x: x.to_vec(),
            y: y.to_vec(),
            band: None,
            color: None,
            dashed: false,
            filled: false,
        }
    }

    /// A line through points. The name (markup) goes to the legend; an empty one does not.
    pub fn line(name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        Self::new(name, Kind::Line, x, y)
    }

    /// Single points.
    pub fn points(name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        Self::new(name, Kind::Points, x, y)
    }

    /// Bars of `heights` between neighbouring `edges` (one more edge than heights).
    pub fn histogram(name: impl Into<String>, edges: &[f64], heights: &[f64]) -> Self {
        let spans: Vec<(f64, f64)> = edges.windows(2).map(|w| (w[0], w[1])).collect();
        Self::bars(name, spans, heights)
    }

    /// Bars of `heights` over given spans.
    pub(crate) fn bars(name: impl Into<String>, spans: Vec<(f64, f64)>, heights: &[f64]) -> Self {
        let middle: Vec<f64> = spans.iter().map(|(a, b)| 0.5 * (a + b)).collect();
        Self::new(name, Kind::Bars(spans), &middle, heights)
    }

    /// Arrows from `(x, y)` to `(x + u, y + v)`.
    pub fn arrows(name: impl Into<String>, x: &[f64], y: &[f64], u: &[f64], v: &[f64]) -> Self {
        Self::new(name, Kind::Arrows(u.to_vec(), v.to_vec()), x, y)
    }

    /// A band from `low` to `high` around a line; error bars on points and bars.
    pub fn band(mut self, low: &[f64], high: &[f64]) -> Self {
        self.band = Some((low.to_vec(), high.to_vec()));
        self
    }

    /// A colour of its own.
    pub fn color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    /// A dashed line.
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    /// Tint the area between the line and zero.
    pub fn filled(mut self) -> Self {
        self.filled = true;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let what = |part: &str| format!("{part} of series {:?}", self.name);
        if self.x.is_empty() {
            return Err(PlotError::empty(format!("series {:?}", self.name), "point"));
        }
        same_length(what("y"), self.x.len(), self.y.len())?;
        all_finite(&what("x"), &self.x)?;
        all_finite(&what("y"), &self.y)?;
        let pairs = match (&self.band, &self.kind) {
            (_, Kind::Arrows(u, v)) => Some((["u", "v"], u, v)),
            (Some((low, high)), _) => Some((["lower band", "upper band"], low, high)),
            _ => None,
        };
        for (part, values) in pairs.into_iter().flat_map(|(names, a, b)| [(names[0], a), (names[1], b)]) {
            same_length(what(part), self.x.len(), values.len())?;
            all_finite(&what(part), values)?;
        }
        Ok(())
    }

    /// All abscissae that must be on the axis.
    pub(crate) fn extent_x(&self) -> Vec<f64> {
        match &self.kind {
            Kind::Bars(spans) => spans.iter().flat_map(|&(a, b)| [a, b]).collect(),
            Kind::Arrows(u, _) => self.x.iter().zip(u).flat_map(|(x, u)| [*x, x + u]).collect(),
            _ => self.x.clone(),
        }
    }

    /// All ordinates that must be on the axis; `log` leaves out the zero line.
    pub(crate) fn extent_y(&self, log: bool) -> Vec<f64> {
        let mut values = self.y.clone();
        if let Kind::Arrows(_, v) = &self.kind {
            values.extend(self.y.iter().zip(v).map(|(y, v)| y + v));
        }
        if let Some((low, high)) = &self.band {
            values.extend(low.iter().chain(high));
        }
        if self.is_grounded() && !log {
            values.push(0.0);
        }
        values
    }

    /// Whether the zero line is part of what is drawn.
    pub(crate) fn is_grounded(&self) -> bool {
        self.filled || matches!(self.kind, Kind::Bars(_))
    }

    pub(crate) fn records(&self, name_x: &dyn Fn(f64) -> String) -> Vec<Record> {
        let series = text::plain(&self.name);
        let text =
            |values: Option<&Vec<f64>>, k: usize| values.and_then(|v| v.get(k)).map(f64::to_string).unwrap_or_default();
        let (low, high) = (self.band.as_ref().map(|b| &b.0), self.band.as_ref().map(|b| &b.1));
        let record = |(k, (x, y)): (usize, (&f64, &f64))| Record {
            series: series.clone(),
            x: name_x(*x),
            y: y.to_string(),
            low: text(low, k),
            high: text(high, k),
            ..Record::default()
        };
        self.x.iter().zip(&self.y).enumerate().map(record).collect()
    }
}
