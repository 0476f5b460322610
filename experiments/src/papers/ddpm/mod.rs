//! DDPM: training, measuring, figures.

pub mod figures;
pub mod generate;
pub mod measure;
pub mod settings;
pub mod trained;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ddpm::config::VarianceConfig;
use ddpm::{Ddpm, DdpmLearner};
use easel_core::files::write_atomic;
use easel_core::weights;
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Dataset, Split};
use easel_nn::Params;
use easel_plot::Figure;
use easel_train::RunDir;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::{report, save_samples, train_to_end};
use generate::{Chain, generate, generate_with};
use settings::RunConfig;
use trained::{Trained, WEAK, WEIGHTS};

/// Denoising diffusion probabilistic models.
#[derive(Debug)]
pub struct DdpmExperiment;

fn read(table: &Table) -> Result<RunConfig> {
    let config: RunConfig = crate::settings::read(table.clone())?;
    check(&config)?;
    Ok(config)
}

/// Checks every part of a configuration.
pub fn check(config: &RunConfig) -> Result<()> {
    config.model.validate()?;
    config.steps.validate()?;
    config.train.optim.validate()?;
    ensure!(config.train.batch >= 1, "train.batch = {}: at least 1", config.train.batch);
    config.evaluate.validate(config.model.timesteps)?;
    if let Some(autoguidance) = &config.autoguidance {
        let scale = autoguidance.scale;
        ensure!(scale.is_finite() && scale >= 1.0, "autoguidance.scale = {scale}: above 1, or 1 to do without");
    }
    if let Some(weak) = config.weak() {
        weak.model.validate().context("the weak network, whose unet.levels are autoguidance.levels")?;
        weak.steps.validate().context("the weak network, whose loop.steps are autoguidance.steps")?;
        ensure!(
            config.model.variance != VarianceConfig::LearnedRange,
            "autoguidance.scale = {}: guidance of a learned variance is not defined; 1 is without",
            config.scale()
        );
    }
    Ok(())
}

/// The pictures that a configuration names, with a check that the model fits them.
pub fn data(config: &RunConfig, split: Split) -> Result<Dataset> {
    crate::papers::open_fitting(&config.data, split, config.model.channels, config.model.side)
}

impl Experiment for DdpmExperiment {
    fn name(&self) -> &'static str {
        "ddpm"
    }

    fn citation(&self) -> &'static str {
        "Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models, NeurIPS 2020, arXiv:2006.11239"
    }

    fn about(&self) -> &'static str {
        "pictures from noise, one small Gaussian step at a time"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset {
                name: "small",
                about: "digits of 28 x 28 pixels, about ten minutes on two cores; what ships",
                trains: true,
            },
            Preset { name: "smoke", about: "the whole path in seconds", trains: true },
            Preset { name: "paper", about: "the published CIFAR-10 network", trains: false },
            Preset { name: "paper-learned", about: "the same with a learned variance", trains: false },
            Preset { name: "paper-celeba64", about: "the network for 64 x 64 pixels", trains: false },
            Preset { name: "paper-256", about: "the published network for 256 x 256 pixels", trains: false },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[
            Expected { preset: "small", metric: "fd-digits/floor", bound: Bound::AtMost(5.0) },
            Expected { preset: "small", metric: "recognised", bound: Bound::AtLeast(0.93) },
            Expected { preset: "small", metric: "smallest class share", bound: Bound::AtLeast(0.5) },
        ]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &["model", "weak"]
    }

    fn shipped_file(&self) -> &'static str {
        "ddpm-small"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        Ok(data(&read(&config.parse()?)?, Split::Train)?.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(trained::shipped_results())
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(settings::preset(preset, seed)?)?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = read(&request.config)?;
        // The folder stays guarded until everything in it is written.
        let (_guard, seconds) = train_model(&config, &request.config, &request.out, request.resume, request.device)?;
        let trained = Trained::load(Some(&request.out), request.device)?;
        let (mut evaluation, images) = measure::measure(&trained, &|split| data(&config, split))?;
        evaluation.metrics.insert("training_seconds".into(), json!(seconds.round()));
        save_samples(&images, &request.out)?;
        report(self, &request.out, &config.preset, &evaluation, figures::ALL, |name| figures::draw(name, &trained))
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        figures::draw(name, &Trained::load(run, device)?)
    }

    fn info(&self, table: &Table) -> Result<Info> {
        let config = read(table)?;
        let params = Params::counting();
        Ddpm::new(&params.root(), &config.model)?;
        Ok(Info::new(params.count(), Some(config.model.multiply_adds())))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        let trained = Trained::load(run, device)?;
        Ok(measure::measure(&trained, &|split| data(&trained.config, split))?.0)
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        if !request.guidance.is_default() {
            return super::guidance::sample(request);
        }
        let trained = Trained::load(request.run.as_deref(), request.device)?;
        let (options, evaluate) = (&request.sampler, &trained.config.evaluate);
        if options.is_default() {
            let scale = trained.scale(options.autoguidance, trained.config.scale())?;
            let chain = Chain { scale, ..Chain::of(&trained, options.steps, request.seed)? };
            return generate(&trained, &chain, request.count);
        }
        let schedule = &trained.process.schedule;
        let plan = options.plan(schedule, evaluate.times, evaluate.spacing, request.seed)?;
        generate_with(&trained, &plan, trained.scale(options.autoguidance, 1.0)?, request.count)
    }
}

/// Trains the model of `config` in the folder `out`, whose configuration file is `table`, after its weak network if it has
/// one, and writes the averaged weights there; the guarded folder and the seconds of training.
pub fn train_model(
    config: &RunConfig,
    table: &Table,
    out: &Path,
    resume: bool,
    device: Device,
) -> Result<(RunDir, f64)> {
    let (train_set, test_set) = (data(config, Split::Train)?, data(config, Split::Test)?);
    let loader_config =
        LoaderConfig { batch: config.train.batch as usize, seed: config.seed, ..LoaderConfig::default() };
    let validation = LoaderConfig { batch: test_set.len().min(256), ..loader_config.clone() };
    let mut learner = DdpmLearner::new(
        &config.model,
        &config.train,
        Loader::new(&train_set, loader_config, device)?,
        Some(Loader::new(&test_set, validation, device)?),
        config.seed,
        config.steps.steps,
        device,
    )?;
    let mut run = RunDir::open(out, &toml::to_string(table)?, resume)?;
    let before = match config.weak() {
        Some(weak) => train_weak(&weak, out, resume, device)?,
        None => 0.0,
    };
    let seconds = before + train_to_end(&mut learner, &config.steps, &mut run, "training")?;
    let metadata = BTreeMap::from([("config".to_string(), toml::to_string(config)?)]);
    weights::write(&out.join(WEIGHTS), &learner.average(), &metadata)?;
    Ok((run, seconds))
}

/// Trains the weak network of the run in `out`, configured by `weak`, in a folder of its own; the seconds of training.
fn train_weak(weak: &RunConfig, out: &Path, resume: bool, device: Device) -> Result<f64> {
    let folder = out.join("weak");
    let resume = resume && folder.exists();
    let (_guard, seconds) = train_model(weak, &Table::try_from(weak)?, &folder, resume, device)
        .context("the weak network of autoguidance")?;
    let bytes = std::fs::read(folder.join(WEIGHTS)).context("cannot read the weak network's weights")?;
    write_atomic(&out.join(WEAK), &bytes)?;
    Ok(seconds)
}
