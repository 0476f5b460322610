//! The generalised process $q_\sigma$ and its steps (Song et al. 2021, sections 3 and 4).
//!
//! Everything is stated for pairs $(\alpha, \sigma)$; with $\alpha^2 = \bar\alpha$ and $\sigma^2 = 1-\bar\alpha$ it is the
//! paper, whose $\alpha$ is this $\bar\alpha$.

use easel_core::sampling::NoiseLevel;

/// The noise of the steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StepNoise {
    /// $\eta$ times the noise of DDPM's posterior (eq. 16): 0 is DDIM, 1 is DDPM. Above 1 the noise is held to what
    /// the level after the step can hold, so that the marginals stay.
    Eta(f64),
    /// $\hat\sigma$ of the paper's section 5: DDPM's larger variance in the noise, the direction of $\eta = 1$. The
    /// marginals are not kept, which is why it fails for few steps.
    SigmaHat,
}

/// Coefficients of one step: $x_s = a\,\hat x_0 + b\,\hat\epsilon + c\,z$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepCoefficients {
    /// Of $\hat x_0$.
    pub x0: f64,
    /// Of $\hat\epsilon$, the direction to x_t.
    pub epsilon: f64,
    /// Of the fresh noise z.
    pub noise: f64,
}

/// The standard deviation of $q(x_t|x_s)$ from `to` = s up to `from` = t: $\sqrt{1-\bar\alpha_t/\bar\alpha_s}$, the
/// paper's $\hat\sigma$.
pub fn transition_deviation(from: NoiseLevel, to: NoiseLevel) -> f64 {
    let kept = from.alpha / to.alpha * to.sigma;
    (from.sigma * from.sigma - kept * kept).max(0.0).sqrt()
}

// excerpt: sigma
/// $\sigma_{t\to s}(\eta) = \eta\sqrt{(1-\bar\alpha_s)/(1-\bar\alpha_t)}\sqrt{1-\bar\alpha_t/\bar\alpha_s}$ (eq. 16), at
/// most $\sqrt{1-\bar\alpha_s}$.
pub fn sigma(eta: f64, from: NoiseLevel, to: NoiseLevel) -> f64 {
    (eta * to.sigma / from.sigma * transition_deviation(from, to)).min(to.sigma)
}
// end excerpt

// excerpt: coefficients
/// A step of $q_\sigma(x_s|x_t,x_0)$ whose noise is `sigma` (eq. 7 on a sub-sequence, appendix C.1).
///
/// `sigma` is at most the noise level of `to`.
pub fn coefficients_of_sigma(sigma: f64, to: NoiseLevel) -> StepCoefficients {
    let direction = (to.sigma * to.sigma - sigma * sigma).max(0.0).sqrt();
    StepCoefficients { x0: to.alpha, epsilon: direction, noise: sigma }
}
// end excerpt

/// A step of the sampler from `from` to `to` (eq. 12).
pub fn coefficients(noise: StepNoise, from: NoiseLevel, to: NoiseLevel) -> StepCoefficients {
    match noise {
        StepNoise::Eta(eta) => coefficients_of_sigma(sigma(eta, from, to), to),
        StepNoise::SigmaHat => {
            let noise = if to.is_data() { 0.0 } else { transition_deviation(from, to) };
            StepCoefficients { noise, ..coefficients_of_sigma(sigma(1.0, from, to), to) }
        }
    }
}

/// Mean coefficient of x_0 and variance of $x_s$ after one step from $q(x_t|x_0)$ with the exact $\hat x_0$ and
/// $\hat\epsilon$: the two sides of lemma 1.
pub fn marginal_after(step: StepCoefficients) -> (f64, f64) {
    (step.x0, step.epsilon * step.epsilon + step.noise * step.noise)
}

/// $\gamma_t$ for which the bound of $q_\sigma$ is $L_\gamma$ up to a constant, for the step from `from` = t to `to` with
/// noise `sigma` > 0 (theorem 1, with its exact weight): $\frac{c^2}{2\sigma^2}\frac{1-\bar\alpha_t}{\bar\alpha_t}$,
/// $c = \sqrt{\bar\alpha_s}-\sqrt{1-\bar\alpha_s-\sigma^2}\sqrt{\bar\alpha_t}/\sqrt{1-\bar\alpha_t}$; at the step to data
/// $(1-\bar\alpha_1)/(2\sigma_1^2\bar\alpha_1)$.
// excerpt: gamma
pub fn gamma(sigma: f64, from: NoiseLevel, to: NoiseLevel) -> f64 {
    let direction = coefficients_of_sigma(sigma, to).epsilon;
    let c = to.alpha - direction * from.alpha / from.sigma;
    (c * from.sigma_hat() / sigma).powi(2) / 2.0
}
// end excerpt
