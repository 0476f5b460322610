//! Inputs and runs for the property tests of the sampler crates, which include this file.

#![allow(dead_code)] // each crate uses its part

use easel_core::sampling::{NoiseLevel, NoiseSource, Run, Schedule, falling, no_noise};
use easel_core::{GaussianMixture, Noise, NoiseSchedule, Spacing};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// A schedule of 21 to 1000 steps of one of four kinds.
pub fn schedules() -> impl Strategy<Value = NoiseSchedule> {
    (0..4, 21usize..1000).prop_map(|(kind, steps)| {
        let schedule = match kind {
            0 => NoiseSchedule::linear(steps),
            1 => NoiseSchedule::scaled_linear(steps, 0.00085, 0.012),
            2 => NoiseSchedule::cosine(steps),
            _ => NoiseSchedule::sigmoid_alpha_bar(steps, -3.0, 3.0, 1.0),
        };
        schedule.expect("all kinds exist from 21 steps on")
    })
}

/// A schedule and a rising list of its times, any sub-sequence of 1..=T.
pub fn schedule_and_times() -> impl Strategy<Value = (NoiseSchedule, Vec<usize>)> {
    schedules().prop_flat_map(|schedule| {
        let steps = schedule.steps();
        let times = prop::collection::btree_set(1..=steps, 1..12).prop_map(|set| set.into_iter().collect());
        (Just(schedule), times)
    })
}

/// A schedule and the levels of two of its times, 0 <= s < t.
pub fn schedule_and_step() -> impl Strategy<Value = (NoiseSchedule, usize, usize)> {
    schedules().prop_flat_map(|schedule| {
        let steps = schedule.steps();
        (Just(schedule), 1..=steps).prop_flat_map(|(schedule, t)| (Just(schedule), 0..t, Just(t)))
    })
}

/// The mixture of the order tests: means -1, 0.3, 1.2; deviations 0.25, 0.3, 0.2; weights 0.3, 0.3, 0.4.
pub fn mixture() -> GaussianMixture {
    let (means, deviations) = (array![[-1.0], [0.3], [1.2]], array![0.25, 0.3, 0.2]);
    GaussianMixture::isotropic(array![0.3, 0.3, 0.4].view(), means.view(), deviations.view()).expect("a mixture")
}

/// `count` standard normals as points of one dimension.
pub fn normals(seed: u64, count: usize) -> Array2<f64> {
    let mut values = vec![0.0; count];
    Noise::new(seed).purpose("test").normal_f64(0, 0, &mut values);
    Array2::from_shape_vec((count, 1), values).expect("one column")
}

/// K falling times with 0 at the end.
pub fn times(schedule: &NoiseSchedule, spacing: Spacing, count: usize) -> Vec<f64> {
    falling(&spacing.times(schedule.steps(), count).expect("a possible count"))
}

/// Runs `sampler` with a denoiser and noise.
pub fn with_run<S, R>(
    schedule: &dyn Schedule,
    times: &[f64],
    mut denoiser: impl FnMut(&S, NoiseLevel) -> S,
    noise: &mut dyn NoiseSource<S>,
    sampler: impl FnOnce(Run<'_, S>) -> R,
) -> R {
    sampler(Run { denoiser: &mut denoiser, schedule, times, noise, observer: &mut |_| {} })
}

/// The same for a deterministic sampler.
pub fn quietly<S, R>(
    schedule: &dyn Schedule,
    times: &[f64],
    denoiser: impl FnMut(&S, NoiseLevel) -> S,
    sampler: impl FnOnce(Run<'_, S>) -> R,
) -> R {
    with_run(schedule, times, denoiser, &mut no_noise, sampler)
}
