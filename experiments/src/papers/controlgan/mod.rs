//! ControlGAN: pictures that follow single words.

mod config;
mod data;
mod edits;
mod figures;
mod measure;
mod model;
mod training;

use std::path::Path;

use anyhow::{Context, Result};
use controlgan::captions::encode;
use controlgan::{ControlGan, Discriminator};
use easel_core::files::write_atomic;
use easel_nn::Params;
use easel_plot::Figure;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::report;
use config::{EMOJI, RunConfig};
use data::HeldOut;
use model::Trained;

const RESULTS: &str = include_str!("../../../weights/controlgan.json");
/// Ids and attributes that `info` counts with where no data is read: those of the default scenes.
const COUNTED: (usize, usize) = (64, 40);

/// Controllable text-to-image generation.
#[derive(Debug)]
pub struct ControlGanExperiment;

impl Experiment for ControlGanExperiment {
    fn name(&self) -> &'static str {
        "controlgan"
    }

    fn citation(&self) -> &'static str {
        "Li, Qi, Lukasiewicz, Torr: Controllable Text-to-Image Generation, NeurIPS 2019, arXiv:1909.07083"
    }

    fn about(&self) -> &'static str {
        "a generator in stages whose words each find their place: attention, word-level discriminator, edits"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset {
                name: "small",
                about: "16, 32, 64 pixels on sprite scenes, minutes on two cores; what ships",
                trains: true,
            },
            Preset { name: "emoji", about: "8, 16, 32 pixels on emoji in four art styles", trains: true },
            Preset { name: "smoke", about: "the whole path in seconds", trains: true },
            Preset { name: "paper", about: "the published sizes on CUB: 64, 128, 256 pixels", trains: false },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[
            Expected { preset: "small", metric: "ground as asked", bound: Bound::AtLeast(0.8) },
            Expected { preset: "small", metric: "edit colour: locality", bound: Bound::AtLeast(2.0) },
        ]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &["controlgan"]
    }

    fn shipped_file(&self) -> &'static str {
        "controlgan"
    }

    fn takes_prompts(&self) -> bool {
        true
    }

    fn data_sets(&self, run: Option<&Path>) -> Result<Vec<String>> {
        Ok(vec![Trained::load(run, Device::Cpu)?.config.data.set])
    }

    fn reads(&self, captions: &[String], run: Option<&Path>) -> Result<Vec<bool>> {
        let trained = Trained::load(run, Device::Cpu)?;
        let longest = trained.config.model.max_words;
        Ok(captions.iter().map(|caption| encode(&trained.vocabulary, caption, longest).is_ok()).collect())
    }

    fn is_diffusion(&self) -> bool {
        false
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        Ok(data::training(&RunConfig::read(&config.parse()?)?)?.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(RESULTS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(RunConfig::preset(preset, seed)?)?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = RunConfig::read(&request.config)?;
        let (out, device) = (&request.out, request.device);
        training::train_all(&config, out, request.resume, device)?;
        write_atomic(&out.join("config.toml"), toml::to_string(&config)?.as_bytes())?;
        let trained = Trained::load(Some(out), device)?;
        let mut evaluation = measure::measure(&trained)?;
        let ablations = measure::ablations(&config, out, device)?;
        if !ablations.is_empty() {
            evaluation.metrics.insert("ablations".into(), Value::Object(ablations));
        }
        evaluation.metrics.insert("training_seconds".into(), json!(training::training_seconds(out)?.round()));
        let log = training::log(out)?;
        let complaints = training::complaints(&log);
        for complaint in &complaints {
            eprintln!("warning: {complaint}");
            evaluation.markdown += &format!("\n**Warning**: {complaint}.\n");
        }
        evaluation.metrics.insert("complaints".into(), json!(complaints));
        let material = figures::Material { trained, metrics: evaluation.metrics.clone(), log };
        report(self, out, &config.preset, &evaluation, figures::of(&config), |name| figures::draw(name, &material))
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        let trained = Trained::load(run, device)?;
        let metrics = crate::experiment::results(self, run)?;
        let log = match run {
            Some(folder) => training::log(folder)?,
            None => shipped_log()?,
        };
        figures::draw(name, &figures::Material { trained, metrics, log })
    }

    fn info(&self, config: &Table) -> Result<Info> {
        let config = RunConfig::read(config)?;
        let config = config.without(config.ablation);
        let (words, attributes) = match config.data.set.as_str() {
            EMOJI => data::words(&config).map(|(words, attributes)| (words.len(), attributes.len()))?,
            _ => COUNTED,
        };
        let (model, params) = (&config.model, Params::counting());
        ControlGan::new(&params.root(), model, words, attributes)?;
        for stage in 0..model.stages {
            let place = params.root().sub("discriminators").sub(stage);
            Discriminator::new(&place, model, model.stage_side(stage))?;
        }
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        measure::measure(&Trained::load(run, device)?)
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        let trained = Trained::load(request.run.as_deref(), request.device)?;
        let captions = request.captions(|| Ok(HeldOut::of(&trained.config, request.count)?.captions))?;
        trained.pictures(&captions, 0, request.seed)
    }
}

/// The log that ships with the results.
fn shipped_log() -> Result<Vec<Map<String, Value>>> {
    let all: Value = serde_json::from_str(RESULTS)?;
    let lines = all["log"].as_array().context("the shipped results hold no log")?;
    Ok(lines.iter().filter_map(|line| line.as_object().cloned()).collect())
}
