//! Inversion.

use ddim::{StepNoise, ddim, encode};
use easel_core::{Noise, NoiseSchedule, Spacing};
use ndarray::Array2;

use crate::common::{mixture, quietly, times};

/// Mean squared error of data encoded and reconstructed with K steps.
fn round_trip(steps: usize) -> f64 {
    let (mixture, schedule) = (mixture(), NoiseSchedule::linear(1000).expect("a schedule"));
    let data = mixture.sample(&Noise::new(2).purpose("data"), 0, 0, 256);
    let times = times(&schedule, Spacing::Trailing, steps);
    let denoise = |x: &Array2<f64>, level| mixture.estimate(x, level);
    let code = quietly(&schedule, &times, denoise, |run| encode(run, data.clone()));
    let back = quietly(&schedule, &times, denoise, |run| ddim(run, code, StepNoise::Eta(0.0)));
    (&back - &data).mapv(|d| d * d).mean().expect("not empty")
}

#[test]
fn inversion_error_falls_with_the_square_of_the_steps() {
    let errors = [50, 100, 200].map(round_trip);
    for pair in errors.windows(2) {
        let ratio = pair[0] / pair[1];
        assert!((3.4..=4.6).contains(&ratio), "the error fell by {ratio}: {errors:?}");
    }
}

#[test]
fn the_code_of_data_is_standard_normal() {
    let (mixture, schedule) = (mixture(), NoiseSchedule::linear(1000).expect("a schedule"));
    let data = mixture.sample(&Noise::new(1).purpose("data"), 0, 0, 4000);
    let times = times(&schedule, Spacing::Trailing, 200);
    let code = quietly(&schedule, &times, |x: &Array2<f64>, l| mixture.estimate(x, l), |run| encode(run, data));
    let (mean, square) = (code.mean().expect("not empty"), code.mapv(|x| x * x).mean().expect("not empty"));
    assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.08, "mean {mean}, mean square {square}");
}
