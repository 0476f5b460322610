//! The stages of a run: judge, text encoder, then a GAN and its style encoder for each variant. Each stage is a run of its
//! own in a folder below, and is skipped when its weights are there.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use easel_core::weights::{self, Weights};
use easel_data::loader::Loader;
use easel_train::{Learner, LoopConfig, RunDir};
use tch::{Device, Tensor};
use text_gan::{EmbeddingLearner, Pairs, StyleLearner, TextGanLearner, Variant};

use crate::stages::{train_to_end, training_seconds};

use super::config::{RunConfig, TextSource};
use super::judge::JudgeLearner;
use super::text::{Text, minilm_metadata};
use super::trained::{self, prefixed};
use super::world::World;

/// A run in progress.
pub struct Run<'a> {
    /// Its configuration.
    pub config: &'a RunConfig,
    /// Its folder.
    pub out: &'a Path,
    /// The data.
    pub world: &'a World,
    /// Where to compute.
    pub device: Device,
}

impl Run<'_> {
    /// Trains `learner` in the folder `name`; the seconds that it took.
    fn stage(&self, learner: &mut dyn Learner, steps: &LoopConfig, name: &str) -> Result<()> {
        let folder = self.out.join(name);
        // A folder that is there belongs to this run, which was resumed.
        let mut dir = RunDir::open(&folder, &toml::to_string(self.config)?, folder.exists())?;
        train_to_end(learner, steps, &mut dir, name)?;
        Ok(())
    }

    /// Trains everything that is not there, and writes the four weight files.
    pub fn train(&self) -> Result<()> {
        let path = |name: &str| self.out.join(format!("{name}.safetensors"));
        if !path("judge").exists() {
            let mut judge = JudgeLearner::new(self.world, self.config, self.device)?;
            self.stage(&mut judge, &self.config.judge.steps, "judge")?;
            let (named, metadata) = judge.weights();
            weights::write(&path("judge"), &named, &metadata)?;
        }
        if !path("text").exists() {
            self.train_text(&path("text"))?;
        }
        let text = Text::from_weights(weights::read(&path("text"))?, self.device)?;
        let captions: Vec<&String> = self.world.captions.iter().flatten().collect();
        let texts = text.encode(&captions)?;
        let (mut generators, mut styles) = (Vec::new(), Vec::new());
        for &variant in &self.config.variants {
            let [gan, style] = [variant.key().to_string(), format!("{}-style", variant.key())];
            if !path(&gan).exists() {
                self.train_gan(variant, &texts, &gan, &path(&gan))?;
            }
            let file = weights::read(&path(&gan))?;
            if !path(&style).exists() {
                self.train_style(&file, &texts, &style, &path(&style))?;
            }
            generators.extend(prefixed(variant, file.tensors.into_iter().collect()));
            styles.extend(prefixed(variant, weights::read(&path(&style))?.tensors.into_iter().collect()));
        }
        let metadata = BTreeMap::from([("config".to_string(), toml::to_string(self.config)?)]);
        weights::write(&path("styles"), &styles, &metadata)?;
        weights::write(&path("generators"), &generators, &metadata)?;
        Ok(())
    }

    fn train_text(&self, path: &Path) -> Result<()> {
        let (tensors, metadata) = match self.config.text {
            TextSource::Minilm => (BTreeMap::new(), minilm_metadata()),
            TextSource::Trained => {
                let learner = self.train_encoder()?;
                (learner.text_weights().into_iter().collect(), learner.text.metadata())
            }
        };
        let fresh = Weights { path: path.to_owned(), tensors, metadata };
        let seen: Vec<&String> = self.world.seen.iter().flat_map(|&class| &self.world.captions[class]).collect();
        let whole = Text::complete(fresh, &seen, self.device)?;
        let tensors: Vec<_> = whole.tensors.into_iter().collect();
        Ok(weights::write(path, &tensors, &whole.metadata)?)
    }

    fn train_encoder(&self) -> Result<EmbeddingLearner> {
        let run = &self.config.embedding;
        let (config, world) = (self.config, self.world);
        let mut learner = EmbeddingLearner::new(
            &config.model,
            &run.train,
            &world.train.data,
            &world.captions,
            config.seed,
            run.steps.steps,
            self.device,
        )?;
        self.stage(&mut learner, &run.steps, "embedding")?;
        Ok(learner)
    }

    /// Rows of the texts of each class.
    fn rows(&self) -> Vec<Vec<usize>> {
        let mut next = 0;
        let mut take = |n: usize| {
            next += n;
            (next - n..next).collect()
        };
        self.world.captions.iter().map(|own| take(own.len())).collect()
    }

    fn train_gan(&self, variant: Variant, texts: &Tensor, name: &str, path: &Path) -> Result<()> {
        let (config, train) = (self.config, &self.world.train);
        let classes = World::classes(train).to_vec();
        let rows = self.rows();
        let loading = config.pictures.loader(config.train.batch as usize, config.seed);
        let pairs = Pairs {
            loader: Loader::new(&train.data, loading, self.device)?,
            captions: classes.iter().map(|&c| rows[c as usize].clone()).collect(),
            classes,
            texts: texts.shallow_clone(),
        };
        let steps = &config.steps;
        let mut learner = TextGanLearner::new(variant, &config.model, &config.train, pairs, config.seed, steps.steps)?;
        self.stage(&mut learner, steps, name)?;
        Ok(weights::write(path, &learner.averaged_generator(), &BTreeMap::new())?)
    }

    fn train_style(&self, file: &weights::Weights, texts: &Tensor, name: &str, path: &Path) -> Result<()> {
        let (config, stage) = (self.config, &self.config.style);
        let generator = trained::generator(config, file, self.device)?;
        let rows = self.rows();
        let seen: Vec<i64> = self.world.seen.iter().flat_map(|&c| rows[c].iter().map(|&row| row as i64)).collect();
        let texts = texts.index_select(0, &Tensor::from_slice(&seen).to_device(self.device));
        let batch = stage.batch as i64;
        let mut learner =
            StyleLearner::new(&config.model, stage.optim, &generator, &texts, batch, config.seed, stage.steps.steps)?;
        self.stage(&mut learner, &stage.steps, name)?;
        Ok(weights::write(path, &learner.weights(), &BTreeMap::new())?)
    }

    /// Seconds of all stages.
    pub fn seconds(&self) -> Result<f64> {
        let stages = self.config.variants.iter().flat_map(|v| [v.key().to_string(), format!("{}-style", v.key())]);
        let all = stages.chain(["judge".into(), "embedding".into()]);
        training_seconds(all.map(|name| self.out.join(name)))
    }
}
