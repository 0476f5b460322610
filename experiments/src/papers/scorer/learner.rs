//! Training of a scorer.

use std::collections::BTreeMap;

use anyhow::Result;
use easel_core::noise::{Noise, Stream};
use easel_core::tensor::normal_tensor;
use easel_data::loader::{Loader, LoaderConfig};
use easel_nn::{InitScheme, Params};
use easel_text::Vocabulary;
use easel_train::{Group, Learner, Scalars, TrainError};
use tch::{Device, Kind, Tensor};

use super::config::ScorerConfig;
use super::contrast::{Scorer, Shape};
use super::model::{Towers, contrastive};
use super::pairs::{Pairs, SIDE};

/// A scorer in training.
pub struct ScorerLearner {
    scorer: Scorer,
    group: Group,
    pairs: Pairs,
    loader: Loader,
    test: Pairs,
    config: ScorerConfig,
    noise: Stream,
    words: Stream,
    misses: Stream,
    device: Device,
}

fn model(error: impl std::fmt::Display) -> TrainError {
    TrainError::Model(error.to_string())
}

impl ScorerLearner {
    /// A fresh scorer of the set `name`.
    pub fn new(config: &ScorerConfig, name: &str, pairs: Pairs, test: Pairs, device: Device) -> Result<Self> {
        let vocabulary = Vocabulary::from_captions(pairs.all_captions(), 1);
        let shape = Shape {
            name: name.to_owned(),
            towers: config.towers,
            max_words: config.max_words,
            styles: pairs.style_count(),
        };
        let params = Params::new(device, config.seed, InitScheme::Public);
        let towers = Towers::new(&params.root(), shape.towers, vocabulary.len() as i64, shape.styles)?;
        let augment = pairs.augmentation();
        let loading = LoaderConfig { batch: config.batch, seed: config.seed, ..augment };
        let noise = Noise::new(config.seed);
        Ok(Self {
            scorer: Scorer { shape, towers, vocabulary, device },
            group: Group::new("scorer", params.named(), Kind::Float, config.optim, config.steps.steps)?,
            loader: Loader::new(&pairs.data, loading, device)?,
            pairs,
            test,
            config: config.clone(),
            noise: noise.purpose("scorer/noise"),
            words: noise.purpose("scorer/caption"),
            misses: noise.purpose("scorer/near-miss"),
            device,
        })
    }

    /// The averaged weights by name, and what to store beside them.
    pub fn weights(&self) -> (Vec<(String, Tensor)>, BTreeMap<String, String>) {
        (self.group.average(), self.scorer.metadata())
    }

    /// Captions of the pictures of a step: one of each picture's, then a near miss of each that has one; and the keys
    /// that they stand for.
    fn captions(&self, step: u64, pictures: &[usize]) -> (Vec<String>, Vec<String>) {
        let (mut captions, mut keys) = (Vec::new(), Vec::new());
        for (i, &picture) in pictures.iter().enumerate() {
            let all = self.pairs.captions(picture);
            captions.push(all[self.words.below(step, i as u64, all.len())].clone());
            keys.push(self.pairs.key(picture).to_owned());
        }
        for (i, &picture) in pictures.iter().enumerate() {
            let drawn = |count| self.misses.below(step, i as u64, count);
            if let Some(miss) = self.pairs.near_miss(picture, drawn) {
                captions.push(miss.clone());
                keys.push(miss);
            }
        }
        (captions, keys)
    }
}

/// bool `[B, B + K]`: captions that stand for the key of a picture without being its own.
pub fn equal_keys(keys: &[String], pictures: usize) -> Tensor {
    let equal = (0..pictures).flat_map(|i| (0..keys.len()).map(move |j| i != j && keys[i] == keys[j]));
    Tensor::from_slice(&equal.collect::<Vec<bool>>()).reshape([pictures as i64, keys.len() as i64])
}

impl Learner for ScorerLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.loader.batch(step);
        let count = batch.indices.len();
        let side = SIDE as i64;
        let noise = normal_tensor(&self.noise, step, 0..count as u64, &[3, side, side], self.device);
        let images = batch.images + noise * self.config.noise;
        let (captions, keys) = self.captions(step, &batch.indices);

        let towers = &self.scorer.towers;
        let features = towers.features(&images);
        let tokens = self.scorer.vocabulary.encode_batch(&captions, self.config.max_words).to_device(self.device);
        let texts = towers.captions(&tokens).map_err(model)?;
        let logits = towers.pictures(&features).matmul(&texts.tr()) * towers.scale();
        let matching = contrastive(&logits, &equal_keys(&keys, count).to_device(self.device));
        let mut scalars = vec![("loss", matching.detach())];
        let mut loss = matching;
        if let (Some(styles), Some(log_p)) = (self.pairs.styles(&batch.indices), towers.styles(&features)) {
            let style = log_p.nll_loss(&styles.to_device(self.device));
            scalars.push(("style", style.detach()));
            loss += style * self.config.style;
        }
        scalars.push(("grad_norm", self.group.update(&loss)?));
        scalars.push(("scale", self.scorer.towers.scale().detach()));
        Ok(scalars)
    }

    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        let (scorer, test) = (&self.scorer, &self.test);
        let precision = self.group.with_average(|| super::measure::real_precision(scorer, test, 0));
        precision.map(|p| Some(1.0 - p.mean)).map_err(model)
    }
}
