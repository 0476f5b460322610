//! The objectives.
//!
//! All give one value a picture, `[B]`, so that a caller can weight or average them.

use easel_core::posterior::ModelVariance;
use tch::{Kind, Tensor};

use crate::process::Process;

/// Bits a nat.
pub const BITS: f64 = std::f64::consts::LOG2_E;

/// The mean over all dimensions but the first.
pub fn mean_flat(x: &Tensor) -> Tensor {
    let dims: Vec<i64> = (1..x.dim() as i64).collect();
    x.mean_dim(dims, false, Kind::Float)
}

// excerpt: l-simple
/// $L_{simple}$ a picture: the mean over pixels of $(\text{target}-\text{output})^2$ (Ho et al. 2020, eq. 14).
pub fn l_simple(target: &Tensor, output: &Tensor) -> Tensor {
    mean_flat(&(target - output).square())
}
// end excerpt

/// The reverse model's variance at time t.
#[derive(Debug)]
pub enum Variance<'a> {
    /// One of the two fixed choices.
    Fixed(ModelVariance),
    /// The network's extra channels, f32 `[B, C, H, W]` (Nichol and Dhariwal 2021, eq. 15).
    LearnedRange(&'a Tensor),
}

impl Variance<'_> {
    /// $\ln\sigma_t^2$, broadcastable to the picture.
    pub fn log(&self, process: &Process, t: &Tensor) -> Tensor {
        match self {
            Self::Fixed(variance) => process.log_variance(*variance, t),
            Self::LearnedRange(output) => process.learned_range_log_variance(output, t),
        }
    }
}

/// One term of the variational bound a picture, in bits a dimension: $L_{t-1}$ for t >= 2 and $L_0$ for t = 1.
///
/// `x0_hat` is the model's estimate of x_0 at `x_t` (clipped for evaluation, not clipped in training).
/// Source: Ho et al. 2020, eqs. 5 and 13.
// excerpt: vlb-term
pub fn vlb_term(
    process: &Process,
    x0: &Tensor,
    x_t: &Tensor,
    t: &Tensor,
    x0_hat: &Tensor,
    variance: &Variance<'_>,
) -> Tensor {
    let mean = process.posterior_mean(x0_hat, x_t, t);
    let log_variance = variance.log(process, t);
    let true_mean = process.posterior_mean(x0, x_t, t);
    let true_log_variance = process.log_posterior_variance.gather(t);
    let kl = mean_flat(&gaussian_kl(&true_mean, &true_log_variance, &mean, &log_variance));
    let decoder = -mean_flat(&discretised_log_likelihood(x0, &mean, &(log_variance * 0.5)));
    decoder.where_self(&t.eq(1), &kl) * BITS
}
// end excerpt

/// KL(N(m1, e^{l1}) || N(m2, e^{l2})) a dimension, in nats; arguments are logarithms of variances.
pub fn gaussian_kl(mean1: &Tensor, log_variance1: &Tensor, mean2: &Tensor, log_variance2: &Tensor) -> Tensor {
    let difference = log_variance1 - log_variance2;
    let scaled = (mean1 - mean2).square() * (-log_variance2).exp();
    // exp_m1: in f32 a term near 1e-8 nats, which is what large t gives, would be lost beside the ones.
    (difference.expm1() - difference + scaled) * 0.5
}

// excerpt: decoder
/// ln p(x_0 | x_1) a dimension, in nats: the mass of N(`mean`, e^{2 `log_scale`}) in x_0's bin of width 2/255, the outer
/// bins reaching to infinity (Ho et al. 2020, eq. 13), with the exact normal distribution function.
pub fn discretised_log_likelihood(x0: &Tensor, mean: &Tensor, log_scale: &Tensor) -> Tensor {
    // The edges' probabilities are nearly equal: f64, and always the tail that does not cancel.
    let (x0, centred) = (x0.to_kind(Kind::Double), (x0 - mean).to_kind(Kind::Double));
    let inverse = (-log_scale.to_kind(Kind::Double)).exp() * std::f64::consts::FRAC_1_SQRT_2;
    let half = 1.0 / 255.0;
    let tail = |distance: Tensor| (distance * &inverse).erfc() * 0.5;
    let inner = tail(centred.abs() - half) - tail(centred.abs() + half);
    let top = tail(&centred - half);
    let bottom = tail(-(&centred + half));
    let mass = top.where_self(&x0.gt(0.999), &bottom.where_self(&x0.lt(-0.999), &inner));
    mass.clamp_min(f64::MIN_POSITIVE).log().to_kind(Kind::Float)
}
// end excerpt

/// $L_T = D_{KL}(q(x_T|x_0)\,\|\,\mathcal N(0, I))$ a picture, in bits a dimension (Ho et al. 2020, eq. 5).
pub fn prior_kl(process: &Process, x0: &Tensor) -> Tensor {
    let alpha_bar = process.schedule.alpha_bar(process.schedule.steps());
    let noise = 1.0 - alpha_bar;
    let squares = mean_flat(&x0.square()) * alpha_bar;
    (squares + (noise - 1.0 - noise.ln())) * (0.5 * BITS)
}
