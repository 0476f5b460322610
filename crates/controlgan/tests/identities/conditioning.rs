//! Conditioning augmentation and the gated linear unit.

use controlgan::conditioning::Conditioning;
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::common::{distance, normal};

fn conditioning(seed: u64, b: i64, d: i64) -> Conditioning {
    Conditioning { mean: normal(seed, "mean", &[b, d]), log_variance: normal(seed, "variance", &[b, d]) * 0.5 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_mean_divergence_is_the_sum_over_dimensions_shared_out(seed in 0u64..1000, b in 1i64..5, d in 1i64..9) {
        let c = conditioning(seed, b, d);
        let terms = (c.mean.square() + c.log_variance.exp() - 1.0 - &c.log_variance) * 0.5;
        let sum = terms.sum(Kind::Double).double_value(&[]);
        prop_assert!((c.divergence().double_value(&[]) - sum / (b * d) as f64).abs() < 1e-12);
        prop_assert!(sum >= 0.0);
    }

    #[test]
    fn a_gate_of_zero_halves(seed in 0u64..1000, c in 1i64..5) {
        let x = normal(seed, "x", &[2, c, 3, 3]);
        let gated = Tensor::cat(&[&x, &x.zeros_like()], 1).glu(1);
        prop_assert!(distance(&gated, &(x * 0.5)) < 1e-15);
    }
}

#[test]
fn the_standard_normal_has_no_divergence() {
    let zero = Tensor::zeros([2, 3], (Kind::Double, Device::Cpu));
    let c = Conditioning { mean: zero.shallow_clone(), log_variance: zero };
    assert_eq!(c.divergence().double_value(&[]), 0.0);
}

#[test]
fn samples_have_the_distribution() {
    let n = 20_000;
    let c = conditioning(3, 1, 2);
    let samples = c.sample(&normal(4, "epsilon", &[n, 2]));
    let deviation = (&c.log_variance * 0.5).exp();
    let error = (samples.mean_dim([0i64].as_slice(), true, Kind::Double) - &c.mean) / &deviation;
    assert!(error.abs().max().double_value(&[]) < 4.0 / (n as f64).sqrt());
    let ratio = samples.var_dim([0i64].as_slice(), true, true) / deviation.square();
    // The variance of a normal's sample variance is 2 sigma^4 / (n - 1).
    assert!((ratio - 1.0).abs().max().double_value(&[]) < 4.0 * (2.0 / (n - 1) as f64).sqrt());
}
