//! DRAW: training with and without attention beside a variational autoencoder, the bounds, the figures.

mod config;
mod figures;
mod measure;
mod models;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use anyhow::Result;
use draw::Draw;
use easel_data::Split;
use easel_nn::Params;
use easel_plot::Figure;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::{report, save_samples};
use config::RunConfig;
use models::{FILES, Models, generate};

const RESULTS: &str = include_str!("../../../weights/draw.json");

/// DRAW.
#[derive(Debug)]
pub struct DrawExperiment;

impl Experiment for DrawExperiment {
    fn name(&self) -> &'static str {
        "draw"
    }

    fn citation(&self) -> &'static str {
        "Gregor, Danihelka, Graves, Rezende, Wierstra: DRAW: A Recurrent Neural Network For Image Generation, ICML 2015, arXiv:1502.04623"
    }

    fn about(&self) -> &'static str {
        "pictures drawn in glimpses: two LSTMs, a window that reads and one that writes"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset { name: "small", about: "binary digits, about ten minutes on two cores; what ships", trains: true },
            Preset { name: "smoke", about: "the whole path in seconds", trains: true },
            Preset { name: "long", about: "more glimpses and units, half an hour", trains: true },
            Preset { name: "paper", about: "the published MNIST model: 64 glimpses", trains: false },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[
            Expected { preset: "small", metric: "bound", bound: Bound::AtMost(100.0) },
            Expected { preset: "small", metric: "below the VAE's bound", bound: Bound::AtLeast(3.0) },
            Expected { preset: "small", metric: "recognised", bound: Bound::AtLeast(0.6) },
            Expected { preset: "long", metric: "below the VAE's bound", bound: Bound::AtLeast(3.0) },
        ]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &FILES
    }

    fn shipped_file(&self) -> &'static str {
        "draw"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        Ok(models::data(&RunConfig::read(&config.parse()?)?, Split::Train)?.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(RESULTS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(RunConfig::preset(preset, seed))?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = RunConfig::read(&request.config)?;
        let (out, device) = (&request.out, request.device);
        // The folder stays guarded until everything in it is written.
        let (_guard, measured) = training::train_all(&config, &request.config, out, request.resume, device)?;
        let mut evaluation = measure::bounds(&measured);
        if let Some(words) = measure::diagnosis(&measured[0].bound) {
            evaluation.markdown += &format!("\n**{words}**\n");
            eprintln!("{words}");
        }
        crate::experiment::write_results(self, out, &config.preset, &evaluation)?;
        let models = Models::load(Some(out), device)?;
        let images = generate(&models.draw, config.seed, config.evaluate.samples)?;
        let judged = measure::judged(&config, &images)?;
        evaluation.metrics.extend(judged.metrics);
        evaluation.markdown += &judged.markdown;
        crate::experiment::write_results(self, out, &config.preset, &evaluation)?;
        save_samples(&images, out)?;
        let models = Models::load(Some(out), device)?;
        report(self, out, &config.preset, &evaluation, figures::ALL, |name| figures::draw(name, &models))
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        figures::draw(name, &Models::load(run, device)?)
    }

    fn info(&self, table: &Table) -> Result<Info> {
        let config = RunConfig::read(table)?;
        let params = Params::counting();
        Draw::new(&params.root(), &config.draw.model)?;
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        let models = Models::load(run, device)?;
        let [_, _, test] = models::splits(&models.config, device)?;
        let known = |prefix: &str, key: &str| models.results.get(&format!("{prefix}{key}")).and_then(Value::as_f64);
        let measured = [(&models.draw, ""), (&models.plain, "plain/")].map(|(model, prefix)| training::Measured {
            bound: training::bound(model, &models.config, &test),
            seconds: known(prefix, "training_seconds").unwrap_or_default(),
            parameters: known(prefix, "parameters").unwrap_or_default() as i64,
            step: known(prefix, "step kept").unwrap_or_default() as u64,
        });
        let mut evaluation = measure::bounds(&measured);
        // The autoencoder is measured by the run alone: its weights are not kept with the others.
        if let Some(vae) = known("vae/", "bound") {
            evaluation.metrics.insert("below the VAE's bound".into(), json!(vae - measured[0].bound.total()));
        }
        let images = generate(&models.draw, models.config.seed, models.config.evaluate.samples)?;
        let judged = measure::judged(&models.config, &images)?;
        evaluation.metrics.extend(judged.metrics);
        evaluation.markdown += &judged.markdown;
        Ok(evaluation)
    }

    fn is_diffusion(&self) -> bool {
        false
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        let models = Models::load(request.run.as_deref(), request.device)?;
        generate(&models.draw, request.seed, request.count)
    }
}
