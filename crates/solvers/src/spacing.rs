//! Noise levels that a sampler visits, as values of $\hat\sigma$, and the times they stand for.

use easel_core::MathError;
use easel_core::sampling::Schedule;
use serde::{Deserialize, Serialize};

/// A rule for N noise levels between two ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigmaSpacing {
    /// [`karras`] with $\rho$ = 7.
    Karras,
    /// [`exponential`]: even in $\lambda$.
    Exponential,
    /// [`beta`] with both parameters 0.6.
    Beta,
}

impl SigmaSpacing {
    /// N falling values of $\hat\sigma$ from `sigma_max` to `sigma_min`.
    pub fn sigmas(self, sigma_min: f64, sigma_max: f64, count: usize) -> Vec<f64> {
        match self {
            Self::Karras => karras(sigma_min, sigma_max, count, 7.0),
            Self::Exponential => exponential(sigma_min, sigma_max, count),
            Self::Beta => beta(sigma_min, sigma_max, count, 0.6, 0.6),
        }
    }

    /// N steps' times on `schedule`: from its end, or $\hat\sigma$ = [`SIGMA_MAX`] where that is less, to its level at time
    /// `last`, then 0.
    ///
    /// # Errors
    /// N = 0, or so many that two times agree.
    pub fn times(self, schedule: &dyn Schedule, last: f64, count: usize) -> Result<Vec<f64>, MathError> {
        let high = schedule.level(schedule.end()).sigma_hat().min(SIGMA_MAX);
        times_of(schedule, &self.sigmas(schedule.level(last).sigma_hat(), high, count))
    }
}

/// The noise level from which EDM starts (Karras et al. 2022, table 1): more noise hides nothing more of a picture.
pub const SIGMA_MAX: f64 = 80.0;

/// The times of falling `sigmas`, and 0 behind them.
///
/// # Errors
/// None, or two that fall on one time.
pub fn times_of(schedule: &dyn Schedule, sigmas: &[f64]) -> Result<Vec<f64>, MathError> {
    let times: Vec<f64> = sigmas.iter().map(|&s| schedule.time_of_sigma_hat(s)).chain(std::iter::once(0.0)).collect();
    easel_core::sampling::check_times(&times, schedule)?;
    Ok(times)
}

fn interpolated(count: usize, at: impl Fn(f64) -> f64) -> Vec<f64> {
    let last = count.max(2) - 1;
    (0..count).map(|i| at(i as f64 / last as f64)).collect()
}

/// $\hat\sigma_i = \big(\sigma_{max}^{1/\rho}+\frac{i}{N-1}(\sigma_{min}^{1/\rho}-\sigma_{max}^{1/\rho})\big)^\rho$
/// (Karras et al. 2022, eq. 5); published: $\rho$ = 7 from 80 to 0.002.
pub fn karras(sigma_min: f64, sigma_max: f64, count: usize, rho: f64) -> Vec<f64> {
    let (low, high) = (sigma_min.powf(1.0 / rho), sigma_max.powf(1.0 / rho));
    interpolated(count, |u| (high + u * (low - high)).powf(rho))
}

/// Even in $\ln\hat\sigma$, and so in $\lambda$ (Lu et al. 2022, arXiv:2206.00927, section 3.3: "logSNR").
pub fn exponential(sigma_min: f64, sigma_max: f64, count: usize) -> Vec<f64> {
    let (low, high) = (sigma_min.ln(), sigma_max.ln());
    interpolated(count, |u| (high + u * (low - high)).exp())
}

/// Quantiles of Beta(a, b), linear in $\hat\sigma$ (Lee et al. 2024, arXiv:2407.12173): dense at both ends for a, b < 1.
pub fn beta(sigma_min: f64, sigma_max: f64, count: usize, a: f64, b: f64) -> Vec<f64> {
    interpolated(count, |u| sigma_min + beta_quantile(1.0 - u, a, b) * (sigma_max - sigma_min))
}

/// The p-quantile of Beta(a, b).
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    use special::Beta;
    if p <= 0.0 || p >= 1.0 { p.clamp(0.0, 1.0) } else { p.inv_inc_beta(a, b, a.ln_beta(b)) }
}
