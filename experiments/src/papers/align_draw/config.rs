//! The configuration of a run.

use align_draw::AlignDrawConfig;
use align_draw::learner::TrainConfig;
use align_draw::sharpen_learner::SharpenTraining;
use align_draw::source::Pictures;
use anyhow::{Result, ensure};
use easel_data::Split;
use easel_data::captioned_digits::{CaptionedDigits, WORDS};
use easel_nn::InitScheme;
use easel_text::Vocabulary;
use easel_train::{AdamConfig, LoopConfig, OptimConfig};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::papers::open_data;

/// The data set that the oracle can read.
pub const DIGITS: &str = "captioned-digits";
/// Times a word must occur to be known, in other data sets.
const MIN_COUNT: usize = 2;

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
    /// Pictures with captions.
    pub data: String,
    /// Samples of each measurement.
    pub samples: usize,
    /// The network.
    pub model: AlignDrawConfig,
    /// How it is trained.
    pub train: TrainConfig,
    /// Length and rhythm of training.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// The sharpening stage, after the first.
    pub sharpen: SharpenTraining,
}

impl RunConfig {
    /// Reads and checks.
    pub fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        config.model.validate()?;
        config.train.optim.validate()?;
        config.steps.validate()?;
        config.sharpen.steps.validate()?;
        config.sharpen.optim.validate()?;
        ensure!(config.train.batch >= 1, "train.batch = 0: at least 1");
        ensure!(config.samples >= 8, "samples = {}: at least 8", config.samples);
        let sharpen = &config.sharpen;
        ensure!(
            sharpen.features == 0 || (sharpen.features > 0 && sharpen.batch >= 1 && config.model.side % 2 == 0),
            "sharpen: features of 0 (none) or more, a batch of at least 1, and a model.side that is even"
        );
        Ok(config)
    }

    /// The preset of this name.
    pub fn preset(name: &str, seed: u64) -> Self {
        let model = match name {
            "smoke" => AlignDrawConfig::smoke(),
            "paper" => AlignDrawConfig::paper(),
            "paper-coco" => AlignDrawConfig::paper_coco(),
            "emoji" | "sprite-scenes" => AlignDrawConfig::colour(),
            _ => AlignDrawConfig::small(),
        };
        let (smoke, colour) = (name == "smoke", model.channels == 3 && name != "paper-coco");
        let mut optim = OptimConfig { clip: 10.0, ema: if smoke { 0.9 } else { 0.998 }, ..OptimConfig::default() };
        (optim.rate.lr, optim.rate.final_lr) = (5e-3, 1e-4);
        let mut adversarial = OptimConfig {
            adam: AdamConfig { beta1: 0.5, ..AdamConfig::default() },
            ema: if smoke { 0.9 } else { 0.99 },
            ..OptimConfig::default()
        };
        (adversarial.rate.lr, adversarial.rate.final_lr) = (5e-4, 5e-5);
        let steps =
            |steps, log_every| LoopConfig { steps, log_every, checkpoint_every: u64::div_ceil(steps, 8), keep: 2 };
        Self {
            paper: "align-draw".into(),
            preset: name.into(),
            seed,
            data: if colour { name } else { DIGITS }.into(),
            samples: if smoke { 8 } else { 500 },
            model,
            train: TrainConfig {
                batch: if smoke { 8 } else { 64 },
                parts: if smoke { 1 } else { 2 },
                init: InitScheme::Ddpm,
                window: 0.5,
                kl_warmup: if smoke { 4 } else { 2000 },
                optim,
            },
            steps: match (smoke, colour) {
                (true, _) => steps(8, 2),
                (_, true) => steps(5_000, 40),
                _ => steps(12_000, 40),
            },
            sharpen: SharpenTraining {
                features: if smoke { 4 } else { 16 },
                batch: if smoke { 4 } else { 32 },
                steps: if smoke { steps(4, 2) } else { steps(600, 20) },
                optim: adversarial,
            },
        }
    }

    /// Pictures to learn from, or to measure with.
    pub fn pictures(&self, split: Split) -> Result<Pictures> {
        let side = self.model.side as usize;
        if self.data == DIGITS {
            return Ok(Pictures::Scenes(CaptionedDigits::new(side, self.seed, split)?));
        }
        Ok(Pictures::listed(open_data(&self.data, split, side)?, self.seed)?)
    }

    /// The words of the data set.
    pub fn vocabulary(&self) -> Result<Vocabulary> {
        if self.data == DIGITS {
            return Ok(Vocabulary::from_captions(WORDS, 1));
        }
        let data = open_data(&self.data, Split::Train, self.model.side as usize)?;
        let captions = data.captions().unwrap_or_default();
        ensure!(!captions.is_empty(), "data = \"{}\": its pictures have no captions", self.data);
        Ok(Vocabulary::from_captions(captions, MIN_COUNT))
    }
}
