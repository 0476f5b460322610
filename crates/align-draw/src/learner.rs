//! Training.

use draw::bound::latent_noise;
use draw::model::in_threads;
use easel_core::noise::{Noise, Stream};
use easel_nn::{InitScheme, Params};
use easel_text::{Tokens, Vocabulary};
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor, no_grad};

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
    /// Parts of a batch, each with a thread of its own: a step of the generator is too small for libtorch's threads.
    pub parts: usize,
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
    replicas: Vec<Replica>,
    vocabulary: Vocabulary,
    train: Pictures,
    validation: Pictures,
    epsilon: Stream,
    device: Device,
}

/// A copy of the network for the thread of one part.
#[derive(Debug)]
struct Replica {
    params: Params,
    model: AlignDraw,
}

/// Means of one part of a batch, and the gradients of their weighted sum.
struct Part {
    reconstruction: Tensor,
    kl: Tensor,
    gradients: Vec<Tensor>,
}

impl Replica {
    fn new(model: &AlignDrawConfig, device: Device) -> Result<Self, TrainError> {
        let params = Params::zeros(device);
        let network = AlignDraw::new(&params.root(), model).map_err(|e| TrainError::Model(e.to_string()))?;
        params.named().into_iter().for_each(|(_, tensor)| drop(tensor.set_requires_grad(true)));
        Ok(Self { params, model: network })
    }

    fn part(&self, batch: &Batch, epsilon: &Tensor, kl_weight: f64) -> Result<Part, TchError> {
        let refuse = |e: TrainError| TchError::Torch(e.to_string());
        let bound = bound(&self.model, batch, epsilon).map_err(refuse)?;
        let (reconstruction, kl) = (bound.reconstruction.mean(Kind::Float), bound.kl.mean(Kind::Float));
        let leaves: Vec<Tensor> = self.params.trained().into_iter().map(|(_, tensor)| tensor).collect();
        let found = Tensor::f_run_backward(&[&reconstruction + &kl * kl_weight], &leaves, false, false)?;
        // The alignment takes no part without align.
        let defined =
            |(leaf, gradient): (&Tensor, Tensor)| if gradient.defined() { gradient } else { leaf.zeros_like() };
        let gradients = leaves.iter().zip(found).map(defined).collect();
        Ok(Part { reconstruction: reconstruction.detach(), kl: kl.detach(), gradients })
    }
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
        if config.parts == 0 || config.batch < config.parts {
            let value = format!("{} with train.parts = {}", config.batch, config.parts);
            return Err(TrainError::Range { key: "train.batch", value, expected: "at least one picture a part" });
        }
        let expected = [model.channels, model.side, model.side];
        if let Some(found) =
            [train.picture_shape(), validation.picture_shape()].into_iter().find(|shape| *shape != expected)
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
            replicas: (0..config.parts).map(|_| Replica::new(model, device)).collect::<Result<_, _>>()?,
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
    latent_noise(stream, step, samples, [config.steps, config.latent], device)
}

impl Learner for AlignDrawLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.train.batch(step, self.config.batch, &self.vocabulary, self.device);
        let noise = epsilon(&self.epsilon, step, 0..self.config.batch as u64, self.model.config(), self.device);
        let weight = match self.config.kl_warmup {
            0 => 1.0,
            warmup => ((step + 1) as f64 / warmup as f64).min(1.0),
        };
        let leaves: Vec<Tensor> = self.group.params.leaves().into_iter().map(Tensor::shallow_clone).collect();
        let (mut work, mut shares, mut first) = (Vec::new(), Vec::new(), 0);
        for (k, replica) in self.replicas.iter_mut().enumerate() {
            // Parts differ by one picture at most.
            let end = self.config.batch * (k + 1) / self.config.parts;
            let (start, length) = (first as i64, (end - first) as i64);
            let part = Batch { x: batch.x.narrow(0, start, length), tokens: rows_of(&batch.tokens, first..end) };
            let noise = noise.narrow(1, start, length);
            let own = replica.params.trained();
            no_grad(|| own.into_iter().zip(&leaves).for_each(|((_, mut copy), leaf)| copy.copy_(leaf)));
            work.push(move || replica.part(&part, &noise, weight));
            shares.push(length as f64 / self.config.batch as f64);
            first = end;
        }
        let parts = in_threads(work)?;
        let mean = |of: fn(&Part) -> &Tensor| {
            let weighted: Vec<Tensor> = parts.iter().zip(&shares).map(|(part, share)| of(part) * *share).collect();
            Tensor::stack(&weighted, 0).sum(Kind::Float)
        };
        let (reconstruction, kl) = (mean(|p| &p.reconstruction), mean(|p| &p.kl));
        // A sum whose gradient is the batch's.
        let products: Vec<Tensor> = leaves
            .iter()
            .enumerate()
            .map(|(i, leaf)| {
                let zero = leaf.detach().zeros_like();
                let gradient =
                    parts.iter().zip(&shares).fold(zero, |sum, (part, share)| sum + &part.gradients[i] * *share);
                (leaf * gradient).sum(Kind::Float)
            })
            .collect();
        let norm = self.group.update(&Tensor::stack(&products, 0).sum(Kind::Float))?;
        let total = &reconstruction + &kl;
        Ok(vec![("bound", total), ("reconstruction", reconstruction), ("kl", kl), ("grad_norm", norm)])
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

/// Some of a batch's captions.
fn rows_of(tokens: &Tokens, rows: std::ops::Range<usize>) -> Tokens {
    let (start, length) = (rows.start as i64, rows.len() as i64);
    Tokens {
        ids: tokens.ids.narrow(0, start, length),
        mask: tokens.mask.narrow(0, start, length),
        lengths: tokens.lengths[rows].to_vec(),
    }
}

fn bound(model: &AlignDraw, batch: &Batch, epsilon: &Tensor) -> Result<Bound, TrainError> {
    let inferred = model.infer(&batch.x, &batch.tokens, epsilon).map_err(|e| TrainError::Model(e.to_string()))?;
    Ok(Bound::of(&batch.x, &inferred))
}
