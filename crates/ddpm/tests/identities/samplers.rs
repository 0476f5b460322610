//! The ancestral chain, full and strided.

use std::cell::RefCell;

use ddpm::sample::{Ancestral, Network};
use easel_core::sampling::StepVariance;
use easel_core::{ModelVariance, NoiseSchedule, Parameterisation};
use proptest::prelude::*;
use tch::{Kind, Tensor};

use crate::common::{cases, distance, normal, scalar, schedule_and_times, schedules, values};

const SMALL: StepVariance = StepVariance::Fixed(ModelVariance::FixedSmall);
const LARGE: StepVariance = StepVariance::Fixed(ModelVariance::FixedLarge);

fn sampler<'a>(
    schedule: &'a NoiseSchedule,
    times: &'a [usize],
    parameterisation: Parameterisation,
    variance: StepVariance,
) -> Ancestral<'a> {
    tch::set_num_threads(1);
    Ancestral { schedule, times, parameterisation, variance, clip: false }
}

/// Some bounded function of x and t.
fn network(x: &Tensor, t: usize) -> Tensor {
    (x * 0.7 + t as f64 * 0.1).sin()
}

/// A function of whole times as a network.
fn whole<'a>(f: impl Fn(&Tensor, usize) -> Tensor + 'a) -> impl Network + 'a {
    move |x: &Tensor, t: f64| f(x, t as usize)
}

fn draws(shape: &[i64]) -> impl Fn(u64) -> Tensor {
    move |k| normal(1000 + k, shape)
}

/// Two channels of output from one: the prediction, and the constant `variance`.
fn with_variance(prediction: Tensor, variance: f64) -> Tensor {
    let extra = Tensor::full_like(&prediction, variance);
    Tensor::cat(&[prediction, extra], 1)
}

proptest! {
    #![proptest_config(cases(24))]

    /// The network that knows the point speaks of the step to t - 1 even where the chain is strided.
    #[test]
    fn a_point_mass_is_returned_by_any_times(
        (schedule, times) in schedule_and_times(),
        which in prop::sample::select(Parameterisation::ALL.to_vec()),
        variance in prop::sample::select(vec![SMALL, LARGE, StepVariance::LearnedRange]),
        seed: u64,
    ) {
        let point = normal(seed, &[1, 1, 4, 4]).to_kind(Kind::Double);
        let output = |x: &Tensor, t: usize| {
            let map = which.from_x0(schedule.alpha_bar(t), schedule.alpha_bar(t - 1));
            let exact = x * map.x_t + &point * map.other;
            if variance == StepVariance::LearnedRange { with_variance(exact, 0.3) } else { exact }
        };
        let start = normal(seed ^ 1, &[1, 1, 4, 4]).to_kind(Kind::Double);
        let estimates = RefCell::new(Vec::new());
        let observe = |step: ddpm::sample::Step<'_>| estimates.borrow_mut().push(distance(step.x0_hat, &point));
        let end = sampler(&schedule, &times, which, variance).run(&whole(output), start, draws(&[1, 1, 4, 4]), observe);
        // f64 throughout, but for the rounding that 1 / sqrt(alpha_bar) and 1 - alpha_bar magnify.
        prop_assert!(distance(&end, &point) < 1e-8, "{:?} at {:?}: {}", which, times, distance(&end, &point));
        prop_assert!(estimates.into_inner().iter().all(|d| *d < 1e-6));
    }

    /// Nichol and Dhariwal 2021, eq. 19: a strided chain is the full chain of the respaced schedule, whose network is
    /// told the original times.
    #[test]
    fn a_strided_chain_is_the_full_chain_of_the_respaced_schedule(
        (schedule, times) in schedule_and_times(),
        which in prop::sample::select(vec![Parameterisation::Epsilon, Parameterisation::X0, Parameterisation::V]),
        variance in prop::sample::select(vec![SMALL, LARGE]),
    ) {
        let respaced = schedule.respace(&times).unwrap();
        for (k, &t) in respaced.times.iter().enumerate() {
            prop_assert!((respaced.schedule.alpha_bar(k) - schedule.alpha_bar(t)).abs() < 1e-12);
        }
        let shape = [1, 1, 4, 4];
        let start = || normal(5, &shape).to_kind(Kind::Double);
        let mut strided = sampler(&schedule, &times, which, variance);
        strided.clip = true;
        let all: Vec<usize> = (1..=times.len()).collect();
        let full = Ancestral { schedule: &respaced.schedule, times: &all, ..strided };
        let a = strided.run(&whole(network), start(), draws(&shape), |_| {});
        let b = full.run(&whole(|x: &Tensor, k: usize| network(x, respaced.times[k])), start(), draws(&shape), |_| {});
        prop_assert!(distance(&a, &b) < 1e-6);
    }

    #[test]
    fn noise_is_asked_for_once_a_step_but_the_last((schedule, times) in schedule_and_times()) {
        let shape = [2, 1, 3, 3];
        let (asked, seen, told) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let denoiser = |x: &Tensor, t: usize| { told.borrow_mut().push(t); network(x, t) };
        let noise = |k: u64| { asked.borrow_mut().push(k); normal(k, &shape) };
        let observe = |step: ddpm::sample::Step<'_>| {
            let deterministic = step.x == step.x0_hat;
            seen.borrow_mut().push((step.t, deterministic));
        };
        let sampler = sampler(&schedule, &times, Parameterisation::V, LARGE);
        let _ = sampler.run(&whole(denoiser), normal(1, &shape), noise, observe);
        let down: Vec<usize> = times.iter().rev().copied().collect();
        prop_assert_eq!(told.into_inner(), down.clone());
        prop_assert_eq!(asked.into_inner(), (0..times.len() as u64 - 1).collect::<Vec<_>>());
        let seen = seen.into_inner();
        prop_assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), [&down[1..], &[0]].concat());
        prop_assert!(seen[seen.len() - 1].1, "the last step is not the estimate of x_0");
    }

    #[test]
    fn the_learned_range_ends_at_both_fixed_variances((schedule, times) in schedule_and_times()) {
        let shape = [1, 1, 4, 4];
        let run = |variance, output: f64| {
            let denoiser = |x: &Tensor, t: usize| with_variance(network(x, t), output);
            let fixed = |x: &Tensor, t: usize| network(x, t);
            let sampler = sampler(&schedule, &times, Parameterisation::V, variance);
            let x = normal(2, &shape);
            match variance {
                StepVariance::LearnedRange => sampler.run(&whole(denoiser), x, draws(&shape), |_| {}),
                StepVariance::Fixed(_) => sampler.run(&whole(fixed), x, draws(&shape), |_| {}),
            }
        };
        prop_assert!(distance(&run(StepVariance::LearnedRange, -1.0), &run(SMALL, 0.0)) < 1e-5);
        prop_assert!(distance(&run(StepVariance::LearnedRange, 1.0), &run(LARGE, 0.0)) < 1e-5);
    }

    /// Algorithm 2 as the paper writes it, line for line.
    #[test]
    fn all_times_give_algorithm_2(schedule in schedules(), large: bool) {
        let (steps, shape) = (schedule.steps(), [1, 1, 3, 3]);
        let all: Vec<usize> = (1..=steps).collect();
        let noise = draws(&shape);
        let sampler = sampler(&schedule, &all, Parameterisation::Epsilon, if large { LARGE } else { SMALL });
        // Small outputs: the one-liner does not clip, and 1 / sqrt(alpha_T) magnifies.
        let denoiser = |x: &Tensor, t: usize| x * schedule.sqrt_one_minus_alpha_bar(t);
        let start = normal(9, &shape).to_kind(Kind::Double);
        let found = sampler.run(&whole(denoiser), start.copy(), &noise, |_| {});
        let mut x = start;
        for (k, t) in (1..=steps).rev().enumerate() {
            let (alpha, alpha_bar) = (1.0 - schedule.beta(t), schedule.alpha_bar(t));
            let mean = (&x - denoiser(&x, t) * (schedule.beta(t) / (1.0 - alpha_bar).sqrt())) / alpha.sqrt();
            let small = (1.0 - schedule.alpha_bar(t - 1)) / (1.0 - alpha_bar) * schedule.beta(t);
            let sigma = if large { schedule.beta(t) } else { small }.sqrt();
            x = if t > 1 { mean + noise(k as u64) * sigma } else { mean };
        }
        prop_assert!(distance(&found, &x) < 1e-6, "{}", distance(&found, &x));
    }
}

/// Terminal mean and variance for data N(m, s^2) and its exact denoiser, propagated through the affine chain.
fn propagated(schedule: &NoiseSchedule, times: &[usize], m: f64, s: f64, large: bool) -> (f64, f64) {
    let (mut mean, mut variance) = (0.0, 1.0);
    for (i, &t) in times.iter().enumerate().rev() {
        let prev = if i == 0 { 0 } else { times[i - 1] };
        let (alpha_bar, signal) = (schedule.alpha_bar(t), schedule.sqrt_alpha_bar(t));
        let gain = signal * s * s / (alpha_bar * s * s + 1.0 - alpha_bar);
        let before = schedule.alpha_bar(prev);
        let beta = 1.0 - alpha_bar / before;
        let from_x0 = before.sqrt() * beta / (1.0 - alpha_bar);
        let from_x = (alpha_bar / before).sqrt() * (1.0 - before) / (1.0 - alpha_bar);
        let noise = if large { beta } else { (1.0 - before) / (1.0 - alpha_bar) * beta };
        mean = from_x0 * (m + gain * (mean - signal * m)) + from_x * mean;
        variance *= (from_x0 * gain + from_x).powi(2);
        variance += if prev > 0 { noise } else { 0.0 };
    }
    (mean, variance)
}

fn exact_denoiser(schedule: &NoiseSchedule, m: f64, s: f64) -> impl Network {
    move |x: &Tensor, t: f64| {
        let t = t as usize;
        let (alpha_bar, signal) = (schedule.alpha_bar(t), schedule.sqrt_alpha_bar(t));
        let gain = signal * s * s / (alpha_bar * s * s + 1.0 - alpha_bar);
        (x - signal * m) * gain + m
    }
}

/// The same of the sampler, without chance: one pixel for the start and one for each draw carries that source alone,
/// and one carries none, which is the mean.
fn measured(schedule: &NoiseSchedule, times: &[usize], m: f64, s: f64, large: bool) -> (f64, f64) {
    let sources = times.len() as i64; // the start, and a draw for every step but the last
    let unit = |at: i64| {
        let x = Tensor::zeros([1, 1, 1, sources + 1], (Kind::Double, tch::Device::Cpu));
        let _ = x.narrow(3, at, 1).fill_(1.0);
        x
    };
    let sampler = sampler(schedule, times, Parameterisation::X0, if large { LARGE } else { SMALL });
    let end = sampler.run(&exact_denoiser(schedule, m, s), unit(1), |k| unit(2 + k as i64), |_| {});
    let end = values(&end);
    (end[0], end[1..].iter().map(|v| (v - end[0]).powi(2)).sum())
}

#[test]
fn gaussian_data_are_sampled_with_the_propagated_moments() {
    for (schedule, count) in [
        (NoiseSchedule::linear(50).unwrap(), 50),
        (NoiseSchedule::linear(200).unwrap(), 20),
        (NoiseSchedule::cosine(100).unwrap(), 100),
    ] {
        let times = easel_core::spacing::even(schedule.steps(), count).unwrap();
        for (m, s) in [(0.0, 0.5), (0.3, 1.0), (-0.8, 0.2)] {
            let [small, large] = [false, true].map(|large| {
                let (expected, found) =
                    (propagated(&schedule, &times, m, s, large), measured(&schedule, &times, m, s, large));
                assert!((found.0 - expected.0).abs() < 1e-9, "mean {}, expected {}", found.0, expected.0);
                // The deviations are rounded to f32.
                assert!((found.1 / expected.1 - 1.0).abs() < 1e-6, "variance {}, expected {}", found.1, expected.1);
                found.1
            });
            assert!(small < s * s, "fixed small must err below: {small} against {}", s * s);
            if s < 1.0 && count == schedule.steps() && count == 50 {
                assert!(s * s < large, "fixed large must err above: {large} against {}", s * s);
            }
            if s == 1.0 && count == schedule.steps() {
                // Fixed large is exact there, but for the last noise, which is left out.
                assert!((large - (1.0 - schedule.beta(1))).abs() < 1e-6, "{large}");
            }
        }
    }
}

/// The errors at s = 0.5 fall as 1/T, from below and from above.
#[test]
fn both_fixed_variances_close_in_on_the_data() {
    let error = |steps: usize, large: bool| {
        let schedule = NoiseSchedule::linear(steps).unwrap();
        let times: Vec<usize> = (1..=steps).collect();
        measured(&schedule, &times, 0.0, 0.5, large).1 - 0.25
    };
    for large in [false, true] {
        let errors = [50, 200].map(|steps| error(steps, large));
        assert!(errors.iter().all(|e| (*e > 0.0) == large), "{errors:?}");
        let ratio = errors[0] / errors[1];
        assert!((3.0..5.0).contains(&ratio), "four times the steps divide the error by {ratio}");
    }
}

#[test]
fn samples_have_the_propagated_moments() {
    let schedule = NoiseSchedule::linear(30).unwrap();
    let times: Vec<usize> = (1..=30).collect();
    let (shape, n) = ([1, 1, 150, 150], 150.0 * 150.0);
    let sampler = sampler(&schedule, &times, Parameterisation::X0, SMALL);
    let x = sampler.run(&exact_denoiser(&schedule, 0.3, 0.5), normal(1, &shape), draws(&shape), |_| {});
    let (mean, variance) = propagated(&schedule, &times, 0.3, 0.5, false);
    let (found_mean, found_variance) = (x.mean(Kind::Double).double_value(&[]), x.var(true).double_value(&[]));
    assert!((found_mean - mean).abs() < 4.0 * (variance / n).sqrt(), "{found_mean}, expected {mean}");
    assert!(
        (found_variance / variance - 1.0).abs() < 4.0 * (2.0f64 / n).sqrt(),
        "{found_variance}, expected {variance}"
    );
}

#[test]
fn nothing_that_is_handed_in_or_out_changes_afterwards() {
    let schedule = NoiseSchedule::linear(40).unwrap();
    let (times, shape) = ([1, 7, 20, 40], [1, 1, 4, 4]);
    let kept = RefCell::new(Vec::new());
    let keep = |x: &Tensor| kept.borrow_mut().push((x.shallow_clone(), x.copy()));
    let denoiser = |x: &Tensor, t: usize| {
        keep(x);
        let output = with_variance(network(x, t), 0.2);
        keep(&output);
        output
    };
    let noise = |k: u64| {
        let z = normal(k, &shape);
        keep(&z);
        z
    };
    let mut sampler = sampler(&schedule, &times, Parameterisation::V, StepVariance::LearnedRange);
    sampler.clip = true;
    let start = normal(8, &shape);
    keep(&start);
    let _ = sampler.run(&whole(denoiser), start, noise, |step| {
        keep(step.x);
        keep(step.x0_hat);
    });
    let kept = kept.into_inner();
    assert_eq!(kept.len(), 1 + 4 * 2 + 3 + 4 * 2);
    assert!(kept.iter().all(|(now, then)| now == then));
}

#[test]
fn clipping_keeps_the_estimate_in_range() {
    let schedule = NoiseSchedule::cosine(50).unwrap();
    let (times, shape): (Vec<usize>, _) = ((1..=50).collect(), [1, 1, 4, 4]);
    let run = |clip: bool| {
        let sampler = Ancestral { clip, ..sampler(&schedule, &times, Parameterisation::Epsilon, SMALL) };
        let largest = RefCell::new(0f64);
        let observe = |step: ddpm::sample::Step<'_>| {
            let now = distance(step.x0_hat, &scalar(0.0, step.x0_hat));
            let mut largest = largest.borrow_mut();
            *largest = largest.max(now);
        };
        let x = sampler.run(&|x: &Tensor, _: f64| x * 0.1, normal(3, &shape), draws(&shape), observe);
        assert!(!clip || distance(&x, &scalar(0.0, &x)) <= 1.0);
        largest.into_inner()
    };
    assert_eq!(run(true), 1.0);
    assert!(run(false) > 10.0);
}
