//! One run after the other: the encoders, the perceptual network, the players.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use controlgan::Frozen;
use controlgan::captions::{Captions, attribute_targets};
use controlgan::learner::{AttributeLearner, MatchLearner, PlayersLearner};
use controlgan::perceptual::Vgg;
use easel_core::files::write_atomic;
use easel_core::weights::{self, Weights};
use easel_data::Dataset;
use easel_data::hed;
use easel_data::loader::{Loader, LoaderConfig};
use easel_text::Vocabulary;
use easel_text::vocabulary::words;
use easel_train::run_dir::read_metrics;
use easel_train::{Learner, LoopConfig, RunDir};
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};

use crate::papers::fetched;
use crate::stages::{self, train_to_end};

use super::config::{Ablation, EMOJI, Perceptual, RunConfig};
use super::data;
use super::model::model_file;

/// Everything that training needs.
struct Trainer<'a> {
    config: &'a RunConfig,
    out: &'a Path,
    resume: bool,
    device: Device,
    data: Dataset,
    captions: Vec<String>,
    vocabulary: Vocabulary,
    attributes: Vec<String>,
}

/// Trains what is not finished in `out`: the encoders, the attributes, the players and those of every ablation.
pub fn train_all(config: &RunConfig, out: &Path, resume: bool, device: Device) -> Result<()> {
    if config.perceptual == Perceptual::Vgg {
        vgg(device)?; // What is missing is said before anything is trained.
    }
    let data = data::training(config)?;
    let captions = data.captions().context("the pictures have no captions")?.to_vec();
    let (vocabulary, attributes) = data::words(config)?;
    let trainer = Trainer { config, out, resume, device, data, captions, vocabulary, attributes };
    let damsm = trainer.encoders()?;
    let attributes = trainer.attribute_network()?;
    let mut tensors = damsm.tensors;
    tensors.extend(attributes.tensors);
    let frozen = Weights { path: damsm.path, tensors, metadata: BTreeMap::new() };
    for &ablation in std::iter::once(&config.ablation).chain(&config.ablations) {
        trainer.players(ablation, &frozen)?;
    }
    write_log(config, out)
}

impl Trainer<'_> {
    fn loader(&self, batch: usize) -> Result<Loader> {
        // Emoji are few: they are moved and, where no name tells left from right, mirrored.
        let emoji = self.config.data.set == EMOJI;
        let sided = |caption: &String| words(caption).iter().any(|word| word == "left" || word == "right");
        let (flip, shift) = (emoji && !self.captions.iter().any(sided), usize::from(emoji));
        let loading = LoaderConfig { batch, seed: self.config.seed, flip, shift, ..LoaderConfig::default() };
        Ok(Loader::new(&self.data, loading, self.device)?)
    }

    fn captions(&self) -> Result<Captions> {
        Ok(Captions::new(&self.vocabulary, &self.captions, self.config.model.max_words)?)
    }

    /// Trains in the folder `name` of the run, unless its weights are there.
    fn part<L: Learner>(
        &self,
        name: &str,
        steps: &LoopConfig,
        learner: impl FnOnce() -> Result<L>,
        weights_of: impl FnOnce(&mut L) -> Result<Vec<(String, Tensor)>>,
    ) -> Result<Weights> {
        let (folder, file) = (self.out.join(name), self.out.join(name).join("weights.safetensors"));
        if !(self.resume && file.exists()) {
            let mut run = RunDir::open(&folder, &toml::to_string(self.config)?, self.resume && folder.exists())?;
            let mut learner = learner()?;
            train_to_end(&mut learner, steps, &mut run, name)?;
            weights::write(&file, &weights_of(&mut learner)?, &BTreeMap::new())?;
        }
        Ok(weights::read(&file)?)
    }

    fn encoders(&self) -> Result<Weights> {
        let part = &self.config.damsm;
        let learner = || {
            let data = (self.loader(part.batch)?, self.captions()?);
            let length = (self.config.seed, part.steps.steps);
            let words = self.vocabulary.len();
            Ok(MatchLearner::new(&self.config.model, words, part.optim, data, length, self.device)?)
        };
        self.part("damsm", &part.steps, learner, |l| Ok(l.weights()))
    }

    fn attribute_network(&self) -> Result<Weights> {
        let part = &self.config.attributes;
        let learner = || {
            let targets = attribute_targets(&self.captions, &self.attributes, self.device);
            let data = (self.loader(part.batch)?, targets);
            let length = (self.config.seed, part.steps.steps);
            Ok(AttributeLearner::new(&self.config.model, part.optim, data, length, self.device)?)
        };
        self.part("attributes", &part.steps, learner, |l| Ok(l.weights()))
    }

    /// Trains the players without `ablation` and writes the whole model.
    fn players(&self, ablation: Ablation, frozen: &Weights) -> Result<()> {
        let config = self.config.without(ablation);
        let learner = || {
            let (words, attributes) = (self.vocabulary.len(), self.attributes.len());
            let networks = Frozen::load(frozen, &config.model, words, attributes, self.device)?;
            let data = (self.loader(config.players.batch)?, self.captions()?);
            let length = (config.seed, config.players.steps.steps);
            let train = &config.players.train;
            let learner = PlayersLearner::new(&config.model, train, networks, data, length, self.device)?;
            Ok(match config.perceptual {
                Perceptual::Attributes => learner,
                Perceptual::Vgg => learner.with_vgg(vgg(self.device)?),
            })
        };
        let name = players_folder(self.config, ablation);
        let trained = self.part(&name, &config.players.steps, learner, |l| Ok(l.weights()?))?;
        let all: Vec<(String, Tensor)> = frozen
            .tensors
            .iter()
            .chain(&trained.tensors)
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect();
        let metadata = BTreeMap::from([
            self.vocabulary.metadata(),
            ("attributes".into(), self.attributes.join("\n")),
            ("config".into(), toml::to_string(&config)?),
        ]);
        Ok(weights::write(&self.out.join(model_file(self.config, ablation)), &all, &metadata)?)
    }
}

/// The trunk of the fetched edge network.
fn vgg(device: Device) -> Result<Vgg> {
    let path = fetched("hed", "perceptual = \"vgg\"")?.join(hed::FILE);
    Ok(Vgg::load(&weights::read(&path)?, device)?)
}

/// Folder of the players' training.
pub fn players_folder(config: &RunConfig, ablation: Ablation) -> String {
    if ablation == config.ablation { "players".into() } else { format!("players-{}", ablation.name()) }
}

/// The log of the run's three parts as one, steps counted on.
fn write_log(config: &RunConfig, out: &Path) -> Result<()> {
    let parts = [
        ("damsm", config.damsm.steps.steps),
        ("attributes", config.attributes.steps.steps),
        ("players", config.players.steps.steps),
    ];
    let (mut text, mut before) = (String::new(), 0);
    for (name, steps) in parts {
        for mut line in read_metrics(&out.join(name).join("metrics.jsonl"))? {
            let step = line.get("step").and_then(Value::as_u64).unwrap_or(0);
            line.insert("step".into(), json!(before + step));
            text += &format!("{}\n", Value::Object(line));
        }
        before += steps;
    }
    Ok(write_atomic(&out.join("metrics.jsonl"), text.as_bytes())?)
}

/// Seconds of training of the three parts, without ablations.
pub fn training_seconds(out: &Path) -> Result<f64> {
    stages::training_seconds(["damsm", "attributes", "players"].map(|part| out.join(part)))
}

/// Mean of a logged scalar over the last fifth of the players' log.
pub fn last_fifth(log: &[Map<String, Value>], key: &str) -> Option<f64> {
    let values: Vec<f64> = log.iter().filter_map(|line| line.get(key)?.as_f64()).collect();
    let tail = &values[values.len() - values.len().div_ceil(5)..];
    (!tail.is_empty()).then(|| tail.iter().sum::<f64>() / tail.len() as f64)
}

/// What went wrong in the players' training, with advice; nothing where all is well.
pub fn complaints(log: &[Map<String, Value>]) -> Vec<String> {
    let at = |key| last_fifth(log, key);
    let mut found = Vec::new();
    if at("spread").is_some_and(|spread| spread < 0.25) {
        found.push(
            "collapse: pictures of different captions hardly differ (`spread` below 0.25). Lower \
             players.train.weights.perceptual, which draws every picture to one, or players.train.discriminator.rate.lr"
                .to_string(),
        );
    }
    if let (Some(real), Some(fake)) = (at("d/real"), at("d/fake"))
        && real > 0.99
        && fake < 0.01
    {
        found.push(
            "divergence: the discriminator of the last stage tells all pictures apart (`d/real` above 0.99, `d/fake` below \
             0.01). Lower players.train.discriminator.rate.lr or model.discriminator, or raise \
             players.train.generator.rate.lr"
                .to_string(),
        );
    }
    if let (Some(matched), Some(other)) = (at("word/matched"), at("word/mismatched"))
        && matched - other < 0.02
    {
        found.push(
            "the word-level discriminator is silent: matching and other captions score alike. Raise model.temperature or \
             players.train.weights.word_discriminator"
                .to_string(),
        );
    }
    found
}

/// The log of the run in `out`.
pub fn log(out: &Path) -> Result<Vec<Map<String, Value>>> {
    Ok(read_metrics(&PathBuf::from(out).join("metrics.jsonl"))?)
}
