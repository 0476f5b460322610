//! Gradients with respect to x_t, in samplers that track none.

use easel_core::sampling::{Denoiser, NoiseLevel};
use guidance::{ClassifierGuided, gradient};
use tch::{Kind, Tensor, no_grad};

use crate::tensors::{distance, level, normal};

const SHAPE: [i64; 4] = [3, 1, 5, 5];

/// A convolution and a linear map in f64, with weights that track gradients.
struct Logits {
    conv: Tensor,
    linear: Tensor,
}

impl Logits {
    fn new() -> Self {
        let weight = |seed, shape: &[i64]| normal(seed, shape).to_kind(Kind::Double).set_requires_grad(true);
        Self { conv: weight(1, &[4, 1, 3, 3]), linear: weight(2, &[6, 100]) }
    }

    fn at(&self, x: &Tensor) -> Tensor {
        let features = x.conv2d(&self.conv, None::<&Tensor>, [1, 1], [1, 1], [1, 1], 1).silu();
        features.flatten(1, -1).linear(&self.linear, None::<&Tensor>) * 0.2
    }
}

fn pictures() -> (Tensor, Tensor) {
    (normal(3, &SHAPE).to_kind(Kind::Double), Tensor::from_slice(&[5i64, 0, 2]))
}

fn log_p(logits: &Logits, x: &Tensor, y: &Tensor) -> f64 {
    let log_p = no_grad(|| logits.at(x).log_softmax(-1, None::<Kind>));
    log_p.gather(1, &y.unsqueeze(1), false).sum(Kind::Double).double_value(&[])
}

#[test]
fn autograd_agrees_with_central_differences() {
    let (logits, (x, y), h) = (Logits::new(), pictures(), 1e-5);
    let found = no_grad(|| gradient::log_probability(&x, &y, |x| logits.at(x))).unwrap();
    assert_eq!(found.size(), SHAPE);
    let size = found.abs().max().double_value(&[]);
    for i in 0..x.numel() as i64 {
        let moved = |by: f64| {
            let flat = x.copy().reshape([-1]);
            let _ = flat.narrow(0, i, 1).g_add_scalar_(by);
            log_p(&logits, &flat.reshape(SHAPE), &y)
        };
        let difference = (moved(h) - moved(-h)) / (2.0 * h);
        assert!((found.reshape([-1]).double_value(&[i]) - difference).abs() < 1e-6 * size, "element {i}");
    }
}

#[test]
fn nothing_but_x_is_differentiated() {
    let (logits, (x, y)) = (Logits::new(), pictures());
    let found = no_grad(|| gradient::log_probability(&x, &y, |x| logits.at(x))).unwrap();
    assert!(!logits.conv.grad().defined() && !logits.linear.grad().defined());
    assert!(!x.requires_grad() && !found.requires_grad());
    // Gradients are off again afterwards.
    no_grad(|| {
        let _ = gradient::log_probability(&x, &y, |x| logits.at(x)).unwrap();
        assert!(!logits.at(&x).requires_grad());
    });
}

/// The sum over the batch, not the mean: a picture's gradient is what it has alone.
#[test]
fn pictures_beside_it_do_not_change_a_gradient() {
    let (logits, (x, y)) = (Logits::new(), pictures());
    let all = gradient::log_probability(&x, &y, |x| logits.at(x)).unwrap();
    for i in 0..3 {
        let alone = gradient::log_probability(&x.narrow(0, i, 1), &y.narrow(0, i, 1), |x| logits.at(x)).unwrap();
        assert!(distance(&alone, &all.narrow(0, i, 1)) < 1e-14);
    }
}

#[test]
fn what_cannot_be_differentiated_is_an_error() {
    let (logits, (x, y)) = (Logits::new(), pictures());
    let constant = Tensor::ones([3, 6], (Kind::Double, x.device()));
    assert!(gradient::log_probability(&x, &y, |_| constant.shallow_clone()).is_err());
    assert!(gradient::log_probability(&x, &y, |_| logits.at(&x)).is_err(), "logits of another x");
    assert!(gradient::log_probability(&x, &(&y + 4), |x| logits.at(x)).is_err(), "a label beyond the classes");
    assert!(gradient::log_probability(&x, &y.narrow(0, 0, 2).unsqueeze(1), |x| logits.at(x)).is_err());
    assert!(gradient::of(&x, |x| Ok(x * 2.0)).is_err(), "not a scalar");
}

/// CLIP guidance: the inner product of normalised embeddings, whose gradient is orthogonal to a radial encoder's x.
#[test]
fn any_scalar_guides() {
    let (x, text) = (normal(5, &[2, 8]).to_kind(Kind::Double), normal(6, &[2, 8]).to_kind(Kind::Double));
    let unit = |v: &Tensor| v / v.norm_scalaropt_dim(2.0, [1i64], true);
    let g = gradient::of(&x, |x| Ok((unit(x) * unit(&text)).sum(Kind::Double))).unwrap();
    assert!((&g * &x).sum_dim_intlist(1, false, Kind::Double).abs().max().double_value(&[]) < 1e-14);
    let expected = (unit(&text) - unit(&x) * (unit(&x) * unit(&text)).sum_dim_intlist(1, true, Kind::Double))
        / x.norm_scalaropt_dim(2.0, [1i64], true);
    assert!(distance(&g, &expected) < 1e-14);
}

#[test]
fn a_guided_denoiser_of_tensors_shifts_x0() {
    let (logits, (x, y), level) = (Logits::new(), pictures(), level(400));
    let mut guided = ClassifierGuided {
        denoiser: |x: &Tensor, _: NoiseLevel| x * 0.5,
        gradient: |x: &Tensor, _: NoiseLevel| gradient::log_probability(x, &y, |x| logits.at(x)).unwrap(),
        scale: 2.0,
    };
    let found = no_grad(|| guided.x0(&x, level));
    let g = gradient::log_probability(&x, &y, |x| logits.at(x)).unwrap();
    let expected = &x * 0.5 + g * (2.0 * level.sigma * level.sigma / level.alpha);
    assert!(distance(&found, &expected) < 1e-12 && !found.requires_grad());
}
