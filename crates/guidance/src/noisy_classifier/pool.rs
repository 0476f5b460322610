//! Attention pooling.

use easel_nn::attention::attend;
use easel_nn::layers::Linear;
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use tch::{Kind, Tensor};

use super::NoisyClassifierConfig;

/// The mean of all positions attends to them and to itself, and one linear map follows (Radford et al. 2021,
/// arXiv:2103.00020, released code).
#[derive(Debug)]
pub(super) struct AttentionPool {
    position: Tensor, // [positions + 1, C]
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    head: Linear,
    heads: i64,
}

impl AttentionPool {
    pub(super) fn new(path: &Path, config: &NoisyClassifierConfig) -> Result<Self, NnError> {
        let channels = config.levels[config.levels.len() - 1];
        let positions = config.last_side() * config.last_side();
        Ok(Self {
            position: path.declare("position", &[positions + 1, channels], Role::Weight)?,
            to_q: Linear::new(&path.sub("to_q"), channels, channels)?,
            to_k: Linear::new(&path.sub("to_k"), channels, channels)?,
            to_v: Linear::new(&path.sub("to_v"), channels, channels)?,
            head: Linear::new(&path.sub("head"), channels, config.classes)?,
            heads: config.heads,
        })
    }

    /// `[B, C, H, W]` to `[B, classes]`.
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let tokens = x.flatten(2, -1).transpose(1, 2);
        let mean = tokens.mean_dim(1, true, None::<Kind>);
        let tokens = Tensor::cat(&[mean, tokens], 1) + &self.position;
        let (b, _, channels) = tokens.size3().unwrap_or_else(|e| panic!("pooling takes [B, C, H, W]: {e}"));
        let split = |t: Tensor| t.reshape([b, -1, self.heads, channels / self.heads]).transpose(1, 2);
        let q = split(self.to_q.forward(&tokens.narrow(1, 0, 1)));
        let (k, v) = (split(self.to_k.forward(&tokens)), split(self.to_v.forward(&tokens)));
        self.head.forward(&attend(&q, &k, &v).reshape([b, channels]))
    }
}
