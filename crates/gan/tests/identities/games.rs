//! The game on finite sets.

use std::f64::consts::LN_2;

use gan::game::*;
use proptest::prelude::*;

/// Two probability vectors over the same points.
fn distributions() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    proptest::collection::vec((1e-3..1.0f64, 1e-3..1.0f64), 2..20).prop_map(|pairs| {
        let (p, q): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let normalised = |v: Vec<f64>| v.iter().map(|x| x / v.iter().sum::<f64>()).collect();
        (normalised(p), normalised(q))
    })
}

fn best(p: &[f64], q: &[f64]) -> Vec<f64> {
    p.iter().zip(q).map(|(&p, &q)| optimal_discriminator(p, q)).collect()
}

/// The maximum of a concave function of the logit, by golden section.
fn maximise(f: impl Fn(f64) -> f64) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-20.0, 20.0);
    for _ in 0..200 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if f(a) < f(b) { low = a } else { high = b }
    }
    0.5 * (low + high)
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

proptest! {
    /// Proposition 1.
    #[test]
    fn the_optimal_discriminator_is_where_the_value_peaks(p in 0.01..5.0f64, q in 0.01..5.0f64) {
        let found = sigmoid(maximise(|a| p * sigmoid(a).ln() + q * sigmoid(-a).ln()));
        prop_assert!((found - optimal_discriminator(p, q)).abs() < 1e-4);
    }

    /// With targets alpha for real pictures and beta for fakes.
    #[test]
    fn smoothed_targets_move_the_optimum(p in 0.05..5.0f64, q in 0.05..5.0f64, alpha in 0.6..1.0f64, beta in 0.0..0.3f64) {
        let value = |a: f64| {
            let (on, off) = (sigmoid(a).ln(), sigmoid(-a).ln());
            p * (alpha * on + (1.0 - alpha) * off) + q * (beta * on + (1.0 - beta) * off)
        };
        let found = sigmoid(maximise(value));
        prop_assert!((found - smoothed_optimal_discriminator(p, q, alpha, beta)).abs() < 1e-4);
        prop_assert!((smoothed_optimal_discriminator(p, q, alpha, 0.0) - alpha * p / (p + q)).abs() < 1e-12);
    }

    /// Eqs. 5 and 6.
    #[test]
    fn the_value_at_the_optimum_is_a_jensen_shannon_divergence((p, q) in distributions()) {
        prop_assert!((value(&p, &q, &best(&p, &q)) - virtual_criterion(&p, &q)).abs() < 1e-10);
        prop_assert!((jensen_shannon(&p, &q) - jensen_shannon(&q, &p)).abs() < 1e-12);
        prop_assert!((0.0..=LN_2).contains(&jensen_shannon(&p, &q)));
        prop_assert!((-LOG_4..=0.0).contains(&virtual_criterion(&p, &q)));
    }

    #[test]
    fn no_other_discriminator_does_better(
        (p, q) in distributions(), d in proptest::collection::vec(0.01..0.99f64, 20)
    ) {
        let d = &d[..p.len()];
        let star = best(&p, &q);
        let (here, there) = (value(&p, &q, d), value(&p, &q, &star));
        prop_assert!(here <= there + 1e-12);
        let apart = d.iter().zip(&star).any(|(a, b)| (a - b).abs() > 1e-3);
        prop_assert!(!apart || here < there);
    }

    /// Theorem 1.
    #[test]
    fn equal_distributions_are_the_solution((p, q) in distributions()) {
        prop_assert!((value(&p, &p, &best(&p, &p)) + LOG_4).abs() < 1e-12);
        prop_assert!(best(&p, &p).iter().all(|d| (d - 0.5).abs() < 1e-12));
        let apart = p.iter().zip(&q).any(|(a, b)| (a - b).abs() > 1e-3);
        prop_assert!(!apart || virtual_criterion(&p, &q) > -LOG_4);
    }

    #[test]
    fn disjoint_supports_are_the_worst((p, q) in distributions()) {
        let zeros = |n: usize| std::iter::repeat_n(0.0, n);
        let left: Vec<f64> = p.iter().copied().chain(zeros(q.len())).collect();
        let right: Vec<f64> = zeros(p.len()).chain(q.iter().copied()).collect();
        prop_assert!((jensen_shannon(&left, &right) - LN_2).abs() < 1e-12);
        prop_assert!(virtual_criterion(&left, &right).abs() < 1e-12);
        prop_assert!(value(&left, &right, &best(&left, &right)).abs() < 1e-12);
    }
}

#[test]
fn an_empty_point_leaves_the_discriminator_free() {
    assert_eq!(optimal_discriminator(0.0, 0.0), 0.5);
    assert_eq!(kl(&[1.0, 0.0], &[0.0, 1.0]), f64::INFINITY);
}

/// The lecture lets G "maximise log D(G(z))", which the min-max beside it does not say: G's part there is
/// log(1 - D(G(z))), and the two have different gradients everywhere but at D = 1/2.
#[test]
fn the_lectures_aim_of_the_generator_is_not_the_min_max() {
    let slope = |f: &dyn Fn(f64) -> f64, a: f64| (f(a + 1e-6) - f(a - 1e-6)) / 2e-6;
    let (min_max, lecture) = (|a: f64| sigmoid(-a).ln(), |a: f64| -sigmoid(a).ln());
    for a in [-6.0, -2.0, 1.0, 3.0] {
        let ratio = slope(&lecture, a) / slope(&min_max, a);
        let d = sigmoid(a);
        assert!((ratio - (1.0 - d) / d).abs() < 1e-5 * ratio, "{a}: {ratio}");
        assert!((ratio - 1.0).abs() > 0.5);
    }
    assert!((slope(&lecture, 0.0) - slope(&min_max, 0.0)).abs() < 1e-8);
}
