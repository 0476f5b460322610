//! The objectives.

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use gan::Loss;
use proptest::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};
use text_gan::loss::{discriminator_loss, generator_loss, matching_aware, structured_hinge, style_loss};

fn logits(seed: u64, shape: &[i64]) -> Tensor {
    normal_tensor(&Noise::new(seed).purpose("logits"), 0, 0..shape[0] as u64, &shape[1..], Device::Cpu)
        .to_kind(Kind::Double)
        * 3.0
}

fn number(x: &Tensor) -> f64 {
    x.double_value(&[])
}

/// Binary cross-entropy of logits with one target and one weight, by its definition.
fn weighted_bce(logits: &Tensor, target: f64, weight: f64) -> f64 {
    let values = Vec::<f64>::try_from(logits.flatten(0, -1).to_kind(Kind::Double)).expect("numbers");
    let d = |a: f64| 1.0 / (1.0 + (-a).exp());
    let terms = values.iter().map(|&a| -target * d(a).ln() - (1.0 - target) * (1.0 - d(a)).ln());
    weight * terms.sum::<f64>() / values.len() as f64
}

#[test]
fn an_undecided_discriminator_loses_two_log_two() {
    let expected = 2.0 * std::f64::consts::LN_2;
    assert!((matching_aware(0.5, 0.5, 0.5) - expected).abs() < 1e-12);
    let zero = Tensor::zeros([5], (Kind::Float, Device::Cpu));
    assert!((number(&discriminator_loss(&zero, Some(&zero), &zero)) - expected).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_loss_is_a_cross_entropy_with_weights_one_half_half(seed in 0u64..1000) {
        let [r, w, f] = [0, 1, 2].map(|k| logits(3 * seed + k, &[8]));
        let expected = weighted_bce(&r, 1.0, 1.0) + weighted_bce(&w, 0.0, 0.5) + weighted_bce(&f, 0.0, 0.5);
        prop_assert!((number(&discriminator_loss(&r, Some(&w), &f)) - expected).abs() < 1e-9);
        let one = |x: &Tensor| number(&x.get(0).sigmoid());
        let single = discriminator_loss(&r.narrow(0, 0, 1), Some(&w.narrow(0, 0, 1)), &f.narrow(0, 0, 1));
        prop_assert!((number(&single) - matching_aware(one(&r), one(&w), one(&f))).abs() < 1e-9);
    }

    #[test]
    fn without_wrong_pairs_it_is_the_ordinary_loss(seed in 0u64..1000) {
        let [r, f] = [0, 1].map(|k| logits(2 * seed + k, &[8]));
        let loss = discriminator_loss(&r, None, &f);
        prop_assert_eq!(number(&loss), number(&(Loss::NonSaturating {}).discriminator(&r, &f)));
        prop_assert!((number(&loss) - weighted_bce(&r, 1.0, 1.0) - weighted_bce(&f, 0.0, 1.0)).abs() < 1e-6);
    }

    #[test]
    fn a_weight_of_zero_leaves_the_first_rows(seed in 0u64..1000) {
        let all = logits(seed, &[12]);
        let first = generator_loss(&all.narrow(0, 0, 8), 8, 1.0);
        prop_assert!((number(&generator_loss(&all, 8, 0.0)) - number(&first) * 8.0 / 12.0).abs() < 1e-12);
        let mean = weighted_bce(&all, 1.0, 1.0);
        prop_assert!((number(&generator_loss(&all, 8, 1.0)) - mean).abs() < 1e-9);
    }

    #[test]
    fn the_hinge_does_not_prefer_a_modality(seed in 0u64..1000, k in 2i64..7) {
        let scores = logits(seed, &[k, k]);
        let loss = number(&structured_hinge(&scores));
        prop_assert!(loss >= 0.0);
        prop_assert!((loss - number(&structured_hinge(&scores.tr()))).abs() < 1e-12);
    }

    #[test]
    fn the_hinge_is_its_double_sum(seed in 0u64..1000, k in 2i64..6) {
        let scores = logits(seed, &[k, k]);
        let s = |i: i64, j: i64| scores.double_value(&[i, j]);
        let mut sum = 0.0;
        for i in 0..k {
            for j in (0..k).filter(|j| *j != i) {
                sum += (1.0 + s(i, j) - s(i, i)).max(0.0) + (1.0 + s(j, i) - s(i, i)).max(0.0);
            }
        }
        prop_assert!((number(&structured_hinge(&scores)) - sum / (k * k) as f64).abs() < 1e-12);
    }
}

#[test]
fn the_hinge_knows_its_ends() {
    for k in [2i64, 5] {
        let equal = Tensor::full([k, k], 0.7, (Kind::Double, Device::Cpu));
        assert!((number(&structured_hinge(&equal)) - 2.0 * (k - 1) as f64 / k as f64).abs() < 1e-12);
        let far = Tensor::eye(k, (Kind::Double, Device::Cpu)) * 1.5;
        assert_eq!(number(&structured_hinge(&far)), 0.0, "every margin is 1 or more");
    }
}

/// Gradients of the objectives by central differences, in f64.
#[test]
fn gradients_agree_with_differences() {
    const H: f64 = 1e-6;
    type Function = fn(&Tensor) -> Tensor;
    let functions: [Function; 3] = [
        |x| discriminator_loss(&x.narrow(0, 0, 2), Some(&x.narrow(0, 2, 2)), &x.narrow(0, 4, 2)),
        |x| generator_loss(x, 4, 0.7),
        |x| structured_hinge(&x.narrow(0, 0, 4).view([2, 2])),
    ];
    for function in functions {
        let x = logits(7, &[6]).set_requires_grad(true);
        let gradient = &Tensor::run_backward(&[function(&x)], &[&x], false, false)[0];
        for i in 0..6 {
            let moved = |by: f64| {
                no_grad(|| {
                    let y = x.detach().copy();
                    let _ = y.get(i).g_add_scalar_(by);
                    number(&function(&y))
                })
            };
            let difference = (moved(H) - moved(-H)) / (2.0 * H);
            assert!((difference - gradient.double_value(&[i])).abs() < 1e-6, "entry {i}");
        }
    }
}

#[test]
fn silence_about_style_costs_one_per_entry() {
    let (n, width) = (4000i64, 8i64);
    let z = normal_tensor(&Noise::new(1).purpose("z"), 0, 0..n as u64, &[width], Device::Cpu);
    let loss = number(&style_loss(&z, &z.zeros_like()));
    let tolerance = 4.0 * (2.0 * width as f64 / n as f64).sqrt();
    assert!((loss - width as f64).abs() < tolerance, "{loss}");
    assert_eq!(number(&style_loss(&z, &z)), 0.0);
}
