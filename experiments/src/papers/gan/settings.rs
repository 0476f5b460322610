//! The configuration of a run.

use anyhow::{Context, Result, ensure};
use easel_train::{Decay, LoopConfig, OptimConfig, RateConfig};
use gan::augment::Augment;
use gan::{GanConfig, Loss, TrainConfig, UpdateRule};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::judge::FEWEST_SAMPLES;

/// Everything a run depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The experiment's name.
    pub paper: String,
    /// The preset it started from.
    pub preset: String,
    /// Seed of everything random.
    pub seed: u64,
    /// `digits`, `fashion-mnist`, or a folder of pictures.
    pub data: String,
    /// The two networks.
    pub model: GanConfig,
    /// Training.
    pub train: TrainConfig,
    /// Length and rhythm of training.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// Measuring.
    pub evaluate: EvaluateConfig,
}

/// How a generator is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// Generated pictures.
    pub samples: usize,
    /// Generated pictures at each checkpoint of training.
    pub watched: usize,
    /// Generated pictures under the Parzen windows.
    pub parzen: usize,
    /// The classifier whose features are compared: `shipped`, which knows digits, or the folder of a run of `classifier`.
    pub classifier: String,
}

impl RunConfig {
    /// Reads and checks.
    pub fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        config.model.validate()?;
        config.train.validate()?;
        config.steps.validate()?;
        let counts = [("samples", config.evaluate.samples), ("watched", config.evaluate.watched)];
        for (key, value) in counts {
            ensure!(value >= FEWEST_SAMPLES, "evaluate.{key} = {value}: at least {FEWEST_SAMPLES}");
        }
        ensure!(config.evaluate.parzen >= 1, "evaluate.parzen = 0: at least 1");
        Ok(config)
    }

    /// The preset of this name.
    pub fn preset(name: &str, seed: u64) -> Result<Self> {
        let model = GanConfig::preset(name).with_context(|| format!("gan has no preset `{name}`"))?;
        let smoke = name == "smoke";
        let optim = |lr: f64| {
            let rate = RateConfig { lr, final_lr: 0.0, warmup: 0, decay: Decay::Linear };
            let mut optim = OptimConfig { rate, clip: 0.0, ema: 0.999, ..OptimConfig::default() };
            optim.adam.beta1 = 0.5;
            optim
        };
        Ok(Self {
            paper: "gan".into(),
            preset: name.into(),
            seed,
            data: "digits".into(),
            model,
            train: TrainConfig {
                batch: if smoke { 16 } else { 64 },
                // The sets here are small: without it D learns its pictures by heart.
                augment: if name == "small" {
                    Augment { shift: 0.1, scale: 0.1, ..Augment::OFF }
                } else {
                    Augment::OFF
                },
                loss: Loss::NonSaturating {},
                rule: UpdateRule::Alternating { k: 1 },
                generator: optim(5e-4),
                discriminator: optim(5e-4),
                // A smoke run is too short to have learned all classes.
                patience: if smoke { 0 } else { 2 },
            },
            steps: if smoke {
                LoopConfig { steps: 30, log_every: 5, checkpoint_every: 10, keep: 2 }
            } else {
                LoopConfig { steps: 9000, log_every: 20, checkpoint_every: 500, keep: 2 }
            },
            evaluate: EvaluateConfig {
                samples: if smoke { 128 } else { 2000 },
                watched: if smoke { 40 } else { 500 },
                parzen: if smoke { 50 } else { 10_000 },
                classifier: "shipped".into(),
            },
        })
    }
}
