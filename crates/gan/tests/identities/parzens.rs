//! Parzen windows.

use std::f64::consts::PI;

use gan::parzen::{best_sigma, log_likelihood, sigmas};
use tch::{Device, Kind, Tensor};

fn normal(shape: &[i64], scale: f64) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    let mut values = vec![0.0; count];
    easel_core::Noise::new(1).purpose("parzen").normal_f64(count as u64, 0, &mut values);
    Tensor::from_slice(&values).reshape(shape) * scale
}

fn numbers(t: &Tensor) -> Vec<f64> {
    Vec::try_from(t).expect("a vector")
}

#[test]
fn a_sample_on_the_spot_has_the_kernels_peak() {
    for (d, sigma) in [(1, 0.3), (784, 0.17), (5, 1.0)] {
        let x = normal(&[1, d], 1.0);
        let found = numbers(&log_likelihood(&x, &x, sigma).expect("shapes agree"))[0];
        assert!((found + d as f64 * (sigma * (2.0 * PI).sqrt()).ln()).abs() < 1e-5 * d as f64, "{d} {found}");
    }
}

#[test]
fn the_order_of_samples_does_not_matter_and_the_sum_is_the_direct_one() {
    let (x, samples, sigma) = (normal(&[7, 3], 1.0), normal(&[50, 3], 0.8), 0.6);
    let found = log_likelihood(&x, &samples, sigma).expect("shapes agree");
    let turned = log_likelihood(&x, &samples.flip([0]), sigma).expect("shapes agree");
    assert!((&found - turned).abs().max().double_value(&[]) < 1e-12);
    let squared = (x.unsqueeze(1) - samples.unsqueeze(0)).square().sum_dim_intlist(2, false, Kind::Double);
    let direct = (squared * (-0.5 / (sigma * sigma))).exp().mean_dim(1, false, Kind::Double).log()
        - 3.0 * (sigma * (2.0 * PI).sqrt()).ln();
    assert!((found - direct).abs().max().double_value(&[]) < 1e-10);
}

/// In one dimension the estimate is a density.
#[test]
fn it_integrates_to_one() {
    let x = Tensor::linspace(-12.0, 12.0, 4801, (Kind::Double, Device::Cpu)).unsqueeze(1);
    let density = log_likelihood(&x, &normal(&[20, 1], 1.0), 0.4).expect("shapes agree").exp();
    assert!((density.sum(Kind::Double).double_value(&[]) * 0.005 - 1.0).abs() < 1e-6);
}

#[test]
fn the_best_width_is_the_one_of_the_data() {
    let all = sigmas();
    assert!((all[0] - 0.1).abs() < 1e-12 && (all[9] - 1.0).abs() < 1e-12);
    assert!(all.windows(2).all(|w| ((w[1] / w[0]).ln() - (all[1] / all[0]).ln()).abs() < 1e-12));
    // Standard normals in one dimension around the single sample 0: the likelihood peaks at sigma = 1.
    let origin = Tensor::zeros([1, 1], (Kind::Double, Device::Cpu));
    let best = best_sigma(&normal(&[2000, 1], 1.0), &origin, &all).expect("shapes agree");
    assert!((best - 1.0).abs() < 1e-12, "{best}");
    assert!(log_likelihood(&origin, &normal(&[3, 2], 1.0), 1.0).is_err());
}
