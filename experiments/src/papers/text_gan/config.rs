//! The configuration of a run.

use anyhow::{Result, ensure};
use easel_data::loader::LoaderConfig;
use easel_train::{Decay, LoopConfig, OptimConfig};
use gan::augment::Augment;
use serde::{Deserialize, Serialize};
use text_gan::{EmbeddingConfig, EncoderKind, TextGanConfig, TrainConfig, Variant};
use toml::Table;

/// Entries of a MiniLM sentence vector.
pub const MINILM: i64 = 384;

/// What gives the text vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextSource {
    /// An encoder trained here by the joint embedding (`embedding.train.encoder`).
    Trained,
    /// MiniLM's sentence vectors, which are fetched.
    Minilm,
}

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
    /// `shapes`, `sprite-scenes`, `emoji` (the sample built in) or `emoji-full` (all that was fetched).
    pub data: String,
    /// What gives the text vectors.
    pub text: TextSource,
    /// Which of the paper's variants are trained, each from the same seed; the last is the one that samples by default.
    pub variants: Vec<Variant>,
    /// Sizes.
    pub model: TextGanConfig,
    /// Training of the GAN.
    pub train: TrainConfig,
    /// Its length and rhythm.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// Augmentation of the real pictures.
    pub pictures: Pictures,
    /// The joint embedding that trains the text encoder.
    pub embedding: EmbeddingRun,
    /// The style encoder.
    pub style: StageRun,
    /// The network that judges.
    pub judge: StageRun,
    /// Generated pictures for each measurement.
    pub samples: usize,
}

/// Augmentation of the real pictures before the GAN sees them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pictures {
    /// Mirror every other picture.
    pub flip: bool,
    /// Shift by up to this many pixels.
    pub shift: usize,
    /// Rotate by up to this many degrees.
    pub rotate: f64,
    /// Scale by up to this share.
    pub scale: f64,
}

impl Pictures {
    /// Batches of `batch` pictures.
    pub fn loader(&self, batch: usize, seed: u64) -> LoaderConfig {
        let Self { flip, shift, rotate, scale } = *self;
        LoaderConfig { batch, seed, pad: 0, flip, shift, rotate, scale }
    }
}

/// Training of the text encoder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingRun {
    /// Everything but its length.
    pub train: EmbeddingConfig,
    /// Length and rhythm.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
}

/// Training of a network of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRun {
    /// Pictures a step.
    pub batch: usize,
    /// Length and rhythm.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// The optimiser.
    pub optim: OptimConfig,
}

impl RunConfig {
    /// Reads and checks.
    pub fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        config.model.validate()?;
        config.train.validate()?;
        for steps in [&config.steps, &config.embedding.steps, &config.style.steps, &config.judge.steps] {
            steps.validate()?;
        }
        for optim in [&config.embedding.train.optim, &config.style.optim, &config.judge.optim] {
            optim.validate()?;
        }
        config.embedding.train.augment.validate().map_err(anyhow::Error::msg)?;
        let penalty = config.train.penalty;
        ensure!(
            penalty == 0.0 || !config.model.normalised,
            "train.penalty = {penalty}: 0, or model.normalised = false"
        );
        let trains = config.preset != "paper";
        ensure!(
            matches!(config.data.as_str(), "shapes" | "sprite-scenes" | "emoji" | "emoji-full"),
            "data = \"{}\": `shapes`, `sprite-scenes`, `emoji` (the sample built in) or `emoji-full` (fetched)",
            config.data
        );
        ensure!(!trains || config.model.side == 32, "model.side = {}: the judge reads 32 pixels", config.model.side);
        ensure!(config.model.channels == 3, "model.channels = {}: the pictures have 3", config.model.channels);
        ensure!(!config.variants.is_empty(), "variants = []: name at least one of gan, cls, int, int-cls");
        let distinct: std::collections::BTreeSet<_> = config.variants.iter().collect();
        ensure!(distinct.len() == config.variants.len(), "variants: one is named twice");
        ensure!(config.samples >= 20, "samples = {}: at least 20", config.samples);
        ensure!(config.style.batch >= 2 && config.judge.batch >= 2, "style.batch and judge.batch: at least 2");
        let width = config.model.text;
        ensure!(
            config.text != TextSource::Minilm || width == MINILM,
            "model.text = {width}: MiniLM's vectors have {MINILM} entries; add --set model.text={MINILM}"
        );
        Ok(config)
    }

    /// The variant that samples by default.
    pub fn main(&self) -> Variant {
        self.variants.last().copied().unwrap_or(Variant::IntCls)
    }

    /// The preset of this name.
    pub fn preset(name: &str, seed: u64) -> Self {
        let (smoke, paper, emoji) = (name == "smoke", name == "paper", name == "emoji");
        let model = match name {
            "smoke" => TextGanConfig { side: 32, ..TextGanConfig::smoke() },
            "paper" => TextGanConfig::paper(),
            _ => TextGanConfig::small(),
        };
        let steps = |full: u64| if smoke { 12 } else { full };
        let rhythm = |full: u64| {
            let steps = steps(full);
            LoopConfig { steps, log_every: if smoke { 2 } else { 10 }, checkpoint_every: (steps / 4).max(1), keep: 1 }
        };
        let optim = |lr: f64, beta1: f64, ema: f64| {
            let mut optim = OptimConfig { clip: 0.0, ema, ..OptimConfig::default() };
            (optim.rate.lr, optim.rate.final_lr, optim.rate.warmup) = (lr, lr / 10.0, 0);
            (optim.rate.decay, optim.adam.beta1) = (Decay::Linear, beta1);
            optim
        };
        // A penalised D takes steps five to ten times as long as the paper's.
        let player = |paper_lr: f64, lr: f64, ema: f64| {
            let mut player = optim(if paper { paper_lr } else { lr }, 0.5, ema);
            player.adam.beta2 = if paper { 0.999 } else { 0.99 };
            player
        };
        let moved = Augment { shift: 0.06, scale: 0.06, ..Augment::OFF };
        // Emoji are few, and D would learn them by heart.
        let seen = Augment { shift: 0.1, scale: 0.1, cut: 0.3, ..Augment::OFF };
        let variants = if name == "variants" || smoke { Variant::ALL.to_vec() } else { vec![Variant::IntCls] };
        Self {
            paper: "text-gan".into(),
            preset: name.into(),
            seed,
            data: if matches!(name, "emoji" | "sprite-scenes") { name } else { "shapes" }.into(),
            text: TextSource::Trained,
            variants,
            model,
            train: TrainConfig {
                batch: match name {
                    "smoke" => 8,
                    "paper" => 64,
                    _ => 32,
                },
                interpolated: 1.0,
                penalty: if paper { 0.0 } else { 2.0 },
                augment: if emoji { seen } else { Augment::OFF },
                generator: player(2e-4, 1e-3, 0.995),
                discriminator: player(2e-4, 2e-3, 0.0),
            },
            steps: rhythm(if name == "variants" { 3500 } else { 7000 }),
            pictures: Pictures { flip: false, shift: if emoji { 1 } else { 0 }, rotate: 0.0, scale: 0.0 },
            embedding: EmbeddingRun {
                train: EmbeddingConfig {
                    classes: if smoke { 8 } else { 40 },
                    encoder: EncoderKind::Words,
                    words: if smoke { 8 } else { 64 },
                    augment: moved,
                    optim: optim(2e-3, 0.9, 0.99),
                },
                steps: rhythm(4000),
            },
            style: StageRun { batch: if smoke { 8 } else { 64 }, steps: rhythm(600), optim: optim(1e-3, 0.5, 0.99) },
            judge: StageRun { batch: if smoke { 8 } else { 64 }, steps: rhythm(600), optim: optim(2e-3, 0.9, 0.99) },
            samples: if smoke { 48 } else { 960 },
        }
    }
}
