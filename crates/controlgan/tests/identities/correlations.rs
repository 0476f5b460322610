//! The word-level discriminator's score.

use controlgan::CorreMode;
use controlgan::attention::{cosine, word_importance};
use controlgan::correlation::{correlate, official_score};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::common::{distance, mask, normal, silent, values};

const D: i64 = 6;
const M: i64 = 9;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scores_have_the_bounds_of_the_sigmoid_of_a_cosine(seed in 0u64..1000, lengths in prop::collection::vec(1i64..=8, 1..=4)) {
        let longest = *lengths.iter().max().unwrap() + 1;
        let (words, regions) = (normal(seed, "w", &[lengths.len() as i64, D, longest]), normal(seed, "n", &[lengths.len() as i64, D, M]));
        let mask = mask(&lengths, longest);
        let found = correlate(&words, &regions, &mask, 1.0);
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (low, high) = (sigma(-1.0) - 1e-12, sigma(1.0) + 1e-12);
        for (sum, length) in values(&found.score(CorreMode::PaperSum)).iter().zip(&lengths) {
            prop_assert!((low * *length as f64..=high * *length as f64).contains(sum));
        }
        for mode in [CorreMode::Weighted, CorreMode::Product] {
            prop_assert!(values(&found.score(mode)).iter().all(|s| (low..=high).contains(s)));
        }
        let released = official_score(&words, &regions, &mask, 4.0, 5.0);
        prop_assert!(values(&released).iter().all(|s| *s > 0.0 && *s < 1.0));
        prop_assert!(silent(&found.importance, &mask));
        for (weights, axis) in [(&found.regions, -1i64), (&found.importance, -1)] {
            let sums = weights.sum_dim_intlist([axis].as_slice(), false, Kind::Double);
            prop_assert!(distance(&sums, &sums.ones_like()) < 1e-12);
        }
    }

    #[test]
    fn a_positive_factor_of_a_vector_has_no_effect_on_its_cosine(seed in 0u64..1000, length in 2i64..8) {
        // What gamma does in the paper's formula: nothing. Here it is drawn at random.
        let (words, found) = (normal(seed, "w", &[1, D, length]), normal(seed, "b", &[1, D, length]));
        let gamma = normal(seed, "gamma", &[1, 1, length]).abs() + 1e-3;
        let plain = cosine(&found, &words, 1);
        prop_assert!(distance(&plain, &cosine(&(found * gamma), &words, 1)) < 1e-12);
    }

    #[test]
    fn weighted_scores_depend_on_the_importance(seed in 0u64..1000, length in 2i64..8) {
        let (words, regions) = (normal(seed, "w", &[1, D, length]), normal(seed, "n", &[1, D, M]));
        let found = correlate(&words, &regions, &mask(&[length], length), 1.0);
        let uniform = found.words.mean(Kind::Double).double_value(&[]);
        let paper = found.score(CorreMode::PaperSum).double_value(&[0]);
        prop_assert!((paper - uniform * length as f64).abs() < 1e-12); // no gamma in it
        let weighted = found.score(CorreMode::Weighted).double_value(&[0]);
        prop_assert!((weighted - uniform).abs() > 1e-9); // gamma is never uniform on random words
    }

    #[test]
    fn padding_changes_no_score(seed in 0u64..1000, length in 1i64..6, more in 1i64..4) {
        let (words, regions) = (normal(seed, "w", &[1, D, length + more]), normal(seed, "n", &[1, D, M]));
        let long = correlate(&words, &regions, &mask(&[length], length + more), 2.0);
        let short = correlate(&words.narrow(-1, 0, length), &regions, &mask(&[length], length), 2.0);
        for mode in [CorreMode::PaperSum, CorreMode::Weighted, CorreMode::Product] {
            prop_assert!(distance(&long.score(mode), &short.score(mode)) < 1e-12);
        }
    }

    #[test]
    fn one_word_has_all_importance(seed in 0u64..1000, more in 0i64..4) {
        let importance = word_importance(&normal(seed, "w", &[1, D, 1 + more]), &mask(&[1], 1 + more));
        prop_assert_eq!(importance.double_value(&[0, 0]), 1.0);
    }
}

/// Orthogonal words: a region that is its word has cosine 1, one that is its opposite has none that is positive.
#[test]
fn a_picture_of_the_words_scores_higher_than_one_of_their_opposites() {
    let words = Tensor::eye(D, (Kind::Double, Device::Cpu)).narrow(1, 0, 4).unsqueeze(0) * 3.0;
    let mask = mask(&[4], 4);
    let score = |regions: &Tensor| correlate(&words, regions, &mask, 5.0).score(CorreMode::Weighted).double_value(&[0]);
    let (found, opposite) = (score(&(&words * 4.0)), score(&(&words * -4.0)));
    assert!(found > 0.9 && opposite < found - 0.2, "{found} {opposite}");
}
