//! The flat buffer, its working copy and the moving average in its place.

use std::panic::{AssertUnwindSafe, catch_unwind};

use easel_train::{FlatParams, Group, OptimConfig};
use tch::{Kind, no_grad};

use crate::common::{leaf, values};

#[test]
fn the_models_tensors_are_views_of_the_buffer() {
    let (a, b) = (leaf(&[1.0, 2.0]), leaf(&[3.0, 4.0, 5.0, 6.0]).detach().reshape([2, 2]).set_requires_grad(true));
    let mut flat = FlatParams::new(vec![("a".into(), a.shallow_clone()), ("b".into(), b.shallow_clone())], Kind::Float);
    assert_eq!((flat.numel(), b.size()), (6, vec![2, 2]));
    assert_eq!(a.data_ptr(), flat.master().data_ptr());
    assert_eq!(b.data_ptr() as usize, flat.master().data_ptr() as usize + 2 * 4);
    assert!(a.requires_grad() && a.is_leaf() && b.is_leaf());
    flat.update(|master| {
        let _ = master.g_mul_scalar_(10.0);
    });
    assert_eq!((values(&a), values(&b)), (vec![10.0, 20.0], vec![30.0, 40.0, 50.0, 60.0]));
    let named = flat.named(flat.master());
    assert_eq!(named[1].0, "b");
    assert_eq!((named[1].1.size(), named[1].1.data_ptr()), (vec![2, 2], b.data_ptr()));
}

#[test]
fn the_bfloat16_copy_follows_the_master() {
    let w = leaf(&[1.0, 1.0]);
    let mut flat = FlatParams::new(vec![("w".into(), w.shallow_clone())], Kind::BFloat16);
    assert_eq!((w.kind(), flat.master().kind()), (Kind::BFloat16, Kind::Float));
    // One step is below the spacing of bfloat16 at 1 (2^-7), sixteen together are not.
    for _ in 0..16 {
        flat.update(|master| {
            let _ = master.g_add_scalar_(0.001);
        });
        assert_eq!(values(&w), values(&flat.master().to_kind(Kind::BFloat16)));
    }
    assert!((values(flat.master())[0] - 1.016).abs() < 1e-5);
    assert_eq!(values(&w)[0], 1.015_625);
}

#[test]
fn the_average_is_lent_to_the_model_and_taken_back() {
    for kind in [Kind::Float, Kind::BFloat16] {
        let w = leaf(&[2.0]);
        let config = OptimConfig { ema: 0.97, ema_warmup: false, ..OptimConfig::default() };
        let mut group = Group::new("g", vec![("w".into(), w.shallow_clone())], kind, config, 1000).unwrap();
        for _ in 0..100 {
            let _ = group.update(&(&w * 3.0).sum(Kind::Float)).unwrap();
        }
        let (working, average) = (values(&w), values(&group.average()[0].1));
        let inside = group.with_average(|| values(&w));
        assert_ne!(working, inside);
        assert!((inside[0] - average[0]).abs() < 0.01, "{inside:?} {average:?}");
        assert_eq!(values(&w), working);
        assert_eq!(values(&group.average()[0].1), average);

        let panicked = catch_unwind(AssertUnwindSafe(|| group.with_average(|| panic!("in the evaluation"))));
        assert!(panicked.is_err());
        assert_eq!(values(&w), working, "the working weights are back after a panic");
        let before = values(group.params.master());
        let _ = group.update(&(&w * 3.0).sum(Kind::Float)).unwrap();
        assert_ne!(values(group.params.master()), before, "training goes on");
        assert_eq!(values(&w), values(&group.params.master().to_kind(kind)));
    }
}

#[test]
fn a_loss_without_a_graph_is_an_error_and_not_a_crash() {
    let w = leaf(&[2.0]);
    let mut group =
        Group::new("g", vec![("w".into(), w.shallow_clone())], Kind::Float, OptimConfig::default(), 10).unwrap();
    let loss = no_grad(|| w.sum(Kind::Float));
    let message = group.update(&loss).unwrap_err().to_string();
    assert!(message.contains("no parameter"), "{message}");
    assert_eq!(values(&w), [2.0]);
}
