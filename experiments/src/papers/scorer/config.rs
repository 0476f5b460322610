//! The configuration of a run of the scorer.

use anyhow::{Result, ensure};
use easel_train::{LoopConfig, OptimConfig};
use serde::{Deserialize, Serialize};
use toml::Table;

/// Sizes of the two towers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TowerConfig {
    /// Channels of the three convolutions.
    pub channels: [i64; 3],
    /// Width of a word's embedding.
    pub words: i64,
    /// Width of the LSTM's state, each direction.
    pub hidden: i64,
}

/// Everything about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScorerConfig {
    pub(super) paper: String,
    pub(super) preset: String,
    pub(super) seed: u64,
    /// The sets, each with a scorer of its own.
    #[serde(deserialize_with = "one_or_many")]
    pub data: Vec<String>,
    /// Pictures a step.
    pub batch: usize,
    /// Deviation of the noise that pictures get in training, in units of [-1, 1].
    pub noise: f64,
    /// Weight of the style's cross-entropy, where a set has styles.
    pub style: f64,
    /// Longest caption that is read, in words.
    pub max_words: usize,
    /// Sizes of the towers.
    pub towers: TowerConfig,
    #[serde(rename = "loop")]
    pub(super) steps: LoopConfig,
    pub(super) optim: OptimConfig,
}

/// A list, or a single name as `--set data=emoji` gives it.
fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(from)? {
        Names::One(name) => vec![name],
        Names::Many(names) => names,
    })
}

impl ScorerConfig {
    /// The configuration of a preset.
    pub fn preset(preset: &str, seed: u64) -> Self {
        let smoke = preset == "smoke";
        let mut optim = OptimConfig { ema: 0.998, ..OptimConfig::default() };
        (optim.rate.lr, optim.rate.final_lr, optim.adam.weight_decay) = (2e-3, 2e-5, 0.05);
        let (steps, every) = if smoke { (6, 3) } else { (3000, 500) };
        Self {
            paper: "scorer".into(),
            preset: preset.into(),
            seed,
            data: super::SETS.map(String::from).to_vec(),
            batch: if smoke { 16 } else { 128 },
            noise: 0.05,
            style: 0.5,
            max_words: 40,
            towers: TowerConfig { channels: [32, 64, 96], words: 24, hidden: 48 },
            steps: LoopConfig { steps, log_every: if smoke { 1 } else { 10 }, checkpoint_every: every, keep: 2 },
            optim,
        }
    }

    /// Reads and checks a configuration.
    pub fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        ensure!(!config.data.is_empty(), "data = []: at least one set");
        ensure!(config.batch >= 2, "batch = {}: at least 2, for a caption that does not match", config.batch);
        ensure!(config.max_words >= 1, "max_words = 0: at least 1");
        ensure!(config.noise >= 0.0 && config.noise.is_finite(), "noise = {}: 0 or above", config.noise);
        ensure!(config.style >= 0.0 && config.style.is_finite(), "style = {}: 0 or above", config.style);
        config.steps.validate()?;
        config.optim.validate()?;
        Ok(config)
    }
}
