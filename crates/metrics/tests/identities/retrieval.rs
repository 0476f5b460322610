use approx::assert_abs_diff_eq;
use easel_metrics::Summary;
use easel_metrics::retrieval::{caption_r_precision, cosine_similarity, r_precision};
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::random::{cases, normal, rng};

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn ties_count_with_the_expectation_of_a_random_order(seed: u64, c in 2_usize..7, r in 1_usize..3) {
        let mut rng = rng(seed);
        // Scores of few values (and no -0), so that ties are common; the first r candidates are relevant.
        let scores = normal(&mut rng, 1, c).mapv(|v| v.round() + 0.0);
        let r = r.min(c - 1);
        let relevant = Array2::from_shape_fn((1, c), |(_, j)| j < r);
        let got = r_precision(scores.view(), relevant.view()).unwrap()[0];
        // Average over every order in which ties may be broken.
        let (mut sum, mut orders) = (0.0, 0.0);
        permutations(c, &mut |order| {
            let mut ranked: Vec<usize> = order.to_vec();
            ranked.sort_by(|&a, &b| scores[[0, b]].total_cmp(&scores[[0, a]]));
            sum += ranked[..r].iter().filter(|&&j| j < r).count() as f64 / r as f64;
            orders += 1.0;
        });
        prop_assert!((got - sum / orders).abs() < 1e-12);
        // Only the ranking matters: a temperature changes nothing.
        let sharp = r_precision((&scores * 100.0).view(), relevant.view()).unwrap()[0];
        prop_assert_eq!(got, sharp);
    }
}

fn permutations(n: usize, visit: &mut impl FnMut(&[usize])) {
    fn go(order: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
        if from == order.len() {
            return visit(order);
        }
        for j in from..order.len() {
            order.swap(from, j);
            go(order, from + 1, visit);
            order.swap(from, j);
        }
    }
    go(&mut (0..n).collect(), 0, visit);
}

#[test]
fn perfect_constant_and_reversed_encoders() {
    let captions = normal(&mut rng(40), 30, 6);
    let own: Vec<usize> = (0..120).map(|i| (7 * i) % 30).collect();
    let pictures = Array2::from_shape_fn((120, 6), |(i, j)| 2.5 * captions[[own[i], j]]);
    let mean = |u: &Array2<f64>, sign: f64, candidates: usize| {
        let similarity = cosine_similarity(u.view(), captions.view()).unwrap() * sign;
        let hits = caption_r_precision(similarity.view(), &own, candidates, &mut rng(41)).unwrap();
        Summary::of(&hits).unwrap().mean
    };
    assert_eq!(mean(&pictures, 1.0, 100), 1.0);
    assert_eq!(mean(&pictures, -1.0, 10), 0.0);
    // All candidates tie: chance, one in min(candidates, captions).
    assert_abs_diff_eq!(mean(&Array2::zeros((120, 6)), 1.0, 10), 0.1, epsilon = 1e-12);
    assert_abs_diff_eq!(mean(&Array2::zeros((120, 6)), 1.0, 100), 1.0 / 30.0, epsilon = 1e-12);
    // Random pictures: chance within 4 binomial errors.
    let noise = mean(&normal(&mut rng(42), 120, 6), 1.0, 10);
    assert_abs_diff_eq!(noise, 0.1, epsilon = 4.0 * (0.1 * 0.9 / 120.0_f64).sqrt());
}

#[test]
fn cosine_of_known_vectors() {
    let u = array![[3.0, 4.0], [0.0, 0.0]];
    let v = array![[6.0, 8.0], [-4.0, 3.0], [-3.0, -4.0]];
    let cosine = cosine_similarity(u.view(), v.view()).unwrap();
    let expected = array![[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]];
    assert!((cosine - expected).iter().all(|e| e.abs() < 1e-15));
}

#[test]
fn impossible_queries_are_refused() {
    let scores = array![[0.1, 0.2]];
    assert!(r_precision(scores.view(), array![[false, false]].view()).is_err());
    assert!(r_precision(scores.view(), array![[true]].view()).is_err());
    assert!(r_precision(array![[f64::NAN, 0.0]].view(), array![[true, false]].view()).is_err());
    assert!(caption_r_precision(scores.view(), &[2], 2, &mut rng(43)).is_err());
    assert!(caption_r_precision(scores.view(), &[0, 1], 2, &mut rng(43)).is_err());
    assert!(caption_r_precision(scores.view(), &[0], 1, &mut rng(43)).is_err());
}
