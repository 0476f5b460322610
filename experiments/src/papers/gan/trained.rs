//! A trained generator: from a run's folder or as shipped.

use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::Noise;
use easel_core::weights::{self, Weights};
use easel_nn::Params;
use easel_plot::text::literal;
use easel_train::run_dir::read_metrics;
use gan::{Generator, sample};
use serde_json::{Map, Value};
use tch::{Device, Tensor};

use super::settings::RunConfig;

const SHIPPED: &[u8] = include_bytes!("../../../weights/gan.safetensors");
/// The shipped results file.
pub const RESULTS: &str = include_str!("../../../weights/gan.json");

/// The file of a finished run that holds G's averaged weights.
pub const WEIGHTS: &str = "generator.safetensors";

/// A generator with its weights, and how it came by them.
#[derive(Debug)]
pub struct Trained {
    /// The run's configuration.
    pub config: RunConfig,
    /// G, with averaged weights and settled statistics.
    pub generator: Generator,
    /// Lines of the training log: `step`, `d_loss`, ...
    pub log: Vec<Map<String, Value>>,
    /// Where to compute.
    pub device: Device,
}

impl Trained {
    /// The generator of `run`, or the shipped one.
    pub fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        let Some(folder) = run else {
            let results: Value = serde_json::from_str(RESULTS)?;
            let log = results["log"].as_array().context("shipped results without a log")?;
            let log = log.iter().filter_map(Value::as_object).cloned().collect();
            return Self::new(&weights::parse("gan.safetensors (built in)", SHIPPED)?, log, device);
        };
        let path = folder.join(WEIGHTS);
        if !path.exists() {
            bail!(
                "{} does not exist: the run is not finished; continue it with `easel run gan --out {} --resume`",
                path.display(),
                folder.display()
            );
        }
        Self::new(&weights::read(&path)?, read_metrics(&folder.join("metrics.jsonl"))?, device)
    }

    /// The generator of a weight file, which holds its configuration.
    pub fn new(weights: &Weights, log: Vec<Map<String, Value>>, device: Device) -> Result<Self> {
        let text = weights
            .metadata
            .get("config")
            .with_context(|| format!("{} holds no configuration", weights.path.display()))?;
        let config = RunConfig::read(&text.parse()?)?;
        let params = Params::zeros(device);
        let generator = Generator::new(&params.root().sub("generator"), &config.model)?;
        params.load(weights)?;
        Ok(Self { config, generator, log, device })
    }

    /// Samples 0..`count` of `seed`, f32 `[count, C, H, W]`; sample k depends on the seed and k alone.
    pub fn sample(&self, seed: u64, count: usize) -> Tensor {
        let stream = Noise::new(seed).purpose("sample/latent");
        sample::sample(&self.generator, &self.config.model, &stream, 0..count as u64, self.device)
    }

    /// z of the samples 0..`count` of the run's seed, f32 `[count, latent]`.
    pub fn latents(&self, count: usize) -> Tensor {
        let stream = Noise::new(self.config.seed).purpose("sample/latent");
        let model = &self.config.model;
        model.prior.draw(&stream, 0, 0..count as u64, model.latent, self.device)
    }

    /// Where the weights come from, in words for a caption.
    pub fn provenance(&self) -> String {
        let c = &self.config;
        format!(
            "Model: preset {}, seed {}, {} training steps on {}.",
            literal(&c.preset),
            c.seed,
            c.steps.steps,
            literal(&c.data)
        )
    }
}
