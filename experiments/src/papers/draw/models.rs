//! The trained models: from a run's folder or as shipped.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use draw::bound::{binarised, probabilities, test_pictures};
use draw::{Draw, DrawConfig};
use easel_core::Noise;
use easel_core::weights::{self, Weights};
use easel_data::{Dataset, Split};
use easel_nn::Params;
use easel_plot::text::literal;
use easel_train::run_dir::read_metrics;
use serde_json::{Map, Value};
use tch::{Device, Tensor};

use super::config::RunConfig;
use crate::papers::open_data;

const ATTENTION: &[u8] = include_bytes!("../../../weights/draw-attention.safetensors");
const PLAIN: &[u8] = include_bytes!("../../../weights/draw-plain.safetensors");
const RESULTS: &str = include_str!("../../../weights/draw.json");

/// Names of the weight files, without ending: with attention and without.
pub const FILES: [&str; 2] = ["attention", "plain"];
/// Pictures at once when sampling.
const BATCH: u64 = 100;

/// Both models with their weights, and what was measured.
#[derive(Debug)]
pub struct Models {
    /// The run's configuration.
    pub config: RunConfig,
    /// With attention.
    pub draw: Draw,
    /// Without.
    pub plain: Draw,
    /// The metrics.
    pub results: Map<String, Value>,
    /// Lines of the training log of the model with attention.
    pub log: Vec<Map<String, Value>>,
    /// Where to compute.
    pub device: Device,
}

impl Models {
    /// The models of `run`, or the shipped ones.
    pub fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        let Some(folder) = run else {
            let results: Value = serde_json::from_str(RESULTS)?;
            let log = results["log"].as_array().context("shipped results without a log")?;
            let log = log.iter().filter_map(Value::as_object).cloned().collect();
            let metrics = results["metrics"].as_object().cloned().context("shipped results without metrics")?;
            let built_in = |file: &str, bytes| weights::parse(format!("draw {file} (built in)"), bytes);
            let files = [built_in(FILES[0], ATTENTION)?, built_in(FILES[1], PLAIN)?];
            return Self::of(&files, metrics, log, device);
        };
        let unfinished = || format!("{} is not a finished run of draw", folder.display());
        let read = |file: &str| weights::read(&folder.join(format!("{file}.safetensors"))).with_context(unfinished);
        let text = std::fs::read_to_string(folder.join("results.json")).with_context(unfinished)?;
        let log = read_metrics(&folder.join("metrics.jsonl"))?;
        Self::of(&[read(FILES[0])?, read(FILES[1])?], crate::experiment::metrics_of(&text)?, log, device)
    }

    fn of(
        files: &[Weights; 2],
        results: Map<String, Value>,
        log: Vec<Map<String, Value>>,
        device: Device,
    ) -> Result<Self> {
        let text = files[0].metadata.get("config").context("the weights hold no configuration")?;
        let config = RunConfig::read(&text.parse()?)?;
        let (draw, plain) =
            (model(&config.draw.model, &files[0], device)?, model(&config.plain.model, &files[1], device)?);
        Ok(Self { config, draw, plain, results, log, device })
    }

    /// Words on the model for captions.
    pub fn provenance(&self) -> String {
        let (c, m) = (&self.config, &self.config.draw.model);
        format!(
            "Model: preset {}, seed {}, {} training steps on {}, $T = {}$, {} units, $d_z = {}$.",
            literal(&c.preset),
            c.seed,
            c.draw.steps.steps,
            literal(&c.data),
            m.glimpses,
            m.hidden,
            m.latent
        )
    }
}

/// A model with the weights of a file.
pub fn model(config: &DrawConfig, weights: &Weights, device: Device) -> Result<Draw> {
    let params = Params::zeros(device);
    let model = Draw::new(&params.root(), config)?;
    params.load(weights)?;
    Ok(model)
}

/// Generates the samples 0..`count` of `seed`: means $\sigma(c_T)$ as pictures f32 `[count, 1, H, W]` in [-1, 1].
pub fn generate(model: &Draw, seed: u64, count: usize) -> Result<Tensor> {
    let stream = Noise::new(seed).purpose("sample");
    let mut all = Vec::new();
    for first in (0..count as u64).step_by(BATCH as usize) {
        let sequence = model.generate(&stream, first..(first + BATCH).min(count as u64))?;
        all.push(as_pictures(sequence.means.last().context("a model without glimpses")?));
    }
    Ok(Tensor::cat(&all, 0))
}

/// Means `[B, H, W]` in [0, 1] as pictures `[B, 1, H, W]` in [-1, 1].
pub fn as_pictures(means: &Tensor) -> Tensor {
    means.unsqueeze(1) * 2.0 - 1.0
}

/// The pictures that a configuration names, with a check that they fit the models.
pub fn data(config: &RunConfig, split: Split) -> Result<Dataset> {
    let model = &config.draw.model;
    let data = open_data(&config.data, split, model.height as usize)?;
    let [_, c, h, w] = data.shape();
    ensure!(
        [c, h, w] == [1, model.height as usize, model.width as usize],
        "the pictures of `{}` are {c} x {h} x {w}, the model's 1 x {} x {}; DRAW here is for grey pictures",
        config.data,
        model.height,
        model.width
    );
    Ok(data)
}

/// Training pictures as probabilities, binary pictures that choose between checkpoints, and the binary test pictures: the last
/// tenth of the training split, at most 500, is kept from training.
pub fn splits(config: &RunConfig, device: Device) -> Result<[Tensor; 3]> {
    let (train, test) = (data(config, Split::Train)?, data(config, Split::Test)?);
    let all = probabilities(&train).to_device(device);
    let kept = (train.len() as i64 / 10).clamp(1, 500);
    let rest = all.size()[0] - kept;
    let validation = binarised(&all.narrow(0, rest, kept), &Noise::new(0).purpose("draw/validation pictures"), 0, 0);
    let test = test_pictures(&test, device);
    let test = test.narrow(0, 0, test.size()[0].min(config.evaluate.pictures as i64));
    Ok([all.narrow(0, 0, rest), validation, test])
}
