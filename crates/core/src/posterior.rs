//! Kernels between any two noise levels 0 <= s < t of a schedule, and the variances of the reverse model.
//!
//! With s = t - 1 these are the one-step kernels of Ho et al. 2020; a wider gap gives the kernels of a respaced chain
//! (Nichol and Dhariwal 2021, eq. 19) without building it.

use serde::{Deserialize, Serialize};

use crate::schedule::NoiseSchedule;

/// q(x_t | x_s) = N(`scale` x_s, `variance` I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// $\sqrt{\bar\alpha_t/\bar\alpha_s}$.
    pub scale: f64,
    /// $1-\bar\alpha_t/\bar\alpha_s$.
    pub variance: f64,
}

/// q(x_s | x_t, x_0) = N(`x0` x_0 + `x_t` x_t, `variance` I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// Coefficient of x_0 in the mean.
    pub x0: f64,
    /// Coefficient of x_t in the mean.
    pub x_t: f64,
    /// $\tilde\beta$.
    pub variance: f64,
}

/// The mean of q(x_s | x_t, x_0) in terms of x_t and epsilon: `x_t` x_t + `epsilon` epsilon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PosteriorEpsilon {
    /// Coefficient of x_t.
    pub x_t: f64,
    /// Coefficient of epsilon, negative.
    pub epsilon: f64,
}

impl NoiseSchedule {
    /// The forward kernel q(x_t | x_s); with s = t - 1 its variance is $\beta_t$ (Ho et al. 2020, eq. 2).
    ///
    /// # Panics
    /// Unless s < t <= T.
    pub fn transition(&self, s: usize, t: usize) -> Transition {
        assert!(s < t, "a forward kernel goes from s to a later t, got s = {s}, t = {t}");
        let ratio = self.alpha_bar(t) / self.alpha_bar(s);
        let variance = if s + 1 == t { self.beta(t) } else { 1.0 - ratio };
        Transition { scale: ratio.sqrt(), variance }
    }

    /// The posterior q(x_s | x_t, x_0) of the forward process.
    ///
    /// $$\tilde\mu = \frac{\sqrt{\bar\alpha_s}\,\beta_{s\to t}}{1-\bar\alpha_t}x_0 +
    /// \frac{\sqrt{\alpha_{s\to t}}\,(1-\bar\alpha_s)}{1-\bar\alpha_t}x_t,\qquad
    /// \tilde\beta = \frac{1-\bar\alpha_s}{1-\bar\alpha_t}\beta_{s\to t}$$
    ///
    /// where $\alpha_{s\to t}=\bar\alpha_t/\bar\alpha_s = 1-\beta_{s\to t}$. At s = 0 it is the point mass at x_0,
    /// exactly: (1, 0, 0).
    ///
    /// Source: Ho et al. 2020, eqs. 6 and 7 (s = t - 1).
    ///
    /// # Panics
    /// Unless s < t <= T.
    // excerpt: posterior
    pub fn posterior(&self, s: usize, t: usize) -> Posterior {
        let Transition { scale, variance } = self.transition(s, t);
        if s == 0 {
            // Exact: 1 - alpha_bar_1 and beta_1 differ in the last digit.
            return Posterior { x0: 1.0, x_t: 0.0, variance: 0.0 };
        }
        let (noise_s, noise_t) = (1.0 - self.alpha_bar(s), 1.0 - self.alpha_bar(t));
        Posterior {
            x0: self.sqrt_alpha_bar(s) * variance / noise_t,
            x_t: scale * noise_s / noise_t,
            variance: noise_s / noise_t * variance,
        }
    }
    // end excerpt

    /// The posterior mean in terms of epsilon,
    /// $\tilde\mu = \frac1{\sqrt{\alpha_{s\to t}}}\big(x_t - \frac{\beta_{s\to t}}{\sqrt{1-\bar\alpha_t}}\epsilon\big)$.
    ///
    /// Not finite where $\bar\alpha_t = 0$. Source: Ho et al. 2020, eqs. 10 and 11 (s = t - 1).
    ///
    /// # Panics
    /// Unless s < t <= T.
    pub fn posterior_epsilon(&self, s: usize, t: usize) -> PosteriorEpsilon {
        let Transition { scale, variance } = self.transition(s, t);
        let x_t = 1.0 / scale;
        PosteriorEpsilon { x_t, epsilon: -x_t * variance / self.sqrt_one_minus_alpha_bar(t) }
    }

    /// $\ln\tilde\beta_t$ of the step from t to t - 1, with $\tilde\beta_2$ in place of the vanishing $\tilde\beta_1$.
    ///
    /// A schedule of one step has no $\tilde\beta_2$ and takes $\beta_1$.
    /// Source: the released code of Ho et al. 2020 and of Nichol and Dhariwal 2021.
    ///
    /// # Panics
    /// Unless 1 <= t <= T.
    pub fn posterior_log_variance(&self, t: usize) -> f64 {
        assert!(t >= 1, "the reverse step to t - 1 needs t >= 1");
        match t.max(2) {
            t if t <= self.steps() => self.posterior(t - 1, t).variance.ln(),
            _ => self.beta(1).ln(),
        }
    }
}

/// The fixed variance $\sigma_t^2$ of the reverse model p(x_{t-1} | x_t) (Ho et al. 2020, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelVariance {
    /// $\tilde\beta_t$, right when x_0 is a point.
    FixedSmall,
    /// $\beta_t$, right when x_0 is a standard normal.
    FixedLarge,
}

impl ModelVariance {
    /// $\sigma_t^2$; `FixedSmall` vanishes at t = 1, where sampling adds no noise anyway.
    ///
    /// # Panics
    /// Unless 1 <= t <= T.
    pub fn variance(self, schedule: &NoiseSchedule, t: usize) -> f64 {
        match self {
            Self::FixedSmall => schedule.posterior(t - 1, t).variance,
            Self::FixedLarge => schedule.transition(t - 1, t).variance,
        }
    }

    /// $\ln\sigma_t^2$ of the likelihood: both choices take $\ln\tilde\beta_2$ at t = 1, so that the decoder is sharp.
    ///
    /// Source: the released code of Ho et al. 2020 and of Nichol and Dhariwal 2021.
    ///
    /// # Panics
    /// Unless 1 <= t <= T.
    pub fn log_variance(self, schedule: &NoiseSchedule, t: usize) -> f64 {
        match self {
            Self::FixedLarge if t >= 2 => schedule.beta(t).ln(),
            _ => schedule.posterior_log_variance(t),
        }
    }
}

/// The learned range $\ln\sigma_t^2 = v\ln\beta_t + (1-v)\ln\tilde\beta_t$ with v = (`output` + 1) / 2, not clamped.
///
/// `output` is the network's extra channel; -1 gives $\tilde\beta_t$ ($\tilde\beta_2$ at t = 1) and +1 gives $\beta_t$.
/// Source: Nichol and Dhariwal 2021, eq. 15.
///
/// # Panics
/// Unless 1 <= t <= T.
pub fn learned_range_log_variance(schedule: &NoiseSchedule, t: usize, output: f64) -> f64 {
    let v = 0.5 * (output + 1.0);
    v * schedule.beta(t).ln() + (1.0 - v) * schedule.posterior_log_variance(t)
}
