//! Editing of guides, on data whose law is known.

use ddim::{StepNoise, ddim};
use easel_core::sampling::{NoiseLevel, Run, Schedule, State, VpLinear, falling};
use easel_core::spacing::leading;
use easel_core::{NoiseSchedule, Spacing};
use inpaint::sdedit::steps_of_strength;
use inpaint::{Start, ddim_step, sdedit, sdedit_masked};
use proptest::prelude::*;

use crate::common::times;
use crate::law::{Gaussian, Law, exactly, known, watched};

const MEAN: f64 = 0.4;
const DEVIATION: f64 = 0.5;
const GUIDE: f64 = 1.5;

/// Mean and variance of the edited guide when the reverse process is exact.
fn stochastic_law(level: NoiseLevel) -> (f64, f64) {
    let (a, s2) = (level.alpha_bar(), DEVIATION * DEVIATION);
    let spread = a * s2 + 1.0 - a;
    let k = a.sqrt() * s2 / spread;
    (MEAN + k * a.sqrt() * (GUIDE - MEAN), s2 * (1.0 - a) / spread + k * k * (1.0 - a))
}

/// The same of the probability-flow ODE.
fn deterministic_law(level: NoiseLevel) -> (f64, f64) {
    let (a, s2) = (level.alpha_bar(), DEVIATION * DEVIATION);
    let spread = a * s2 + 1.0 - a;
    (MEAN + DEVIATION * a.sqrt() * (GUIDE - MEAN) / spread.sqrt(), s2 * (1.0 - a) / spread)
}

fn data() -> Gaussian {
    Gaussian::independent(MEAN, DEVIATION * DEVIATION)
}

fn edited(
    schedule: &dyn Schedule,
    times: &[f64],
    start: Start,
    sampler: impl FnOnce(Run<'_, Law>, Law) -> Law,
) -> (f64, f64) {
    let guide = Law::constant([GUIDE; 2]);
    let end = exactly(&data(), schedule, times, |run| sdedit(run, &guide, start, sampler)).expect("a possible start");
    (end.mean(1), end.variance(1))
}

fn assert_close(found: (f64, f64), expected: (f64, f64), tolerance: f64) {
    let distance = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
    assert!(distance < tolerance, "{found:?}, expected {expected:?}");
}

/// One step with the exact law of x_0 given x_t.
fn exact_posterior(mut run: Run<'_, Law>, x: Law) -> Law {
    let levels = run.levels();
    let (level, end) = (levels[0], levels[levels.len() - 1]);
    let z = run.normal(0, 0, level, end);
    let deviation = data().uncertainty(level)[[0, 0]].sqrt();
    Law::combine(&[(1.0, &data().estimate(&x, level)), (deviation, &z)])
}

/// The solution of the ODE in one step.
fn exact_flow(run: Run<'_, Law>, x: Law) -> Law {
    let level = run.levels()[0];
    let scale = DEVIATION / (level.alpha * DEVIATION).hypot(level.sigma);
    Law::combine(&[(1.0 - scale * level.alpha, &Law::constant([MEAN; 2])), (scale, &x)])
}

proptest! {
    #[test]
    fn exact_reverse_processes_give_the_closed_forms(t_0 in 0.001..=1.0) {
        let (schedule, times) = (VpLinear::PUBLISHED, [1.0, 0.0]);
        let level = schedule.level(t_0);
        assert_close(edited(&schedule, &times, Start::Time(t_0), exact_posterior), stochastic_law(level), 1e-12);
        assert_close(edited(&schedule, &times, Start::Time(t_0), exact_flow), deterministic_law(level), 1e-12);
    }

    #[test]
    fn strength_is_the_share_of_steps_executed(strength in 0.0..=1.0, steps in 1usize..60) {
        let schedule = NoiseSchedule::linear(100).expect("a schedule");
        let times = times(&schedule, Spacing::Trailing, steps);
        let mut evaluations = 0;
        watched(&data(), &schedule, &times, |_, _| evaluations += 1, |run| {
            sdedit(run, &Law::constant([GUIDE; 2]), Start::Strength(strength), |run, x| {
                ddim(run, x, StepNoise::Eta(1.0))
            })
        }).expect("a possible start");
        prop_assert_eq!(evaluations, (strength * steps as f64) as usize);
        prop_assert_eq!(steps_of_strength(strength, steps), Ok(evaluations));
    }

    #[test]
    fn a_start_in_time_leaves_the_steps_below_it(share in 0.0..=1.0, steps in 1usize..60) {
        let times: Vec<f64> = (0..=steps).rev().map(|i| i as f64 / steps as f64).collect();
        let left = Start::Time(share).remaining(&times, 1.0).expect("a possible start");
        prop_assert_eq!(left[0], share);
        prop_assert_eq!(left.len() - 1, (share * steps as f64).ceil() as usize);
        prop_assert!(left.windows(2).all(|w| w[1] < w[0]) && left[left.len() - 1] == 0.0);
    }
}

/// Half the steps of the published 500.
#[test]
fn published_start_does_half_the_steps() {
    let times: Vec<f64> = (0..=500).rev().map(|i| f64::from(i) / 500.0).collect();
    assert_eq!(Start::Time(0.5).remaining(&times, 1.0).expect("possible").len() - 1, 250);
}

#[test]
fn chains_converge_to_the_closed_forms_with_order_one() {
    let schedule = VpLinear::PUBLISHED;
    let level = schedule.level(0.5);
    for (eta, exact) in [(0.0, deterministic_law(level)), (1.0, stochastic_law(level))] {
        let error = |steps: u32| {
            let times: Vec<f64> = (0..=steps).rev().map(|i| f64::from(i) / f64::from(steps)).collect();
            let (mean, variance) =
                edited(&schedule, &times, Start::Time(0.5), |run, x| ddim(run, x, StepNoise::Eta(eta)));
            [(mean - exact.0).abs(), (variance - exact.1).abs()]
        };
        let (some, more) = (error(1000), error(2000));
        for i in 0..2 {
            // The mean of the ancestral chain is exact at any number of steps.
            let order = if some[i] < 1e-12 { 1.0 } else { (some[i] / more[i]).log2() };
            assert!(more[i] < 3e-3 && (order - 1.0).abs() < 0.1, "eta {eta}: {some:?} {more:?}, order {order}");
        }
    }
}

#[test]
fn little_noise_leaves_the_guide_and_much_leaves_the_data() {
    let schedule = VpLinear::PUBLISHED;
    let guide = |law: (f64, f64)| assert_close(law, (GUIDE, 0.0), 1e-3);
    let near = schedule.level(1e-4);
    guide(stochastic_law(near));
    guide(deterministic_law(near));
    guide(edited(&schedule, &[1.0, 0.0], Start::Time(1e-4), exact_posterior));
    let all = |law: (f64, f64)| assert_close(law, (MEAN, DEVIATION * DEVIATION), 1e-2);
    all(edited(&schedule, &[1.0, 0.0], Start::Time(1.0), exact_posterior));
    all(edited(&schedule, &[1.0, 0.0], Start::Time(1.0), exact_flow));
    assert_eq!(edited(&schedule, &[1.0, 0.0], Start::Time(0.0), exact_flow), (GUIDE, 0.0));
}

#[test]
fn distance_to_the_guide_grows_with_strength() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let times = times(&schedule, Spacing::Trailing, 50);
    for eta in [0.0, 1.0] {
        let distance = |tenths: u32| {
            let strength = Start::Strength(f64::from(tenths) / 10.0);
            let (mean, variance) = edited(&schedule, &times, strength, |run, x| ddim(run, x, StepNoise::Eta(eta)));
            (mean - GUIDE).powi(2) + variance
        };
        let distances: Vec<f64> = (0..=10).map(distance).collect();
        assert_eq!(distances[0], 0.0, "strength 0 is the guide itself");
        assert!(distances.windows(2).all(|d| d[0] < d[1]), "eta {eta}: {distances:?}");
    }
}

/// Latent diffusion's grid of 50 steps.
#[test]
fn published_starts_of_strengths() {
    let times = falling(&leading(1000, 50, 1).expect("a possible count"));
    for (strength, steps, timestep) in [(0.3, 15, 281.0), (0.5, 25, 481.0), (0.8, 40, 781.0), (1.0, 50, 981.0)] {
        let left = Start::Strength(strength).remaining(&times, 1000.0).expect("a possible start");
        assert_eq!((left.len() - 1, left[0] - 1.0), (steps, timestep));
    }
    let schedule = NoiseSchedule::scaled_linear(1000, 0.00085, 0.012).expect("a schedule");
    assert!((schedule.sqrt_alpha_bar(982) - 0.076).abs() < 5e-4, "strength 1 is not pure noise");
    assert_eq!((steps_of_strength(0.3, 10), steps_of_strength(0.29, 100)), (Ok(3), Ok(28)));
}

#[test]
fn masked_editing_keeps_what_is_known_at_every_level() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let times = times(&schedule, Spacing::Trailing, 50);
    let guide = known([1.0, 0.0], GUIDE);
    for eta in [0.0, 1.0] {
        let mut seen = 0;
        let see = |x: &Law, level: NoiseLevel| {
            let (mean, variance) = (x.mean(0) - level.alpha * GUIDE, x.variance(0) - level.sigma.powi(2));
            assert!(mean.abs() < 1e-12 && variance.abs() < 1e-12, "{level:?}");
            // One noise throughout: the known pixel has no other.
            let noise = Law::combine(&[(level.sigma, &Law::lasting()), (level.alpha, &guide.x0)]);
            assert!(x.difference(&noise, 0) < 1e-12);
            seen += 1;
        };
        let end = watched(&Gaussian::correlated(), &schedule, &times, see, |run| {
            sdedit_masked(run, &guide, Start::Strength(0.6), ddim_step(StepNoise::Eta(eta)))
        })
        .expect("a possible start");
        assert_eq!((seen, end.mean(0), end.variance(0)), (30, GUIDE, 0.0));
        assert!(end.variance(1) > 0.0);
    }
}

#[test]
fn impossible_starts_are_refused() {
    let times = [0.8, 0.4, 0.0];
    for value in [-0.1, 1.1, f64::NAN] {
        assert!(Start::Strength(value).remaining(&times, 1.0).is_err());
        assert!(Start::Time(value).remaining(&times, 1.0).is_err());
    }
    assert!(Start::Time(0.9).remaining(&times, 1.0).is_err(), "above the first time");
    assert!(Start::Strength(0.5).remaining(&[], 1.0).is_err());
    let schedule = VpLinear::PUBLISHED;
    let refused = exactly(&data(), &schedule, &[0.4, 0.8], |run| {
        sdedit(run, &Law::constant([GUIDE; 2]), Start::Strength(0.5), exact_flow).is_err()
    });
    assert!(refused, "times that rise");
}
