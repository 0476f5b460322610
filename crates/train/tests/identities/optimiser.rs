//! One update: Adam, learning rate, clipping, accumulation, moving average.

use easel_train::{Adam, AdamConfig, Decay, Ema, Group, OptimConfig, RateConfig};
use proptest::prelude::*;
use tch::{Kind, Tensor, no_grad};

use crate::common::{leaf, single_threaded, values};

/// AdamW as its papers state it, one number at a time, in f64: Kingma and Ba 2015, Algorithm 1; Loshchilov and Hutter
/// 2019, Algorithm 2.
fn reference(c: AdamConfig, start: &[f32], gradients: &[Vec<f32>], rates: &[f64]) -> Vec<f64> {
    let mut p: Vec<f64> = start.iter().map(|&x| f64::from(x)).collect();
    let (mut m, mut v) = (vec![0.0; p.len()], vec![0.0; p.len()]);
    for (t, (gradient, lr)) in gradients.iter().zip(rates).enumerate() {
        for (i, g) in gradient.iter().map(|&g| f64::from(g)).enumerate() {
            m[i] = c.beta1 * m[i] + (1.0 - c.beta1) * g;
            v[i] = c.beta2 * v[i] + (1.0 - c.beta2) * g * g;
            let m_hat = m[i] / (1.0 - c.beta1.powi(t as i32 + 1));
            let v_hat: f64 = v[i] / (1.0 - c.beta2.powi(t as i32 + 1));
            p[i] -= lr * c.weight_decay * p[i];
            p[i] -= lr * m_hat / (v_hat.sqrt() + c.eps);
        }
    }
    p
}

fn constant(lr: f64) -> RateConfig {
    RateConfig { lr, final_lr: 0.0, warmup: 0, decay: Decay::Constant }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn adam_is_the_papers_algorithm(
        beta1 in 0.0..0.99,
        beta2 in 0.5..0.9999,
        weight_decay in prop_oneof![Just(0.0), 0.001..0.5],
        start in prop::collection::vec(-2.0f32..2.0, 5),
        gradients in prop::collection::vec(prop::collection::vec(-3.0f32..3.0, 5), 1..12),
        lr in 1e-4..0.1,
    ) {
        single_threaded();
        let config = AdamConfig { beta1, beta2, weight_decay, eps: 1e-6 };
        let parameters = Tensor::from_slice(&start);
        let mut adam = Adam::new(config, &parameters);
        let rates: Vec<f64> = (0..gradients.len()).map(|t| lr / (1 + t) as f64).collect();
        for (gradient, &lr) in gradients.iter().zip(&rates) {
            no_grad(|| adam.step(&parameters, &Tensor::from_slice(gradient), lr));
        }
        prop_assert_eq!(adam.updates, gradients.len() as u64);
        for (found, expected) in values(&parameters).iter().zip(reference(config, &start, &gradients, &rates)) {
            prop_assert!((f64::from(*found) - expected).abs() < 2e-5, "{found} {expected}");
        }
    }

    /// e = p + (e0 - p) d^n.
    #[test]
    fn the_average_of_constant_weights_approaches_them_geometrically(
        start in -3.0f32..3.0, p in -3.0f32..3.0, decay in 0.0..0.999, n in 1u64..60,
    ) {
        let mut ema = Ema::new(&Tensor::from_slice(&[start]), decay, false);
        (0..n).for_each(|k| ema.update(&Tensor::from_slice(&[p]), k));
        let expected = f64::from(p) + f64::from(start - p) * decay.powi(n as i32);
        prop_assert!((f64::from(values(&ema.average)[0]) - expected).abs() < 1e-4);
    }

    /// With d_k = min(d, (1 + k) / (10 + k)) the factor d^n is the product of the d_k.
    #[test]
    fn the_warm_up_form_multiplies_its_own_decays(
        start in -3.0f32..3.0, p in -3.0f32..3.0, decay in 0.1..0.9999, n in 1u64..60,
    ) {
        let mut ema = Ema::new(&Tensor::from_slice(&[start]), decay, true);
        (0..n).for_each(|k| ema.update(&Tensor::from_slice(&[p]), k));
        let factor: f64 = (0..n).map(|k| decay.min((1 + k) as f64 / (10 + k) as f64)).product();
        let expected = f64::from(p) + f64::from(start - p) * factor;
        prop_assert!((f64::from(values(&ema.average)[0]) - expected).abs() < 1e-4);
    }

    #[test]
    fn the_rate_rises_then_falls_and_stays_between_its_ends(
        warmup in 0u64..50, steps in 1u64..200, lr in 1e-4..1.0, share in 0.0..1.0, linear: bool,
    ) {
        let decay = if linear { Decay::Linear } else { Decay::Cosine };
        let rate = RateConfig { lr, final_lr: lr * share, warmup, decay };
        for step in 0..steps {
            let (now, next) = (rate.at(step, steps), rate.at(step + 1, steps));
            prop_assert!(now > 0.0 || share == 0.0);
            prop_assert!(now <= lr * (1.0 + 1e-12));
            if step + 1 < warmup {
                prop_assert!(next > now);
            } else if step >= warmup {
                prop_assert!(next <= now + 1e-12 && now >= rate.final_lr - 1e-12);
            }
        }
        if steps > warmup {
            prop_assert!((rate.at(steps, steps) - rate.final_lr).abs() < 1e-12);
            prop_assert!((rate.at(warmup, steps) - lr).abs() < 1e-12);
        }
    }

    /// Adam with beta1 = beta2 = 0 and a large eps is gradient descent with rate lr / eps, which shows the gradient.
    #[test]
    fn clipping_bounds_the_norm_and_leaves_short_gradients_alone(
        slope in prop::collection::vec(-4.0f32..4.0, 4), clip in 0.1..5.0,
    ) {
        single_threaded();
        let (eps, lr) = (1e4, 1.0);
        let config = OptimConfig {
            rate: constant(lr), clip,
            adam: AdamConfig { beta1: 0.0, beta2: 0.0, eps, weight_decay: 0.0 },
            ..OptimConfig::default()
        };
        let p = leaf(&[0.0; 4]);
        let mut group = Group::new("g", vec![("p".into(), p.shallow_clone())], Kind::Float, config, 10).unwrap();
        let norm = group.update(&(&p * Tensor::from_slice(&slope)).sum(Kind::Float)).unwrap().double_value(&[]);
        let expected = slope.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>().sqrt();
        prop_assert!((norm - expected).abs() < 1e-4, "the norm returned is that before clipping");
        let applied: Vec<f64> = values(&p).iter().map(|x| -f64::from(*x) * eps / lr).collect();
        let length = applied.iter().map(|x| x * x).sum::<f64>().sqrt();
        prop_assert!(length <= clip * (1.0 + 2e-3), "{length} after clipping at {clip}");
        let scale = (clip / norm.max(1e-9)).min(1.0);
        for (a, s) in applied.iter().zip(&slope) {
            prop_assert!((a - f64::from(*s) * scale).abs() < 2e-3 * (1.0 + a.abs()), "{a} {s} {scale}");
        }
    }
}

#[test]
fn accumulated_halves_are_the_whole_batch() {
    single_threaded();
    let x = Tensor::from_slice(&(0..24).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>()).reshape([8, 3]);
    let trained = |parts: i64| {
        let w = leaf(&[0.3, -0.2, 0.9]);
        let config = OptimConfig { accumulate: parts as u64, clip: 0.5, ..OptimConfig::default() };
        let mut group = Group::new("g", vec![("w".into(), w.shallow_clone())], Kind::Float, config, 10).unwrap();
        let mut norms = Vec::new();
        for _ in 0..5 {
            for part in x.chunk(parts, 0) {
                let loss = (part.matmul(&w) - 1.0).square().mean(Kind::Float);
                norms.push(group.update(&loss).unwrap().double_value(&[]));
            }
        }
        (values(&w), norms.last().copied().unwrap())
    };
    let ((whole, norm), (halves, norm_of_halves)) = (trained(1), trained(2));
    assert!(whole.iter().zip(&halves).all(|(a, b)| (a - b).abs() < 1e-6), "{whole:?} {halves:?}");
    assert!((norm - norm_of_halves).abs() < 1e-5);
    let start = [0.3, -0.2, 0.9];
    assert!(whole.iter().zip(start).all(|(a, b)| (a - b).abs() > 1e-5), "nothing was trained");
}

#[test]
fn a_parameter_that_the_loss_does_not_reach_stays() {
    for kind in [Kind::Float, Kind::BFloat16] {
        let (used, unused) = (leaf(&[1.0, 2.0]), leaf(&[3.0, 4.0, 5.0]));
        let named = vec![("used".into(), used.shallow_clone()), ("unused".into(), unused.shallow_clone())];
        let mut group = Group::new("g", named, kind, OptimConfig::default(), 10).unwrap();
        let gradient = group.params.gradient(&used.square().sum(Kind::Float)).unwrap();
        assert_eq!(gradient.kind(), Kind::Float);
        assert_eq!(values(&gradient), [2.0, 4.0, 0.0, 0.0, 0.0]);
        for _ in 0..3 {
            let _ = group.update(&used.square().sum(Kind::Float)).unwrap();
        }
        assert_eq!(values(&unused), [3.0, 4.0, 5.0]);
        assert!(values(group.params.master())[0] < 1.0);
    }
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    let refused = |key: &str, change: fn(&mut OptimConfig)| {
        let mut config = OptimConfig::default();
        change(&mut config);
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with(key) && message.contains("out of range"), "{message}");
        assert!(Group::new("g", vec![], Kind::Float, config, 10).is_err());
    };
    refused("beta1", |c| c.adam.beta1 = 1.0);
    refused("beta2", |c| c.adam.beta2 = -0.1);
    refused("eps", |c| c.adam.eps = 0.0);
    refused("weight_decay", |c| c.adam.weight_decay = -1.0);
    refused("rate.lr", |c| c.rate.lr = f64::NAN);
    refused("rate.final_lr", |c| c.rate.final_lr = 2.0);
    refused("clip", |c| c.clip = -1.0);
    refused("ema", |c| c.ema = 1.0);
    refused("accumulate", |c| c.accumulate = 0);
}
