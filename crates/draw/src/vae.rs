//! The baseline: a variational autoencoder without recurrence (Kingma and Welling 2014, arXiv:1312.6114).

use easel_nn::layers::Linear;
use easel_nn::{NnError, Path};
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor, no_grad};

use crate::bound::{Bounded, Gradient, set_logits};
use crate::loss::{self, Terms};

/// Sizes of the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// Pixels of a picture.
    pub pixels: i64,
    /// Width of both hidden layers of encoder and decoder.
    pub hidden: i64,
    /// Latent numbers.
    pub latent: i64,
}

/// An encoder and a decoder, each of two hidden layers with tanh.
#[derive(Debug)]
pub struct Vae {
    config: VaeConfig,
    encoder: [Linear; 2],
    mean: Linear,
    log_sigma: Linear,
    decoder: [Linear; 2],
    logits: Linear,
}

impl Vae {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &VaeConfig) -> Result<Self, NnError> {
        let VaeConfig { pixels, hidden, latent } = *config;
        let layers = |name, inputs| -> Result<[Linear; 2], NnError> {
            let path = path.sub(name);
            Ok([Linear::new(&path.sub(0), inputs, hidden)?, Linear::new(&path.sub(1), hidden, hidden)?])
        };
        Ok(Self {
            encoder: layers("encoder", pixels)?,
            mean: Linear::new(&path.sub("mean"), hidden, latent)?,
            log_sigma: Linear::new(&path.sub("log_sigma"), hidden, latent)?,
            decoder: layers("decoder", latent)?,
            logits: Linear::new(&path.sub("logits"), hidden, pixels)?,
            config: config.clone(),
        })
    }

    /// Logits `[B, pixels]` at latent numbers `[B, latent]`.
    pub fn decode(&self, z: &Tensor) -> Tensor {
        self.logits.forward(&through(&self.decoder, z))
    }
}

fn through(layers: &[Linear; 2], x: &Tensor) -> Tensor {
    layers.iter().fold(x.shallow_clone(), |h, layer| layer.forward(&h).tanh())
}

impl Bounded for Vae {
    fn noise_shape(&self) -> [i64; 2] {
        [1, self.config.latent]
    }

    fn terms(&self, x: &Tensor, noise: &Tensor) -> Terms {
        let epsilon = noise.select(0, 0);
        let hidden = through(&self.encoder, x);
        let (mean, log_sigma) = (self.mean.forward(&hidden), self.log_sigma.forward(&hidden));
        let z = mean.addcmul(&log_sigma.exp(), &epsilon);
        Terms {
            reconstruction: loss::reconstruction(x, &self.decode(&z)),
            kl: loss::kl(&mean, &log_sigma).unsqueeze(1),
            log_prior_ratio: no_grad(|| loss::log_prior_ratio(&mean, &log_sigma, &epsilon)),
        }
    }

    fn start_at(&self, mean: &Tensor) {
        set_logits(self.logits.weights().1, mean);
    }

    fn gradient(&self, x: &Tensor, noise: &Tensor) -> Result<Gradient, TchError> {
        let terms = self.terms(x, noise);
        Ok(Gradient::of(terms.bound().mean(tch::Kind::Float), &terms))
    }
}
