//! The terms of the bound and its estimate on pictures.

use draw::bound::{Bounded, binarised, evaluate, probabilities, test_pictures};
use draw::loss::{kl, log_prior_ratio, reconstruction};
use draw::{Vae, VaeConfig};
use easel_core::Noise;
use easel_core::gaussian::{diagonal_kl, diagonal_log_density};
use easel_data::{Split, digits};
use easel_nn::{InitScheme, Params};
use ndarray::Array2;
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use super::common::{binary, distance, model, normals, tensor};

fn scalar(t: &Tensor) -> f64 {
    t.to_kind(Kind::Double).double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn divergence_is_that_of_gaussians(seed in 0u64..10_000, k in 1usize..8) {
        let (mean, log_sigma) = (normals(seed, 1, k), normals(seed + 1, 1, k) * 0.7);
        let log_variance: Vec<f64> = log_sigma.iter().map(|s| 2.0 * s).collect();
        let zeros = vec![0.0; k];
        let expected = diagonal_kl(mean.as_slice().expect("a row"), &log_variance, &zeros, &zeros);
        let found = scalar(&kl(&tensor(&mean, Kind::Float), &tensor(&log_sigma, Kind::Float)).get(0));
        prop_assert!((found - expected).abs() < 1e-5 * (1.0 + expected) && found >= 0.0);
        // A latent number whose posterior is the prior adds nothing.
        let longer = |row: &Array2<f64>| Tensor::cat(&[tensor(row, Kind::Float), Tensor::zeros([1, 3], (Kind::Float, Device::Cpu))], 1);
        prop_assert!((scalar(&kl(&longer(&mean), &longer(&log_sigma)).get(0)) - found).abs() < 1e-5);
        // The constant that the paper prints, -1/2 a glimpse, is right for one latent number.
        let printed = found + 0.5 * k as f64 - 0.5;
        prop_assert!(((printed - found).abs() < 1e-9) == (k == 1));
    }

    #[test]
    fn prior_ratio_is_that_of_densities(seed in 0u64..10_000, k in 1usize..8) {
        let (mean, log_sigma, epsilon) = (normals(seed, 1, k), normals(seed + 1, 1, k) * 0.7, normals(seed + 2, 1, k));
        let z: Vec<f64> = (0..k).map(|i| mean[[0, i]] + log_sigma[[0, i]].exp() * epsilon[[0, i]]).collect();
        let log_variance: Vec<f64> = log_sigma.iter().map(|s| 2.0 * s).collect();
        let zeros = vec![0.0; k];
        let expected = diagonal_log_density(&z, &zeros, &zeros) - diagonal_log_density(&z, mean.as_slice().expect("a row"), &log_variance);
        let f = |a: &Array2<f64>| tensor(a, Kind::Float);
        let found = scalar(&log_prior_ratio(&f(&mean), &f(&log_sigma), &f(&epsilon)).get(0));
        prop_assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()));
    }

    #[test]
    fn reconstruction_is_a_cross_entropy_and_never_negative(seed in 0u64..10_000, size in 0.1f64..8.0) {
        let logits = tensor(&(normals(seed, 2, 784) * size), Kind::Float).clamp(-15.0, 15.0);
        let x = binary(seed, 2);
        let found = reconstruction(&x, &logits);
        let (p, x64) = (logits.to_kind(Kind::Double).sigmoid(), x.to_kind(Kind::Double));
        let entropy = -(&x64 * p.log() + (-&x64 + 1.0) * (-&p + 1.0).log());
        let expected = entropy.sum_dim_intlist([-1i64].as_slice(), false, Kind::Double);
        prop_assert!(((found.to_kind(Kind::Double) - &expected) / expected).abs().max().double_value(&[]) < 1e-5);
        prop_assert!(found.min().double_value(&[]) >= 0.0);
    }
}

#[test]
fn reconstruction_is_finite_at_large_logits() {
    let x = Tensor::from_slice(&[0f32, 1.0, 0.0, 1.0]).view([1, 4]);
    let logits = Tensor::from_slice(&[100f32, -100.0, -100.0, 100.0]).view([1, 4]);
    assert!((scalar(&reconstruction(&x, &logits).get(0)) - 200.0).abs() < 1e-3);
}

/// The divergence in closed form is the mean of $\log Q - \log P$ over draws.
#[test]
fn divergence_is_the_mean_log_ratio() {
    let (mean, log_sigma) = (normals(1, 1, 4), normals(2, 1, 4) * 0.5);
    let draws = 20_000;
    let f = |a: &Array2<f64>| tensor(a, Kind::Float);
    let ratios = -log_prior_ratio(&f(&mean), &f(&log_sigma), &f(&normals(3, draws, 4)));
    let expected = scalar(&kl(&f(&mean), &f(&log_sigma)).get(0));
    let error = ratios.std(true).double_value(&[]) / (draws as f64).sqrt();
    assert!((ratios.mean(Kind::Double).double_value(&[]) - expected).abs() < 4.0 * error);
}

/// Where the posterior is the prior and the decoder ignores it, bound and importance-weighted estimate are the likelihood.
#[test]
fn bounds_are_exact_where_latent_numbers_do_nothing() {
    let params = Params::zeros(Device::Cpu);
    let vae = Vae::new(&params.root(), &VaeConfig { pixels: 784, hidden: 4, latent: 3 }).expect("sizes fit");
    let bound = evaluate(&vae, &binary(1, 7), 3, 4, &Noise::new(0).purpose("test"));
    let expected = 784.0 * std::f64::consts::LN_2;
    assert!((bound.total() - expected).abs() < 1e-2 && (bound.importance - expected).abs() < 1e-2, "{bound:?}");
    assert_eq!((bound.kl, bound.samples), (vec![0.0], 3));
}

/// More draws tighten the estimate (Burda et al. 2016, theorem 1), up to noise; one draw gives the bound on average.
#[test]
fn importance_weights_lower_the_bound() {
    let (draw, _) = model(true, 3);
    let (x, noise) = (binary(2, 40), Noise::new(0).purpose("test"));
    let bound = |samples| evaluate(&draw, &x, samples, 16, &noise);
    let (one, many) = (bound(1), bound(30));
    assert!(many.importance < many.total(), "{many:?}");
    assert!((one.importance - one.total()).abs() < 4.0 * one.standard_error + 1.0, "{one:?}");
    assert_eq!(one.kl.len(), draw.noise_shape()[0] as usize);
    // Batches do not matter.
    let other = evaluate(&draw, &x, 1, 7, &noise);
    assert!((one.total() - other.total()).abs() < 1e-3 && (one.importance - other.importance).abs() < 1e-3);
}

#[test]
fn pictures_are_binarised_with_their_probabilities() {
    let data = digits::digits(Split::Test).expect("the digits are built in");
    let p = probabilities(&data);
    let stream = Noise::new(5).purpose("test");
    let x = binarised(&p, &stream, 0, 0);
    assert!(distance(&(&x * (-&x + 1.0)), &x.zeros_like()) == 0.0);
    let certain = p.eq(0.0).logical_or(&p.eq(1.0));
    assert!(distance(&(&x * certain.to_kind(Kind::Float)), &(&p * certain.to_kind(Kind::Float))) == 0.0);
    let variance = scalar(&(&p * (-&p + 1.0)).sum(Kind::Double));
    assert!(scalar(&(&x - &p).sum(Kind::Double)).abs() < 4.0 * variance.sqrt());
    // Another step draws anew, a part draws the same, and the test pictures are one draw for all runs.
    assert!(distance(&x, &binarised(&p, &stream, 1, 0)) == 1.0);
    assert_eq!(binarised(&p.narrow(0, 10, 5), &stream, 0, 10), x.narrow(0, 10, 5));
    assert_eq!(test_pictures(&data, Device::Cpu), test_pictures(&data, Device::Cpu));
}

#[test]
fn the_vae_has_the_gradient_of_its_bound() {
    let params = Params::new(Device::Cpu, 1, InitScheme::Public);
    let vae = Vae::new(&params.root(), &VaeConfig { pixels: 784, hidden: 8, latent: 3 }).expect("sizes fit");
    let (x, noise) = (binary(3, 5), super::common::noise_for(&vae, 5, 0));
    let gradient = vae.gradient(&x, &noise).expect("weights take a gradient");
    let bound = vae.terms(&x, &noise).bound().mean(Kind::Float);
    assert!((scalar(&gradient.surrogate) - scalar(&bound)).abs() < 1e-3);
    assert!((scalar(&gradient.reconstruction) + scalar(&gradient.kl) - scalar(&bound)).abs() < 1e-3);
}
