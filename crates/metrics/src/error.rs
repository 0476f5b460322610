use std::fmt;

/// What can be wrong with the input of a metric.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Fewer samples than the estimator needs.
    #[error("{what} needs at least {need} samples, got {got}: evaluate on more pictures")]
    TooFew {
        /// The estimator.
        what: &'static str,
        /// Smallest number it is defined for.
        need: usize,
        /// Number it was given.
        got: usize,
    },
    /// Two arrays do not fit together.
    #[error("{what} has shape {got}, expected {expected}")]
    Shape {
        /// The array at fault.
        what: &'static str,
        /// Shape it should have.
        expected: String,
        /// Shape it has.
        got: String,
    },
    /// A NaN or an infinity among the numbers.
    #[error("{what} holds a NaN or an infinity in row {row}: the network that made it has diverged")]
    NotFinite {
        /// The array at fault.
        what: &'static str,
        /// First row with such a number, from 0.
        row: usize,
    },
    /// Rows that should be log-probabilities are not.
    #[error("row {row} of the log-probabilities sums to {sum} after exp, expected 1: pass log_softmax of the logits")]
    NotLogProbabilities {
        /// First row at fault, from 0.
        row: usize,
        /// Sum of its exponentials.
        sum: f64,
    },
    /// A label outside `0..classes`.
    #[error("label {label} at index {index} is outside 0..{classes}")]
    Label {
        /// Position in the list of labels, from 0.
        index: usize,
        /// The label found there.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A parameter outside its range.
    #[error("{name} is {got}, expected {expected}")]
    Argument {
        /// The parameter.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// Its value.
        got: String,
    },
    /// An iterative decomposition did not converge.
    #[error("the {what} did not converge: rescale the features")]
    Decomposition {
        /// The decomposition.
        what: &'static str,
    },
}

impl MetricError {
    pub(crate) fn argument(name: &'static str, expected: &'static str, got: impl fmt::Display) -> Self {
        Self::Argument { name, expected, got: got.to_string() }
    }

    pub(crate) fn shape(what: &'static str, expected: impl fmt::Debug, got: impl fmt::Debug) -> Self {
        Self::Shape { what, expected: format!("{expected:?}"), got: format!("{got:?}") }
    }
}

/// Result of a metric.
pub type Result<T> = std::result::Result<T, MetricError>;
