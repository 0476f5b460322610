use approx::{assert_abs_diff_eq, assert_relative_eq};
use easel_metrics::MetricError;
use easel_metrics::frechet::{
    Gaussian, Moments, extrapolate, frechet_distance, frechet_distance_of_features, frechet_infinity, small_sample_bias,
};
use nalgebra::DMatrix;
use ndarray::{Array1, Array2, Axis, concatenate};
use proptest::prelude::*;

use crate::random::{cases, normal, orthogonal, rng, spectrum, vector, with_spectrum};

fn gaussian(mean: &Array1<f64>, covariance: &Array2<f64>) -> Gaussian {
    Gaussian::new(mean.clone(), covariance.clone()).unwrap()
}

fn distance(a: &Gaussian, b: &Gaussian) -> f64 {
    frechet_distance(a, b).unwrap()
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn is_a_squared_metric_invariant_under_rotation(seed: u64, d in 1_usize..12) {
        let mut rng = rng(seed);
        let mut draw = || {
            let q = orthogonal(&mut rng, d);
            gaussian(&vector(&mut rng, d), &with_spectrum(&q, &spectrum(&mut rng, d)))
        };
        let (a, b, c) = (draw(), draw(), draw());
        let ab = distance(&a, &b);
        prop_assert!(ab > 0.0);
        prop_assert!((ab - distance(&b, &a)).abs() < 1e-10);
        prop_assert!(distance(&a, &a).abs() < 1e-10);
        prop_assert!(distance(&a, &c).sqrt() <= ab.sqrt() + distance(&b, &c).sqrt() + 1e-10);

        let q = orthogonal(&mut rng, d);
        let rotate = |g: &Gaussian| gaussian(&q.dot(g.mean()), &q.dot(g.covariance()).dot(&q.t()));
        prop_assert!((ab - distance(&rotate(&a), &rotate(&b))).abs() < 1e-10);
    }

    #[test]
    fn has_its_closed_forms(seed: u64, d in 1_usize..12, c in 0.0..4.0_f64) {
        let mut rng = rng(seed);
        let q = orthogonal(&mut rng, d);
        let (a, b) = (spectrum(&mut rng, d), spectrum(&mut rng, d));
        let (mu, nu) = (vector(&mut rng, d), vector(&mut rng, d));
        let shift = (&mu - &nu).mapv(|v| v * v).sum();
        let roots: f64 = a.iter().zip(&b).map(|(a, b)| (a.sqrt() - b.sqrt()).powi(2)).sum();

        let diagonal = distance(
            &gaussian(&mu, &Array2::from_diag(&a)),
            &gaussian(&nu, &Array2::from_diag(&b)),
        );
        prop_assert!((diagonal - shift - roots).abs() < 1e-10);
        // Commuting covariances in a common rotated frame: the same value, and no longer diagonal.
        let (sigma, tau) = (with_spectrum(&q, &a), with_spectrum(&q, &b));
        prop_assert!((distance(&gaussian(&mu, &sigma), &gaussian(&nu, &tau)) - shift - roots).abs() < 1e-10);
        // Only the mean moves; only the scale changes (c = 0 is a collapsed generator).
        prop_assert!((distance(&gaussian(&mu, &sigma), &gaussian(&nu, &sigma)) - shift).abs() < 1e-10);
        let scaled = distance(&gaussian(&mu, &sigma), &gaussian(&mu, &(&sigma * (c * c))));
        prop_assert!((scaled - (c - 1.0).powi(2) * a.sum()).abs() < 1e-9);
    }

    #[test]
    fn agrees_with_the_general_eigenvalues_and_the_factor_form(seed: u64, d in 2_usize..8) {
        let mut rng = rng(seed);
        let (x, y) = (normal(&mut rng, 3 * d, d), normal(&mut rng, 4 * d, d) * 1.5 + 0.3);
        let (a, b) = (Gaussian::fit(x.view()).unwrap(), Gaussian::fit(y.view()).unwrap());
        let shift = (a.mean() - b.mean()).mapv(|v| v * v).sum();
        let traces = a.covariance().diag().sum() + b.covariance().diag().sum();

        let product = a.covariance().dot(b.covariance());
        let eigenvalues = DMatrix::from_fn(d, d, |i, j| product[[i, j]]).complex_eigenvalues();
        let general = shift + traces - 2.0 * eigenvalues.iter().map(|l| l.re.max(0.0).sqrt()).sum::<f64>();
        let centred = |x: &Array2<f64>, mean: &Array1<f64>| (x - mean) / ((x.nrows() - 1) as f64).sqrt();
        let cross = centred(&x, a.mean()).dot(&centred(&y, b.mean()).t());
        let factor = DMatrix::from_fn(cross.nrows(), cross.ncols(), |i, j| cross[[i, j]]);
        let factor = shift + traces - 2.0 * factor.singular_values().sum();

        let value = distance(&a, &b);
        prop_assert!((value - general).abs() < 1e-8);
        prop_assert!((value - factor).abs() < 1e-8);
        prop_assert_eq!(value, frechet_distance_of_features(x.view(), y.view()).unwrap());
    }
}

#[test]
fn fewer_samples_than_features_are_no_obstacle() {
    let d = 64;
    let mut rng = rng(1);
    for (n, m) in [(20, 30), (20, 200), (200, 20), (64, 64)] {
        let (x, y) = (normal(&mut rng, n, d), normal(&mut rng, m, d) + 0.1);
        let (a, b) = (Gaussian::fit(x.view()).unwrap(), Gaussian::fit(y.view()).unwrap());
        let trace = a.covariance().diag().sum();
        let factor = frechet_distance_of_features(x.view(), y.view()).unwrap();
        assert_abs_diff_eq!(factor, distance(&a, &b), epsilon = 1e-5 * trace);
        // Identical sets: exact to rounding by the factor form, to the root of rounding by the other.
        assert_abs_diff_eq!(frechet_distance_of_features(x.view(), x.view()).unwrap(), 0.0, epsilon = 1e-10 * trace);
        assert_abs_diff_eq!(distance(&a, &a), 0.0, epsilon = 1e-5 * trace);
    }
    // A collapsed generator: n copies of one picture.
    let (x, point) = (normal(&mut rng, 200, d), vector(&mut rng, d));
    let copies = Array2::from_shape_fn((10, d), |(_, j)| point[j]);
    let real = Gaussian::fit(x.view()).unwrap();
    let expected = (real.mean() - &point).mapv(|v| v * v).sum() + real.covariance().diag().sum();
    let value = frechet_distance_of_features(x.view(), copies.view()).unwrap();
    assert_relative_eq!(value, expected, max_relative = 1e-12);
}

#[test]
fn dead_features_and_large_means_change_nothing() {
    let mut rng = rng(2);
    let (x, y) = (normal(&mut rng, 300, 6), normal(&mut rng, 200, 6) * 1.3);
    let value = frechet_distance_of_features(x.view(), y.view()).unwrap();
    let pad = |z: &Array2<f64>| concatenate(Axis(1), &[z.view(), Array2::zeros((z.nrows(), 3)).view()]).unwrap();
    let padded = frechet_distance_of_features(pad(&x).view(), pad(&y).view()).unwrap();
    assert_abs_diff_eq!(padded, value, epsilon = 1e-6);
    // A covariance from sums of squares, or in f32, would lose everything at this mean.
    let moved = frechet_distance_of_features((&x + 1e6).view(), (&y + 1e6).view()).unwrap();
    assert_abs_diff_eq!(moved, value, epsilon = 1e-7);
}

#[test]
fn moments_do_not_depend_on_batches_or_their_order() {
    let mut rng = rng(3);
    let x = normal(&mut rng, 500, 7) * 2.0 + 100.0;
    let mean = x.mean_axis(Axis(0)).unwrap();
    let covariance = (&x - &mean).t().dot(&(&x - &mean)) / 499.0;

    let shards: Vec<Moments> = [0..1, 1..1, 1..130, 130..497, 497..500]
        .into_iter()
        .map(|rows| {
            let mut shard = Moments::new(7);
            shard.push(x.select(Axis(0), &rows.collect::<Vec<_>>()).view()).unwrap();
            shard
        })
        .collect();
    for order in [[0, 1, 2, 3, 4], [3, 0, 4, 2, 1]] {
        let mut merged = Moments::new(7);
        order.iter().for_each(|&s| merged.merge(&shards[s]).unwrap());
        assert_eq!(merged.count(), 500);
        let fit = merged.gaussian().unwrap();
        assert!((fit.mean() - &mean).iter().all(|e| e.abs() < 1e-11));
        assert!((fit.covariance() - &covariance).iter().all(|e| e.abs() < 1e-11));
    }
}

#[test]
fn small_sample_bias_is_predicted() {
    let mut rng = rng(4);
    let d = 16;
    assert_relative_eq!(small_sample_bias(&[1.0; 64], 512).unwrap(), 64.0 / 512.0 + 64.0 * 65.0 / (4.0 * 511.0));
    // A dead feature adds nothing and divides nothing by zero.
    assert_eq!(small_sample_bias(&[1.0, 0.0, 0.0], 9), small_sample_bias(&[1.0], 9));
    for l in [Array1::ones(d), spectrum(&mut rng, d)] {
        let reference = gaussian(&Array1::zeros(d), &Array2::from_diag(&l));
        let scale = l.mapv(f64::sqrt);
        for n in [8 * d, 32 * d] {
            let runs = 150;
            let sum: f64 = (0..runs)
                .map(|_| distance(&reference, &Gaussian::fit((normal(&mut rng, n, d) * &scale).view()).unwrap()))
                .sum();
            let predicted = small_sample_bias(&reference.spectrum().unwrap().to_vec(), n).unwrap();
            assert_relative_eq!(sum / f64::from(runs), predicted, max_relative = 0.05);
        }
    }
}

#[test]
fn extrapolation_removes_the_bias() {
    let d = 8;
    let reference = gaussian(&Array1::zeros(d), &Array2::eye(d));
    let fits: Vec<_> = (0..24)
        .map(|seed| {
            let mut rng = rng(100 + seed);
            let x = normal(&mut rng, 800, d);
            frechet_infinity(&reference, x.view(), 160, 3, &mut rng).unwrap()
        })
        .collect();
    assert_eq!((fits[0].points[0].0, fits[0].points[14].0, fits[0].points.len()), (160, 800, 15));
    let intercepts: Vec<f64> = fits.iter().map(|f| f.intercept).collect();
    let summary = easel_metrics::Summary::of(&intercepts).unwrap();
    assert!(summary.mean.abs() < 3.0 * summary.standard_error, "{summary:?}");
    // The bias that was removed is many errors away from 0, so the test above has teeth.
    assert!(small_sample_bias(&[1.0; 8], 800).unwrap() > 6.0 * summary.standard_error, "{summary:?}");
    let r_squared = fits.iter().map(|f| f.r_squared).sum::<f64>() / fits.len() as f64;
    assert!(r_squared > 0.9, "{r_squared}");

    let line = extrapolate([10, 20, 50].map(|n| (n, 3.0 + 7.0 / n as f64)).to_vec()).unwrap();
    assert_abs_diff_eq!(line.intercept, 3.0, epsilon = 1e-12);
    assert_abs_diff_eq!(line.slope, 7.0, epsilon = 1e-12);
    assert_abs_diff_eq!(line.r_squared, 1.0, epsilon = 1e-12);
    assert!(extrapolate(vec![(10, 1.0), (10, 2.0)]).is_err());
    assert!(extrapolate(vec![]).is_err());
}

#[test]
fn broken_features_are_refused() {
    let x = normal(&mut rng(5), 10, 3);
    let mut broken = x.clone();
    broken[[7, 1]] = f64::NAN;
    let error = frechet_distance_of_features(x.view(), broken.view()).unwrap_err();
    assert!(matches!(error, MetricError::NotFinite { row: 7, .. }), "{error}");
    let mut moments = Moments::new(3);
    moments.push(x.view()).unwrap();
    let before = moments.clone();
    assert!(moments.push(broken.view()).is_err());
    assert!(moments.push(normal(&mut rng(6), 4, 2).view()).is_err());
    assert_eq!(moments, before);
    let one = x.select(Axis(0), &[0]);
    assert!(matches!(Gaussian::fit(one.view()), Err(MetricError::TooFew { need: 2, got: 1, .. })));
    let narrow = Gaussian::fit(normal(&mut rng(6), 10, 2).view()).unwrap();
    assert!(matches!(frechet_distance(&Gaussian::fit(x.view()).unwrap(), &narrow), Err(MetricError::Shape { .. })));
}
