//! Time as a vector: sinusoids, random Fourier features, and the MLP that follows them.

use tch::{Device, Kind, Tensor};

use crate::error::NnError;
use crate::layers::{Activation, Linear};
use crate::params::{Path, Role};

/// Sinusoids of time at geometrically spaced frequencies (Vaswani et al. 2017, section 3.5).
///
/// $f_i = P^{-i/(h-s)}$ for i = 0..h, h = half the width, s = `freq_shift`, P = `max_period`. The embedding is
/// [sin(c t f), cos(c t f)] with c = `scale`, the halves exchanged by `flip_sin_to_cos`, and a zero appended where
/// the width is odd.
/// Ho et al. 2020 use s = 1 and sines first, Nichol and Dhariwal 2021 s = 0 and cosines first.
///
/// Frequencies are rounded to f32 as in the public code: at t = 1000 the angle feels the last digit, and f64
/// frequencies would move embeddings by 6e-5.
#[derive(Debug)]
pub struct Sinusoids {
    frequencies: Tensor, // f32 [h]
    width: i64,
    flip_sin_to_cos: bool,
    scale: f64,
}

/// The choices of [`Sinusoids`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SinusoidsConfig {
    /// Width of the embedding.
    pub width: i64,
    /// Whether cosines come first.
    pub flip_sin_to_cos: bool,
    /// s, subtracted from h in the exponent.
    pub freq_shift: f64,
    /// c, a factor of time.
    pub scale: f64,
    /// P, the longest period over 2 pi.
    pub max_period: f64,
}

impl Default for SinusoidsConfig {
    fn default() -> Self {
        Self { width: 0, flip_sin_to_cos: false, freq_shift: 1.0, scale: 1.0, max_period: 10_000.0 }
    }
}

impl Sinusoids {
    /// Computes the frequencies.
    ///
    /// # Errors
    /// A width below 2, or a shift that is not below half the width.
    pub fn new(config: &SinusoidsConfig, device: Device) -> Result<Self, NnError> {
        let SinusoidsConfig { width, flip_sin_to_cos, freq_shift, scale, max_period } = *config;
        let half = width / 2;
        if half < 1 || half as f64 <= freq_shift {
            let reason = format!("an embedding of width {width} needs a shift below {half}");
            return Err(NnError::Unsupported { key: "freq_shift", value: freq_shift.to_string(), reason });
        }
        let exponent = Tensor::arange(half, (Kind::Float, device)) * -max_period.ln() / (half as f64 - freq_shift);
        Ok(Self { frequencies: exponent.exp(), width, flip_sin_to_cos, scale })
    }

    /// Times `[B]`, possibly fractional, to f32 `[B, width]`.
    pub fn forward(&self, t: &Tensor) -> Tensor {
        let angle = t.to_kind(Kind::Float).unsqueeze(1) * &self.frequencies * self.scale;
        let (sin, cos) = (angle.sin(), angle.cos());
        let both = if self.flip_sin_to_cos { Tensor::cat(&[cos, sin], 1) } else { Tensor::cat(&[sin, cos], 1) };
        if self.width % 2 == 1 { both.constant_pad_nd([0, 1]) } else { both }
    }
}

/// Random Fourier features of log t: [sin(2 pi w log t), cos(2 pi w log t)], w ~ N(0, 16^2) and fixed.
///
/// Source: Song et al. 2021 (arXiv:2011.13456), appendix C.1.
#[derive(Debug)]
pub struct GaussianFourier {
    weight: Tensor, // [width]
}

impl GaussianFourier {
    /// Declares `weight` `[width]`, which is not trained; the embedding has twice this width.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, width: i64) -> Result<Self, NnError> {
        Ok(Self { weight: path.declare("weight", &[width], Role::Frequencies { std: 16.0 })? })
    }

    /// Positive times `[B]` to `[B, 2 width]`, at least f32.
    pub fn forward(&self, t: &Tensor) -> Tensor {
        let weight = self.weight.to_kind(Kind::Float);
        // This order of products is the public code's: angles are large, so another order would differ visibly.
        let angle = t.log().unsqueeze(1) * weight * 2.0 * std::f64::consts::PI;
        Tensor::cat(&[angle.sin(), angle.cos()], 1)
    }
}

/// Two linear maps with a SiLU between them, `linear_1` and `linear_2`.
#[derive(Debug)]
pub struct TimestepEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimestepEmbedding {
    /// An MLP from `inputs` to `width` to `width`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, width: i64) -> Result<Self, NnError> {
        Ok(Self {
            linear_1: Linear::new(&path.sub("linear_1"), inputs, width)?,
            linear_2: Linear::new(&path.sub("linear_2"), width, width)?,
        })
    }

    /// `[B, inputs]` to `[B, width]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.linear_2.forward(&Activation::Silu.forward(&self.linear_1.forward(x)))
    }
}
