use approx::assert_abs_diff_eq;
use easel_metrics::score::{entropy, inception_score, inception_score_bootstrap, inception_score_splits, log_softmax};
use easel_metrics::{MetricError, Summary};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

use crate::random::{cases, normal, rng, shuffled};

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn score_is_the_exponential_of_the_mutual_information(seed: u64, n in 1_usize..60, c in 1_usize..12) {
        let mut rng = rng(seed);
        let log_p = log_softmax((normal(&mut rng, n, c) * 3.0).view());
        let score = inception_score(log_p.view()).unwrap();
        prop_assert!(score > 1.0 - 1e-12 && score < c as f64 + 1e-12);
        // I(x; y) from the joint distribution p(x, y) = p(y|x) / N.
        let p = log_p.mapv(f64::exp);
        let marginal = p.mean_axis(Axis(0)).unwrap();
        let information = (&p * &(&p / &marginal).mapv(f64::ln)).sum() / n as f64;
        prop_assert!((score.ln() - information).abs() < 1e-12);
        let other = inception_score(shuffled(&mut rng, &log_p).view()).unwrap();
        prop_assert!((score - other).abs() < 1e-12);
    }
}

#[test]
fn score_reaches_its_bounds() {
    let same = Array2::from_shape_fn((30, 4), |(_, j)| [0.1_f64, 0.2, 0.3, 0.4][j].ln());
    assert_abs_diff_eq!(inception_score(same.view()).unwrap(), 1.0, epsilon = 1e-12);
    let sure = Array2::from_shape_fn((30, 5), |(i, j)| if i % 5 == j { 0.0 } else { f64::NEG_INFINITY });
    assert_abs_diff_eq!(inception_score(sure.view()).unwrap(), 5.0, epsilon = 1e-12);
    assert!(entropy(sure.view()).iter().all(|&h| h == 0.0));
    let uniform = log_softmax(Array2::<f64>::zeros((1, 7)).view());
    assert_abs_diff_eq!(entropy(uniform.view())[0], 7_f64.ln(), epsilon = 1e-14);
}

#[test]
fn log_softmax_survives_large_logits() {
    let logits = array![[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]];
    let expected = array![[0.0, -1e4, -2e4], [-(3_f64.ln()), -(3_f64.ln()), -(3_f64.ln())]];
    let error = log_softmax(logits.view()) - &expected;
    assert!(error.iter().zip(&expected).all(|(e, v)| e.abs() <= 1e-12 * v.abs()), "{error}");
}

#[test]
fn splits_and_bootstrap() {
    let mut rng = rng(20);
    let log_p = log_softmax((normal(&mut rng, 400, 10) * 2.0).view());
    let whole = inception_score(log_p.view()).unwrap();
    let one = inception_score_splits(log_p.view(), 1).unwrap();
    assert_eq!((one.mean, one.deviation), (whole, 0.0));
    // Small parts are biased low: ln IS by sum_c Var(p_c) / (2 N p_c).
    let ten = inception_score_splits(log_p.view(), 10).unwrap();
    let p = log_p.mapv(f64::exp);
    let (mean, variance) = (p.mean_axis(Axis(0)).unwrap(), p.var_axis(Axis(0), 1.0));
    let bias = |n: f64| (&variance / &mean).sum() / (2.0 * n);
    assert_abs_diff_eq!(whole.ln() - ten.mean.ln(), bias(40.0) - bias(400.0), epsilon = 0.01);
    assert!(bias(40.0) - bias(400.0) > 0.02);
    assert!(inception_score_splits(log_p.view(), 0).is_err());
    assert!(inception_score_splits(log_p.view(), 401).is_err());

    let (value, error) = inception_score_bootstrap(log_p.view(), 200, &mut rng).unwrap();
    assert_eq!(value, whole);
    let fresh: Vec<f64> = (0..60)
        .map(|_| inception_score(log_softmax((normal(&mut rng, 400, 10) * 2.0).view()).view()).unwrap())
        .collect();
    let spread = Summary::of(&fresh).unwrap().deviation;
    assert!((0.7..1.4).contains(&(error / spread)), "{error} {spread}");
}

#[test]
fn logits_and_nans_are_not_log_probabilities() {
    let error = inception_score(array![[0.0, f64::NEG_INFINITY], [1.0, 2.0]].view()).unwrap_err();
    assert!(matches!(error, MetricError::NotLogProbabilities { row: 1, .. }), "{error}");
    assert!(inception_score(array![[f64::NAN, 0.0]].view()).is_err());
    assert!(inception_score(Array2::zeros((0, 3)).view()).is_err());
}
