//! DAMSM.

use controlgan::damsm::{Gammas, attend, contrast, loss, relevance, relevances, sentence_cosines};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::common::{distance, mask, normal, values};

const D: i64 = 5;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn relevance_is_a_soft_maximum(seed in 0u64..1000, length in 1i64..9, gamma2 in 0.5f64..8.0) {
        let (c, e) = (normal(seed, "c", &[1, D, length]), normal(seed, "e", &[1, D, length]));
        let cosines = values(&controlgan::attention::cosine(&c, &e, 1));
        let highest = cosines.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let r = relevance(&c, &e, &mask(&[length], length), gamma2).double_value(&[0]);
        prop_assert!(gamma2 * highest <= r + 1e-9);
        prop_assert!(r <= gamma2 * highest + (length as f64).ln() + 1e-9);
    }

    #[test]
    fn no_region_gets_more_than_its_bound(seed in 0u64..1000, length in 1i64..6, m in 2i64..70, gamma1 in 0.5f64..8.0) {
        let (e, v) = (normal(seed, "e", &[1, D, length]) * 9.0, normal(seed, "v", &[1, D, m]) * 9.0);
        let weights = attend(&e, &v, &mask(&[length], length), gamma1).weights;
        let bound = gamma1.exp() / (gamma1.exp() + m as f64 - 1.0);
        prop_assert!(weights.max().double_value(&[]) <= bound + 1e-12);
        let sums = weights.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
        prop_assert!(distance(&sums, &sums.ones_like()) < 1e-12);
    }

    #[test]
    fn every_pair_is_scored_as_if_alone(seed in 0u64..1000, lengths in prop::collection::vec(1i64..6, 2..=4)) {
        let (b, longest) = (lengths.len() as i64, *lengths.iter().max().unwrap() + 1);
        let (e, v) = (normal(seed, "e", &[b, D, longest]), normal(seed, "v", &[3, D, 7]));
        let gammas = Gammas::default();
        let all = relevances(&e, &v, &mask(&lengths, longest), gammas);
        for (caption, &length) in lengths.iter().enumerate() {
            let words = e.narrow(0, caption as i64, 1).narrow(-1, 0, length);
            let full = mask(&[length], length);
            for picture in 0..3 {
                let contexts = attend(&words, &v.narrow(0, picture, 1), &full, gammas.regions).contexts;
                let alone = relevance(&contexts, &words, &full, gammas.words).double_value(&[0]);
                prop_assert!((alone - all.double_value(&[picture, caption as i64])).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn swapping_the_roles_transposes(seed in 0u64..1000, b in 2i64..5) {
        let (images, sentences) = (normal(seed, "i", &[b, D]), normal(seed, "s", &[b, D]));
        prop_assert!(distance(&sentence_cosines(&images, &sentences), &sentence_cosines(&sentences, &images).tr()) < 1e-12);
        let scores = normal(seed, "scores", &[b, b]);
        let none = Tensor::zeros([b, b], (Kind::Bool, Device::Cpu));
        let ([a1, b1], [a2, b2]) = (contrast(&scores, &none), contrast(&scores.tr(), &none));
        prop_assert!(distance(&a1, &b2) < 1e-12 && distance(&b1, &a2) < 1e-12);
    }
}

#[test]
fn equal_scores_cost_the_logarithm_of_the_batch() {
    // Equal pictures and equal captions: nothing tells them apart.
    for b in [2i64, 5, 16] {
        let repeat = |t: Tensor| t.repeat([&[b][..], &vec![1; t.dim() - 1]].concat());
        let (e, s) = (repeat(normal(1, "e", &[1, D, 4])), repeat(normal(1, "s", &[1, D])));
        let (v, g) = (repeat(normal(1, "v", &[1, D, 6])), repeat(normal(1, "g", &[1, D])));
        let none = Tensor::zeros([b, b], (Kind::Bool, Device::Cpu));
        let damsm = loss((&e, &s, &mask(&vec![4; b as usize], 4)), (&v, &g), &none, Gammas::default());
        for term in damsm.words.iter().chain(&damsm.sentences) {
            assert!((term.double_value(&[]) - (b as f64).ln()).abs() < 1e-10);
        }
        assert!((damsm.total().double_value(&[]) - 4.0 * (b as f64).ln()).abs() < 1e-9);
    }
}

#[test]
fn equal_captions_are_no_negatives() {
    // Of three pairs two share their caption: each of these is held against the third alone.
    let scores = Tensor::zeros([3, 3], (Kind::Double, Device::Cpu));
    let same = Tensor::from_slice(&[true, true, false, true, true, false, false, false, true]).view([3, 3]);
    let [rows, columns] = contrast(&scores, &same);
    let expected = (2.0 * 2f64.ln() + 3f64.ln()) / 3.0;
    for term in [rows, columns] {
        assert!((term.double_value(&[]) - expected).abs() < 1e-12);
    }
}
