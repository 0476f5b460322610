//! Training of the style encoder (section 4.4, eq. 6).

use std::collections::BTreeMap;
use std::path::Path;

use easel_core::tensor::normal_tensor;
use easel_core::{Noise, Stream, weights};
use easel_nn::{InitScheme, Params};
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use tch::{Device, Kind, Tensor, no_grad};

use crate::config::TextGanConfig;
use crate::loss::style_loss;
use crate::model::{Generator, PictureEncoder};

/// $S$ in training on fresh pictures of a frozen generator.
#[derive(Debug)]
pub struct StyleLearner<'a> {
    encoder: PictureEncoder,
    params: Params,
    group: Group,
    generator: &'a Generator,
    texts: Tensor,
    batch: i64,
    noise: i64,
    draws: Stream,
    rows: Stream,
    device: Device,
}

impl<'a> StyleLearner<'a> {
    /// A fresh S from `seed`, for `steps` of `batch` pictures of `generator` for texts drawn from f32 `[M, T]`.
    ///
    /// # Errors
    /// Ranges of the optimiser.
    pub fn new(
        model: &TextGanConfig,
        optim: OptimConfig,
        generator: &'a Generator,
        texts: &Tensor,
        batch: i64,
        seed: u64,
        steps: u64,
    ) -> Result<Self, TrainError> {
        let device = texts.device();
        let params = Params::new(device, seed, InitScheme::Dcgan);
        let encoder = PictureEncoder::new(&params.root().sub("style"), model, model.noise)
            .map_err(|e| TrainError::Model(e.to_string()))?;
        Ok(Self {
            group: Group::new("style", params.trained(), Kind::Float, optim, steps)?,
            encoder,
            params,
            generator,
            texts: texts.shallow_clone(),
            batch,
            noise: model.noise,
            draws: Noise::new(seed).purpose("style/noise"),
            rows: Noise::new(seed).purpose("style/texts"),
            device,
        })
    }

    /// Noise `[B, Z]` and the generator's pictures of it at `step`, without gradients.
    pub fn pictures(&self, step: u64) -> (Tensor, Tensor) {
        let batch = self.batch as u64;
        let z = normal_tensor(&self.draws, step, 0..batch, &[self.noise], self.device);
        let texts = self.texts.size()[0] as usize;
        let rows: Vec<i64> = (0..batch).map(|i| self.rows.below(step, i, texts) as i64).collect();
        let texts = self.texts.index_select(0, &Tensor::from_slice(&rows).to_device(self.device));
        let pictures = no_grad(|| self.generator.forward(&z, &texts, false));
        (z, pictures)
    }

    /// The weights and statistics by name, f32.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        self.params.named()
    }
}

impl Learner for StyleLearner<'_> {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let (z, pictures) = self.pictures(step);
        let loss = style_loss(&z, &self.encoder.forward(&pictures, true));
        let norm = self.group.update(&loss)?;
        Ok(vec![("style_mse", loss.detach() / self.noise as f64), ("grad_style", norm)])
    }

    fn save_extra(&self, folder: &Path) -> Result<(), TrainError> {
        Ok(weights::write(&folder.join("style.statistics.safetensors"), &self.params.untrained(), &BTreeMap::new())?)
    }

    fn load_extra(&mut self, folder: &Path) -> Result<(), TrainError> {
        let file = weights::read(&folder.join("style.statistics.safetensors"))?;
        Ok(weights::load_strict(&mut self.params.untrained(), &file)?)
    }
}
