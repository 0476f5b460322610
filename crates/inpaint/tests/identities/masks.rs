//! Masks, their polarity and their sizes.

use easel_core::Noise;
use inpaint::mask::threshold;
use inpaint::resize::{nearest, shrink};
use inpaint::shapes::{centre_box, every_second_line, expand, half, strokes, super_resolution};
use inpaint::{Mask, Polarity};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn kept(mask: &Mask<Array2<f64>>) -> usize {
    mask.ones(Polarity::Keep).sum() as usize
}

fn random_mask() -> impl Strategy<Value = Mask<Array2<f64>>> {
    (1usize..12, 1usize..12).prop_flat_map(|size| {
        prop::collection::vec(any::<bool>(), size.0 * size.1).prop_map(move |bits| {
            let values = bits.iter().map(|&b| f64::from(b)).collect();
            let array = Array2::from_shape_vec(size, values).expect("as many");
            Mask::new(array, Polarity::Repaint).expect("zeros and ones")
        })
    })
}

proptest! {
    #[test]
    fn polarity_exchanges_the_parts(mask in random_mask(), known in -2.0..2.0, unknown in -2.0..2.0) {
        let ones = mask.ones(Polarity::Keep).clone();
        prop_assert_eq!(ones.clone() + mask.ones(Polarity::Repaint), Array2::<f64>::ones(ones.dim()));
        let exchanged = Mask::new(ones.clone(), Polarity::Repaint).expect("zeros and ones");
        let fill = |value| Array2::from_elem(ones.dim(), value);
        let (a, b): (Array2<f64>, Array2<f64>) = (fill(known), fill(unknown));
        prop_assert_eq!(mask.merge(&a, &b), exchanged.merge(&b, &a));
        prop_assert_eq!(mask.merge(&a, &b), ones.mapv(|m| if m == 1.0 { known } else { unknown }));
    }

    #[test]
    fn holes_never_shrink(mask in random_mask(), rows in 1usize..12, columns in 1usize..12) {
        let (h, w) = mask.ones(Polarity::Keep).dim();
        let size = (rows.min(h), columns.min(w));
        let small = shrink(&mask, size).expect("a smaller size");
        let back = nearest(&small, (h, w)).expect("a size");
        let (hole, grown) = (mask.ones(Polarity::Repaint), back.ones(Polarity::Repaint));
        prop_assert!(hole.iter().zip(grown).all(|(a, b)| a <= b));
        let part = |m: &Mask<Array2<f64>>| m.ones(Polarity::Repaint).mean().expect("not empty");
        prop_assert!(part(&small) >= part(&mask) - 1e-12);
        // What max-pooling adds at most: pixels whose cell has no hole stay.
        let nearest_hole = nearest(&mask, size).expect("a size");
        let (a, b) = (nearest_hole.ones(Polarity::Repaint), small.ones(Polarity::Repaint));
        prop_assert!(a.iter().zip(b).all(|(a, b)| a <= b));
    }

    #[test]
    fn whole_multiples_come_back(mask in random_mask(), factor in 1usize..4) {
        let (h, w) = mask.ones(Polarity::Keep).dim();
        let large = nearest(&mask, (factor * h, factor * w)).expect("a size");
        for back in [nearest(&large, (h, w)).expect("a size"), shrink(&large, (h, w)).expect("a smaller size")] {
            prop_assert_eq!(back.ones(Polarity::Keep), mask.ones(Polarity::Keep));
        }
    }

    #[test]
    fn strokes_cover_the_share_wanted(rows in 8usize..40, columns in 8usize..40, seed in 0u64..200) {
        let stream = Noise::new(seed).purpose("masks");
        let mask = strokes((rows, columns), 0.25..=0.5, &stream, 3).expect("a share");
        let hole = mask.ones(Polarity::Repaint).mean().expect("not empty");
        let rounding = 0.5 / (rows * columns) as f64 + 1e-12;
        prop_assert!((0.25 - rounding..=0.5 + rounding).contains(&hole), "{hole}");
        let again = strokes((rows, columns), 0.25..=0.5, &stream, 3).expect("a share");
        prop_assert_eq!(again.ones(Polarity::Keep), mask.ones(Polarity::Keep));
        let other = strokes((rows, columns), 0.25..=0.5, &stream, 4).expect("a share");
        prop_assert_ne!(other.ones(Polarity::Keep), mask.ones(Polarity::Keep));
    }
}

#[test]
fn usual_masks_keep_what_they_say() {
    let size = (28, 28);
    assert_eq!(kept(&half(size).expect("a size")), 28 * 14);
    assert_eq!(kept(&centre_box(size, 12).expect("a box")), 28 * 28 - 12 * 12);
    assert_eq!(kept(&every_second_line(size).expect("a size")), 28 * 14);
    assert_eq!(kept(&expand(size, 14).expect("a square")), 14 * 14);
    assert_eq!(kept(&super_resolution(size, 2).expect("a factor")), 14 * 14);
    let centre = expand((4, 6), 2).expect("a square");
    let expected = array![
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    ];
    assert_eq!(centre.ones(Polarity::Keep), &expected);
    assert_eq!(centre_box((4, 6), 2).expect("a box").ones(Polarity::Repaint), &expected);
}

#[test]
fn soft_masks_are_refused_until_thresholded() {
    for wrong in [0.5, -1.0, 2.0, f64::NAN] {
        assert!(Mask::new(array![[0.0, wrong]], Polarity::Keep).is_err(), "{wrong}");
    }
    let soft = array![0.0, 0.49, 0.5, 0.9, 1.0];
    let hard = threshold(&soft, 0.5);
    assert_eq!(hard, array![0.0, 0.0, 1.0, 1.0, 1.0]);
    assert!(Mask::new(hard, Polarity::Keep).is_ok());
}

#[test]
fn impossible_masks_are_refused() {
    let stream = Noise::new(0).purpose("masks");
    assert!(half((0, 4)).is_err());
    assert!(centre_box((4, 4), 5).is_err());
    assert!(centre_box((4, 4), 0).is_err());
    assert!(super_resolution((4, 4), 0).is_err());
    assert!(strokes((4, 4), 0.2..=1.5, &stream, 0).is_err());
    let mask = half((4, 4)).expect("a size");
    assert!(nearest(&mask, (0, 2)).is_err());
    assert!(shrink(&mask, (8, 2)).is_err());
}
