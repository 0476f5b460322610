//! z, and ways between two of them.

use easel_core::Noise;
use gan::latent::{Prior, lerp, slerp};
use proptest::prelude::*;
use tch::{Device, Kind};

fn norm(z: &[f64]) -> f64 {
    z.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

proptest! {
    #[test]
    fn the_way_along_the_sphere_keeps_ends_and_length(
        pairs in proptest::collection::vec((-2.0..2.0f64, -2.0..2.0f64), 2..40), u in 0.0..1.0f64
    ) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        prop_assume!(norm(&a) > 0.1 && norm(&b) > 0.1);
        prop_assert!(apart(&slerp(&a, &b, 0.0), &a) < 1e-6 && apart(&slerp(&a, &b, 1.0), &b) < 1e-6);
        let unit = |z: &[f64]| -> Vec<f64> { z.iter().map(|v| v / norm(z)).collect() };
        let (a, b) = (unit(&a), unit(&b));
        let cosine: f64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
        prop_assume!(cosine.abs() < 1.0 - 1e-6);
        prop_assert!((norm(&slerp(&a, &b, u)) - 1.0).abs() < 1e-5);
        prop_assert!(norm(&lerp(&a, &b, 0.5)) < 1.0);
    }

    #[test]
    fn hardly_differing_draws_are_joined_straight(z in proptest::collection::vec(0.5..2.0f64, 2..20), u in 0.0..1.0f64) {
        let near: Vec<f64> = z.iter().map(|v| v * 1.5 + 1e-6).collect();
        prop_assert!(apart(&slerp(&z, &near, u), &lerp(&z, &near, u)) == 0.0);
        let opposite: Vec<f64> = z.iter().map(|v| -v).collect();
        prop_assert!(slerp(&z, &opposite, u).iter().all(|v| v.is_finite()));
        prop_assert!(slerp(&z, &vec![0.0; z.len()], u).iter().all(|v| v.is_finite()));
    }
}

#[test]
fn both_priors_have_mean_zero_and_variance_one() {
    let stream = Noise::new(3).purpose("test");
    // Kurtosis less 1 is the variance of a squared entry: 2 for the normal, 4/5 for the uniform.
    for (prior, spread) in [(Prior::Normal, 2.0f64), (Prior::Uniform, 0.8)] {
        let z = prior.draw(&stream, 0, 0..2000, 50, Device::Cpu).to_kind(Kind::Double);
        let n = 1e5f64;
        let (mean, square) = (z.mean(Kind::Double).double_value(&[]), z.square().mean(Kind::Double).double_value(&[]));
        assert!(mean.abs() < 4.0 / n.sqrt(), "{prior:?}: {mean}");
        assert!((square - 1.0).abs() < 4.0 * (spread / n).sqrt(), "{prior:?}: {square}");
        let part = prior.draw(&stream, 0, 100..200, 50, Device::Cpu).to_kind(Kind::Double);
        assert_eq!(part, z.narrow(0, 100, 100), "a draw depends on its own number");
    }
    let largest = Prior::Uniform.draw(&stream, 0, 0..2000, 50, Device::Cpu).abs().max().double_value(&[]);
    assert!(largest <= 3f64.sqrt() && largest > 1.73);
}
