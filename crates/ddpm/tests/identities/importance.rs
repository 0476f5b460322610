//! Importance sampling of t.

use ddpm::importance::{HISTORY, LossHistory, UNIFORM};
use proptest::prelude::*;

use crate::common::cases;

/// A history whose losses are `losses[t - 1]`, ten and a few more entries for each t.
fn warm(losses: &[f64], extra: usize) -> LossHistory {
    let mut history = LossHistory::new(losses.len());
    for i in 0..HISTORY + extra {
        // What is older than ten entries must not count.
        losses.iter().enumerate().for_each(|(t, l)| history.record(t + 1, if i < extra { 1e6 } else { *l }));
    }
    history
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn probabilities_follow_the_root_mean_square(
        losses in prop::collection::vec(1e-4f64..10.0, 2..40),
        extra in 0usize..15,
    ) {
        let p = warm(&losses, extra).probabilities();
        prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let sum: f64 = losses.iter().sum();
        for (p, loss) in p.iter().zip(&losses) {
            let expected = (1.0 - UNIFORM) * loss / sum + UNIFORM / losses.len() as f64;
            prop_assert!((p / expected - 1.0).abs() < 1e-12);
        }
    }

    /// The mean weight under p is 1, and a weighted loss is unbiased for the uniform mean.
    #[test]
    fn weights_undo_the_probabilities(losses in prop::collection::vec(1e-3f64..10.0, 2..40)) {
        let p = warm(&losses, 0).probabilities();
        let (mut below, mut weight, mut loss) = (0.0, 0.0, 0.0);
        for (i, share) in p.iter().enumerate() {
            let (t, w) = LossHistory::draw(&p, below + share / 2.0);
            prop_assert_eq!(t, i + 1);
            weight += share * w;
            loss += share * w * losses[t - 1];
            below += share;
        }
        prop_assert!((weight - 1.0).abs() < 1e-12, "{}", weight);
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        prop_assert!((loss / mean - 1.0).abs() < 1e-12);
        prop_assert_eq!(LossHistory::draw(&p, 0.0).0, 1);
        prop_assert_eq!(LossHistory::draw(&p, 1.0 - f64::EPSILON).0, p.len());
    }

    #[test]
    fn rows_round_trip(records in prop::collection::vec((1usize..8, 0.0f64..9.0), 0..150)) {
        let mut history = LossHistory::new(7);
        records.iter().for_each(|&(t, loss)| history.record(t, loss));
        let rows = history.to_rows();
        prop_assert_eq!(rows.len(), 7 * (HISTORY + 1));
        let mut back = LossHistory::from_rows(&rows);
        prop_assert_eq!(&back, &history);
        (1..8).for_each(|t| { back.record(t, 1.0); history.record(t, 1.0); });
        prop_assert_eq!(back, history);
    }
}

#[test]
fn uniform_until_every_time_has_its_losses() {
    let mut history = LossHistory::new(3);
    for i in 0..HISTORY {
        history.record(1, 5.0);
        history.record(2, 1.0);
        if i > 0 {
            history.record(3, 1.0);
        }
    }
    assert!(!history.warmed_up());
    assert_eq!(history.probabilities(), [1.0 / 3.0; 3]);
    assert_eq!(LossHistory::draw(&history.probabilities(), 0.5), (2, 1.0));
    history.record(3, 1.0);
    assert!(history.warmed_up());
    assert!(history.probabilities()[0] > 0.7);
    assert_eq!(warm(&[0.0; 4], 0).probabilities(), [0.25; 4]);
}

#[test]
fn a_damaged_count_does_not_break_the_memory() {
    let mut rows = warm(&[1.0, 2.0], 0).to_rows();
    rows[HISTORY] = 50.0;
    let mut history = LossHistory::from_rows(&rows);
    history.record(1, 3.0);
    assert_eq!(history.to_rows()[HISTORY], HISTORY as f64);
}
