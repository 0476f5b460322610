//! The errors of the pure mathematics.

/// Why a schedule, a list of times or a mixture could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MathError {
    /// The schedule is too short for what was asked.
    #[error("a noise schedule needs at least {minimum} step(s) here, got {steps}")]
    TooFewSteps {
        /// Steps given.
        steps: usize,
        /// Fewest that make sense.
        minimum: usize,
    },
    /// A forward variance is NaN or not strictly between 0 and 1.
    #[error("beta_{t} = {value} is outside (0, 1); use more steps or a smaller range of betas")]
    BetaOutOfRange {
        /// Time, 1..=T.
        t: usize,
        /// The offending value.
        value: f64,
    },
    /// A cumulative product is NaN, outside [0, 1], not 1 at t = 0, or 0 before t = T.
    #[error(
        "alpha_bar_{t} = {value} is not allowed; it must be 1 at t = 0, in (0, 1) between, and may be 0 only at t = T"
    )]
    AlphaBarOutOfRange {
        /// Time, 0..=T.
        t: usize,
        /// The offending value.
        value: f64,
    },
    /// The cumulative product does not fall from t - 1 to t.
    #[error("alpha_bar must fall strictly, but alpha_bar_{t} = {value} follows {previous}")]
    NotDecreasing {
        /// Time of the second value.
        t: usize,
        /// Value at t - 1.
        previous: f64,
        /// Value at t.
        value: f64,
    },
    /// A parameter of a formula is outside its domain.
    #[error("{name} = {value}, but it must be {expected}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// The offending value.
        value: f64,
        /// The domain in words.
        expected: &'static str,
    },
    /// A time is not a noise level of the schedule.
    #[error("time {t} is outside 1..={steps}")]
    TimeOutOfRange {
        /// The offending time.
        t: usize,
        /// T of the schedule.
        steps: usize,
    },
    /// A list of times does not rise strictly.
    #[error("times must rise strictly, but {previous} is followed by {t}")]
    TimesNotIncreasing {
        /// Earlier entry.
        previous: usize,
        /// Entry after it.
        t: usize,
    },
    /// A list of sampling times of this length does not exist.
    #[error("cannot choose {count} of {steps} times: {reason}")]
    Spacing {
        /// Sampling steps asked for.
        count: usize,
        /// T of the schedule.
        steps: usize,
        /// What stands in the way.
        reason: &'static str,
    },
    /// An array has the wrong shape.
    #[error("{what} has shape {found:?}, expected {expected}")]
    Shape {
        /// Name of the array.
        what: &'static str,
        /// Shape in words.
        expected: String,
        /// Shape given.
        found: Vec<usize>,
    },
    /// A covariance cannot be factorised.
    #[error("covariance {component} is not symmetric positive definite")]
    NotPositiveDefinite {
        /// Index of the mixture component.
        component: usize,
    },
}
