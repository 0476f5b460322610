//! What classifier-free guidance samples when everything is Gaussian: known in closed form, and not the sharpened
//! density.

use easel_core::GaussianMixture;
use easel_core::sampling::{Denoiser, Edm, Schedule};
use easel_core::{NoiseSchedule, Parameterisation};
use guidance::{ClassifierFree, GuidanceScale};
use ndarray::{Array2, array};

use crate::exact::Exact;

fn normal(mean: f64, deviation: f64) -> GaussianMixture {
    GaussianMixture::isotropic(array![1.0].view(), array![[mean]].view(), array![deviation].view()).expect("a Gaussian")
}

/// Mean and variance at $\hat\sigma = 0$ of the ODE $dx/d\ln\hat\sigma = x - D(x;\hat\sigma)$ from N(0, $\hat\sigma_T^2$)
/// at the end of the linear schedule, by Heun's method: the flow is affine, so two points are enough.
fn moments(unconditional: (f64, f64), conditional: (f64, f64), w: f64) -> (f64, f64) {
    let (first, last) = (sigma_end(), 1e-4f64);
    let process = Edm::new(first).expect("a level");
    let model = Exact {
        unconditional: normal(unconditional.0, unconditional.1),
        conditional: normal(conditional.0, conditional.1),
        ..Exact::new(0)
    };
    let mut denoiser = ClassifierFree::new(model, Parameterisation::X0, GuidanceScale::from_w(w));
    let steps = 20_000;
    let sigma = |i: usize| first * (last / first).powf(i as f64 / steps as f64);
    let h = (last / first).ln() / steps as f64;
    let mut slope = |x: &Array2<f64>, sigma: f64| x - denoiser.x0(x, process.level(sigma));
    let mut x = array![[0.0], [first]];
    for i in 0..steps {
        let a = slope(&x, sigma(i));
        let b = slope(&(&x + h * &a), sigma(i + 1));
        x = x + 0.5 * h * (a + b);
    }
    (x[[0, 0]], (x[[1, 0]] - x[[0, 0]]).powi(2))
}

/// $\hat\sigma_T$ = 157.4.
fn sigma_end() -> f64 {
    NoiseSchedule::linear(1000).expect("a schedule").sigma_hat(1000)
}

/// Equal variances s^2: N((1 + w) m_c - w m_u, s^2).
#[test]
fn equal_variances_have_a_closed_form() {
    let (m_u, m_c, s, w) = (-0.2, 0.4, 0.5, 3.0);
    let (mean, variance) = moments((m_u, s), (m_c, s), w);
    let first = sigma_end();
    assert!((first - 157.4).abs() < 0.05, "{first}");
    let of_start = first * first * s * s / (s * s + first * first);
    assert!((of_start - 0.24999747).abs() < 1e-8);
    assert!((variance - of_start).abs() < 1e-6, "{variance}");
    let limit = (1.0 + w) * m_c - w * m_u;
    // The start has no mean, the noised data has.
    let expected = limit * (1.0 - s / s.hypot(first));
    assert!((limit - 2.2).abs() < 1e-12 && (expected - 2.1930).abs() < 1e-4);
    assert!((mean - expected).abs() < 1e-4, "{mean}");
}

/// Different variances: $s_c^{2(1+w)}/s_u^{2w}$, where $p(x)p(y|x)^{1+w}$ has $1/((1+w)/s_c^2-w/s_u^2)$.
#[test]
fn guidance_is_not_the_sharpened_density() {
    let w = 1.0f64;
    for (s_c, s_u, sampled, sharpened) in [(0.5f64, 1.0f64, 0.0625, 0.142857), (0.3, 0.6, 0.0225, 0.051429)] {
        let (mean, variance) = moments((0.0, s_u), (0.0, s_c), w);
        let limit = s_c.powf(2.0 * (1.0 + w)) / s_u.powf(2.0 * w);
        let first = sigma_end().powi(2);
        let of_start =
            first * (s_c * s_c / (s_c * s_c + first)).powf(1.0 + w) * ((s_u * s_u + first) / (s_u * s_u)).powf(w);
        let density = 1.0 / ((1.0 + w) / (s_c * s_c) - w / (s_u * s_u));
        assert!((limit - sampled).abs() < 1e-12 && (density - sharpened).abs() < 1e-6);
        assert!((variance - of_start).abs() < 1e-5 && (variance - limit).abs() < 1e-4, "{variance}");
        assert!((variance - density).abs() > 0.02 && mean.abs() < 1e-12);
    }
}
