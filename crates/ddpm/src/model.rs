//! The network.

use easel_nn::{NnError, Path, UNet2D};
use tch::{Kind, Tensor};

use crate::config::{DdpmConfig, VarianceConfig};
use crate::sample::StepVariance;

/// The U-Net of Ho et al. 2020, appendix B, on pictures whose pixels may be gathered into channels first.
#[derive(Debug)]
pub struct Ddpm {
    config: DdpmConfig,
    unet: UNet2D,
}

/// What the network says of x_t.
#[derive(Debug)]
pub struct Prediction {
    /// The prediction, f32 `[B, C, H, W]`.
    pub output: Tensor,
    /// With a learned variance its interpolation output, f32 `[B, C, H, W]`.
    pub variance: Option<Tensor>,
}

impl Ddpm {
    /// Declares the weights at `path` under the public names of `UNet2DModel`.
    pub fn new(path: &Path, config: &DdpmConfig) -> Result<Self, NnError> {
        Ok(Self { unet: UNet2D::new(path, &config.unet2d())?, config: config.clone() })
    }

    /// The configuration.
    pub fn config(&self) -> &DdpmConfig {
        &self.config
    }

    /// The network's output at `x_t` (f32 `[B, C, H, W]`) and times `t` (i64 `[B]` in 1..=T): f32 `[B, C or 2C, H, W]`.
    ///
    /// # Panics
    /// On shapes that do not fit the configuration.
    pub fn forward(&self, x_t: &Tensor, t: &Tensor, train: bool) -> Tensor {
        let p = self.config.patch;
        let timestep = t - 1; // the network counts from 0, as public code does
        let x = if p > 1 { x_t.pixel_unshuffle(p) } else { x_t.shallow_clone() };
        let output = self.unet.forward(&x, &timestep, None, train).unwrap_or_else(|e| panic!("{e}"));
        if p > 1 { output.pixel_shuffle(p) } else { output }.to_kind(Kind::Float)
    }

    /// [`Ddpm::forward`], split into prediction and variance.
    pub fn predict(&self, x_t: &Tensor, t: &Tensor, train: bool) -> Prediction {
        let all = self.forward(x_t, t, train);
        match self.config.variance {
            VarianceConfig::LearnedRange => {
                let c = self.config.channels;
                Prediction { output: all.narrow(1, 0, c), variance: Some(all.narrow(1, c, c)) }
            }
            _ => Prediction { output: all, variance: None },
        }
    }

    /// The network at one time for all pictures, as samplers call it.
    pub fn at(&self, x_t: &Tensor, t: usize) -> Tensor {
        let times = Tensor::full([x_t.size()[0]], t as i64, (Kind::Int64, x_t.device()));
        self.forward(x_t, &times, false)
    }

    /// The variance with which the chain is sampled.
    pub fn step_variance(&self) -> StepVariance {
        match self.config.variance {
            VarianceConfig::LearnedRange => StepVariance::LearnedRange,
            _ => StepVariance::Fixed(self.config.likelihood_variance()),
        }
    }
}
