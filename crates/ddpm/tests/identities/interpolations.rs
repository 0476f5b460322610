//! Mixtures of two noised pictures.

use ddpm::interpolate::mix;
use easel_core::{NoiseSchedule, Parameterisation};
use tch::{Kind, Tensor};

use crate::common::{distance, levels, normal, process, times};

const LAMBDAS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

#[test]
fn the_ends_are_the_noised_pictures() {
    let schedule = NoiseSchedule::linear(100).unwrap();
    let process = process(&schedule, Parameterisation::V);
    let shape = [1, 2, 6, 6];
    let (x, y, epsilon) = (levels(1, &shape), levels(2, &shape), normal(3, &shape));
    for t in [1, 40, 100] {
        let rows = mix(&schedule, &x, &y, t, &epsilon, &LAMBDAS);
        assert_eq!(rows.size(), [5, 2, 6, 6]);
        assert!(distance(&rows.narrow(0, 0, 1), &process.q_sample(&x, &times(&[t]), &epsilon)) < 1e-6);
        assert!(distance(&rows.narrow(0, 4, 1), &process.q_sample(&y, &times(&[t]), &epsilon)) < 1e-6);
    }
    let pixels = mix(&schedule, &x, &y, 0, &epsilon, &LAMBDAS);
    assert!(distance(&pixels.narrow(0, 1, 1), &(&x * 0.75 + &y * 0.25)) < 1e-6);
    assert_eq!(pixels.narrow(0, 0, 1), x);
}

/// Shared noise keeps the noise at 1 - alpha_bar_t; independent noises would shrink it by (1 - lambda)^2 + lambda^2.
#[test]
fn shared_noise_keeps_its_level() {
    let (schedule, t, shape) = (NoiseSchedule::linear(100).unwrap(), 60, [1, 1, 400, 400]);
    let (x, y, epsilon) = (levels(1, &shape), levels(2, &shape), normal(3, &shape));
    let share = |rows: &Tensor, i: usize, lambda: f64| {
        let clean = (&x * (1.0 - lambda) + &y * lambda) * schedule.sqrt_alpha_bar(t);
        let residue = rows.narrow(0, i as i64, 1) - clean;
        residue.square().mean(Kind::Double).double_value(&[]) / (1.0 - schedule.alpha_bar(t))
    };
    let shared = mix(&schedule, &x, &y, t, &epsilon, &LAMBDAS);
    let other = mix(&schedule, &x, &y, t, &normal(4, &shape), &LAMBDAS);
    for (i, lambda) in LAMBDAS.into_iter().enumerate() {
        assert!((share(&shared, i, lambda) - 1.0).abs() < 0.02, "lambda {lambda}");
        let independent = shared.narrow(0, 0, 1) * (1.0 - lambda) + other.narrow(0, 4, 1) * lambda;
        let shrunk = (1.0 - lambda).powi(2) + lambda * lambda;
        assert!((share(&independent, 0, lambda) - shrunk).abs() < 0.02, "lambda {lambda}");
    }
}
