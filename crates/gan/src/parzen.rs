//! The likelihood of test pictures under a Gaussian kernel on samples, which Goodfellow et al. 2014 reported (Table 1).
//!
//! Its variance is high and it does badly in high dimensions, says the paper; samples that copy the training set beat
//! good ones. It is here for the record.

use std::f64::consts::PI;

use easel_core::tensor::{TensorError, check_shape};
use tch::{Kind, Tensor};

/// Test pictures in one block of distances.
const BLOCK: i64 = 100;

/// The widths that the paper's code tries: ten from 0.1 to 1, equally spaced in the logarithm.
pub fn sigmas() -> [f64; 10] {
    std::array::from_fn(|i| 0.1f64.powf(1.0 - i as f64 / 9.0))
}

/// $\log\frac1n\sum_j e^{-\|x-s_j\|^2/2\sigma^2}-d\log(\sigma\sqrt{2\pi})$ of every row of `x` `[N, d]` from `samples`
/// `[n, d]`, in nats, f64 `[N]`.
///
/// # Errors
/// Shapes that do not agree.
pub fn log_likelihood(x: &Tensor, samples: &Tensor, sigma: f64) -> Result<Tensor, TensorError> {
    let d = x.size().get(1).copied().unwrap_or(-1);
    check_shape("x", x, &[-1, -1])?;
    check_shape("samples", samples, &[-1, d])?;
    // excerpt: parzen
    let samples = samples.to_kind(Kind::Double);
    let n = samples.size()[0] as f64;
    let norms = samples.square().sum_dim_intlist(1, false, Kind::Double);
    let constant = n.ln() + d as f64 * (sigma * (2.0 * PI).sqrt()).ln();
    let block = |x: Tensor| {
        let x = x.to_kind(Kind::Double);
        let own = x.square().sum_dim_intlist(1, true, Kind::Double);
        let squared = (own + &norms - x.matmul(&samples.tr()) * 2.0).clamp_min(0.0);
        (squared * (-0.5 / (sigma * sigma))).logsumexp(1, false) - constant
    };
    // end excerpt
    Ok(Tensor::cat(&x.split(BLOCK, 0).into_iter().map(block).collect::<Vec<_>>(), 0))
}

/// The one of `sigmas` with the highest mean likelihood of `validation` `[N, d]`.
///
/// # Errors
/// Shapes that do not agree.
pub fn best_sigma(validation: &Tensor, samples: &Tensor, sigmas: &[f64]) -> Result<f64, TensorError> {
    let mut best = (f64::NEG_INFINITY, f64::NAN);
    for &sigma in sigmas {
        let mean = log_likelihood(validation, samples, sigma)?.mean(Kind::Double).double_value(&[]);
        if mean > best.0 {
            best = (mean, sigma);
        }
    }
    Ok(best.1)
}
