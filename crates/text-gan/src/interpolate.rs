//! Interpolated texts (GAN-INT, Reed et al. 2016, section 4.3).

use tch::Tensor;

/// $\beta t_1 + (1 - \beta) t_2$ (eq. 5), of tensors of one shape.
///
/// Written so that $\beta$ = 0 and 1 give the ends exactly, and equal ends give themselves.
pub fn interpolate(t1: &Tensor, t2: &Tensor, beta: f64) -> Tensor {
    if beta < 0.5 { t2 + (t1 - t2) * beta } else { t1 + (t2 - t1) * (1.0 - beta) }
}

/// The texts `[B, T]` and behind them the midpoints of texts i and i + B/2 (β = ½): `[3B/2, T]`.
///
/// The texts may belong to pictures of different classes, and the discriminator is never shown a midpoint with a real
/// picture: there is none. Source: section 4.3, with the pairing of the released code.
///
/// # Panics
/// When B is odd; a configuration is checked for that.
pub fn with_midpoints(texts: &Tensor) -> Tensor {
    let batch = texts.size()[0];
    assert!(batch % 2 == 0, "midpoints need an even number of texts, got {batch}");
    // excerpt: midpoints
    let half = batch / 2;
    let middle = interpolate(&texts.narrow(0, 0, half), &texts.narrow(0, half, half), 0.5);
    Tensor::cat(&[texts, &middle], 0)
    // end excerpt
}
