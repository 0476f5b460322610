//! Gaussian mixtures: the exact score and denoiser against derivatives, quadrature and samples.

use approx::assert_abs_diff_eq;
use easel_core::{GaussianMixture, MathError, Noise};
use ndarray::{Array1, Array2, Array3, array};
use proptest::prelude::*;

fn plane() -> GaussianMixture {
    GaussianMixture::new(
        array![2.0, 1.0, 1.0].view(),
        array![[-1.0, 0.5], [0.3, -0.4], [1.2, 0.8]].view(),
        array![[[0.3, 0.1], [0.1, 0.2]], [[0.1, -0.05], [-0.05, 0.15]], [[0.04, 0.0], [0.0, 0.3]]].view(),
    )
    .unwrap()
}

fn line() -> GaussianMixture {
    let (weights, means, stds) = (array![0.3, 0.3, 0.4], array![[-1.0], [0.3], [1.2]], array![0.25, 0.3, 0.2]);
    GaussianMixture::isotropic(weights.view(), means.view(), stds.view()).unwrap()
}

proptest! {
    #[test]
    fn score_is_the_gradient_of_the_log_density(x in -2.0..2.0f64, y in -2.0..2.0f64, alpha_bar in 0.01..1.0f64) {
        let (mixture, h) = (plane(), 1e-5);
        let score = mixture.score(array![[x, y]].view(), alpha_bar);
        let log = |x: f64, y: f64| mixture.diffuse(alpha_bar).log_density(array![[x, y]].view())[0];
        let gradient = [(log(x + h, y) - log(x - h, y)) / (2.0 * h), (log(x, y + h) - log(x, y - h)) / (2.0 * h)];
        for d in 0..2 {
            prop_assert!((score[[0, d]] - gradient[d]).abs() < 1e-5 * (1.0 + gradient[d].abs()));
        }
    }

    #[test]
    fn posterior_mean_obeys_tweedie(x in -2.0..2.0f64, y in -2.0..2.0f64, alpha_bar in 0.01..0.999f64) {
        // sqrt(ab) E[x_0 | x_t] = x_t + (1 - ab) score, and epsilon is -sqrt(1 - ab) score.
        let (mixture, point) = (plane(), array![[x, y]]);
        let (mean, score) = (mixture.posterior_mean(point.view(), alpha_bar), mixture.score(point.view(), alpha_bar));
        let epsilon = mixture.epsilon(point.view(), alpha_bar);
        for d in 0..2 {
            let tweedie = point[[0, d]] + (1.0 - alpha_bar) * score[[0, d]];
            prop_assert!((alpha_bar.sqrt() * mean[[0, d]] - tweedie).abs() < 1e-11);
            let remade = alpha_bar.sqrt() * mean[[0, d]] + (1.0 - alpha_bar).sqrt() * epsilon[[0, d]];
            prop_assert!((remade - point[[0, d]]).abs() < 1e-11);
        }
    }

    #[test]
    fn additive_and_variance_preserving_noise_are_the_same_thing(x in -3.0..3.0f64, y in -3.0..3.0f64, sigma in 0.01..20.0f64) {
        let (mixture, alpha_bar) = (plane(), 1.0 / (1.0 + sigma * sigma));
        let noisy = array![[x, y]] * (1.0 + sigma);
        let scaled = &noisy * alpha_bar.sqrt();
        let (a, b) = (mixture.denoise(noisy.view(), sigma), mixture.posterior_mean(scaled.view(), alpha_bar));
        for d in 0..2 {
            prop_assert!((a[[0, d]] - b[[0, d]]).abs() < 1e-9);
        }
        // D = x + sigma^2 grad ln p(x; sigma) (Karras et al. 2022, eq. 3).
        let score = mixture.add_noise(sigma).score(noisy.view(), 1.0);
        for d in 0..2 {
            prop_assert!((a[[0, d]] - noisy[[0, d]] - sigma * sigma * score[[0, d]]).abs() < 1e-8 * (1.0 + sigma * sigma));
        }
    }

    #[test]
    fn diffusing_twice_is_diffusing_once(x in -2.0..2.0f64, first in 0.1..1.0f64, second in 0.1..1.0f64) {
        let mixture = line();
        let (twice, once) = (mixture.diffuse(first).diffuse(second), mixture.diffuse(first * second));
        let x = array![[x]];
        prop_assert!((twice.log_density(x.view())[0] - once.log_density(x.view())[0]).abs() < 1e-11);
    }
}

#[test]
fn posterior_mean_is_bayes_by_quadrature() {
    let (mixture, alpha_bar, x_t, width) = (line(), 0.37_f64, 0.45, 1e-3);
    let (mut mass, mut moment) = (0.0, 0.0);
    for i in -6000..6000 {
        let x0 = f64::from(i) * width;
        let likelihood = (-0.5 * (x_t - alpha_bar.sqrt() * x0).powi(2) / (1.0 - alpha_bar)).exp();
        let weight = mixture.density(array![[x0]].view())[0] * likelihood;
        mass += weight;
        moment += weight * x0;
    }
    let mean = mixture.posterior_mean(array![[x_t]].view(), alpha_bar)[[0, 0]];
    assert_abs_diff_eq!(mean, moment / mass, epsilon = 1e-9);
    let normaliser = (2.0 * std::f64::consts::PI * (1.0 - alpha_bar)).sqrt();
    let density = mixture.diffuse(alpha_bar).density(array![[x_t]].view())[0];
    assert_abs_diff_eq!(density, mass * width / normaliser, epsilon = 1e-9);
}

#[test]
fn a_single_gaussian_has_the_linear_denoiser() {
    let (mean, std, alpha_bar, x_t) = (0.7, 0.5, 0.2_f64, -0.4);
    let gaussian = GaussianMixture::isotropic(array![1.0].view(), array![[mean]].view(), array![std].view()).unwrap();
    let gain = alpha_bar.sqrt() * std * std / (alpha_bar * std * std + 1.0 - alpha_bar);
    let expected = mean + gain * (x_t - alpha_bar.sqrt() * mean);
    let found = gaussian.posterior_mean(array![[x_t]].view(), alpha_bar)[[0, 0]];
    assert_abs_diff_eq!(found, expected, epsilon = 1e-14);
}

#[test]
fn without_signal_the_mixture_is_a_standard_normal() {
    let (mixture, x) = (plane(), array![[0.3, -1.1]]);
    let score = mixture.score(x.view(), 0.0);
    let posterior = mixture.posterior_mean(x.view(), 0.0);
    for d in 0..2 {
        assert_abs_diff_eq!(score[[0, d]], -x[[0, d]], epsilon = 1e-14);
        assert_abs_diff_eq!(posterior[[0, d]], mixture.mean()[d], epsilon = 1e-14);
    }
}

#[test]
fn far_from_every_component_the_score_stays_finite() {
    let score = line().score(array![[500.0]].view(), 0.9999);
    assert!(score[[0, 0]].is_finite() && score[[0, 0]] < -100.0);
}

#[test]
fn samples_have_the_moments_of_the_mixture() {
    let (mixture, count) = (plane(), 40_000);
    let points = mixture.sample(&Noise::new(5).purpose("mixture"), 0, 0, count);
    let mean = points.mean_axis(ndarray::Axis(0)).unwrap();
    let centred = &points - &mean;
    let covariance = centred.t().dot(&centred) / count as f64;
    for r in 0..2 {
        // Five standard errors.
        assert_abs_diff_eq!(mean[r], mixture.mean()[r], epsilon = 5.0 / (count as f64).sqrt());
        for c in 0..2 {
            assert_abs_diff_eq!(
                covariance[[r, c]],
                mixture.covariance()[[r, c]],
                epsilon = 10.0 / (count as f64).sqrt()
            );
        }
    }
}

#[test]
fn diffused_samples_follow_the_diffused_mixture() {
    let (mixture, alpha_bar, count) = (line(), 0.4_f64, 20_000);
    let stream = Noise::new(1).purpose("diffused");
    let clean = mixture.sample(&stream, 0, 0, count);
    let mut noise = vec![0.0; count];
    stream.normal_f64(1, 0, &mut noise);
    let noisy: Array1<f64> =
        clean.column(0).iter().zip(&noise).map(|(x, n)| alpha_bar.sqrt() * x + (1.0 - alpha_bar).sqrt() * n).collect();
    // The Kolmogorov-Smirnov distance to the exact distribution, integrated numerically.
    let mut sorted = noisy.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (diffused, width) = (mixture.diffuse(alpha_bar), 2e-3);
    let (mut below, mut next, mut distance) = (0.0, 0, 0.0_f64);
    for i in -3000..3000 {
        let x = (f64::from(i) + 0.5) * width;
        below += diffused.density(array![[x]].view())[0] * width;
        while next < count && sorted[next] <= x + 0.5 * width {
            next += 1;
        }
        distance = distance.max((below - next as f64 / count as f64).abs());
    }
    assert!(distance < 1.63 / (count as f64).sqrt(), "{distance}");
}

#[test]
fn a_sample_does_not_depend_on_its_neighbours() {
    let (mixture, stream) = (plane(), Noise::new(3).purpose("mixture"));
    let many = mixture.sample(&stream, 4, 0, 20);
    let few = mixture.sample(&stream, 4, 15, 5);
    assert_eq!(many.slice_axis(ndarray::Axis(0), (15..).into()), few);
}

#[test]
fn responsibilities_name_the_component_a_sample_came_from() {
    let far = array![[-10.0], [0.0], [10.0]];
    let mixture =
        GaussianMixture::isotropic(array![1.0, 2.0, 1.0].view(), far.view(), array![0.5, 0.5, 0.5].view()).unwrap();
    let stream = Noise::new(9).purpose("labels");
    let points = mixture.sample(&stream, 0, 0, 2000);
    let given = mixture.responsibilities(points.view());
    let mut counts = [0; 3];
    for i in 0..2000 {
        let component = mixture.sample_component(&stream, 0, i as u64);
        assert!(given[[i, component]] > 0.999);
        counts[component] += 1;
    }
    assert!((counts[1] - 1000i32).abs() < 110 && (counts[0] - 500i32).abs() < 100, "{counts:?}");
}

#[test]
fn errors_name_the_wrong_array() {
    let (weights, means) = (array![1.0, 1.0], array![[0.0, 0.0], [1.0, 1.0]]);
    let eye = Array3::from_shape_fn((2, 2, 2), |(_, r, c)| if r == c { 1.0 } else { 0.0 });
    let message = |weights: &Array1<f64>, means: &Array2<f64>, covariances: &Array3<f64>| {
        GaussianMixture::new(weights.view(), means.view(), covariances.view()).unwrap_err().to_string()
    };
    assert_eq!(message(&array![1.0], &means, &eye), "weights has shape [1], expected [2]");
    let flat = Array3::ones((2, 2, 1));
    assert_eq!(message(&weights, &means, &flat), "covariances has shape [2, 2, 1], expected [2, 2, 2]");
    assert_eq!(message(&array![1.0, -1.0], &means, &eye), "weight = -1, but it must be positive and finite");
    let mut indefinite = eye.clone();
    indefinite[[1, 0, 1]] = 2.0;
    indefinite[[1, 1, 0]] = 2.0;
    let new = |covariances: &Array3<f64>| GaussianMixture::new(weights.view(), means.view(), covariances.view());
    assert_eq!(new(&indefinite).unwrap_err(), MathError::NotPositiveDefinite { component: 1 });
    let mut lopsided = eye.clone();
    lopsided[[0, 0, 1]] = 0.5;
    assert_eq!(new(&lopsided).unwrap_err(), MathError::NotPositiveDefinite { component: 0 });
}
