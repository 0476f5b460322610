//! Training (Algorithm 1), in all four variants.

use std::collections::BTreeMap;
use std::path::Path;

use easel_core::tensor::normal_tensor;
use easel_core::{Noise, Stream, weights};
use easel_data::loader::Loader;
use easel_nn::{InitScheme, Params};
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use gan::augment::Augment;
use gan::penalty::gradient_penalty;
use gan::sample::averaged;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad};

use crate::config::TextGanConfig;
use crate::interpolate::with_midpoints;
use crate::loss::{discriminator_loss, generator_loss};
use crate::mismatch::Mismatch;
use crate::model::{Discriminator, Generator};
use crate::variant::Variant;

/// Batches from which the statistics of the averaged generator are taken.
const CALIBRATION: u64 = 40;

/// Everything about training but its length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Pictures a step, B; even, as midpoints need pairs.
    pub batch: i64,
    /// Weight of interpolated texts in G's loss.
    pub interpolated: f64,
    /// Weight k of D's gradient penalty ([`gradient_penalty`]); 0, as in the paper, is none.
    pub penalty: f64,
    /// Augmentation of what D sees.
    pub augment: Augment,
    /// G's optimiser.
    pub generator: OptimConfig,
    /// D's optimiser.
    pub discriminator: OptimConfig,
}

impl TrainConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first key out of range.
    pub fn validate(&self) -> Result<(), TrainError> {
        if self.batch < 2 || self.batch % 2 != 0 {
            let value = self.batch.to_string();
            return Err(TrainError::Range { key: "train.batch", value, expected: "even, 2 or more" });
        }
        if !(0.0..=10.0).contains(&self.interpolated) {
            let value = self.interpolated.to_string();
            return Err(TrainError::Range { key: "train.interpolated", value, expected: "in [0, 10]" });
        }
        if !(0.0..=100.0).contains(&self.penalty) {
            let value = self.penalty.to_string();
            return Err(TrainError::Range { key: "train.penalty", value, expected: "in [0, 100]" });
        }
        self.augment.validate().map_err(TrainError::Model)?;
        self.generator.validate()?;
        self.discriminator.validate()
    }
}

/// Pictures with their classes and texts.
#[derive(Debug)]
pub struct Pairs {
    /// Batches of the pictures.
    pub loader: Loader,
    /// Class a picture, `[N]`: texts of another class do not describe it.
    pub classes: Vec<i64>,
    /// Rows of `texts` that describe a picture, one or more each, `[N]`.
    pub captions: Vec<Vec<usize>>,
    /// Text vectors $\varphi(t)$, f32 `[M, T]`.
    pub texts: Tensor,
}

impl Pairs {
    /// The row of one of the captions of `picture`, a function of (stream, step, sample).
    fn caption(&self, stream: &Stream, step: u64, sample: u64, picture: usize) -> i64 {
        let own = &self.captions[picture];
        own[stream.below(step, sample, own.len())] as i64
    }

    /// Text vectors `[B, T]` of these rows.
    fn vectors(&self, rows: &[i64]) -> Tensor {
        self.texts.index_select(0, &Tensor::from_slice(rows).to_device(self.texts.device()))
    }

    fn check(&self, config: &TextGanConfig) -> Result<(), String> {
        let ([c, h, w], n) = (self.loader.picture_shape(), self.loader.len());
        let (rows, width) = self.texts.size2().map_err(|_| "texts: expected [M, T]".to_string())?;
        if [c, h, w] != [config.channels, config.side, config.side] {
            return Err(format!(
                "pictures [{c}, {h}, {w}], but the model makes [{0}, {1}, {1}]",
                config.channels, config.side
            ));
        }
        if width != config.text {
            return Err(format!("text vectors of {width} entries, but model.text = {}", config.text));
        }
        if self.classes.len() != n || self.captions.len() != n {
            let (classes, captions) = (self.classes.len(), self.captions.len());
            return Err(format!("{n} pictures with {classes} classes and captions of {captions}"));
        }
        match self.captions.iter().position(|own| own.is_empty() || own.iter().any(|&row| row as i64 >= rows)) {
            Some(i) => {
                Err(format!("picture {i} has captions {:?}, expected one or more below {rows}", self.captions[i]))
            }
            None => Ok(()),
        }
    }
}

/// A text-conditional GAN in training.
#[derive(Debug)]
pub struct TextGanLearner {
    /// Which objectives.
    pub variant: Variant,
    generator: Generator,
    discriminator: Discriminator,
    generator_params: Params,
    discriminator_params: Params,
    generator_group: Group,
    discriminator_group: Group,
    pairs: Pairs,
    mismatch: Mismatch,
    config: TrainConfig,
    noise: i64,
    streams: Streams,
    device: Device,
}

/// Where each kind of draw comes from.
#[derive(Debug)]
struct Streams {
    noise: Stream,
    captions: Stream,
    mismatch: Stream,
    wrong_captions: Stream,
    augment: [Stream; 3],
    calibration: Stream,
}

impl Streams {
    fn new(seed: u64) -> Self {
        let purpose = |name: &str| Noise::new(seed).purpose(name);
        Self {
            noise: purpose("train/noise"),
            captions: purpose("train/captions"),
            mismatch: purpose("train/mismatch"),
            wrong_captions: purpose("train/wrong captions"),
            augment: ["real", "fake", "generator"].map(|who| purpose(&format!("train/augment {who}"))),
            calibration: purpose("train/calibration"),
        }
    }
}

impl TextGanLearner {
    /// Fresh networks from `seed`, to be trained for `steps` on `pairs`.
    ///
    /// # Errors
    /// Ranges, pairs that do not fit the model, pictures of one class only.
    pub fn new(
        variant: Variant,
        model: &TextGanConfig,
        config: &TrainConfig,
        pairs: Pairs,
        seed: u64,
        steps: u64,
    ) -> Result<Self, TrainError> {
        let other = |e: &dyn std::fmt::Display| TrainError::Model(e.to_string());
        model.validate().map_err(|e| other(&e))?;
        config.validate()?;
        pairs.check(model).map_err(TrainError::Model)?;
        if config.penalty > 0.0 && model.normalised {
            let (value, expected) = (config.penalty.to_string(), "0, or model.normalised = false");
            return Err(TrainError::Range { key: "train.penalty", value, expected });
        }
        let device = pairs.texts.device();
        let generator_params = Params::new(device, seed, InitScheme::Dcgan);
        // DCGAN's narrow weights count on the normalisation to scale them up.
        let scheme = if model.normalised { InitScheme::Dcgan } else { InitScheme::Public };
        let discriminator_params = Params::new(device, seed, scheme);
        let generator = Generator::new(&generator_params.root().sub("generator"), model).map_err(|e| other(&e))?;
        let discriminator =
            Discriminator::new(&discriminator_params.root().sub("discriminator"), model).map_err(|e| other(&e))?;
        let group = |name, params: &Params, optim| Group::new(name, params.trained(), Kind::Float, optim, steps);
        Ok(Self {
            variant,
            generator,
            discriminator,
            generator_group: group("generator", &generator_params, config.generator)?,
            discriminator_group: group("discriminator", &discriminator_params, config.discriminator)?,
            generator_params,
            discriminator_params,
            mismatch: Mismatch::new(&pairs.classes).map_err(|e| other(&e))?,
            pairs,
            config: config.clone(),
            noise: model.noise,
            streams: Streams::new(seed),
            device,
        })
    }

    /// Trained scalars of both networks.
    pub fn parameters(&self) -> i64 {
        self.generator_group.params.numel() + self.discriminator_group.params.numel()
    }

    /// Rows of the right and of the wrong texts of the pictures `indices` at `step`, `[B]` each.
    pub fn texts(&self, step: u64, indices: &[usize]) -> (Vec<i64>, Vec<i64>) {
        let rows = indices.iter().enumerate().map(|(i, &picture)| {
            let (s, sample) = (&self.streams, i as u64);
            let other = self.mismatch.draw(&s.mismatch, step, sample, picture);
            let right = self.pairs.caption(&s.captions, step, sample, picture);
            (right, self.pairs.caption(&s.wrong_captions, step, sample, other))
        });
        rows.unzip()
    }

    /// D's logits of G's pictures of `texts` `[B, T]`, midpoints behind. These go through D apart: it never saw them among the
    /// others, and in one batch with them its normalisation would tell and hide what neither does alone.
    fn scores(&self, pictures: &Tensor, texts: &Tensor) -> Tensor {
        let (batch, all) = (self.config.batch, texts.size()[0]);
        let score = |from, n| self.discriminator.forward(&pictures.narrow(0, from, n), &texts.narrow(0, from, n), true);
        let own = score(0, batch);
        if all > batch { Tensor::cat(&[own, score(batch, all - batch)], 0) } else { own }
    }

    /// The averaged generator by name, f32, with the statistics of the training captions ([`averaged`]).
    pub fn averaged_generator(&mut self) -> Vec<(String, Tensor)> {
        let (generator, params) = (&self.generator, &self.generator_params);
        let (pairs, streams, device) = (&self.pairs, &self.streams, self.device);
        let (batch, width, rows) = (self.config.batch as u64, self.noise, self.pairs.captions.len());
        let pass = |k| {
            let z = normal_tensor(&streams.calibration, k, 0..batch, &[width], device);
            let caption = |i| {
                let picture = streams.calibration.below(k, i, rows);
                pairs.caption(&streams.captions, u64::MAX - k, i, picture)
            };
            let texts = pairs.vectors(&(0..batch).map(caption).collect::<Vec<_>>());
            let _ = generator.forward(&z, &texts, true);
        };
        averaged(&mut self.generator_group, params, CALIBRATION, pass)
    }
}

impl Learner for TextGanLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.generator_group, &mut self.discriminator_group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let s = &self.streams;
        let real = self.pairs.loader.batch(step);
        let (right, wrong) = self.texts(step, &real.indices);
        let (right, wrong) = (self.pairs.vectors(&right), self.pairs.vectors(&wrong));
        let batch = self.config.batch;
        let all = self.variant.generated(batch);
        let augment = &self.config.augment;
        let seen = |x: &Tensor, who: usize| augment.apply(x, &s.augment[who], step, 0);
        // excerpt: step
        let texts = if self.variant.interpolates() { with_midpoints(&right) } else { right.shallow_clone() };
        let z = normal_tensor(&s.noise, step, 0..all as u64, &[self.noise], self.device);
        // One pass of G serves both players; D learns from the pictures of real texts alone.
        let fakes = self.generator.forward(&z, &texts, true);

        let d = &self.discriminator;
        let penalised = self.config.penalty > 0.0;
        let x = seen(&real.images, 0).detach().set_requires_grad(penalised);
        let h = right.detach().set_requires_grad(penalised);
        let of_real = d.features(&x, true);
        let of_fake = d.features(&seen(&fakes.narrow(0, 0, batch).detach(), 1), true);
        let score_real = d.score(&of_real, &h, true);
        let aware = self.variant.matching_aware();
        // The others look at wrong pairs too, to show whether D heeds the text, but do not learn from them.
        let score_wrong =
            if aware { d.score(&of_real, &wrong, true) } else { no_grad(|| d.score(&of_real, &wrong, true)) };
        let score_fake = d.score(&of_fake, &right, true);
        let penalty = match self.config.penalty {
            0.0 => score_real.zeros_like().mean(Kind::Float),
            k => gradient_penalty(&score_real, &x, &h) * k,
        };
        let loss_d = discriminator_loss(&score_real, aware.then_some(&score_wrong), &score_fake) + &penalty;
        let norm_d = self.discriminator_group.update(&loss_d)?;

        let scores = self.scores(&seen(&fakes, 2), &texts);
        let loss_g = generator_loss(&scores, batch, self.config.interpolated);
        let norm_g = self.generator_group.update(&loss_g)?;
        // end excerpt
        let mean = |logits: &Tensor| logits.detach().sigmoid().mean(Kind::Float);
        Ok(vec![
            ("loss_d", loss_d.detach()),
            ("loss_g", loss_g.detach()),
            ("s_r", mean(&score_real)),
            ("s_w", mean(&score_wrong)),
            ("s_f", mean(&score_fake)),
            ("penalty", penalty.detach()),
            ("grad_d", norm_d),
            ("grad_g", norm_g),
        ])
    }

    fn save_extra(&self, folder: &Path) -> Result<(), TrainError> {
        let mut statistics = self.generator_params.untrained();
        statistics.extend(self.discriminator_params.untrained());
        Ok(weights::write(&folder.join("statistics.safetensors"), &statistics, &BTreeMap::new())?)
    }

    fn load_extra(&mut self, folder: &Path) -> Result<(), TrainError> {
        let mut statistics = self.generator_params.untrained();
        statistics.extend(self.discriminator_params.untrained());
        Ok(weights::load_strict(&mut statistics, &weights::read(&folder.join("statistics.safetensors"))?)?)
    }
}
