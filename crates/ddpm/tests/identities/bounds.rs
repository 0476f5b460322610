//! The evaluated bound, against scalars and as a sum.

use std::cell::RefCell;

use ddpm::DdpmConfig;
use ddpm::bound::{Bound, Term, evaluate};
use ddpm::config::VarianceConfig;
use easel_core::gaussian::{self, Cdf};
use easel_core::posterior::learned_range_log_variance;
use easel_core::{ModelVariance, NoiseSchedule};
use tch::Tensor;

use crate::common::{constant_network, levels, normal, process, tiny, values};

const STEPS: usize = 30;

fn noise(t: usize) -> Tensor {
    normal(t as u64, &[2, 1, 4, 4])
}

/// The bound of a network that always puts out `output` (and `variance`).
fn bound(config: &DdpmConfig, bias: &[f32], stride: usize) -> Bound {
    let network = constant_network(config, bias);
    let process = process(&NoiseSchedule::linear(STEPS).unwrap(), config.parameterisation);
    evaluate(&network, &process, &levels(77, &[2, 1, 4, 4]), stride, noise, |_| {})
}

/// The same in scalars: (bits, mean squared errors of x_0 and of epsilon, how many estimates were clipped).
fn expected(t: usize, output: f64, log_variance: f64) -> (f64, f64, f64, usize) {
    let schedule = NoiseSchedule::linear(STEPS).unwrap();
    let (x0, epsilon) = (values(&levels(77, &[2, 1, 4, 4])), values(&noise(t)));
    let (signal, sigma) = (schedule.sqrt_alpha_bar(t), schedule.sqrt_one_minus_alpha_bar(t));
    let posterior = schedule.posterior(t - 1, t);
    let (mut nats, mut x0_error, mut epsilon_error, mut clipped) = (0.0, 0.0, 0.0, 0);
    for (x0, epsilon) in x0.iter().zip(epsilon) {
        let x_t = signal * x0 + sigma * epsilon;
        let estimate = signal * x_t - sigma * output;
        clipped += usize::from(estimate.abs() > 1.0);
        let estimate = estimate.clamp(-1.0, 1.0);
        let mean = |x0: f64| posterior.x0 * x0 + posterior.x_t * x_t;
        nats += match t {
            1 => -gaussian::discretised_log_likelihood(*x0, mean(estimate), log_variance, Cdf::Erf),
            _ => gaussian::kl(mean(*x0), posterior.variance.ln(), mean(estimate), log_variance),
        };
        x0_error += (x0 - estimate).powi(2);
        epsilon_error += (epsilon - (x_t - signal * estimate) / sigma).powi(2);
    }
    (nats / 32.0 / std::f64::consts::LN_2, x0_error / 32.0, epsilon_error / 32.0, clipped)
}

#[test]
fn terms_are_those_of_the_scalar_formulas_with_clipped_estimates() {
    let schedule = NoiseSchedule::linear(STEPS).unwrap();
    for (kind, bias) in [
        (VarianceConfig::FixedSmall, vec![0.25f32]),
        (VarianceConfig::FixedLarge, vec![0.25]),
        (VarianceConfig::LearnedRange, vec![0.25, 0.5]),
    ] {
        let found = bound(&tiny(STEPS, kind), &bias, 1);
        assert_eq!(found.terms.iter().map(|term| term.t).collect::<Vec<_>>(), (1..=STEPS).collect::<Vec<_>>());
        let mut clipped = 0;
        for term in &found.terms {
            let log_variance = match kind {
                VarianceConfig::FixedSmall => ModelVariance::FixedSmall.log_variance(&schedule, term.t),
                VarianceConfig::FixedLarge => ModelVariance::FixedLarge.log_variance(&schedule, term.t),
                VarianceConfig::LearnedRange => learned_range_log_variance(&schedule, term.t, 0.5),
            };
            let (bits, x0_mse, epsilon_mse, out_of_range) = expected(term.t, 0.25, log_variance);
            clipped += out_of_range;
            let close = |found: f64, expected: f64| (found - expected).abs() < 2e-4 * expected + 1e-6;
            assert!(close(term.bits, bits), "{kind:?}, t = {}: {} bits, expected {bits}", term.t, term.bits);
            assert!(close(term.x0_mse, x0_mse) && close(term.epsilon_mse, epsilon_mse), "{kind:?}: {term:?}");
        }
        assert!(clipped > 0, "nothing was clipped, so clipping was not tested");
        let x0 = values(&levels(77, &[2, 1, 4, 4]));
        let prior = x0.iter().map(|&x| gaussian::prior_kl(x, schedule.alpha_bar(STEPS))).sum::<f64>() / 32.0;
        assert!((found.prior * std::f64::consts::LN_2 / prior - 1.0).abs() < 1e-4);
        let sum: f64 = found.terms.iter().map(|term| term.bits).sum();
        assert!((found.total() - found.prior - sum).abs() < 1e-12 * sum);
    }
}

#[test]
fn every_stride_covers_every_time_once() {
    let (config, every) =
        (tiny(STEPS, VarianceConfig::FixedSmall), bound(&tiny(STEPS, VarianceConfig::FixedSmall), &[0.1], 1));
    for stride in 0..STEPS + 3 {
        let network = constant_network(&config, &[0.1]);
        let process = process(&NoiseSchedule::linear(STEPS).unwrap(), config.parameterisation);
        let (asked, told) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let noise = |t| {
            asked.borrow_mut().push(t);
            noise(t)
        };
        let found =
            evaluate(&network, &process, &levels(77, &[2, 1, 4, 4]), stride, noise, |n| told.borrow_mut().push(n));
        assert_eq!(found.terms.iter().map(|term| term.t).collect::<Vec<_>>(), asked.into_inner());
        assert_eq!(told.into_inner(), (1..=found.terms.len()).collect::<Vec<_>>());
        let mut first = 1;
        for term in &found.terms {
            let length = term.weight as usize;
            assert!((first..first + length).contains(&term.t), "stride {stride}: {term:?} is outside its block");
            assert!(length <= stride.max(1));
            // A term is the same whichever stride asks for it.
            assert_eq!(Term { weight: 1.0, ..*term }, every.terms[term.t - 1]);
            first += length;
        }
        assert_eq!(first, STEPS + 1, "stride {stride}: the weights do not sum to T");
        let sum: f64 = found.terms.iter().map(|term| term.bits * term.weight).sum();
        assert!((found.total() - found.prior - sum).abs() < 1e-12 * sum);
    }
}

#[test]
fn the_rate_starts_at_the_prior_never_falls_and_ends_before_the_decoder() {
    let bound = bound(&tiny(STEPS, VarianceConfig::FixedLarge), &[0.1], 1);
    let points = bound.rate_distortion();
    assert_eq!(points.iter().map(|p| p.0).collect::<Vec<_>>(), (1..=STEPS).rev().collect::<Vec<_>>());
    assert_eq!(points[0].1, bound.prior);
    assert!(points.windows(2).all(|w| w[0].1 <= w[1].1));
    assert!((points[STEPS - 1].1 + bound.terms[0].bits - bound.total()).abs() < 1e-12 * bound.total());
    for (point, term) in points.iter().zip(bound.terms.iter().rev()) {
        assert_eq!(point.2, 255.0 / 2.0 * term.x0_mse.sqrt());
    }
}

/// With equal terms the rate is linear in t, and a stride must not move the line.
#[test]
fn a_stride_does_not_shift_the_rate() {
    for stride in 1..12 {
        let mut terms = bound(&tiny(STEPS, VarianceConfig::FixedSmall), &[0.1], stride).terms;
        terms.iter_mut().for_each(|term| term.bits = 0.25);
        for (t, rate, _) in (Bound { prior: 0.5, terms }).rate_distortion() {
            assert_eq!(rate, 0.5 + 0.25 * (STEPS - t) as f64, "stride {stride}, t = {t}");
        }
    }
}
