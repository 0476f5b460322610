//! Training of a model with a bound, on pictures that are binarised anew at every step.

use easel_core::noise::{Noise, Stream};
use easel_core::tensor::check_shape;
use easel_data::order::batch_indices;
use easel_nn::Params;
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::bound::{Bound, Bounded, binarised, evaluate, latent_noise};

/// Everything about training but its length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Pictures a step.
    pub batch: usize,
    /// The optimiser.
    pub optim: OptimConfig,
}

/// A model in training.
#[derive(Debug)]
pub struct BoundLearner<M> {
    /// The model.
    pub model: M,
    group: Group,
    pictures: Tensor, // [N, pixels] in [0, 1]
    validation: Tensor,
    batch: usize,
    seed: u64,
    binary: Stream,
    epsilon: Stream,
}

impl<M: Bounded> BoundLearner<M> {
    /// Trains `model`, whose weights are `params`, for `steps` on `pictures` (probabilities of white, `[N, pixels]`); binary
    /// pictures `validation` `[M, pixels]` rank checkpoints.
    ///
    /// # Errors
    /// No pictures, pictures of two sizes, a batch of 0, or an optimiser out of range.
    pub fn new(
        model: M,
        params: &Params,
        config: &TrainConfig,
        pictures: Tensor,
        validation: Tensor,
        seed: u64,
        steps: u64,
    ) -> Result<Self, TrainError> {
        let size = pictures.size();
        check_shape("validation", &validation, &[-1, size[1]]).map_err(|e| TrainError::Model(e.to_string()))?;
        if size[0] == 0 || config.batch == 0 {
            return Err(TrainError::Range {
                key: "train.batch",
                value: format!("{} of {} pictures", config.batch, size[0]),
                expected: "at least 1 of at least 1",
            });
        }
        model.start_at(&pictures.mean_dim([0i64].as_slice(), false, Kind::Float));
        let noise = Noise::new(seed);
        Ok(Self {
            model,
            group: Group::new("model", params.named(), Kind::Float, config.optim, steps)?,
            pictures,
            validation,
            batch: config.batch,
            seed,
            binary: noise.purpose("train/binary"),
            epsilon: noise.purpose("train/epsilon"),
        })
    }

    /// The averaged weights, f32.
    pub fn average(&self) -> Vec<(String, Tensor)> {
        self.group.average()
    }

    /// The bound of the averaged weights on binary pictures `[N, pixels]`.
    pub fn bound(&mut self, x: &Tensor, samples: usize, noise: &Stream) -> Bound {
        let model = &self.model;
        self.group.with_average(|| evaluate(model, x, samples, EVALUATION_BATCH, noise))
    }
}

/// Pictures at once where no gradient is needed.
pub const EVALUATION_BATCH: i64 = 250;

impl<M: Bounded> Learner for BoundLearner<M> {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let indices = batch_indices(self.seed, step, self.batch, self.pictures.size()[0] as usize);
        let indices: Vec<i64> = indices.into_iter().map(|i| i as i64).collect();
        let chosen = self.pictures.index_select(0, &Tensor::from_slice(&indices).to_device(self.pictures.device()));
        let x = binarised(&chosen, &self.binary, step, 0);
        let samples = 0..self.batch as u64;
        let epsilon = latent_noise(&self.epsilon, step, samples, self.model.noise_shape(), x.device());
        let gradient = self.model.gradient(&x, &epsilon)?;
        let norm = self.group.update(&gradient.surrogate)?;
        let bound = &gradient.reconstruction + &gradient.kl;
        Ok(vec![
            ("bound", bound),
            ("reconstruction", gradient.reconstruction),
            ("kl", gradient.kl),
            ("grad_norm", norm),
        ])
    }

    /// The bound of the averaged weights on the validation pictures, always with the same noise.
    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        let (x, noise) = (self.validation.shallow_clone(), Noise::new(0).purpose("validation/epsilon"));
        Ok(Some(self.bound(&x, 1, &noise).total()))
    }
}
