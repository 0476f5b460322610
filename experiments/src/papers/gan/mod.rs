//! GAN and DCGAN: training, measuring, figures.

mod figures;
mod measure;
mod settings;
#[cfg(test)]
mod tests;
mod trained;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use easel_core::weights;
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Dataset, Split};
use easel_nn::Params;
use easel_plot::Figure;
use easel_train::{RunDir, TrainError};
use gan::learner::Observer;
use gan::{Discriminator, GanLearner, Generator};
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::{report, save_samples, train_to_end};
use measure::Eye;
use settings::RunConfig;
use trained::{RESULTS, Trained, WEIGHTS};

/// Generative adversarial networks.
#[derive(Debug)]
pub struct GanExperiment;

/// The pictures that a configuration names, with a check that the networks fit them.
fn data(config: &RunConfig, split: Split) -> Result<Dataset> {
    crate::papers::open_fitting(&config.data, split, config.model.channels, config.model.side)
}

/// Trains in the folder `out` and writes G's averaged weights there; the guarded folder and the seconds of training.
fn train_model(config: &RunConfig, request: &RunRequest) -> Result<(RunDir, f64)> {
    let device = request.device;
    let loading = LoaderConfig {
        batch: config.train.batch,
        seed: config.seed,
        pad: config.model.pad as usize,
        ..LoaderConfig::default()
    };
    let eye = Eye::of(config, device)?;
    let observe = move |samples: &Tensor| eye.glance(samples).map_err(|e| TrainError::Model(format!("{e:#}")));
    let observer = Observer {
        every: config.steps.checkpoint_every,
        count: config.evaluate.watched as u64,
        observe: Box::new(observe),
    };
    let loader = Loader::new(&data(config, Split::Train)?, loading, device)?;
    let steps = config.steps.steps;
    let mut learner =
        GanLearner::new(&config.model, &config.train, loader, Some(observer), config.seed, steps, device)?;
    let mut run = RunDir::open(&request.out, &toml::to_string(&request.config)?, request.resume)?;
    let seconds = train_to_end(&mut learner, &config.steps, &mut run, "training")?;
    let metadata = BTreeMap::from([("config".to_string(), toml::to_string(config)?)]);
    weights::write(&request.out.join(WEIGHTS), &learner.average(), &metadata)?;
    Ok((run, seconds))
}

impl Experiment for GanExperiment {
    fn name(&self) -> &'static str {
        "gan"
    }

    fn citation(&self) -> &'static str {
        "Goodfellow et al.: Generative Adversarial Nets, NIPS 2014, arXiv:1406.2661; Radford, Metz, Chintala: DCGAN, \
         arXiv:1511.06434"
    }

    fn about(&self) -> &'static str {
        "pictures from noise in one pass, learned by playing against a judge"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset {
                name: "small",
                about: "a DCGAN of digits of 28 x 28 pixels, about ten minutes on two cores; what ships",
                trains: true,
            },
            Preset { name: "mlp", about: "linear maps and maxout, as in 2014, at the same price", trains: true },
            Preset { name: "smoke", about: "the whole path in seconds", trains: true },
            Preset { name: "paper", about: "the published DCGAN of 64 x 64 pixels", trains: false },
            Preset { name: "paper-2014", about: "the networks of 2014 for MNIST", trains: false },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[
            Expected { preset: "small", metric: "fd-digits/floor", bound: Bound::AtMost(8.0) },
            Expected { preset: "small", metric: "smallest class share", bound: Bound::AtLeast(0.5) },
            Expected { preset: "small", metric: "recall", bound: Bound::AtLeast(0.3) },
        ]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &["generator"]
    }

    fn shipped_file(&self) -> &'static str {
        "gan"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        Ok(data(&RunConfig::read(&config.parse()?)?, Split::Train)?.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(RESULTS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(RunConfig::preset(preset, seed)?)?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = RunConfig::read(&request.config)?;
        // The folder stays guarded until everything in it is written.
        let (_guard, seconds) = train_model(&config, request)?;
        let trained = Trained::load(Some(&request.out), request.device)?;
        let mut evaluation = measure::measure(&trained)?;
        evaluation.metrics.insert("training_seconds".into(), json!(seconds.round()));
        save_samples(&trained.sample(config.seed, 64), &request.out)?;
        report(self, &request.out, &config.preset, &evaluation, figures::ALL, |name| figures::draw(name, &trained))
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        figures::draw(name, &Trained::load(run, device)?)
    }

    fn info(&self, table: &Table) -> Result<Info> {
        let config = RunConfig::read(table)?;
        let params = Params::counting();
        Generator::new(&params.root().sub("generator"), &config.model)?;
        Discriminator::new(&params.root().sub("discriminator"), &config.model)?;
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        measure::measure(&Trained::load(run, device)?)
    }

    fn is_diffusion(&self) -> bool {
        false
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        Ok(Trained::load(request.run.as_deref(), request.device)?.sample(request.seed, request.count))
    }
}
