//! Exponential moving average of weights.

use tch::{Tensor, no_grad};

/// `e <- d e + (1 - d) p` after every update, with `d = min(decay, (1 + n) / (10 + n))` in the warm-up form, so that
/// short runs are not averages of their initial weights.
#[derive(Debug)]
pub struct Ema {
    decay: f64,
    warm: bool,
    /// The average, f32 `[numel]`.
    pub average: Tensor,
}

impl Ema {
    /// Starts at `weights` (f32 `[numel]`); `warm` selects the warm-up form.
    pub fn new(weights: &Tensor, decay: f64, warm: bool) -> Self {
        Self { decay, warm, average: no_grad(|| weights.detach().copy()) }
    }

    /// Takes in the weights after update `n` (counted from 0).
    pub fn update(&mut self, weights: &Tensor, n: u64) {
        let decay = if self.warm { self.decay.min((1 + n) as f64 / (10 + n) as f64) } else { self.decay };
        no_grad(|| {
            let _ = self.average.lerp_(weights, 1.0 - decay);
        });
    }
}
