//! The residual block of the U-Net.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::attention::rescale;
use crate::error::NnError;
use crate::layers::{Activation, Conv2d, GroupNorm, Linear};
use crate::params::Path;
use crate::sampling::Resample;

/// How the time embedding enters a residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeScaleShift {
    /// Added between the convolutions (Ho et al. 2020).
    Default,
    /// As scale and shift of the second normalisation (Nichol and Dhariwal 2021, section 3).
    ScaleShift,
}

/// The choices of [`ResnetBlock`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResnetConfig {
    /// Channels of the input.
    pub inputs: i64,
    /// Channels of the output.
    pub outputs: i64,
    /// Width of the time embedding.
    pub time: i64,
    /// Groups of the first normalisation.
    pub groups: i64,
    /// Groups of the second normalisation.
    pub groups_out: i64,
    /// Epsilon of both.
    pub eps: f64,
    /// Nonlinearity behind both.
    pub activation: Activation,
    /// Probability with which a feature is dropped in training, before the second convolution.
    pub dropout: f64,
    /// How time enters.
    pub time_scale_shift: TimeScaleShift,
    /// Divisor of the sum with the shortcut.
    pub output_scale: f64,
    /// Change of resolution, on both branches, before the first convolution.
    pub resample: Resample,
    /// A 1x1 convolution on the shortcut even where the channels stay.
    pub always_shortcut: bool,
}

/// Normalise, activate, convolve, add time, normalise, activate, drop, convolve; plus the shortcut.
///
/// Weights: `norm1`, `conv1`, `time_emb_proj`, `norm2`, `conv2`, and `conv_shortcut` where the channels change.
/// Source: Ho et al. 2020, appendix B.
#[derive(Debug)]
pub struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Linear,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    config: ResnetConfig,
}

impl ResnetBlock {
    /// Declares the weights.
    ///
    /// # Errors
    /// Groups that do not divide the channels, or a name that is taken.
    pub fn new(path: &Path, config: &ResnetConfig) -> Result<Self, NnError> {
        let ResnetConfig { inputs, outputs, time, groups, groups_out, eps, .. } = *config;
        let time_outputs = match config.time_scale_shift {
            TimeScaleShift::Default => outputs,
            TimeScaleShift::ScaleShift => 2 * outputs,
        };
        let shortcut = config.always_shortcut || inputs != outputs;
        Ok(Self {
            norm1: GroupNorm::new(&path.sub("norm1"), groups, inputs, eps)?,
            conv1: Conv2d::new(&path.sub("conv1"), inputs, outputs, 3)?,
            time_emb_proj: Linear::new(&path.sub("time_emb_proj"), time, time_outputs)?,
            norm2: GroupNorm::new(&path.sub("norm2"), groups_out, outputs, eps)?,
            conv2: Conv2d::last(&path.sub("conv2"), outputs, outputs, 3)?,
            conv_shortcut: match shortcut {
                true => Some(Conv2d::new(&path.sub("conv_shortcut"), inputs, outputs, 1)?),
                false => None,
            },
            config: *config,
        })
    }

    /// `x` `[B, in, H, W]` and the activated time embedding `[B, time]` to `[B, out, H', W']`.
    ///
    /// The activation of the time embedding is the caller's, because it is the same for all blocks of a network.
    /// Dropout, where `train`, draws from libtorch's generator.
    pub fn forward(&self, x: &Tensor, activated_time: &Tensor, train: bool) -> Tensor {
        let ResnetConfig { activation, dropout, time_scale_shift, output_scale, resample, .. } = self.config;
        let h = activation.forward(&self.norm1.forward(x));
        let (x, h) = (resample.forward(x), resample.forward(&h));
        let mut h = self.conv1.forward(&h);
        let time = self.time_emb_proj.forward(activated_time).unsqueeze(-1).unsqueeze(-1);
        h = match time_scale_shift {
            TimeScaleShift::Default => {
                // In place: the convolution's output belongs to nobody else, and its gradient does not need it.
                self.norm2.forward(&h.g_add_(&time))
            }
            TimeScaleShift::ScaleShift => {
                let scale_shift = time.chunk(2, 1);
                scale_shift[1].addcmul(&self.norm2.forward(&h), &(&scale_shift[0] + 1.0))
            }
        };
        h = activation.forward(&h);
        if train && dropout > 0.0 {
            h = h.dropout(dropout, true);
        }
        h = self.conv2.forward(&h);
        let sum = match &self.conv_shortcut {
            Some(conv) => h.g_add_(&conv.forward(&x)),
            None => h.g_add_(&x),
        };
        rescale(sum, output_scale)
    }
}
