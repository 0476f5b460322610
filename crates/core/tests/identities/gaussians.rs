//! Gaussian densities, divergences and the discretised decoder.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use easel_core::NoiseSchedule;
use easel_core::gaussian::{
    Cdf, diagonal_kl, diagonal_log_density, discretised_log_likelihood, entropy, kl, log_density, prior_kl,
};
use proptest::prelude::*;

fn level(pixel: usize) -> f64 {
    pixel as f64 / 127.5 - 1.0
}

proptest! {
    #[test]
    fn kl_is_the_mean_log_ratio(m1 in -2.0..2.0f64, l1 in -2.0..2.0f64, m2 in -2.0..2.0f64, l2 in -2.0..2.0f64) {
        // E_1[ln p_1] = -entropy; E_1[ln p_2] in closed form by the second moment.
        let cross = log_density(0.0, 0.0, l2) - 0.5 * (l1.exp() + (m1 - m2).powi(2)) / l2.exp();
        prop_assert!((kl(m1, l1, m2, l2) - (-entropy(l1) - cross)).abs() < 1e-11);
    }

    #[test]
    fn kl_vanishes_only_for_equal_gaussians(m in -2.0..2.0f64, l in -20.0..5.0f64, shift in 1e-6..1.0f64) {
        prop_assert_eq!(kl(m, l, m, l), 0.0);
        prop_assert!(kl(m, l, m + shift, l) > 0.0);
        prop_assert!(kl(m, l, m, l + shift) > 0.0 && kl(m, l, m, l - shift) > 0.0);
    }

    #[test]
    fn prior_term_is_the_generic_kl(x0 in -1.0..1.0f64, alpha_bar in 1e-9..0.999f64) {
        let generic = kl(alpha_bar.sqrt() * x0, (1.0 - alpha_bar).ln(), 0.0, 0.0);
        prop_assert!((prior_kl(x0, alpha_bar) - generic).abs() < 1e-12);
    }

    #[test]
    fn decoder_bins_sum_to_one(mean in -1.2..1.2f64, sigma in 0.005..1.0f64) {
        let log_var = 2.0 * sigma.ln();
        let total: f64 = (0..256).map(|p| discretised_log_likelihood(level(p), mean, log_var, Cdf::Erf).exp()).sum();
        prop_assert!((total - 1.0).abs() < 1e-9, "{}", total);
    }

    #[test]
    fn decoder_is_finite_and_a_probability(pixel in 0usize..256, mean in -3.0..3.0f64, log_var in -14.0..2.0f64) {
        for cdf in [Cdf::Erf, Cdf::Tanh] {
            let value = discretised_log_likelihood(level(pixel), mean, log_var, cdf);
            prop_assert!(value.is_finite() && value <= 0.0, "{} {:?}", value, cdf);
        }
    }

    #[test]
    fn decoder_is_mirror_symmetric(pixel in 0usize..256, mean in -2.0..2.0f64, log_var in -9.0..1.0f64) {
        let left = discretised_log_likelihood(level(pixel), mean, log_var, Cdf::Erf);
        let right = discretised_log_likelihood(-level(pixel), -mean, log_var, Cdf::Erf);
        prop_assert!((left - right).abs() < 1e-9 * (1.0 + left.abs()));
    }

    #[test]
    fn tanh_decoder_is_near_the_exact_one(pixel in 0usize..256, mean in -1.0..1.0f64, sigma in 0.01..1.0f64) {
        let p = |cdf| discretised_log_likelihood(level(pixel), mean, 2.0 * sigma.ln(), cdf).exp();
        prop_assert!((p(Cdf::Erf) - p(Cdf::Tanh)).abs() < 2.0 * 1.8e-4 + 1e-12);
    }
}

#[test]
fn density_integrates_to_one() {
    let (mean, log_var, width) = (0.3, -0.8, 1e-3);
    let total: f64 = (-8000..8000).map(|i| log_density(f64::from(i) * width, mean, log_var).exp() * width).sum();
    assert_abs_diff_eq!(total, 1.0, epsilon = 1e-9);
}

#[test]
fn sums_over_dimensions() {
    let (x, mean, log_var) = ([0.1, -0.4, 2.0], [0.0, 0.5, 1.0], [0.2, -1.0, 0.0]);
    let density: f64 = (0..3).map(|i| log_density(x[i], mean[i], log_var[i])).sum();
    assert_abs_diff_eq!(diagonal_log_density(&x, &mean, &log_var), density, epsilon = 1e-14);
    let divergence: f64 = (0..3).map(|i| kl(x[i], log_var[i], mean[i], 0.5)).sum();
    assert_abs_diff_eq!(diagonal_kl(&x, &log_var, &mean, &[0.5; 3]), divergence, epsilon = 1e-14);
}

#[test]
fn published_floor_of_the_decoder() {
    // Bits per dimension at a perfect mean, for the two widths in use.
    let schedule = NoiseSchedule::linear(1000).unwrap();
    let bits = |variance: f64| -discretised_log_likelihood(level(128), level(128), variance.ln(), Cdf::Erf) / 2f64.ln();
    assert_abs_diff_eq!(bits(schedule.posterior(1, 2).variance), 1.305, epsilon = 5e-4);
    assert_abs_diff_eq!(bits(schedule.beta(1)), 1.713, epsilon = 5e-4);
}

#[test]
fn published_prior_term_of_the_linear_schedule() {
    let schedule = NoiseSchedule::linear(1000).unwrap();
    assert_relative_eq!(prior_kl(0.5, schedule.alpha_bar(1000)).abs() / 2f64.ln(), 7.28e-6, max_relative = 1e-2);
}

#[test]
fn prior_term_depends_on_the_last_marginal_alone() {
    // With no signal left at T it is zero for all data, whatever the reverse steps do.
    for x0 in [-1.0, 0.0, 0.7] {
        assert_eq!(prior_kl(x0, 0.0), 0.0);
        assert!(prior_kl(x0, 4.66e-3) > 0.0);
    }
}
