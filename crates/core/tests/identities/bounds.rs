//! The variational bound, and the ancestral chain on data whose optimal network is known.

use std::f64::consts::{E, PI};

use approx::{assert_abs_diff_eq, assert_relative_eq};
use easel_core::bound::{step_constant, step_weight};
use easel_core::gaussian::{kl, log_density};
use easel_core::{ModelVariance, NoiseSchedule, Parameterisation};
use proptest::prelude::*;

use crate::common::{relative_error, schedule_and_time, schedules};

const NORMAL_ENTROPY: f64 = 1.4189385332046727;

fn linear() -> NoiseSchedule {
    NoiseSchedule::linear(1000).unwrap()
}

/// The terms L_0, L_1, .., L_T of the bound for x_0 ~ N(0, 1) and the network sqrt(1 - ab_t) x_t.
///
/// E over x_0 makes E[x_0^2] = 1; the network's mean squared error is ab_t.
fn standard_normal_terms(schedule: &NoiseSchedule, kind: ModelVariance) -> Vec<f64> {
    let last = schedule.steps();
    // The continuous decoder has the same variance choice; the posterior's vanishes, so its log-twin is used.
    let decoder = if kind == ModelVariance::FixedLarge { schedule.beta(1) } else { schedule.posterior(1, 2).variance };
    // x_0 given x_1 has mean mu and variance beta_1, so E[(x_0 - mu)^2] = beta_1.
    let mut terms = vec![0.5 * ((2.0 * PI * decoder).ln() + schedule.beta(1) / decoder)];
    for t in 2..=last {
        let variance = kind.variance(schedule, t);
        let weight = step_weight(Parameterisation::Epsilon, schedule, t, variance);
        terms.push(step_constant(schedule, t, variance) + weight * schedule.alpha_bar(t));
    }
    terms.push(-0.5 * (-schedule.alpha_bar(last)).ln_1p());
    terms
}

fn total(terms: &[f64]) -> f64 {
    terms.iter().sum()
}

proptest! {
    #[test]
    fn weights_in_three_forms_give_the_same_term((schedule, t) in schedule_and_time(), x0 in -1.0..1.0f64, guess in -1.0..1.0f64, x_t in -2.0..2.0f64) {
        prop_assume!(t >= 2 && (x0 - guess).abs() > 1e-3);
        let (now, prev) = (schedule.alpha_bar(t), schedule.alpha_bar(t - 1));
        let posterior = schedule.posterior(t - 1, t);
        for kind in [ModelVariance::FixedSmall, ModelVariance::FixedLarge] {
            let variance = kind.variance(&schedule, t);
            // The term itself, from the two Gaussians.
            let mean = |x0: f64| posterior.x0 * x0 + posterior.x_t * x_t;
            let term = step_constant(&schedule, t, variance)
                + 0.5 * (mean(x0) - mean(guess)).powi(2) / variance;
            let generic = kl(mean(x0), posterior.variance.ln(), mean(guess), variance.ln());
            prop_assert!((term - generic).abs() < 1e-9 * (1.0 + generic.abs()));
            // Each output's weight times its squared error, the error mapped by its definition.
            let base = step_weight(Parameterisation::X0, &schedule, t, variance) * (x0 - guess).powi(2);
            for p in Parameterisation::ALL {
                let squared = (p.from_x0(now, prev).other * (x0 - guess)).powi(2);
                let value = step_weight(p, &schedule, t, variance) * squared;
                prop_assert!(relative_error(value, base) < 1e-10, "{:?}", p);
            }
        }
    }

    #[test]
    fn weights_have_their_published_forms((schedule, t) in schedule_and_time()) {
        prop_assume!(t >= 2);
        let (beta, alpha, now) = (schedule.beta(t), schedule.alpha(t), schedule.alpha_bar(t));
        for kind in [ModelVariance::FixedSmall, ModelVariance::FixedLarge] {
            let variance = kind.variance(&schedule, t);
            let weight = |p| step_weight(p, &schedule, t, variance);
            prop_assert_eq!(weight(Parameterisation::Mean), 1.0 / (2.0 * variance));
            let epsilon = beta * beta / (2.0 * variance * alpha * (1.0 - now));
            prop_assert!(relative_error(weight(Parameterisation::Epsilon), epsilon) < 1e-10);
        }
        let small = ModelVariance::FixedSmall.variance(&schedule, t);
        let fall = 0.5 * (schedule.snr(t - 1) - schedule.snr(t));
        prop_assert!(relative_error(step_weight(Parameterisation::X0, &schedule, t, small), fall) < 1e-8);
    }

    #[test]
    fn constant_of_the_bound_vanishes_only_for_the_posterior_variance((schedule, t) in schedule_and_time(), factor in 0.1..10.0f64) {
        prop_assume!(t >= 2);
        let tilde = schedule.posterior(t - 1, t).variance;
        prop_assert_eq!(step_constant(&schedule, t, tilde), 0.0);
        prop_assume!((factor - 1.0).abs() > 1e-3);
        let constant = step_constant(&schedule, t, factor * tilde);
        prop_assert!(constant > 0.0);
        prop_assert!((constant - 0.5 * (factor.ln() + 1.0 / factor - 1.0)).abs() < 1e-9);
        prop_assert!(step_constant(&schedule, t, ModelVariance::FixedLarge.variance(&schedule, t)) > 0.0);
    }

    #[test]
    fn bound_is_tight_where_the_model_is_the_true_reverse_process(schedule in schedules()) {
        let terms = standard_normal_terms(&schedule, ModelVariance::FixedLarge);
        prop_assert!((total(&terms) - NORMAL_ENTROPY).abs() < 1e-10, "{}", total(&terms));
        let small = standard_normal_terms(&schedule, ModelVariance::FixedSmall);
        prop_assert!(total(&small) > NORMAL_ENTROPY);
    }

    #[test]
    fn bound_needs_every_term_from_zero_to_last(schedule in schedules(), fraction in 0.0..1.0f64) {
        // An index that stops one short, or skips a step, is no bound: the sum falls below the entropy.
        let mut terms = standard_normal_terms(&schedule, ModelVariance::FixedLarge);
        let steps = schedule.steps();
        prop_assert_eq!(terms.len(), steps + 1);
        let transition = 1 + (fraction * (steps - 1) as f64) as usize;
        prop_assert!(terms.remove(transition) > 0.0);
        prop_assert!(total(&terms) < NORMAL_ENTROPY);
    }

    #[test]
    fn decoder_term_enters_the_bound_with_a_minus_sign(schedule in schedules()) {
        let mut terms = standard_normal_terms(&schedule, ModelVariance::FixedLarge);
        // E[ln N(x_0; mu, beta_1)] with E[(x_0 - mu)^2] = beta_1.
        let beta = schedule.beta(1);
        let log_likelihood = log_density(beta.sqrt(), 0.0, beta.ln());
        prop_assert!((terms[0] + log_likelihood).abs() < 1e-12);
        prop_assume!(log_likelihood.abs() > 1e-3);
        terms[0] = log_likelihood;
        prop_assert!((total(&terms) - NORMAL_ENTROPY).abs() > 1e-3);
    }
}

#[test]
fn published_weights() {
    let schedule = linear();
    let weight = |index: usize, kind: ModelVariance| {
        let t = index + 1;
        step_weight(Parameterisation::Epsilon, &schedule, t, kind.variance(&schedule, t))
    };
    assert_abs_diff_eq!(weight(1, ModelVariance::FixedSmall), 0.5997, epsilon = 5e-5);
    assert_abs_diff_eq!(weight(10, ModelVariance::FixedSmall), 0.07898, epsilon = 5e-6);
    assert_abs_diff_eq!(weight(100, ModelVariance::FixedSmall), 0.010178, epsilon = 5e-7);
    assert_abs_diff_eq!(weight(999, ModelVariance::FixedSmall), 0.010205, epsilon = 5e-7);
    assert_abs_diff_eq!(weight(1, ModelVariance::FixedLarge), 0.27269, epsilon = 5e-6);
}

#[test]
fn published_cost_of_the_large_variance() {
    let schedule = linear();
    let nats: f64 = (2..=1000).map(|t| step_constant(&schedule, t, schedule.beta(t))).sum();
    assert_abs_diff_eq!(nats / 2f64.ln(), 0.4864, epsilon = 5e-5);
}

#[test]
fn entropy_constant_is_that_of_the_standard_normal() {
    assert_relative_eq!(NORMAL_ENTROPY, 0.5 * (2.0 * PI * E).ln(), max_relative = 1e-15);
}

/// Terminal mean and variance of the ancestral chain with the optimal network, on data N(mean, std^2).
fn terminal(schedule: &NoiseSchedule, mean: f64, std: f64, kind: ModelVariance) -> (f64, f64) {
    let (mut m, mut v) = (0.0, 1.0);
    for t in (1..=schedule.steps()).rev() {
        let signal = schedule.sqrt_alpha_bar(t);
        let gain = signal * std * std / (schedule.alpha_bar(t) * (std * std - 1.0) + 1.0);
        let posterior = schedule.posterior(t - 1, t);
        let noise = if t > 1 { kind.variance(schedule, t) } else { 0.0 };
        let x0 = mean + gain * (m - signal * mean);
        m = posterior.x0 * x0 + posterior.x_t * m;
        v = (posterior.x0 * gain + posterior.x_t).powi(2) * v + noise;
    }
    (m, v)
}

#[test]
fn published_terminal_errors_on_gaussian_data() {
    let cases =
        [(50, -5.34e-2, 1.62e-2), (200, -1.70e-2, 3.82e-3), (1000, -3.88e-3, 7.52e-4), (4000, -1.03e-3, 1.88e-4)];
    for (steps, small, large) in cases {
        let schedule = NoiseSchedule::linear(steps).unwrap();
        let error = |kind| terminal(&schedule, 0.3, 0.5, kind).1 - 0.25;
        assert_relative_eq!(error(ModelVariance::FixedSmall), small, max_relative = 5e-3);
        assert_relative_eq!(error(ModelVariance::FixedLarge), large, max_relative = 5e-3);
    }
}

#[test]
fn large_variance_is_exact_on_a_standard_normal_but_for_the_last_noise() {
    for steps in [50, 1000] {
        let schedule = NoiseSchedule::linear(steps).unwrap();
        let (mean, variance) = terminal(&schedule, 0.0, 1.0, ModelVariance::FixedLarge);
        assert_eq!(mean, 0.0);
        assert_abs_diff_eq!(variance - 1.0, -schedule.beta(1), epsilon = 1e-11);
    }
}

#[test]
fn lecture_posterior_mean_collapses_the_chain() {
    // One step of the printed formula at t = 500 takes a perfect x_t to nearly nothing.
    let schedule = linear();
    let (t, p) = (500, schedule.posterior(499, 500));
    let on_x0 = schedule.alpha(t).sqrt() * (1.0 - schedule.alpha(t - 1)) / (1.0 - schedule.alpha_bar(t));
    let (x0, x_t) = (1.0, schedule.sqrt_alpha_bar(t) + schedule.sqrt_one_minus_alpha_bar(t));
    let right = p.x0 * x0 + p.x_t * x_t;
    let lecture = on_x0 * x0 + p.x0 * x_t;
    assert!(right > 1.0 && lecture < 0.02, "{right} {lecture}");
    // Nor is it the epsilon form printed below it.
    let epsilon = schedule.posterior_epsilon(499, 500);
    assert_abs_diff_eq!(epsilon.x_t * x_t + epsilon.epsilon, right, epsilon = 1e-12);
}
