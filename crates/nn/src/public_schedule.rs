//! What the public sampler classes share: betas, timesteps, options.
//!
//! Timesteps count from 0 here, as in the public code: timestep i is our time i + 1. Numbers are rounded to f32 where
//! the public code rounds them.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::NnError;

/// Rule for betas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// Equispaced (Ho et al. 2020).
    Linear,
    /// With equispaced roots (Rombach et al. 2022).
    ScaledLinear,
    /// Cosine (Nichol and Dhariwal 2021, eq. 17).
    #[serde(rename = "squaredcos_cap_v2")]
    Cosine,
    /// Log signal-to-noise ratios that follow a Laplace distribution.
    Laplace,
    /// Logistic between both ends.
    Sigmoid,
}

/// What the network's output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// $\epsilon$.
    Epsilon,
    /// $x_0$.
    Sample,
    /// v.
    VPrediction,
}

/// Rule for the times of a short chain (Lin et al. 2024, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSpacing {
    /// Both ends.
    Linspace,
    /// The first end.
    Leading,
    /// The last end.
    Trailing,
}

/// The betas of a public schedule, f32 `[T]`.
pub fn betas(schedule: BetaSchedule, beta_start: f64, beta_end: f64, steps: usize) -> Tensor {
    let line = |first: f64, last: f64| Tensor::linspace(first, last, steps as i64, (Kind::Float, Device::Cpu));
    match schedule {
        BetaSchedule::Linear => line(beta_start, beta_end),
        BetaSchedule::ScaledLinear => line(beta_start.sqrt(), beta_end.sqrt()).square(),
        BetaSchedule::Sigmoid => line(-6.0, 6.0).sigmoid() * (beta_end - beta_start) + beta_start,
        BetaSchedule::Cosine => from_alpha_bar(steps, cosine_alpha_bar),
        BetaSchedule::Laplace => from_alpha_bar(steps, laplace_alpha_bar),
    }
}

fn cosine_alpha_bar(u: f64) -> f64 {
    ((u + 0.008) / 1.008 * std::f64::consts::PI / 2.0).cos().powi(2)
}

fn laplace_alpha_bar(u: f64) -> f64 {
    let snr = (-0.5 * 1f64.copysign(0.5 - u) * (1.0 - 2.0 * (0.5 - u).abs() + 1e-6).ln()).exp();
    (snr / (1.0 + snr)).sqrt()
}

fn from_alpha_bar(steps: usize, alpha_bar: impl Fn(f64) -> f64) -> Tensor {
    let at = |i: usize| alpha_bar(i as f64 / steps as f64);
    let betas: Vec<f32> = (0..steps).map(|i| (1.0 - at(i + 1) / at(i)).min(0.999) as f32).collect();
    Tensor::from_slice(&betas)
}

/// Betas with no signal left at T (Lin et al. 2024, Algorithm 1), f32 `[T]`.
pub fn rescale_zero_terminal_snr(betas: &Tensor) -> Tensor {
    let root = (1f64 - betas).cumprod(0, Kind::Float).sqrt();
    let (first, last) = (root.get(0), root.get(-1));
    let alpha_bar = ((root - &last) * (&first / (&first - &last))).square();
    let ratios = alpha_bar.slice(0, 1, None, 1) / alpha_bar.slice(0, 0, -1, 1);
    1f64 - Tensor::cat(&[alpha_bar.slice(0, 0, 1, 1), ratios], 0)
}

/// The K timesteps of a public scheduler, falling.
///
/// `trailing` leaves out the timestep -1 that the public code appends at some K (61 of 1000), where its floating-point
/// range runs one element too far.
pub fn spaced_timesteps(spacing: TimestepSpacing, steps: usize, count: usize, offset: i64) -> Vec<i64> {
    let (last, k) = ((steps - 1) as f64, count as f64);
    match spacing {
        TimestepSpacing::Linspace => {
            let gap = last / (k - 1.0).max(1.0);
            let position = |i: usize| if i > 0 && i + 1 == count { last } else { i as f64 * gap };
            (0..count).rev().map(|i| position(i).round_ties_even() as i64).collect()
        }
        TimestepSpacing::Leading => (0..count).rev().map(|i| (i * (steps / count)) as i64 + offset).collect(),
        TimestepSpacing::Trailing => {
            // The increment of a floating-point range is rounded at its start, which decides how halves round.
            let first = steps as f64;
            let gap = (first - first / k) - first;
            (0..count).map(|i| (first + i as f64 * gap).round_ties_even() as i64 - 1).collect()
        }
    }
}

/// $\bar\alpha$ by timestep: the cumulative product of 1 - beta in f32, from betas f32 `[T]`.
pub fn cumulative(betas: &Tensor) -> Vec<f32> {
    let mut alpha_bar = vec![0f32; betas.numel()];
    // libtorch's 1 - 1 is -0 here, and 1 / -0 would turn a sign.
    let product = (1f64 - betas).cumprod(0, Kind::Float) + 0.0;
    product.copy_data(&mut alpha_bar, product.numel());
    alpha_bar
}

/// $\hat x_0$ clipped to [-s, s] and divided by s, where s in [1, `bound`] is the `ratio` quantile of the absolute
/// values of each sample `[B, ..]` (Saharia et al. 2022, arXiv:2205.11487, section 2.3).
pub fn dynamic_threshold(x0: &Tensor, ratio: f64, bound: f64) -> Tensor {
    let flat = x0.flatten(1, -1);
    let s = flat.abs().quantile_scalar(ratio, 1, true, "linear").clamp(1.0, bound);
    (flat.clamp_tensor(Some(&-&s), Some(&s)) / s).reshape(x0.size())
}

/// The error of an option `key` that is not supported with this `value`.
///
/// # Errors
/// Always.
pub fn refuse<T>(key: &'static str, value: impl ToString, reason: &str) -> Result<T, NnError> {
    Err(NnError::Unsupported { key, value: value.to_string(), reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacings_are_those_of_the_public_code() {
        use TimestepSpacing::*;
        assert_eq!(spaced_timesteps(Leading, 1000, 3, 1), [667, 334, 1]);
        assert_eq!(spaced_timesteps(Linspace, 1000, 5, 0), [999, 749, 500, 250, 0]);
        assert_eq!(spaced_timesteps(Trailing, 1000, 4, 0), [999, 749, 499, 249]);
        assert_eq!(spaced_timesteps(Linspace, 1000, 1, 0), [0]);
        let of_61 = spaced_timesteps(Trailing, 1000, 61, 0);
        assert!(of_61.len() == 61 && of_61.iter().all(|t| *t >= 0));
    }
}
