//! Training.

use easel_core::noise::{Noise, Stream};
use easel_core::tensor::normal_tensor;
use easel_nn::{InitScheme, Params};
use easel_text::Vocabulary;
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad};

use crate::config::AlignDrawConfig;
use crate::loss::Bound;
use crate::model::AlignDraw;
use crate::source::{Batch, Pictures};

/// How the network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Pictures a step.
    pub batch: usize,
    /// How fresh weights are drawn.
    pub init: InitScheme,
    /// Side of the first windows of reading and writing, as a share of the picture; 1 is DRAW's. The filters are then half
    /// as wide as their stride.
    pub window: f64,
    /// Steps over which the weight of the divergence rises from 0 to 1; 0 trains on the bound from the first step.
    pub kl_warmup: u64,
    /// The optimiser.
    pub optim: OptimConfig,
}

/// A network in training.
#[derive(Debug)]
pub struct AlignDrawLearner {
    /// The network.
    pub model: AlignDraw,
    config: TrainConfig,
    group: Group,
    vocabulary: Vocabulary,
    train: Pictures,
    validation: Pictures,
    epsilon: Stream,
    device: Device,
}

/// Pictures of a validation.
const VALIDATION: usize = 256;

impl AlignDrawLearner {
    /// A fresh network from `seed`, to be trained for `steps`; `validation` pictures rank checkpoints.
    ///
    /// # Errors
    /// A configuration that cannot be, pictures of another shape, a vocabulary of another size.
    pub fn new(
        model: &AlignDrawConfig,
        config: TrainConfig,
        vocabulary: Vocabulary,
        [train, validation]: [Pictures; 2],
        seed: u64,
        steps: u64,
        device: Device,
    ) -> Result<Self, TrainError> {
        let other = |e: &dyn std::fmt::Display| TrainError::Model(e.to_string());
        model.validate().map_err(|e| other(&e))?;
        if !(config.window > 0.0 && config.window <= 1.0) {
            let value = config.window.to_string();
            return Err(TrainError::Range { key: "train.window", value, expected: "above 0, at most 1" });
        }
        if config.batch == 0 {
            return Err(TrainError::Range { key: "train.batch", value: "0".into(), expected: "at least 1" });
        }
        let expected = [model.channels, model.side, model.side];
        for found in [train.picture_shape(), validation.picture_shape()].into_iter().filter(|shape| *shape != expected)
        {
            return Err(TrainError::Model(format!("pictures have shape {found:?}, the network draws {expected:?}")));
        }
        if model.words != vocabulary.len() as i64 {
            let message = format!("model.words = {}, but the vocabulary has {} ids", model.words, vocabulary.len());
            return Err(TrainError::Model(message));
        }
        let params = Params::new(device, seed, config.init);
        let network = AlignDraw::new(&params.root(), model).map_err(|e| other(&e))?;
        first_window(&params, config.window, model);
        Ok(Self {
            model: network,
            group: Group::new("model", params.named(), Kind::Float, config.optim, steps)?,
            config,
            vocabulary,
            train,
            validation,
            epsilon: Noise::new(seed).purpose("align-draw/epsilon"),
            device,
        })
    }

    /// Runs `f` with the averaged weights.
    pub fn with_average<R>(&mut self, f: impl FnOnce(&AlignDraw) -> R) -> R {
        let model = &self.model;
        self.group.with_average(|| f(model))
    }

    /// The averaged weights by name, f32.
    pub fn average(&self) -> Vec<(String, Tensor)> {
        self.group.average()
    }
}

/// Moves the biases of reading and writing to windows that cover `share` of the picture, with $\sigma = \delta/2$.
fn first_window(params: &Params, share: f64, config: &AlignDrawConfig) {
    let stride = share * (config.side - 1) as f64 / (config.filters - 1) as f64;
    for mut bias in ["read.bias", "write.bias"].into_iter().filter_map(|name| params.get(name)) {
        // The outputs in the order of `draw::attention::NUMBERS`: log sigma^2 is the third, log delta the fourth.
        let shift = [0.0, 0.0, 2.0 * (0.5 * stride).ln(), share.ln(), 0.0].map(|v: f64| v as f32);
        no_grad(|| drop(bias.g_add_(&Tensor::from_slice(&shift).to_device(bias.device()))));
    }
}

/// Normals `[T, B, d_z]`, those of sample i a function of (`step`, i): fresh for every step t of every sample.
pub fn epsilon(
    stream: &Stream,
    step: u64,
    samples: std::ops::Range<u64>,
    config: &AlignDrawConfig,
    device: Device,
) -> Tensor {
    normal_tensor(stream, step, samples, &[config.steps, config.latent], device).transpose(0, 1).contiguous()
}

impl Learner for AlignDrawLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.train.batch(step, self.config.batch, &self.vocabulary, self.device);
        let noise = epsilon(&self.epsilon, step, 0..self.config.batch as u64, self.model.config(), self.device);
        let bound = bound(&self.model, &batch, &noise)?;
        let (reconstruction, kl) = (bound.reconstruction.mean(Kind::Float), bound.kl.mean(Kind::Float));
        let weight = match self.config.kl_warmup {
            0 => 1.0,
            warmup => ((step + 1) as f64 / warmup as f64).min(1.0),
        };
        let norm = self.group.update(&(&reconstruction + &kl * weight))?;
        let total = (&reconstruction + &kl).detach();
        Ok(vec![
            ("bound", total),
            ("reconstruction", reconstruction.detach()),
            ("kl", kl.detach()),
            ("grad_norm", norm),
        ])
    }

    /// $-\mathcal L$ of the averaged weights on validation pictures, always with the same noise.
    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        let batch = self.validation.batch(0, VALIDATION, &self.vocabulary, self.device);
        let Self { model, group, epsilon: stream, device, .. } = self;
        let noise = epsilon(stream, u64::MAX, 0..VALIDATION as u64, model.config(), *device);
        let bound = group.with_average(|| no_grad(|| bound(model, &batch, &noise)))?;
        Ok(Some(bound.total().mean(Kind::Double).double_value(&[])))
    }
}

fn bound(model: &AlignDraw, batch: &Batch, epsilon: &Tensor) -> Result<Bound, TrainError> {
    let inferred = model.infer(&batch.x, &batch.tokens, epsilon).map_err(|e| TrainError::Model(e.to_string()))?;
    Ok(Bound::of(&batch.x, &inferred))
}
