//! The losses on logits.

use gan::Loss;
use gan::loss::{minus_log_d, minus_log_one_minus_d};
use proptest::prelude::*;
use tch::{Kind, Tensor};

const ALL: [Loss; 5] =
    [Loss::Saturating {}, Loss::NonSaturating {}, Loss::Smoothed { alpha: 0.9 }, Loss::LeastSquares {}, Loss::Hinge {}];

fn logits(values: &[f64]) -> Tensor {
    Tensor::from_slice(values).set_requires_grad(true)
}

/// The gradient of a sum of `f` at every entry.
fn gradient(f: impl Fn(&Tensor) -> Tensor, at: &[f64]) -> Vec<f64> {
    let a = logits(at);
    let gradients = Tensor::run_backward(&[f(&a).sum(Kind::Double)], &[&a], false, false);
    Vec::try_from(&gradients[0]).expect("a vector")
}

fn numbers(t: &Tensor) -> Vec<f64> {
    Vec::try_from(t.detach()).expect("a vector")
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

proptest! {
    #[test]
    fn losses_on_logits_are_the_logarithms(a in -10.0..10.0f64) {
        let d = sigmoid(a);
        let t = logits(&[a]);
        prop_assert!((numbers(&minus_log_d(&t))[0] + d.ln()).abs() < 1e-6);
        prop_assert!((numbers(&minus_log_one_minus_d(&t))[0] + (1.0 - d).ln()).abs() < 1e-6);
        let one = |loss: Loss| (numbers(&loss.real(&t))[0], numbers(&loss.fake(&t))[0], numbers(&loss.generator(&t))[0]);
        let (real, fake, g) = one(Loss::Saturating {});
        prop_assert!((real + d.ln()).abs() < 1e-6 && (fake + (1.0 - d).ln()).abs() < 1e-6 && (g + fake).abs() < 1e-12);
        let (_, _, g) = one(Loss::NonSaturating {});
        prop_assert!((g + d.ln()).abs() < 1e-6);
        let (real, _, _) = one(Loss::Smoothed { alpha: 0.9 });
        prop_assert!((real + 0.9 * d.ln() + 0.1 * (1.0 - d).ln()).abs() < 1e-6);
        let (real, fake, g) = one(Loss::LeastSquares {});
        prop_assert!((real - 0.5 * (a - 1.0).powi(2)).abs() < 1e-9 && (fake - 0.5 * a * a).abs() < 1e-9 && (g - real).abs() < 1e-12);
        let (real, fake, g) = one(Loss::Hinge {});
        prop_assert!((real - (1.0 - a).max(0.0)).abs() < 1e-9 && (fake - (1.0 + a).max(0.0)).abs() < 1e-9 && (g + a).abs() < 1e-12);
    }

    /// Of what G minimises: -D and -(1 - D), so that only the second is felt where D rejects.
    #[test]
    fn gradients_of_the_generator(a in -10.0..10.0f64) {
        let d = sigmoid(a);
        let saturating = gradient(|t| Loss::Saturating {}.generator(t), &[a])[0];
        let non_saturating = gradient(|t| Loss::NonSaturating {}.generator(t), &[a])[0];
        prop_assert!((saturating + d).abs() < 1e-6);
        prop_assert!((non_saturating + (1.0 - d)).abs() < 1e-6);
        prop_assert!(saturating < 0.0 && non_saturating < 0.0);
    }

    /// Against finite differences, away from the corners of the hinge.
    #[test]
    fn gradients_are_the_slopes(a in -8.0..8.0f64) {
        prop_assume!((a.abs() - 1.0).abs() > 1e-3);
        let h = 1e-5;
        for loss in ALL {
            let parts: [&dyn Fn(&Tensor) -> Tensor; 3] =
                [&|t| loss.real(t), &|t| loss.fake(t), &|t| loss.generator(t)];
            for f in parts {
                let at = |a: f64| numbers(&f(&logits(&[a])))[0];
                let slope = (at(a + h) - at(a - h)) / (2.0 * h);
                prop_assert!((gradient(f, &[a])[0] - slope).abs() < 1e-6, "{loss:?}");
            }
        }
    }

    /// D's loss on real pictures of one logit has its minimum where D is alpha (and fakes pull to 0): tabular optimum
    /// alpha p / (p + q), by descent on the logit.
    #[test]
    fn one_sided_smoothing_has_its_optimum_at_alpha_times_the_plain_one(p in 0.1..1.0f64, q in 0.1..1.0f64) {
        let loss = Loss::Smoothed { alpha: 0.9 };
        let mut a = 0.0;
        for _ in 0..400 {
            a -= gradient(|t| loss.real(t) * p + loss.fake(t) * q, &[a])[0] / (0.25 * (p + q));
        }
        prop_assert!((sigmoid(a) - 0.9 * p / (p + q)).abs() < 1e-4);
    }
}

#[test]
fn everything_is_finite_at_large_logits() {
    for kind in [Kind::Float, Kind::Double] {
        for loss in ALL {
            let parts: [&dyn Fn(&Tensor) -> Tensor; 4] =
                [&|t| loss.real(t), &|t| loss.fake(t), &|t| loss.generator(t), &|t| loss.belief(t)];
            for (k, f) in parts.into_iter().enumerate() {
                let a = Tensor::from_slice(&[-100.0, 100.0]).to_kind(kind).set_requires_grad(true);
                let value = f(&a);
                assert!(numbers(&value.to_kind(Kind::Double)).iter().all(|v| v.is_finite()), "{loss:?} {k}");
                let gradient = Tensor::run_backward(&[value.sum(kind)], &[&a], false, false);
                assert!(numbers(&gradient[0].to_kind(Kind::Double)).iter().all(|v| v.is_finite()), "{loss:?} {k}");
            }
        }
    }
}

/// The sum form: log 4 for D and log 2 for G where D cannot tell; the code of 2014 halves the first.
#[test]
fn an_undecided_discriminator_costs_log_four() {
    let half = Tensor::zeros([8], (Kind::Float, tch::Device::Cpu));
    for loss in [Loss::Saturating {}, Loss::NonSaturating {}, Loss::Smoothed { alpha: 0.9 }] {
        let d = loss.discriminator(&half, &half).double_value(&[]);
        assert!((d - gan::game::LOG_4).abs() < 1e-6, "{loss:?}: {d}");
    }
    let g = Loss::NonSaturating {}.generator(&half).mean(Kind::Float).double_value(&[]);
    assert!((g - std::f64::consts::LN_2).abs() < 1e-6);
}

#[test]
fn the_smoothing_has_its_range() {
    assert!(Loss::Smoothed { alpha: 0.9 }.validate().is_ok());
    for alpha in [0.5, 1.01, f64::NAN] {
        assert!(Loss::Smoothed { alpha }.validate().is_err());
    }
}
