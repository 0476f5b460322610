//! Interpolated and mismatching texts.

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use gan::blocks::leaky_relu;
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};
use text_gan::interpolate::{interpolate, with_midpoints};
use text_gan::mismatch::{Mismatch, OneClass};

fn normals(seed: u64, shape: &[i64]) -> Tensor {
    normal_tensor(&Noise::new(seed).purpose("texts"), 0, 0..shape[0] as u64, &shape[1..], Device::Cpu)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn interpolation_is_affine_and_has_exact_ends(seed in 0u64..1000, beta in 0.0..1.0f64, gamma in 0.0..1.0f64) {
        let (a, b) = (normals(2 * seed, &[3, 5]), normals(2 * seed + 1, &[3, 5]));
        prop_assert_eq!(distance(&interpolate(&a, &b, 1.0), &a), 0.0);
        prop_assert_eq!(distance(&interpolate(&a, &b, 0.0), &b), 0.0);
        prop_assert_eq!(distance(&interpolate(&a, &a, beta), &a), 0.0);
        let middle = (interpolate(&a, &b, beta) + interpolate(&a, &b, gamma)) / 2.0;
        prop_assert!(distance(&middle, &interpolate(&a, &b, (beta + gamma) / 2.0)) < 1e-5);
        prop_assert!(distance(&interpolate(&a, &b, 0.5), &interpolate(&b, &a, 0.5)) < 1e-6);
        let norm = |x: &Tensor| x.square().sum_dim_intlist(1, false, Kind::Float).sqrt();
        let longest = norm(&a).maximum(&norm(&b));
        prop_assert!(bool::try_from(norm(&interpolate(&a, &b, beta)).le_tensor(&(longest + 1e-5)).all()).expect("a truth"));
    }

    #[test]
    fn interpolation_commutes_with_linear_maps_only(seed in 0u64..1000) {
        let (a, b, map) = (normals(3 * seed, &[6, 5]), normals(3 * seed + 1, &[6, 5]), normals(3 * seed + 2, &[5, 8]));
        let project = |x: &Tensor| x.matmul(&map);
        let (before, after) = (project(&interpolate(&a, &b, 0.5)), interpolate(&project(&a), &project(&b), 0.5));
        prop_assert!(distance(&before, &after) < 1e-4);
        let bent = |x: &Tensor| leaky_relu(&project(x));
        prop_assert!(distance(&bent(&interpolate(&a, &b, 0.5)), &interpolate(&bent(&a), &bent(&b), 0.5)) > 1e-2);
    }

    #[test]
    fn midpoints_follow_the_texts(seed in 0u64..1000, half in 1i64..6) {
        let texts = normals(seed, &[2 * half, 4]);
        let all = with_midpoints(&texts);
        prop_assert_eq!(all.size(), vec![3 * half, 4]);
        prop_assert_eq!(distance(&all.narrow(0, 0, 2 * half), &texts), 0.0);
        for i in 0..half {
            let middle = (texts.get(i) + texts.get(i + half)) * 0.5;
            prop_assert!(distance(&all.get(2 * half + i), &middle) < 1e-6);
        }
    }

    #[test]
    fn a_wrong_pair_never_shares_its_class(classes in prop::collection::vec(-3i64..5, 2..40), seed in 0u64..1000) {
        let distinct = classes.iter().collect::<std::collections::BTreeSet<_>>().len();
        let drawn = Mismatch::new(&classes);
        if distinct < 2 {
            prop_assert_eq!(drawn.err(), Some(OneClass { classes: distinct, pictures: classes.len() }));
        } else {
            let (drawn, stream) = (drawn.expect("two classes"), Noise::new(seed).purpose("wrong"));
            for (i, class) in classes.iter().enumerate() {
                prop_assert_ne!(classes[drawn.draw(&stream, 0, i as u64, i)], *class);
            }
        }
    }
}

#[test]
fn every_picture_of_another_class_is_equally_likely() {
    let classes = [1, 0, 1, 2, 0, 1];
    let drawn = Mismatch::new(&classes).expect("three classes");
    let stream = Noise::new(3).purpose("wrong");
    let mut counts = [0; 6];
    (0..6000).for_each(|k| counts[drawn.draw(&stream, k, 0, 1)] += 1);
    assert_eq!((counts[1], counts[4]), (0, 0));
    // 1500 expected each, with a deviation of 34.
    assert!([0, 2, 3, 5].iter().all(|&i| (1360..1640).contains(&counts[i])), "{counts:?}");
}

#[test]
#[should_panic(expected = "even number")]
fn midpoints_of_an_odd_batch_are_refused() {
    let _ = with_midpoints(&normals(0, &[3, 2]));
}
