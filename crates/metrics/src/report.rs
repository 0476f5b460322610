//! A table of measured numbers, each named after the features it was computed with.

use serde::{Deserialize, Serialize};

/// One measured number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The metric: `fd`, `kid`, `accuracy`.
    pub metric: String,
    /// The features or classifier behind it: `digits`. Numbers with other features are not comparable.
    pub features: String,
    /// The value.
    pub value: f64,
    /// Its standard error, where there is one.
    pub standard_error: Option<f64>,
    /// The value of held-out real pictures at the same N: what a perfect generator would get.
    pub floor: Option<f64>,
    /// Number of generated pictures.
    pub n: usize,
}

impl Measurement {
    /// The name to print and plot, metric and features: `fd-digits`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.metric, self.features)
    }
}

/// Markdown table of measurements, one a line, four significant digits.
pub fn markdown_table(measurements: &[Measurement]) -> String {
    let mut table = String::from("| metric | value | real pictures | N |\n|---|---:|---:|---:|\n");
    for m in measurements {
        let error = m.standard_error.map(|e| format!(" ± {}", significant(e))).unwrap_or_default();
        let floor = m.floor.map_or_else(|| "–".to_owned(), significant);
        table.push_str(&format!("| {} | {}{error} | {floor} | {} |\n", m.name(), significant(m.value), m.n));
    }
    table
}

/// Four significant digits; powers of ten outside 1e-3..1e5 in scientific notation.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-3..1e5).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - magnitude.log10().floor() as i32).max(0) as usize;
    format!("{value:.decimals$}")
}
