//! Randomness: addressed, reproducible, and of the right distribution.

use easel_core::{Noise, Stream};
use proptest::prelude::*;

fn stream(name: &str) -> Stream {
    Noise::new(2024).purpose(name)
}

fn normals(stream: &Stream, step: u64, sample: u64, count: usize) -> Vec<f64> {
    let mut values = vec![0.0; count];
    stream.normal_f64(step, sample, &mut values);
    values
}

/// Pearson's statistic against equal expectations, in standard deviations above its mean.
fn chi_square_excess(counts: &[usize]) -> f64 {
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let statistic: f64 = counts.iter().map(|&c| (c as f64 - expected).powi(2) / expected).sum();
    let freedom = (counts.len() - 1) as f64;
    (statistic - freedom) / (2.0 * freedom).sqrt()
}

proptest! {
    #[test]
    fn a_shorter_draw_is_a_prefix_of_a_longer_one(seed: u64, step: u64, sample: u64, short in 0usize..40) {
        let stream = Noise::new(seed).purpose("prefix");
        prop_assert_eq!(&normals(&stream, step, sample, short)[..], &normals(&stream, step, sample, 40)[..short]);
    }

    #[test]
    fn every_part_of_the_address_matters(seed: u64, step: u64, sample: u64, change in 1u64..) {
        let draw = |seed, purpose, step, sample| normals(&Noise::new(seed).purpose(purpose), step, sample, 4);
        let base = draw(seed, "train", step, sample);
        prop_assert_eq!(&base, &draw(seed, "train", step, sample));
        prop_assert_ne!(&base, &draw(seed ^ change, "train", step, sample));
        prop_assert_ne!(&base, &draw(seed, "train", step ^ change, sample));
        prop_assert_ne!(&base, &draw(seed, "train", step, sample ^ change));
        prop_assert_ne!(&base, &draw(seed, "trail", step, sample));
    }

    #[test]
    fn single_precision_is_double_precision_rounded(seed: u64, sample: u64) {
        let stream = Noise::new(seed).purpose("precision");
        let mut single = [0f32; 16];
        stream.normal(7, sample, &mut single);
        let rounded: Vec<f32> = normals(&stream, 7, sample, 16).iter().map(|&v| v as f32).collect();
        prop_assert_eq!(&single[..], &rounded[..]);
    }

    #[test]
    fn a_permutation_holds_every_index_once(seed: u64, epoch: u64, n in 0usize..200) {
        let mut order = Noise::new(seed).purpose("order").permutation(epoch, n);
        order.sort_unstable();
        prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
    }

    #[test]
    fn uniforms_and_integers_stay_in_range(seed: u64, sample: u64, n in 1usize..1000) {
        let stream = Noise::new(seed).purpose("range");
        let mut values = [0.0; 8];
        stream.uniform(0, sample, &mut values);
        prop_assert!(values.iter().all(|v| (0.0..1.0).contains(v)));
        prop_assert!(stream.below(0, sample, n) < n);
        prop_assert!((1..=n).contains(&stream.time(0, sample, n)));
    }
}

#[test]
fn normals_have_the_moments_of_a_standard_normal() {
    // Across elements, samples and steps alike; five standard errors each.
    let stream = stream("moments");
    let across: [Vec<f64>; 3] = [
        normals(&stream, 0, 0, 100_000),
        (0..100_000).map(|sample| normals(&stream, 1, sample, 1)[0]).collect(),
        (0..100_000).map(|step| normals(&stream, step, 2, 1)[0]).collect(),
    ];
    for values in across {
        let moment = |k: i32| values.iter().map(|v| v.powi(k)).sum::<f64>() / values.len() as f64;
        let error = |variance: f64| 5.0 * (variance / values.len() as f64).sqrt();
        assert!(moment(1).abs() < error(1.0));
        assert!((moment(2) - 1.0).abs() < error(2.0));
        assert!(moment(3).abs() < error(15.0));
        assert!((moment(4) - 3.0).abs() < error(96.0));
    }
}

#[test]
fn neighbouring_addresses_are_uncorrelated() {
    let (a, b) = (stream("left"), stream("right"));
    let n = 50_000;
    let base = normals(&a, 0, 0, n);
    let others = [normals(&a, 0, 1, n), normals(&a, 1, 0, n), normals(&b, 0, 0, n)];
    for other in others {
        let correlation: f64 = base.iter().zip(&other).map(|(x, y)| x * y).sum::<f64>() / n as f64;
        assert!(correlation.abs() < 5.0 / (n as f64).sqrt(), "{correlation}");
    }
}

#[test]
fn kinds_of_draws_at_one_address_are_independent() {
    let (stream, n) = (stream("kinds"), 20_000u64);
    let mut product = 0.0;
    for sample in 0..n {
        let mut uniform = [0.0];
        stream.uniform(0, sample, &mut uniform);
        product += normals(&stream, 0, sample, 1)[0] * (uniform[0] - 0.5) * 12f64.sqrt();
    }
    assert!((product / n as f64).abs() < 5.0 / (n as f64).sqrt());
}

#[test]
fn training_times_cover_one_to_last_uniformly() {
    let (stream, steps) = (stream("times"), 100);
    let mut counts = vec![0; steps + 1];
    for sample in 0..50_000 {
        counts[stream.time(3, sample, steps)] += 1;
    }
    assert_eq!(counts[0], 0, "x_0 is data: no transition is trained at t = 0");
    assert!(counts[steps] > 0, "t = T is drawn");
    assert!(chi_square_excess(&counts[1..]).abs() < 4.0);
}

#[test]
fn permutations_put_every_index_everywhere() {
    let (stream, n) = (stream("shuffle"), 8);
    let mut counts = vec![0; n * n];
    for epoch in 0..20_000 {
        for (place, index) in stream.permutation(epoch, n).into_iter().enumerate() {
            counts[place * n + index] += 1;
        }
    }
    assert!(chi_square_excess(&counts).abs() < 4.0);
}

#[test]
fn other_draws_come_from_an_addressed_generator() {
    use rand::RngExt;
    let stream = stream("other");
    let draw = |step| -> u64 { stream.rng(step, 0).random() };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn mixing_independent_noises_linearly_loses_variance() {
    // Interpolation in x_t: shared noise keeps its level, independent noises keep (1 - l)^2 + l^2 of it.
    let (stream, n, lambda) = (stream("interpolate"), 100_000, 0.3);
    let (a, b) = (normals(&stream, 0, 0, n), normals(&stream, 0, 1, n));
    let variance = |other: &[f64]| {
        let mixed = a.iter().zip(other).map(|(x, y)| (1.0 - lambda) * x + lambda * y);
        mixed.map(|m| m * m).sum::<f64>() / n as f64
    };
    let error = 5.0 * (2.0 / n as f64).sqrt();
    assert!((variance(&a) - 1.0).abs() < error);
    assert!((variance(&b) - (0.49 + 0.09)).abs() < error);
}
