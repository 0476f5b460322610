//! Augmentation of what D sees.

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use gan::augment::Augment;
use tch::{Device, Kind, Tensor};

fn normals(step: u64, shape: &[i64]) -> Tensor {
    normal_tensor(&Noise::new(1).purpose("pictures"), step, 0..shape[0] as u64, &shape[1..], Device::Cpu)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn augmentation_is_a_function_of_the_draw_and_passes_gradients() {
    let augment = Augment { shift: 0.1, scale: 0.1, cut: 0.3, brightness: 0.2, noise: 0.1 };
    let stream = Noise::new(0).purpose("augment");
    let x = normals(3, &[4, 3, 16, 16]);
    let apply = |x: &Tensor, step| augment.apply(x, &stream, step, 0);
    assert_eq!(distance(&apply(&x, 5), &apply(&x, 5)), 0.0);
    assert!(distance(&apply(&x, 5), &apply(&x, 6)) > 0.1);
    assert_eq!(distance(&Augment::OFF.apply(&x, &stream, 0, 0), &x), 0.0);
    // What is given stays as it is.
    for augment in [Augment { brightness: 0.2, ..Augment::OFF }, Augment { noise: 0.1, ..Augment::OFF }] {
        let before = x.copy();
        assert!(distance(&augment.apply(&x, &stream, 5, 0), &before) > 0.01);
        assert_eq!(distance(&x, &before), 0.0);
    }
    // Picture k by its number alone.
    let last = augment.apply(&x.narrow(0, 3, 1), &stream, 5, 3);
    assert!(distance(&apply(&x, 5).narrow(0, 3, 1), &last) < 1e-6);
    // Linear in the pictures but for brightness and noise: the gradient of <y, w> is the same everywhere.
    let w = normals(4, &[4, 3, 16, 16]);
    let gradient = |x: &Tensor| {
        let x = x.detach().set_requires_grad(true);
        let value = (apply(&x, 5) * &w).sum(Kind::Float);
        Tensor::run_backward(&[value], &[&x], false, false)[0].copy()
    };
    assert!(distance(&gradient(&x), &gradient(&(&x * 2.0 + 1.0))) < 1e-5);
    let (y, direction) = (gradient(&x), normals(5, &[4, 3, 16, 16]));
    let change = ((apply(&(&x + &direction), 5) - apply(&x, 5)) * &w).sum(Kind::Float).double_value(&[]);
    assert!((change - (y * direction).sum(Kind::Float).double_value(&[])).abs() < 1e-2 * change.abs().max(1.0));
}

#[test]
fn a_shift_moves_whole_pixels() {
    let augment = Augment { shift: 0.25, ..Augment::OFF };
    let stream = Noise::new(0).purpose("augment");
    let x = Tensor::ones([1, 3, 16, 16], (Kind::Float, Device::Cpu)) * 0.7;
    assert!(distance(&augment.apply(&x, &stream, 0, 0), &x) < 1e-6, "the border is repeated");
    assert!(Augment { shift: 1.5, ..Augment::OFF }.validate().expect_err("out of range").contains("augment.shift"));
}
