use approx::{assert_abs_diff_eq, assert_relative_eq};
use easel_metrics::Summary;
use easel_metrics::kid::{cubic_kernel, kernel_distance, mmd2_biased, mmd2_unbiased};
use ndarray::{Array1, Array2, Axis};
use proptest::prelude::*;

use crate::random::{cases, normal, rng, shuffled, vector};

/// Mean kernel value over the diagonal, and over the other pairs of a set, by the definition.
fn kernel_means(x: &Array2<f64>) -> (f64, f64) {
    let n = x.nrows();
    let k = |i: usize, j: usize| cubic_kernel(x.row(i), x.row(j));
    let diagonal = (0..n).map(|i| k(i, i)).sum::<f64>() / n as f64;
    let all: f64 = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| k(i, j)).sum();
    (diagonal, (all - n as f64 * diagonal) / (n * (n - 1)) as f64)
}

fn cross_mean(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let sum: f64 = x.outer_iter().map(|a| y.outer_iter().map(|b| cubic_kernel(a, b)).sum::<f64>()).sum();
    sum / (x.nrows() * y.nrows()) as f64
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn estimators_are_their_definitions(seed: u64, m in 2_usize..300, n in 2_usize..40, d in 1_usize..9) {
        let mut rng = rng(seed);
        let (x, y) = (normal(&mut rng, m, d), normal(&mut rng, n, d) + 0.5);
        let ((x_diagonal, x_off), (y_diagonal, y_off)) = (kernel_means(&x), kernel_means(&y));
        let unbiased = mmd2_unbiased(x.view(), y.view()).unwrap();
        let scale = x_diagonal + y_diagonal;
        prop_assert!((unbiased - (x_off + y_off - 2.0 * cross_mean(&x, &y))).abs() < 1e-11 * scale);

        let biased = mmd2_biased(x.view(), y.view()).unwrap();
        prop_assert!(biased >= 0.0);
        let gap = (x_diagonal - x_off) / m as f64 + (y_diagonal - y_off) / n as f64;
        prop_assert!((biased - unbiased - gap).abs() < 1e-11 * scale);

        prop_assert!((unbiased - mmd2_unbiased(y.view(), x.view()).unwrap()).abs() < 1e-12 * scale);
        let (x2, y2) = (shuffled(&mut rng, &x), shuffled(&mut rng, &y));
        prop_assert!((unbiased - mmd2_unbiased(x2.view(), y2.view()).unwrap()).abs() < 1e-12 * scale);

        // The same array on both sides: exactly 0 biased, 2/m (off - diagonal) unbiased.
        prop_assert!(mmd2_biased(x.view(), x.view()).unwrap().abs() < 1e-12 * scale);
        let same = mmd2_unbiased(x.view(), x.view()).unwrap();
        prop_assert!((same - 2.0 / m as f64 * (x_off - x_diagonal)).abs() < 1e-11 * scale);
    }
}

#[test]
fn full_value_is_the_average_over_all_subset_pairs() {
    let mut rng = rng(10);
    let (x, y) = (normal(&mut rng, 6, 3), normal(&mut rng, 5, 3) + 0.4);
    let triples = |n: usize| (0..n).flat_map(move |a| (a + 1..n).flat_map(move |b| (b + 1..n).map(move |c| [a, b, c])));
    let values: Vec<f64> = triples(6)
        .flat_map(|rows| triples(5).map(move |columns| (rows, columns)))
        .map(|(rows, columns)| {
            let (x, y) = (x.select(Axis(0), &rows), y.select(Axis(0), &columns));
            mmd2_unbiased(x.view(), y.view()).unwrap()
        })
        .collect();
    assert_eq!(values.len(), 20 * 10);
    let full = mmd2_unbiased(x.view(), y.view()).unwrap();
    assert_abs_diff_eq!(Summary::of(&values).unwrap().mean, full, epsilon = 1e-12);
}

/// E k(x, y) for x ~ N(a, I) and y ~ N(b, I), from the moments of x . y / d + 1.
fn expected_kernel(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    let (d, m) = (a.len() as f64, a.dot(b));
    let spread = a.dot(a) + b.dot(b) + d;
    1.0 + 3.0 * m / d + 3.0 * (m * m + spread) / (d * d) + (m.powi(3) + 3.0 * m * spread + 6.0 * m) / d.powi(3)
}

#[test]
fn estimator_is_unbiased_for_gaussians() {
    let mut rng = rng(11);
    let (a, b) = (vector(&mut rng, 5) * 0.7, vector(&mut rng, 5) * 0.7);
    let exact = expected_kernel(&a, &a) + expected_kernel(&b, &b) - 2.0 * expected_kernel(&a, &b);
    let draws: Vec<f64> = (0..20_000)
        .map(|_| {
            let (x, y) = (normal(&mut rng, 6, 5) + &a, normal(&mut rng, 9, 5) + &b);
            mmd2_unbiased(x.view(), y.view()).unwrap()
        })
        .collect();
    let summary = Summary::of(&draws).unwrap();
    assert!((summary.mean - exact).abs() < 3.0 * summary.standard_error, "{summary:?}, exact {exact}");
    assert!(exact > 20.0 * summary.standard_error, "{summary:?}, exact {exact}");
}

#[test]
fn standard_error_is_the_spread_of_repetitions() {
    let mut rng = rng(12);
    let repeat = |shift: f64, rng: &mut _| {
        let runs: Vec<_> = (0..60)
            .map(|_| {
                let (x, y) = (normal(rng, 200, 16), normal(rng, 240, 16) + shift);
                let measured = kernel_distance(x.view(), y.view(), 10).unwrap();
                let direct = mmd2_unbiased(x.view(), y.view()).unwrap();
                assert_abs_diff_eq!(measured.value, direct, epsilon = 1e-12);
                measured
            })
            .collect();
        let values = Summary::of(&runs.iter().map(|r| r.value).collect::<Vec<_>>()).unwrap();
        let errors = Summary::of(&runs.iter().map(|r| r.standard_error).collect::<Vec<_>>()).unwrap();
        (values, errors.mean)
    };
    // Far from 0 the jackknife is right; at 0 the statistic is degenerate and the error errs on the safe side.
    let (values, error) = repeat(0.4, &mut rng);
    assert!((0.75..1.35).contains(&(error / values.deviation)), "{values:?} {error}");
    let (values, error) = repeat(0.0, &mut rng);
    assert!((1.0..2.0).contains(&(error / values.deviation)), "{values:?} {error}");
    assert!(values.mean.abs() < 3.0 * values.standard_error, "{values:?}");
}

#[test]
fn only_the_first_three_moments_count() {
    // Two equal and opposite points against four: same mean, variance and (zero) third moments.
    let x = Array2::from_shape_vec((2, 1), vec![-1.0, 1.0]).unwrap();
    let (inner, outer) = (0.2_f64, 1.8_f64);
    let y = [-outer.sqrt(), -inner.sqrt(), inner.sqrt(), outer.sqrt()];
    let y = Array2::from_shape_vec((4, 1), y.to_vec()).unwrap();
    assert_abs_diff_eq!(mmd2_biased(x.view(), y.view()).unwrap(), 0.0, epsilon = 1e-14);
    assert!(mmd2_biased(x.view(), (&y + 0.1).view()).unwrap() > 1e-3);
    assert_relative_eq!(cubic_kernel(x.row(0), y.row(0)), (1.0 + outer.sqrt()).powi(3), max_relative = 1e-14);
}

#[test]
fn too_few_blocks_or_samples_are_refused() {
    let x = normal(&mut rng(13), 9, 2);
    assert!(kernel_distance(x.view(), x.view(), 1).is_err());
    assert!(kernel_distance(x.view(), x.view(), 5).is_err());
    assert!(kernel_distance(x.view(), x.view(), 4).is_ok());
    assert!(mmd2_unbiased(x.select(Axis(0), &[0]).view(), x.view()).is_err());
}
