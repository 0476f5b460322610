use approx::assert_abs_diff_eq;
use easel_metrics::MetricError;
use easel_metrics::classes::{Confusion, argmax, class_coverage, confident_share, wilson_interval};
use easel_metrics::likelihood::{bits_per_dimension, mean_bits_per_dimension, nats};
use ndarray::array;
use proptest::prelude::*;

use crate::random::cases;

fn labels(classes: usize, n: usize) -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    (prop::collection::vec(0..classes, n), prop::collection::vec(0..classes, n))
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn confusion_adds_over_batches((truth, predicted) in labels(5, 80), cut in 0_usize..80) {
        let whole = Confusion::of(&truth, &predicted, 5).unwrap();
        let mut parts = Confusion::of(&truth[..cut], &predicted[..cut], 5).unwrap();
        parts.merge(&Confusion::of(&truth[cut..], &predicted[cut..], 5).unwrap()).unwrap();
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(whole.total(), 80);
        let hits = truth.iter().zip(&predicted).filter(|(t, p)| t == p).count();
        prop_assert_eq!(whole.accuracy().unwrap(), hits as f64 / 80.0);
    }

    #[test]
    fn iou_is_symmetric_and_a_function_of_f1((truth, predicted) in labels(4, 30)) {
        let confusion = Confusion::of(&truth, &predicted, 6).unwrap();
        let iou = confusion.iou();
        prop_assert_eq!(&iou, &Confusion::of(&predicted, &truth, 6).unwrap().iou());
        for (iou, f1) in iou.iter().zip(confusion.f1()) {
            match (iou, f1) {
                (Some(iou), Some(f1)) => prop_assert!((iou - f1 / (2.0 - f1)).abs() < 1e-14),
                pair => prop_assert_eq!(pair, (&None, None)),
            }
        }
        prop_assert_eq!((iou[4], iou[5]), (None, None));
    }

    #[test]
    fn wilson_bounds_solve_the_score_equation(n in 1_usize..2000, share in 0.0..=1.0_f64, z in 0.1..4.0_f64) {
        let successes = (share * n as f64) as usize;
        let p = successes as f64 / n as f64;
        let (low, high) = wilson_interval(successes, n, z).unwrap();
        prop_assert!(0.0 <= low && low <= p + 1e-12 && p <= high + 1e-12 && high <= 1.0);
        for q in [low, high] {
            // |p - q| = z sqrt(q (1 - q) / n) at both ends.
            prop_assert!(((p - q).powi(2) - z * z * q * (1.0 - q) / n as f64).abs() < 1e-12);
        }
    }
}

#[test]
fn iou_at_its_extremes() {
    let same = Confusion::of(&[0, 1, 1, 2], &[0, 1, 1, 2], 4).unwrap();
    assert_eq!(same.iou(), [Some(1.0), Some(1.0), Some(1.0), None]);
    assert_eq!(same.mean_iou().unwrap(), 1.0);
    let disjoint = Confusion::of(&[0, 0, 1, 1], &[1, 1, 0, 0], 2).unwrap();
    assert_eq!(disjoint.mean_iou().unwrap(), 0.0);
    // Class 2 is predicted but never true: an error of class 0, no class of its own in the mean.
    let invented = Confusion::of(&[0, 0, 1, 1], &[0, 2, 1, 1], 3).unwrap();
    assert_eq!(invented.iou(), [Some(0.5), Some(1.0), Some(0.0)]);
    assert_eq!(invented.mean_iou().unwrap(), 0.75);
    assert!(Confusion::new(3).mean_iou().is_err());
    assert!(Confusion::new(3).accuracy().is_err());
}

#[test]
fn bad_labels_add_nothing() {
    let mut confusion = Confusion::of(&[0, 1], &[1, 1], 2).unwrap();
    let before = confusion.clone();
    assert_eq!(confusion.add(&[0, 1], &[0, 2]).unwrap_err(), MetricError::Label { index: 1, label: 2, classes: 2 });
    assert!(confusion.add(&[0], &[0, 1]).is_err());
    assert!(confusion.merge(&Confusion::new(3)).is_err());
    assert_eq!(confusion, before);
    assert_eq!(confusion.counts(), array![[0, 1], [0, 1]]);
}

#[test]
fn argmax_takes_the_first_of_equals() {
    let scores = array![[1.0, 3.0, 3.0], [0.0, 0.0, 0.0], [f64::NEG_INFINITY, -1.0, -2.0]];
    assert_eq!(argmax(scores.view()).unwrap(), [1, 0, 1]);
    assert!(argmax(array![[0.0, f64::NAN]].view()).is_err());
}

#[test]
fn confidence_and_coverage() {
    let log_p = array![[0.9, 0.1], [0.6, 0.4], [0.05, 0.95], [0.5, 0.5]].mapv(f64::ln);
    assert_eq!(confident_share(log_p.view(), 0.8).unwrap(), 0.5);
    assert_eq!(confident_share(log_p.view(), 0.55).unwrap(), 0.75);
    assert!(confident_share(log_p.view(), 1.0).is_err());
    assert!(confident_share(array![[0.9, 0.1]].view(), 0.5).is_err());

    let coverage = class_coverage(&[0, 0, 0, 1], &[0.5, 0.25, 0.25, 0.0]).unwrap();
    assert_eq!(coverage.share, [0.75, 0.25, 0.0, 0.0]);
    assert_eq!(coverage.ratio, [Some(1.5), Some(1.0), Some(0.0), None]);
    assert_eq!(coverage.smallest_ratio, 0.0);
    assert_eq!(class_coverage(&[1, 0], &[0.5, 0.5]).unwrap().smallest_ratio, 1.0);
    assert!(class_coverage(&[0], &[0.5, 0.4]).is_err());
    assert!(class_coverage(&[2], &[0.5, 0.5]).is_err());
    assert!(class_coverage(&[], &[1.0]).is_err());
}

#[test]
fn wilson_has_its_known_width() {
    let (low, high) = wilson_interval(450, 500, 1.96).unwrap();
    assert_abs_diff_eq!((high - low) / 2.0, 0.0265, epsilon = 5e-4);
    assert_eq!(wilson_interval(0, 10, 1.96).unwrap().0, 0.0);
    assert_eq!(wilson_interval(10, 10, 1.96).unwrap().1, 1.0);
    assert!(wilson_interval(11, 10, 1.96).is_err());
    assert!(wilson_interval(0, 0, 1.96).is_err());
}

#[test]
fn bits_per_dimension_of_uniform_grey_levels() {
    let dimensions = 3 * 32 * 32;
    // A uniform guess over 256 levels costs 8 bits each.
    let uniform = dimensions as f64 * 256_f64.ln();
    assert_abs_diff_eq!(bits_per_dimension(uniform, dimensions), 8.0, epsilon = 1e-12);
    assert_abs_diff_eq!(nats(bits_per_dimension(123.4, 784), 784), 123.4, epsilon = 1e-12);
    let summary = mean_bits_per_dimension(&[uniform, 2.0 * uniform], dimensions).unwrap();
    assert_abs_diff_eq!(summary.mean, 12.0, epsilon = 1e-12);
    assert_abs_diff_eq!(summary.standard_error, 4.0, epsilon = 1e-12);
    assert!(mean_bits_per_dimension(&[], 784).is_err());
    assert!(mean_bits_per_dimension(&[f64::INFINITY], 784).is_err());
    assert!(mean_bits_per_dimension(&[1.0], 0).is_err());
}
