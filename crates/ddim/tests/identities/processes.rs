//! The coefficients of a step.

use approx::assert_relative_eq;
use ddim::process::{
    StepNoise, coefficients, coefficients_of_sigma, gamma, marginal_after, sigma, transition_deviation,
};
use easel_core::NoiseSchedule;
use easel_core::sampling::{NoiseLevel, Schedule};
use proptest::prelude::*;

use crate::common::schedule_and_step;

fn levels(schedule: &NoiseSchedule, s: usize, t: usize) -> (NoiseLevel, NoiseLevel) {
    (Schedule::level(schedule, t as f64), Schedule::level(schedule, s as f64))
}

proptest! {
    #[test]
    fn every_sigma_keeps_the_marginals((schedule, s, t) in schedule_and_step(), share in 0.0..=1.0) {
        let (_, to) = levels(&schedule, s, t);
        let (mean, variance) = marginal_after(coefficients_of_sigma(share * to.sigma, to));
        prop_assert!((mean - schedule.sqrt_alpha_bar(s)).abs() < 1e-12);
        prop_assert!((variance - (1.0 - schedule.alpha_bar(s))).abs() < 1e-12);
    }

    #[test]
    fn every_eta_keeps_the_marginals((schedule, s, t) in schedule_and_step(), eta in 0.0..30.0) {
        let (from, to) = levels(&schedule, s, t);
        let (mean, variance) = marginal_after(coefficients(StepNoise::Eta(eta), from, to));
        prop_assert!((mean - to.alpha).abs() < 1e-12 && (variance - to.sigma * to.sigma).abs() < 1e-12);
    }

    #[test]
    fn eta_one_is_ddpm((schedule, s, t) in schedule_and_step()) {
        let (from, to) = levels(&schedule, s, t);
        let posterior = schedule.posterior(s, t);
        let c = coefficients(StepNoise::Eta(1.0), from, to);
        // x_t = sqrt(ab) x0 + sqrt(1 - ab) epsilon in the posterior's mean.
        prop_assert!((c.x0 - (posterior.x0 + posterior.x_t * from.alpha)).abs() < 1e-10);
        prop_assert!((c.epsilon - posterior.x_t * from.sigma).abs() < 1e-7);
        prop_assert!((c.noise * c.noise - posterior.variance).abs() < 1e-10);
    }

    #[test]
    fn sigma_grows_with_eta_within_its_bounds((schedule, s, t) in schedule_and_step(), eta in 0.0..=1.0) {
        let (from, to) = levels(&schedule, s, t);
        let (some, one) = (sigma(eta, from, to), sigma(1.0, from, to));
        prop_assert!(0.0 <= some && some <= one && one <= to.sigma);
        prop_assert!(one <= transition_deviation(from, to) + 1e-15);
    }

    #[test]
    fn gamma_at_eta_one_is_ddpms_weight((schedule, s, t) in schedule_and_step()) {
        prop_assume!(s >= 1);
        let (from, to) = levels(&schedule, s, t);
        let transition = schedule.transition(s, t);
        let variance = schedule.posterior(s, t).variance;
        let alpha = schedule.alpha_bar(t) / schedule.alpha_bar(s);
        let expected = transition.variance.powi(2) / (2.0 * variance * alpha * (1.0 - schedule.alpha_bar(t)));
        let found = gamma(variance.sqrt(), from, to);
        prop_assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    }

    /// Theorem 1: the divergence of two steps that differ in their estimate is gamma times the error of epsilon.
    #[test]
    fn gamma_is_the_weight_of_the_bound(
        (schedule, s, t) in schedule_and_step(), share in 0.05..0.99, epsilon in -2.0..2.0, estimate in -2.0..2.0
    ) {
        prop_assume!(s >= 1);
        let (from, to) = levels(&schedule, s, t);
        let sigma = share * to.sigma;
        let c = coefficients_of_sigma(sigma, to);
        let x_t = 0.3;
        let mean = |e: f64| {
            let x0 = (x_t - from.sigma * e) / from.alpha;
            c.x0 * x0 + c.epsilon * (x_t - from.alpha * x0) / from.sigma
        };
        let kl = (mean(epsilon) - mean(estimate)).powi(2) / (2.0 * sigma * sigma);
        let expected = gamma(sigma, from, to) * (epsilon - estimate).powi(2);
        prop_assert!((kl - expected).abs() <= 1e-8 * expected.max(1e-3), "{kl} {expected}");
    }

    #[test]
    fn two_steps_with_one_epsilon_are_one((schedule, s, t) in schedule_and_step(), x in -2.0..2.0, e in -2.0..2.0) {
        prop_assume!(t >= s + 2);
        let middle = Schedule::level(&schedule, ((s + t) / 2) as f64);
        let (from, to) = levels(&schedule, s, t);
        let step = |x: f64, from: NoiseLevel, to: NoiseLevel| {
            let c = coefficients(StepNoise::Eta(0.0), from, to);
            c.x0 * (x - from.sigma * e) / from.alpha + c.epsilon * e
        };
        let (two, one) = (step(step(x, from, middle), middle, to), step(x, from, to));
        prop_assert!((two - one).abs() < 1e-10 / from.alpha);
    }
}

#[test]
fn the_weight_of_the_last_step_is_the_decoders() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let (from, to) = levels(&schedule, 0, 1);
    // The decoder N(f(x_1), sigma_1^2): its divergence weight is the error of x_0 over 2 sigma_1^2.
    let sigma_1 = schedule.beta(1).sqrt();
    let expected = (1.0 - schedule.alpha_bar(1)) / (2.0 * sigma_1 * sigma_1 * schedule.alpha_bar(1));
    assert_relative_eq!(gamma(sigma_1, from, to), expected, max_relative = 1e-10);
}

#[test]
fn sigma_hat_breaks_the_marginals_and_its_direction_would_have_no_root() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let (from, to) = levels(&schedule, 1, 101);
    let (_, variance) = marginal_after(coefficients(StepNoise::SigmaHat, from, to));
    assert!(variance > 10.0 * to.sigma * to.sigma);
    assert!(transition_deviation(from, to) > to.sigma, "1 - alpha_bar - sigma_hat^2 is negative here");
}
