//! Attention: weights, masks, permutations, padding, batches.

use controlgan::attention::{Attended, channel, spatial};
use proptest::prelude::*;
use tch::{Kind, Tensor};

use crate::common::{distance, mask, normal, silent};

const C: i64 = 5;
const SIDE: i64 = 4;

type Case = (Tensor, Tensor, Tensor, Tensor);

/// Features `[B, C, H, W]`, words for the two attentions, mask.
fn case(seed: u64, lengths: &[i64], longest: i64) -> Case {
    let b = lengths.len() as i64;
    let v = normal(seed, "v", &[b, C, SIDE, SIDE]);
    let projected = normal(seed, "e", &[b, C, longest]);
    let perceived = normal(seed, "w", &[b, SIDE * SIDE, longest]);
    (v, projected, perceived, mask(lengths, longest))
}

fn both((v, projected, perceived, mask): &Case) -> [Attended; 2] {
    [spatial(v, projected, mask), channel(v, perceived, mask, 0.3)]
}

/// Lengths 1..=7 of one to four captions, and padding beyond the longest.
fn captions() -> impl Strategy<Value = (Vec<i64>, i64)> {
    (prop::collection::vec(1i64..=7, 1..=4), 0i64..=3)
        .prop_map(|(lengths, more)| (lengths.clone(), lengths.iter().max().unwrap() + more))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_sum_to_one_and_padding_gets_nothing(seed in 0u64..1000, (lengths, longest) in captions()) {
        let case = case(seed, &lengths, longest);
        for attended in both(&case) {
            let sums = attended.weights.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
            prop_assert!(distance(&sums, &sums.ones_like()) < 1e-12);
            prop_assert!(silent(&attended.weights, &case.3.unsqueeze(1)));
        }
    }

    #[test]
    fn outputs_lie_between_the_words(seed in 0u64..1000, (lengths, longest) in captions()) {
        let case = case(seed, &lengths, longest);
        let [by_place, by_channel] = both(&case);
        let hidden = case.3.logical_not().unsqueeze(1);
        let bounds = |words: &Tensor| {
            let low = words.masked_fill(&hidden, f64::INFINITY).amin([-1i64].as_slice(), true);
            (low, words.masked_fill(&hidden, f64::NEG_INFINITY).amax([-1i64].as_slice(), true))
        };
        // [B, C, HW] for places, [B, HW, C] for channels.
        let outputs = [(by_place.features.flatten(2, -1), &case.1), (by_channel.features.flatten(2, -1).transpose(1, 2), &case.2)];
        for (output, words) in outputs {
            let (low, high) = bounds(words);
            prop_assert!((&output - low).min().double_value(&[]) > -1e-12);
            prop_assert!((high - &output).min().double_value(&[]) > -1e-12);
        }
    }

    #[test]
    fn a_single_word_has_weight_one(seed in 0u64..1000, padding in 0i64..4) {
        for attended in both(&case(seed, &[1, 1], 1 + padding)) {
            let first = attended.weights.narrow(-1, 0, 1);
            prop_assert!(distance(&first, &first.ones_like()) == 0.0);
        }
    }

    #[test]
    fn permuting_words_permutes_the_maps_alone(seed in 0u64..1000, (lengths, longest) in captions()) {
        let case = case(seed, &lengths, longest);
        let order: Vec<i64> = easel_core::Noise::new(seed).purpose("order").permutation(0, longest as usize)
            .into_iter().map(|i| i as i64).collect();
        let order = Tensor::from_slice(&order);
        let moved = |t: &Tensor| t.index_select(-1, &order);
        let other = (case.0.shallow_clone(), moved(&case.1), moved(&case.2), moved(&case.3));
        for (a, b) in both(&case).iter().zip(both(&other)) {
            prop_assert!(distance(&a.features, &b.features) < 1e-12);
            prop_assert!(distance(&moved(&a.weights), &b.weights) < 1e-12);
        }
    }

    #[test]
    fn padding_changes_nothing(seed in 0u64..1000, (lengths, _) in captions(), more in 1i64..4) {
        let shortest = *lengths.iter().max().unwrap();
        let long = case(seed, &lengths, shortest + more);
        let short = (long.0.shallow_clone(), long.1.narrow(-1, 0, shortest), long.2.narrow(-1, 0, shortest),
            long.3.narrow(-1, 0, shortest));
        for (a, b) in both(&short).iter().zip(both(&long)) {
            prop_assert!(distance(&a.features, &b.features) < 1e-12);
        }
    }

    #[test]
    fn a_caption_is_read_alike_alone_and_in_a_batch(seed in 0u64..1000, (lengths, longest) in captions()) {
        let case = case(seed, &lengths, longest);
        let together = both(&case);
        for b in 0..lengths.len() as i64 {
            let one = |t: &Tensor| t.narrow(0, b, 1);
            let alone = both(&(one(&case.0), one(&case.1), one(&case.2), one(&case.3)));
            for (a, t) in alone.iter().zip(&together) {
                prop_assert!(distance(&a.features, &one(&t.features)) < 1e-12);
                prop_assert!(distance(&a.weights, &one(&t.weights)) < 1e-12);
            }
        }
    }
}

/// Masks repeated in another order than the scores, as in both released implementations: in a batch of three captions of
/// different lengths, rows of one take the mask of another. The broadcast mask cannot.
#[test]
fn a_mask_repeated_in_the_other_order_belongs_to_another_caption() {
    let (b, queries, longest) = (3i64, 4i64, 5i64);
    let lengths = [1, 3, 5];
    let mask = mask(&lengths, longest);
    let right = mask.unsqueeze(1).expand([b, queries, longest], false).reshape([b * queries, longest]);
    let repeated = mask.repeat([queries, 1]);
    let wrong = right.ne_tensor(&repeated).any_dim(1, false).sum(Kind::Int64).int64_value(&[]);
    assert_eq!(wrong, 6); // of 12; a share 1 - 1/B where there are many queries
    let scores = normal(1, "scores", &[b * queries, longest]);
    let weights = scores.masked_fill(&repeated.logical_not(), f64::NEG_INFINITY).softmax(-1, Kind::Double);
    assert!(!silent(&weights, &right));
}
