//! Diagonal Gaussians and the discretised decoder: scalar functions per dimension, and sums over slices.

use std::f64::consts::{E, PI};

use serde::{Deserialize, Serialize};

use crate::special::{log_normal_interval, normal_cdf_tanh};

/// KL(N(`mean_1`, e^`log_var_1`) || N(`mean_2`, e^`log_var_2`)) in nats, one dimension.
///
/// $\tfrac12\big(\ln\sigma_2^2-\ln\sigma_1^2-1+\sigma_1^2/\sigma_2^2+(\mu_1-\mu_2)^2/\sigma_2^2\big)$
pub fn kl(mean_1: f64, log_var_1: f64, mean_2: f64, log_var_2: f64) -> f64 {
    let log_ratio = log_var_1 - log_var_2;
    // exp_m1(d) - d >= 0 keeps the result from turning negative by rounding.
    0.5 * (log_ratio.exp_m1() - log_ratio + (mean_1 - mean_2).powi(2) * (-log_var_2).exp())
}

/// `kl` summed over the dimensions of equally long slices.
///
/// # Panics
/// When the slices differ in length.
pub fn diagonal_kl(mean_1: &[f64], log_var_1: &[f64], mean_2: &[f64], log_var_2: &[f64]) -> f64 {
    let n = mean_1.len();
    assert!([log_var_1.len(), mean_2.len(), log_var_2.len()] == [n; 3], "the slices differ in length");
    (0..n).map(|i| kl(mean_1[i], log_var_1[i], mean_2[i], log_var_2[i])).sum()
}

/// Differential entropy of a Gaussian in nats, one dimension: $\tfrac12\ln(2\pi e\,\sigma^2)$.
pub fn entropy(log_var: f64) -> f64 {
    0.5 * ((2.0 * PI * E).ln() + log_var)
}

/// ln N(x; `mean`, e^`log_var`) in nats, one dimension.
pub fn log_density(x: f64, mean: f64, log_var: f64) -> f64 {
    -0.5 * ((2.0 * PI).ln() + log_var + (x - mean).powi(2) * (-log_var).exp())
}

/// `log_density` summed over the dimensions of equally long slices.
///
/// # Panics
/// When the slices differ in length.
pub fn diagonal_log_density(x: &[f64], mean: &[f64], log_var: &[f64]) -> f64 {
    assert!(x.len() == mean.len() && x.len() == log_var.len(), "the slices differ in length");
    (0..x.len()).map(|i| log_density(x[i], mean[i], log_var[i])).sum()
}

/// KL(q(x_T | x_0) || N(0, 1)) in nats, one dimension: the bound's $L_T$ (Ho et al. 2020, eq. 5).
///
/// $\tfrac12(\bar\alpha_T x_0^2 - \bar\alpha_T - \ln(1-\bar\alpha_T))$
pub fn prior_kl(x0: f64, alpha_bar_last: f64) -> f64 {
    0.5 * (alpha_bar_last * (x0 * x0 - 1.0) - libm::log1p(-alpha_bar_last))
}

/// The normal distribution function that a discretised decoder uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cdf {
    /// By the error function, exact.
    Erf,
    /// By the tanh of the published code, probabilities clamped at 1e-12 as there; for comparison with it.
    Tanh,
}

/// ln p(x) of an 8-bit level under a discretised Gaussian, in nats, one dimension.
///
/// `x` is a level scaled to [-1, 1] (bins of width 2/255); the two end bins reach to infinity.
/// Source: Ho et al. 2020, eq. 13.
pub fn discretised_log_likelihood(x: f64, mean: f64, log_var: f64, cdf: Cdf) -> f64 {
    let precision = (-0.5 * log_var).exp();
    let upper = if x > 0.999 { f64::INFINITY } else { (x + 1.0 / 255.0 - mean) * precision };
    let lower = if x < -0.999 { f64::NEG_INFINITY } else { (x - 1.0 / 255.0 - mean) * precision };
    match cdf {
        Cdf::Erf => log_normal_interval(lower, upper),
        Cdf::Tanh => (normal_cdf_tanh(upper) - normal_cdf_tanh(lower)).max(1e-12).ln(),
    }
}
