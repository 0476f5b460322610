use std::path::PathBuf;

/// What can go wrong while a figure is checked, drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// A panel or series holds nothing to draw.
    #[error("{what} is empty: give at least one {unit}")]
    Empty {
        /// The panel or series.
        what: String,
        /// What it is made of.
        unit: &'static str,
    },
    /// Two lists that belong together differ in length.
    #[error("{what}: expected {expected} entries, got {got}")]
    Length {
        /// The list at fault.
        what: String,
        /// Length of the list that it belongs to.
        expected: usize,
        /// Its own length.
        got: usize,
    },
    /// A value that cannot be drawn: NaN, infinite, or not positive on a logarithmic axis.
    #[error("{what}: entry {index} is {value}, but {want}")]
    Value {
        /// The list at fault.
        what: String,
        /// Position in the list, from 0.
        index: usize,
        /// The value found.
        value: f64,
        /// What a value must satisfy.
        want: &'static str,
    },
    /// A setting that makes no figure.
    #[error("{what}: {why}")]
    Setting {
        /// The setting at fault.
        what: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// A file could not be written; what was there before is untouched.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The drawing could not be turned into pixels.
    #[error("cannot rasterise the figure: {0}")]
    Raster(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, PlotError>;

impl PlotError {
    pub(crate) fn empty(what: impl Into<String>, unit: &'static str) -> Self {
        Self::Empty { what: what.into(), unit }
    }

    pub(crate) fn setting(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Setting { what: what.into(), why: why.into() }
    }
}

/// `Err` unless `got == expected`.
pub(crate) fn same_length(what: impl Into<String>, expected: usize, got: usize) -> Result<()> {
    if expected == got { Ok(()) } else { Err(PlotError::Length { what: what.into(), expected, got }) }
}

/// `Err` naming the first value that is NaN or infinite.
pub(crate) fn all_finite(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(PlotError::Value {
            what: what.into(),
            index,
            value: values[index],
            want: "only finite values can be drawn",
        }),
    }
}

/// `Err` naming the first value that has no logarithm.
pub(crate) fn all_positive(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|&v| v <= 0.0) {
        None => Ok(()),
        Some(index) => Err(PlotError::Value {
            what: what.into(),
            index,
            value: values[index],
            want: "a logarithmic axis needs positive values",
        }),
    }
}
