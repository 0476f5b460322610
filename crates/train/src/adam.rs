//! Adam with decoupled weight decay on one flat buffer, its state open for saving.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::TrainError;

/// Coefficients of Adam; `weight_decay > 0` makes it AdamW.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamConfig {
    /// Decay of the first moment, in [0, 1).
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay a unit of learning rate.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

impl AdamConfig {
    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), TrainError> {
        let unit = |key, value: f64| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(TrainError::Range { key, value: value.to_string(), expected: "in [0, 1)" }),
        };
        unit("beta1", self.beta1)?;
        unit("beta2", self.beta2)?;
        let positive = |key, value: f64, ok: bool, expected| match ok {
            true => Ok(()),
            false => Err(TrainError::Range { key, value: value.to_string(), expected }),
        };
        positive("eps", self.eps, self.eps > 0.0, "above 0")?;
        positive("weight_decay", self.weight_decay, self.weight_decay >= 0.0, "0 or more")
    }
}

/// Adam (Kingma and Ba 2015, Algorithm 1) with decoupled weight decay (Loshchilov and Hutter 2019, Algorithm 2).
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    /// The first scalar that is updated.
    first: i64,
    /// First moment, f32 `[numel]`.
    pub m: Tensor,
    /// Second moment, f32 `[numel]`.
    pub v: Tensor,
    /// Updates done.
    pub updates: u64,
    scratch: Tensor,
}

impl Adam {
    /// Zero moments for parameters shaped like `like` (`[numel]`).
    pub fn new(config: AdamConfig, like: &Tensor) -> Self {
        Self::from(0, config, like)
    }

    /// The same, leaving the `first` scalars of the buffer to another optimiser, whose first moment may be kept in `m`.
    pub fn from(first: i64, config: AdamConfig, like: &Tensor) -> Self {
        let zeros = || like.detach().zeros_like().to_kind(Kind::Float);
        Self { config, first, m: zeros(), v: zeros(), updates: 0, scratch: zeros() }
    }

    /// One update in place of `parameters` (f32 `[numel]`) with `gradient` (f32 `[numel]`, overwritten as work space) and
    /// learning rate `lr`. Call without gradient tracking.
    pub fn step(&mut self, parameters: &Tensor, gradient: &Tensor, lr: f64) {
        let own = |flat: &Tensor| flat.narrow(0, self.first, flat.numel() as i64 - self.first);
        let [mut parameters, mut gradient] = [own(parameters), own(gradient)];
        let [mut m, mut v, mut scratch] = [own(&self.m), own(&self.v), own(&self.scratch)];
        let AdamConfig { beta1, beta2, eps, weight_decay } = self.config;
        self.updates += 1;
        let n = self.updates.min(i32::MAX as u64) as i32;
        let (bias1, bias2) = (1.0 - beta1.powi(n), 1.0 - beta2.powi(n));
        let _ = m.lerp_(&gradient, 1.0 - beta1);
        // v <- beta2 v + (1 - beta2) g^2, the factor taken into g because the binding's addcmul has no scale.
        let _ = gradient.g_mul_scalar_((1.0 - beta2).sqrt());
        let _ = v.g_mul_scalar_(beta2).addcmul_(&gradient, &gradient);
        if weight_decay > 0.0 {
            let _ = parameters.g_mul_scalar_(1.0 - lr * weight_decay);
        }
        // p <- p - (lr / bias1) m / (sqrt(v / bias2) + eps)
        scratch.copy_(&v);
        let denominator = scratch.sqrt_().g_mul_scalar_(1.0 / bias2.sqrt()).g_add_scalar_(eps);
        gradient.copy_(&m);
        let _ = gradient.g_mul_scalar_(-lr / bias1);
        let _ = parameters.addcdiv_(&gradient, &denominator);
    }
}
