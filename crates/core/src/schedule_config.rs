//! The schedule of a run as its config file names it.

use serde::{Deserialize, Serialize};

use crate::error::MathError;
use crate::schedule::{BETA_CAP, NoiseSchedule};

/// A choice of schedule, without T: `{ kind = "cosine" }`, `{ kind = "scaled_linear", beta_first = .., beta_last = .. }`.
///
/// Each kind is the constructor of [`NoiseSchedule`] of that name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// [`NoiseSchedule::linear`].
    // Braces, since serde lets a unit variant pass unknown fields.
    Linear {},
    /// [`NoiseSchedule::linear_between`].
    LinearBetween {
        /// $\beta_1$.
        beta_first: f64,
        /// $\beta_T$.
        beta_last: f64,
    },
    /// [`NoiseSchedule::scaled_linear`].
    ScaledLinear {
        /// $\beta_1$.
        beta_first: f64,
        /// $\beta_T$.
        beta_last: f64,
    },
    /// [`NoiseSchedule::cosine_with`].
    Cosine {
        /// Offset near t = 0.
        #[serde(default = "cosine_s")]
        s: f64,
        /// Upper bound of every beta.
        #[serde(default = "beta_cap")]
        beta_cap: f64,
    },
    /// [`NoiseSchedule::sigmoid`].
    Sigmoid {
        /// Lower asymptote of beta.
        beta_first: f64,
        /// Upper asymptote of beta.
        beta_last: f64,
    },
    /// [`NoiseSchedule::sigmoid_alpha_bar`].
    SigmoidAlphaBar {
        /// Left end of the logistic curve.
        start: f64,
        /// Right end of the logistic curve.
        end: f64,
        /// Temperature.
        tau: f64,
    },
    /// [`NoiseSchedule::sqrt`].
    Sqrt {
        /// Offset at t = 0.
        #[serde(default = "sqrt_s")]
        s: f64,
    },
    /// [`NoiseSchedule::rescale_zero_terminal_snr`] of another schedule.
    ZeroTerminalSnr {
        /// The schedule that is rescaled.
        base: Box<ScheduleConfig>,
    },
}

impl ScheduleConfig {
    /// The schedule with `steps` (T) steps.
    ///
    /// # Errors
    /// Those of the constructor.
    pub fn build(&self, steps: usize) -> Result<NoiseSchedule, MathError> {
        match *self {
            Self::Linear {} => NoiseSchedule::linear(steps),
            Self::LinearBetween { beta_first, beta_last } => {
                NoiseSchedule::linear_between(steps, beta_first, beta_last)
            }
            Self::ScaledLinear { beta_first, beta_last } => NoiseSchedule::scaled_linear(steps, beta_first, beta_last),
            Self::Cosine { s, beta_cap } => NoiseSchedule::cosine_with(steps, s, beta_cap),
            Self::Sigmoid { beta_first, beta_last } => NoiseSchedule::sigmoid(steps, beta_first, beta_last),
            Self::SigmoidAlphaBar { start, end, tau } => NoiseSchedule::sigmoid_alpha_bar(steps, start, end, tau),
            Self::Sqrt { s } => NoiseSchedule::sqrt(steps, s),
            Self::ZeroTerminalSnr { ref base } => base.build(steps)?.rescale_zero_terminal_snr(),
        }
    }
}

fn cosine_s() -> f64 {
    0.008
}

fn beta_cap() -> f64 {
    BETA_CAP
}

fn sqrt_s() -> f64 {
    1e-4
}
