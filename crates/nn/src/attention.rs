//! Self-attention over the pixels of a feature map.

use tch::Tensor;

use crate::error::NnError;
use crate::layers::{GroupNorm, Linear};
use crate::params::Path;

/// Multi-head self-attention with a residual connection (Ho et al. 2020, appendix B, with one head).
///
/// Weights: `group_norm`, `to_q`, `to_k`, `to_v`, `to_out.0`. The three projections are stored and applied apart, as
/// the public layout has them.
#[derive(Debug)]
pub struct AttentionBlock {
    group_norm: Option<GroupNorm>,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: i64,
    head_dim: i64,
    output_scale: f64,
}

/// The choices of [`AttentionBlock`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionConfig {
    /// Channels of the feature map.
    pub channels: i64,
    /// Width of a head; there are `channels / head_dim` heads, rounded down.
    pub head_dim: i64,
    /// Groups of the normalisation before the projections, which is left out where `None`.
    pub groups: Option<i64>,
    /// Epsilon of that normalisation.
    pub eps: f64,
    /// Divisor of the sum with the residual.
    pub output_scale: f64,
}

impl AttentionBlock {
    /// Declares the weights.
    ///
    /// # Errors
    /// A head wider than the channels, groups that do not divide them, or a name that is taken.
    pub fn new(path: &Path, config: &AttentionConfig) -> Result<Self, NnError> {
        let AttentionConfig { channels, head_dim, groups, eps, output_scale } = *config;
        if head_dim < 1 || head_dim > channels {
            let reason = format!("{} has {channels} channels, so a head is 1 to {channels} wide", path.name());
            return Err(NnError::Unsupported { key: "attention_head_dim", value: head_dim.to_string(), reason });
        }
        let heads = channels / head_dim;
        let inner = heads * head_dim;
        let norm = path.sub("group_norm");
        Ok(Self {
            group_norm: groups.map(|groups| GroupNorm::new(&norm, groups, channels, eps)).transpose()?,
            to_q: Linear::new(&path.sub("to_q"), channels, inner)?,
            to_k: Linear::new(&path.sub("to_k"), channels, inner)?,
            to_v: Linear::new(&path.sub("to_v"), channels, inner)?,
            to_out: Linear::last(&path.sub("to_out").sub(0), inner, channels)?,
            heads,
            head_dim,
            output_scale,
        })
    }

    /// `[B, C, H, W]` to the same shape and memory layout.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (b, c, h, w) = x.size4().unwrap_or_else(|e| panic!("attention takes [B, C, H, W]: {e}"));
        let normed = self.group_norm.as_ref().map(|norm| norm.forward(x));
        // No copy in either layout: H and W stay adjacent.
        let tokens = normed.as_ref().unwrap_or(x).permute([0, 2, 3, 1]).reshape([b, h * w, c]);
        let split = |t: Tensor| t.reshape([b, h * w, self.heads, self.head_dim]).transpose(1, 2);
        let q = split(self.to_q.forward(&tokens));
        let k = split(self.to_k.forward(&tokens));
        let v = split(self.to_v.forward(&tokens));
        let mixed = attend(&q, &k, &v);
        let mixed = mixed.transpose(1, 2).reshape([b, h * w, self.heads * self.head_dim]);
        let out = self.to_out.forward(&mixed).reshape([b, h, w, c]).permute([0, 3, 1, 2]);
        rescale(x + out, self.output_scale)
    }
}

/// Longest sequence for which the matrix of weights is made in memory: up to here that is faster than the fused kernel,
/// several times so backward and in bfloat16 (the bench `attention` of this crate).
const EXPLICIT: i64 = 256;

/// softmax(q k^T / sqrt(d)) v of `[B, heads, L, d]` (Vaswani et al. 2017, eq. 1).
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    let size = q.size();
    let (length, width) = (size[2].max(k.size()[2]), size[3]);
    if length > EXPLICIT {
        return Tensor::scaled_dot_product_attention(q, k, v, None::<&Tensor>, 0.0, false, None, false);
    }
    // Scaling q costs L d products, scaling the weights L^2.
    let q = q * (1.0 / (width as f64).sqrt());
    q.matmul(&k.transpose(-2, -1)).softmax(-1, None).matmul(v)
}

/// `x / scale`, without the work where the scale is 1.
pub(crate) fn rescale(x: Tensor, scale: f64) -> Tensor {
    if scale == 1.0 { x } else { x / scale }
}
