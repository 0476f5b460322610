//! Mean, spread and standard error of a list of numbers.

use crate::{MetricError, Result};

/// Mean of independent values, their spread, and the error of the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation, divisor n - 1; 0 for one value.
    pub deviation: f64,
    /// `deviation / sqrt(n)`.
    pub standard_error: f64,
}

impl Summary {
    /// Summary of `values`.
    ///
    /// # Errors
    /// [`MetricError::TooFew`] for an empty list, [`MetricError::NotFinite`] with the index as row.
    pub fn of(values: &[f64]) -> Result<Self> {
        let n = values.len();
        if n == 0 {
            return Err(MetricError::TooFew { what: "a mean", need: 1, got: 0 });
        }
        if let Some(row) = values.iter().position(|v| !v.is_finite()) {
            return Err(MetricError::NotFinite { what: "the list of values", row });
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let deviation = (squares / (n - 1).max(1) as f64).sqrt();
        Ok(Self { n, mean, deviation, standard_error: deviation / (n as f64).sqrt() })
    }
}
