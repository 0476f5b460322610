//! The forward kernels, their posteriors, and the reverse model's variances.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use easel_core::posterior::learned_range_log_variance;
use easel_core::{ModelVariance, NoiseSchedule};
use proptest::prelude::*;

use crate::common::{relative_error, schedule_and_gap, schedule_and_time, schedules};

/// What a mean c_0 x_0 + c_t x_t with extra variance leaves of q(x_s | x_0): errors of its mean and its variance.
///
/// Integrating q(x_s | x_t, x_0) over q(x_t | x_0) must give back N(sqrt(ab_s) x_0, 1 - ab_s).
fn marginal_errors(schedule: &NoiseSchedule, s: usize, t: usize, c0: f64, ct: f64, variance: f64) -> (f64, f64) {
    let mean = c0 + ct * schedule.sqrt_alpha_bar(t) - schedule.sqrt_alpha_bar(s);
    let spread = ct * ct * (1.0 - schedule.alpha_bar(t)) + variance - (1.0 - schedule.alpha_bar(s));
    (mean.abs(), spread.abs())
}

proptest! {
    #[test]
    fn one_step_kernels_compose_to_the_closed_form(schedule in schedules()) {
        let (mut mean, mut variance) = (1.0, 0.0);
        for t in 1..=schedule.steps() {
            let step = schedule.transition(t - 1, t);
            mean *= step.scale;
            variance = step.scale * step.scale * variance + step.variance;
            prop_assert!((mean - schedule.sqrt_alpha_bar(t)).abs() < 1e-12);
            prop_assert!((variance - (1.0 - schedule.alpha_bar(t))).abs() < 1e-12);
        }
    }

    #[test]
    fn kernels_of_two_gaps_compose((schedule, s, t) in schedule_and_gap(), part in 0.0..1.0) {
        let middle = s + ((t - s) as f64 * part) as usize;
        prop_assume!(s < middle && middle < t);
        let (first, second, both) =
            (schedule.transition(s, middle), schedule.transition(middle, t), schedule.transition(s, t));
        prop_assert!((first.scale * second.scale - both.scale).abs() < 1e-13);
        prop_assert!((second.scale.powi(2) * first.variance + second.variance - both.variance).abs() < 1e-13);
    }

    #[test]
    fn posterior_is_the_product_of_prior_and_likelihood((schedule, s, t) in schedule_and_gap()) {
        prop_assume!(s > 0);
        let (step, posterior) = (schedule.transition(s, t), schedule.posterior(s, t));
        let precision = step.scale.powi(2) / step.variance + 1.0 / (1.0 - schedule.alpha_bar(s));
        prop_assert!(relative_error(posterior.variance, 1.0 / precision) < 1e-10);
        prop_assert!(relative_error(posterior.x_t, step.scale / step.variance / precision) < 1e-10);
        let x0 = schedule.sqrt_alpha_bar(s) / (1.0 - schedule.alpha_bar(s)) / precision;
        prop_assert!(relative_error(posterior.x0, x0) < 1e-10);
    }

    #[test]
    fn posterior_mean_is_the_same_in_epsilon((schedule, s, t) in schedule_and_gap()) {
        let (posterior, epsilon) = (schedule.posterior(s, t), schedule.posterior_epsilon(s, t));
        let (signal, noise) = (schedule.sqrt_alpha_bar(t), schedule.sqrt_one_minus_alpha_bar(t));
        prop_assert!(relative_error(posterior.x_t + posterior.x0 / signal, epsilon.x_t) < 1e-10);
        prop_assert!(relative_error(-posterior.x0 * noise / signal, epsilon.epsilon) < 1e-10);
    }

    #[test]
    fn posterior_keeps_the_marginals((schedule, s, t) in schedule_and_gap()) {
        let p = schedule.posterior(s, t);
        let (mean, variance) = marginal_errors(&schedule, s, t, p.x0, p.x_t, p.variance);
        prop_assert!(mean < 1e-12 && variance < 1e-12);
    }

    #[test]
    fn lecture_posterior_mean_breaks_marginal_consistency((schedule, t) in schedule_and_time()) {
        prop_assume!(t >= 3);
        let right = schedule.posterior(t - 1, t);
        // As printed: sqrt(ab_{t-1}) beta_t / (1 - ab_t) on x_t, sqrt(alpha_t) (1 - alpha_{t-1}) / (1 - ab_t) on x_0.
        let on_xt = right.x0;
        let on_x0 = schedule.alpha(t).sqrt() * (1.0 - schedule.alpha(t - 1)) / (1.0 - schedule.alpha_bar(t));
        let (mean, variance) = marginal_errors(&schedule, t - 1, t, on_x0, on_xt, right.variance);
        prop_assert!(mean > 1e-6 || variance > 1e-6);
        // Either slip alone breaks it too.
        let (mean, variance) = marginal_errors(&schedule, t - 1, t, right.x_t, right.x0, right.variance);
        let close = (right.x_t - right.x0).abs() < 1e-3;
        prop_assert!(close || mean > 1e-6 || variance > 1e-6);
        let (mean, variance) = marginal_errors(&schedule, t - 1, t, right.x0, on_x0, right.variance);
        prop_assert!(mean > 1e-6 || variance > 1e-6);
    }

    #[test]
    fn forward_variance_in_place_of_the_posterior_variance_breaks_the_marginals((schedule, t) in schedule_and_time()) {
        let p = schedule.posterior(t - 1, t);
        let (mean, variance) = marginal_errors(&schedule, t - 1, t, p.x0, p.x_t, schedule.beta(t));
        prop_assert!(mean < 1e-12);
        let excess = schedule.beta(t) - p.variance;
        prop_assert!(excess > 0.0 && (variance - excess).abs() < 1e-12);
    }

    #[test]
    fn last_step_is_deterministic((schedule, t) in schedule_and_time()) {
        for end in [1, t] {
            let posterior = schedule.posterior(0, end);
            prop_assert_eq!((posterior.x0, posterior.x_t, posterior.variance), (1.0, 0.0, 0.0));
        }
        prop_assert_eq!(ModelVariance::FixedSmall.variance(&schedule, 1), 0.0);
    }

    #[test]
    fn posterior_variance_is_between_zero_and_beta((schedule, t) in schedule_and_time()) {
        let tilde = schedule.posterior(t - 1, t).variance;
        prop_assert!(tilde >= 0.0 && tilde <= schedule.beta(t));
        prop_assert!(t == 1 || tilde > 0.0);
    }

    #[test]
    fn log_variances_equal_their_plain_twins((schedule, t) in schedule_and_time()) {
        for kind in [ModelVariance::FixedSmall, ModelVariance::FixedLarge] {
            let log = kind.log_variance(&schedule, t);
            let plain = if t == 1 { ModelVariance::FixedSmall.variance(&schedule, 2) } else { kind.variance(&schedule, t) };
            prop_assert!(log.is_finite() && relative_error(log.exp(), plain) < 1e-12);
        }
    }

    #[test]
    fn learned_range_ends_at_the_two_fixed_variances((schedule, t) in schedule_and_time(), output in -1.0..1.0f64) {
        let small = schedule.posterior_log_variance(t);
        let large = schedule.beta(t).ln();
        prop_assert_eq!(learned_range_log_variance(&schedule, t, -1.0), small);
        prop_assert_eq!(learned_range_log_variance(&schedule, t, 1.0), large);
        let between = learned_range_log_variance(&schedule, t, output);
        prop_assert!((between - (small + (large - small) * (output + 1.0) / 2.0)).abs() < 1e-12);
    }

    #[test]
    fn a_gap_is_one_step_of_the_respaced_schedule((schedule, s, t) in schedule_and_gap()) {
        let times: Vec<usize> = [s, t].into_iter().filter(|&time| time > 0).collect();
        let respaced = schedule.respace(&times).unwrap().schedule;
        let (wide, narrow) = (schedule.posterior(s, t), respaced.posterior(times.len() - 1, times.len()));
        prop_assert!((wide.x0 - narrow.x0).abs() < 1e-14 && (wide.x_t - narrow.x_t).abs() < 1e-14);
        prop_assert!((wide.variance - narrow.variance).abs() < 1e-14);
    }
}

#[test]
fn published_posterior_of_the_linear_schedule() {
    let schedule = NoiseSchedule::linear(1000).unwrap();
    let tilde = |t: usize| schedule.posterior(t - 1, t).variance;
    assert_eq!(tilde(1), 0.0);
    for (t, want) in [(2, 5.4531876613e-5), (3, 8.5489115231e-5), (4, 1.1063952230e-4)] {
        assert_relative_eq!(tilde(t), want, max_relative = 1e-10);
    }
    let p = schedule.posterior(499, 500);
    assert_abs_diff_eq!(p.variance, 0.010031355, epsilon = 1e-9);
    assert_abs_diff_eq!(p.x0, 0.003070, epsilon = 1e-6);
    assert_abs_diff_eq!(p.x_t, 0.994107, epsilon = 1e-6);
    // The lecture's second coefficient at the same time.
    let lecture = schedule.alpha(500).sqrt() * (1.0 - schedule.alpha(499)) / (1.0 - schedule.alpha_bar(500));
    assert_abs_diff_eq!(lecture, 0.010820, epsilon = 1e-6);
}

#[test]
fn a_single_step_has_finite_log_variance() {
    let schedule = NoiseSchedule::cosine(1).unwrap();
    assert_eq!(schedule.posterior_log_variance(1), schedule.beta(1).ln());
}

#[test]
fn zero_terminal_snr_posterior_ignores_the_pure_noise() {
    let schedule = NoiseSchedule::linear(100).unwrap().rescale_zero_terminal_snr().unwrap();
    let p = schedule.posterior(99, 100);
    assert_eq!(p.x_t, 0.0);
    assert_relative_eq!(p.x0, schedule.sqrt_alpha_bar(99), max_relative = 1e-14);
    assert_relative_eq!(p.variance, 1.0 - schedule.alpha_bar(99), max_relative = 1e-14);
}

#[test]
#[should_panic(expected = "goes from s to a later t")]
fn clean_data_has_no_step_before_it() {
    NoiseSchedule::cosine(10).unwrap().transition(0, 0);
}
