//! The configuration of a run.

use anyhow::{Result, ensure};
use draw::learner::TrainConfig;
use draw::{DrawConfig, VaeConfig};
use easel_train::{Decay, LoopConfig, OptimConfig};
use serde::{Deserialize, Serialize};
use toml::Table;

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
    /// Data set of grey pictures.
    pub data: String,
    /// Parts of a batch of the recurrent models, each with a thread of its own.
    pub parts: i64,
    /// The model of the paper.
    pub draw: Part<DrawConfig>,
    /// The same without attention.
    pub plain: Part<DrawConfig>,
    /// A variational autoencoder of about the same size, trained for about as long.
    pub vae: Part<VaeConfig>,
    /// How the models are measured.
    pub evaluate: Evaluate,
}

/// A model and its training.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part<M> {
    /// The network.
    pub model: M,
    /// Batch and optimiser.
    pub train: TrainConfig,
    /// Length and rhythm.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
}

/// How the models are measured.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// K, draws of the latent numbers for each picture.
    pub draws: usize,
    /// Held-out pictures.
    pub pictures: usize,
    /// Generated pictures that the classifier looks at.
    pub samples: usize,
}

impl RunConfig {
    /// Reads and checks.
    pub fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        let (draw, plain, vae) = (&config.draw, &config.plain, &config.vae);
        draw.model.validate()?;
        plain.model.validate()?;
        ensure!(!plain.model.attention, "plain.model.attention = true: `plain` is the model without attention");
        ensure!((1..=64).contains(&config.parts), "parts = {}: from 1 to 64", config.parts);
        let sizes = [plain.model.pixels(), vae.model.pixels];
        ensure!(sizes == [draw.model.pixels(); 2], "all models must be for pictures of one size");
        ensure!(vae.model.hidden >= 1 && vae.model.latent >= 1, "vae.model.hidden and vae.model.latent: at least 1");
        for (train, steps) in [(draw.train, draw.steps), (plain.train, plain.steps), (vae.train, vae.steps)] {
            train.optim.validate()?;
            steps.validate()?;
            ensure!(train.batch >= 2, "train.batch = {}: at least 2", train.batch);
            ensure!(train.optim.accumulate == 1, "train.optim.accumulate = {}: only 1", train.optim.accumulate);
        }
        let Evaluate { draws, pictures, samples } = config.evaluate;
        ensure!(draws >= 1 && pictures >= 2, "evaluate.draws: at least 1; evaluate.pictures: at least 2");
        ensure!(samples >= 20, "evaluate.samples = {samples}: at least 20");
        Ok(config)
    }

    /// The preset of this name.
    pub fn preset(name: &str, seed: u64) -> Self {
        // The autoencoder's width gives about as many parameters, its steps about the same time.
        let (model, plain_hidden, vae_hidden) = match name {
            "smoke" => (DrawConfig::smoke(), 12, 16),
            "paper" => (DrawConfig::paper(), 256, 46),
            "long" => (DrawConfig::long(), 128, 224),
            _ => (DrawConfig::small(), 80, 112),
        };
        let (draw_steps, plain_steps, vae_steps) = match name {
            "smoke" => (12, 12, 12),
            "long" => (12_000, 12_000, 240_000),
            _ => (8_000, 8_000, 170_000),
        };
        let smoke = name == "smoke";
        let steps = |steps: u64| LoopConfig {
            steps,
            log_every: if smoke { 2 } else { (steps / 250).max(1) },
            checkpoint_every: (steps / if smoke { 2 } else { 20 }).max(1),
            keep: 2,
        };
        let train = |lr: f64| {
            let mut optim = OptimConfig { clip: 100.0, ema: 0.998, ..OptimConfig::default() };
            (optim.rate.lr, optim.rate.final_lr, optim.rate.decay) = (lr, lr / 40.0, Decay::Cosine);
            TrainConfig { batch: if smoke { 8 } else { 64 }, optim }
        };
        let plain = DrawConfig { attention: false, hidden: plain_hidden, ..model.clone() };
        let vae = VaeConfig { pixels: model.pixels(), hidden: vae_hidden, latent: model.glimpses * model.latent };
        Self {
            paper: "draw".into(),
            preset: name.into(),
            seed,
            data: "digits".into(),
            parts: 2,
            draw: Part { model, train: train(4e-3), steps: steps(draw_steps) },
            plain: Part { model: plain, train: train(2e-3), steps: steps(plain_steps) },
            vae: Part { model: vae, train: train(1e-3), steps: steps(vae_steps) },
            evaluate: Evaluate {
                draws: if smoke { 2 } else { 20 },
                pictures: if smoke { 20 } else { 1000 },
                samples: if smoke { 20 } else { 1000 },
            },
        }
    }
}
