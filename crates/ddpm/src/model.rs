//! The network.

use easel_core::sampling::StepVariance;
use easel_nn::{NnError, Path, UNet2D};
use tch::{Kind, Tensor};

use crate::config::{DdpmConfig, VarianceConfig};

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

    /// The label that stands for "no class" in a network that knows classes (Ho and Salimans 2022, section 3).
    pub fn null_label(&self) -> Option<i64> {
        self.config.classes
    }

    /// The network's output at `x_t` (f32 `[B, C, H, W]`) and times `t` (`[B]` in 1..=T, whole or fractional):
    /// f32 `[B, C or 2C, H, W]`.
    ///
    /// `labels` are i64 `[B]` in 0..=classes; without them a network that knows classes is told "no class".
    ///
    /// # Panics
    /// On shapes that do not fit the configuration, and on labels where the network knows no classes.
    pub fn forward(&self, x_t: &Tensor, t: &Tensor, labels: Option<&Tensor>, train: bool) -> Tensor {
        let p = self.config.patch;
        // The network counts from 0, as public code does; below its first noise level it is told that one.
        let timestep = (t - 1).clamp_min(0);
        let x = if p > 1 { x_t.pixel_unshuffle(p) } else { x_t.shallow_clone() };
        let null = |label: i64| Tensor::full([x_t.size()[0]], label, (Kind::Int64, x_t.device()));
        let labels = labels.map(Tensor::shallow_clone).or_else(|| self.null_label().map(null));
        let output = self.unet.forward(&x, &timestep, labels.as_ref(), train).unwrap_or_else(|e| panic!("{e}"));
        if p > 1 { output.pixel_shuffle(p) } else { output }.to_kind(Kind::Float)
    }

    /// [`Ddpm::forward`], split into prediction and variance.
    pub fn predict(&self, x_t: &Tensor, t: &Tensor, labels: Option<&Tensor>, train: bool) -> Prediction {
        let all = self.forward(x_t, t, labels, train);
        match self.config.variance {
            VarianceConfig::LearnedRange => {
                let c = self.config.channels;
                Prediction { output: all.narrow(1, 0, c), variance: Some(all.narrow(1, c, c)) }
            }
            _ => Prediction { output: all, variance: None },
        }
    }

    /// The network at one time for all pictures, as samplers call it.
    pub fn at(&self, x_t: &Tensor, t: f64, labels: Option<&Tensor>) -> Tensor {
        let times = Tensor::full([x_t.size()[0]], t, (Kind::Float, x_t.device()));
        self.forward(x_t, &times, labels, false)
    }

    /// The variance with which the chain is sampled.
    pub fn step_variance(&self) -> StepVariance {
        match self.config.variance {
            VarianceConfig::LearnedRange => StepVariance::LearnedRange,
            _ => StepVariance::Fixed(self.config.likelihood_variance()),
        }
    }
}
