//! A classifier of noisy pictures, whose gradient guides (Dhariwal and Nichol 2021, section 4).
//!
//! The way down of a small U-Net, with residual blocks that halve the resolution, and attention pooling. Group
//! normalisation alone: statistics of a batch would mix noise levels.

mod config;
mod learner;
mod pool;

pub use config::{ConfigError, NoisyClassifierConfig};
pub use learner::{ClassifierLearner, accuracy_by_time};

use easel_core::sampling::NoiseLevel;
use easel_nn::embedding::{Sinusoids, SinusoidsConfig, TimestepEmbedding};
use easel_nn::layers::{Activation, Conv2d, GroupNorm};
use easel_nn::resnet::{ResnetBlock, ResnetConfig, TimeScaleShift};
use easel_nn::sampling::Resample;
use easel_nn::{NnError, Path};
use tch::{Kind, TchError, Tensor};

use crate::gradient;
use pool::AttentionPool;

const EPS: f64 = 1e-5;

/// $p_\phi(y|x_t)$.
#[derive(Debug)]
pub struct NoisyClassifier {
    config: NoisyClassifierConfig,
    sinusoids: Sinusoids,
    time_embedding: TimestepEmbedding,
    conv_in: Conv2d,
    blocks: Vec<ResnetBlock>,
    norm: GroupNorm,
    pool: AttentionPool,
}

impl NoisyClassifier {
    /// Declares the weights at `path`.
    ///
    /// # Errors
    /// Channels that groups or heads do not fit, or a name that is taken.
    pub fn new(path: &Path, config: &NoisyClassifierConfig) -> Result<Self, NnError> {
        let first = config.levels[0];
        let time = 4 * first;
        let sinusoids = SinusoidsConfig { width: first, ..SinusoidsConfig::default() };
        let block = |inputs, outputs, resample| ResnetConfig {
            inputs,
            outputs,
            time,
            groups: config.groups,
            groups_out: config.groups,
            eps: EPS,
            activation: Activation::Silu,
            dropout: 0.0,
            time_scale_shift: TimeScaleShift::ScaleShift,
            output_scale: 1.0,
            resample,
            always_shortcut: false,
        };
        let mut blocks = Vec::new();
        let mut inputs = first;
        for (level, &outputs) in config.levels.iter().enumerate() {
            for i in 0..config.blocks {
                let resample = if level > 0 && i == 0 { Resample::Down } else { Resample::Keep };
                let place = path.sub("blocks").sub(blocks.len());
                blocks.push(ResnetBlock::new(&place, &block(inputs, outputs, resample))?);
                inputs = outputs;
            }
        }
        Ok(Self {
            sinusoids: Sinusoids::new(&sinusoids, path.device())?,
            time_embedding: TimestepEmbedding::new(&path.sub("time_embedding"), first, time)?,
            conv_in: Conv2d::new(&path.sub("conv_in"), config.channels, first, 3)?,
            blocks,
            norm: GroupNorm::new(&path.sub("norm"), config.groups, inputs, EPS)?,
            pool: AttentionPool::new(&path.sub("pool"), config)?,
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &NoisyClassifierConfig {
        &self.config
    }

    /// Logits f32 `[B, classes]` of `x_t` (f32 `[B, C, H, W]`) at times `t` (`[B]`, from 1 to T, possibly fractional).
    ///
    /// # Panics
    /// On shapes that do not fit the configuration.
    pub fn forward(&self, x_t: &Tensor, t: &Tensor) -> Tensor {
        let timestep = t - 1; // counted from 0, as the diffusion model counts
        let time = Activation::Silu.forward(&self.time_embedding.forward(&self.sinusoids.forward(&timestep)));
        let features = self.blocks.iter().fold(self.conv_in.forward(x_t), |h, block| block.forward(&h, &time, false));
        self.pool.forward(&Activation::Silu.forward(&self.norm.forward(&features))).to_kind(Kind::Float)
    }

    /// $\nabla_{x_t}\ln p_\phi(y|x_t)$ at one noise level, shaped like `x_t`, for labels i64 `[B]`: g of
    /// [`crate::classifier`].
    ///
    /// # Errors
    /// Labels that are not one of the classes for each picture.
    ///
    /// # Panics
    /// On pictures that do not fit the configuration.
    pub fn gradient(&self, x_t: &Tensor, level: NoiseLevel, labels: &Tensor) -> Result<Tensor, TchError> {
        let t = Tensor::full([x_t.size()[0]], level.t, (Kind::Float, x_t.device()));
        gradient::log_probability(x_t, labels, |x| self.forward(x, &t))
    }
}
