//! Guidance: a DDPM that knows classes, a classifier of noisy pictures, and what the scale does.

mod config;
mod figures;
mod measure;
pub mod model;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use easel_core::weights;
use easel_data::Split;
use easel_data::loader::{Loader, LoaderConfig};
use easel_nn::Params;
use easel_plot::Figure;
use easel_train::RunDir;
use guidance::{ClassifierLearner, GuidanceScale, Interval, NoisyClassifier};
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use super::ddpm;
use super::ddpm::trained::{Trained, WEIGHTS};
use super::study::Cells;
use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::{report, train_to_end, training_seconds};
use config::GuidanceConfig;
pub use figures::over_scale_and_eta;
use model::{CLASSIFIER_FILE, DIFFUSION_FILE, Guided, Method};

const RESULTS: &str = include_str!("../../../weights/guidance.json");

/// Classifier guidance and classifier-free guidance.
#[derive(Debug)]
pub struct GuidanceExperiment;

/// Samples with label and guidance, from the shipped networks or a run of either paper.
pub fn sample(request: &SampleRequest) -> Result<Tensor> {
    let options = &request.guidance;
    ensure!(request.sampler.autoguidance.is_none(), "--autoguidance belongs to models without labels");
    let guided = match &request.run {
        Some(folder) if folder.join(WEIGHTS).exists() => {
            ensure!(
                options.classifier_guidance.is_none(),
                "{} holds no classifier of noisy pictures; a run of guidance does",
                folder.display()
            );
            let shipped = Guided::load(None, request.device)?;
            Guided { trained: Trained::load(Some(folder), request.device)?, ..shipped }
        }
        run => Guided::load(run.as_deref(), request.device)?,
    };
    let method = method(request)?;
    let evaluate = &guided.trained.config.evaluate;
    let plan =
        request.sampler.plan(&guided.trained.process.schedule, evaluate.times, evaluate.spacing, request.seed)?;
    guided.generate(&plan, method, options.label, request.count)
}

/// The method that the options ask for.
fn method(request: &SampleRequest) -> Result<Method> {
    let options = &request.guidance;
    if let Some(scale) = options.classifier_guidance {
        ensure!(scale >= 0.0 && scale.is_finite(), "--classifier-guidance {scale}: 0 or above");
        let free = options.guidance_interval.is_none() && options.guidance_rescale.is_none();
        ensure!(free, "--guidance-interval and --guidance-rescale belong to classifier-free guidance");
        return Ok(Method::Classifier(scale));
    }
    let scale = match (options.guidance, options.guidance_w) {
        (Some(s), _) => GuidanceScale::from_s(s),
        (None, Some(w)) => GuidanceScale::from_w(w),
        (None, None) => GuidanceScale::CONDITIONAL,
    };
    ensure!(scale.s().is_finite(), "--guidance: a finite number");
    let acts = scale != GuidanceScale::CONDITIONAL;
    let interval = options.guidance_interval.map_or(Interval::ALWAYS, |(low, high)| Interval { low, high });
    ensure!(acts || options.guidance_interval.is_none(), "--guidance-interval without guidance does nothing");
    let rescale = options.guidance_rescale.unwrap_or(0.0);
    ensure!((0.0..=1.0).contains(&rescale), "--guidance-rescale {rescale}: in [0, 1]");
    ensure!(acts || rescale == 0.0, "--guidance-rescale without guidance does nothing");
    Ok(Method::Free { scale, interval, rescale })
}

fn train_classifier(config: &GuidanceConfig, out: &Path, resume: bool, device: Device) -> Result<()> {
    let run = &config.classifier;
    let (train_set, test_set) =
        (ddpm::data(&config.diffusion, Split::Train)?, ddpm::data(&config.diffusion, Split::Test)?);
    let loading = LoaderConfig { batch: run.batch, seed: config.seed, shift: run.shift, ..LoaderConfig::default() };
    let validation = LoaderConfig { batch: test_set.len().min(256), shift: 0, ..loading.clone() };
    let mut learner = ClassifierLearner::new(
        &run.network,
        run.optim,
        Loader::new(&train_set, loading, device)?,
        Some(Loader::new(&test_set, validation, device)?),
        config.seed,
        run.steps.steps,
        device,
    )?;
    let folder = out.join("classifier");
    let mut dir = RunDir::open(&folder, &toml::to_string(config)?, resume && folder.exists())?;
    train_to_end(&mut learner, &run.steps, &mut dir, "classifier")?;
    let metadata = BTreeMap::from([("config".to_string(), toml::to_string(&run.network)?)]);
    weights::write(&out.join(CLASSIFIER_FILE), &learner.average(), &metadata)?;
    Ok(())
}

impl Experiment for GuidanceExperiment {
    fn name(&self) -> &'static str {
        "guidance"
    }

    fn citation(&self) -> &'static str {
        "Dhariwal, Nichol 2021, arXiv:2105.05233; Ho, Salimans: Classifier-Free Diffusion Guidance, arXiv:2207.12598"
    }

    fn about(&self) -> &'static str {
        "pictures of a class: by a classifier's gradient, and by the difference that the label makes"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset { name: "small", about: "digits with labels, minutes on two cores; what ships", trains: true },
            Preset { name: "smoke", about: "the whole path in seconds", trains: true },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[Expected { preset: "small", metric: "as asked at s = 2", bound: Bound::AtLeast(0.95) }]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &["diffusion", "classifier"]
    }

    fn shipped_file(&self) -> &'static str {
        "guidance"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        Ok(ddpm::data(&GuidanceConfig::read(&config.parse()?)?.diffusion, Split::Train)?.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(RESULTS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(GuidanceConfig::preset(preset, seed)?)?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = GuidanceConfig::read(&request.config)?;
        let (out, device) = (&request.out, request.device);
        let folder = out.join("diffusion");
        let table = Table::try_from(&config)?;
        if !(request.resume && out.join(DIFFUSION_FILE).exists()) {
            let resume = request.resume && folder.exists();
            let _guard = ddpm::train_model(&config.diffusion, &table, &folder, resume, device)?;
            std::fs::copy(folder.join(WEIGHTS), out.join(DIFFUSION_FILE)).context("cannot copy the weights")?;
        }
        if !(request.resume && out.join(CLASSIFIER_FILE).exists()) {
            train_classifier(&config, out, request.resume, device)?;
        }
        let seconds = training_seconds([folder, out.join("classifier")])?;
        easel_core::files::write_atomic(&out.join("config.toml"), toml::to_string(&table)?.as_bytes())?;
        let guided = Guided::load(Some(out), device)?;
        let mut cells = Cells::open(out.join("cells.json"), true)?;
        let mut evaluation = evaluate(&guided, &config, &mut cells)?;
        evaluation.metrics.insert("training_seconds".into(), json!(seconds.round()));
        report(self, out, &config.preset, &evaluation, figures::ALL, |name| {
            figures::draw(name, &guided, &evaluation.metrics)
        })
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        let results = crate::experiment::results(self, run)?;
        figures::draw(name, &Guided::load(run, device)?, &results)
    }

    fn info(&self, table: &Table) -> Result<Info> {
        let config = GuidanceConfig::read(table)?;
        let params = Params::counting();
        ::ddpm::Ddpm::new(&params.root().sub("diffusion"), &config.diffusion.model)?;
        NoisyClassifier::new(&params.root().sub("classifier"), &config.classifier.network)?;
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        let config = match run {
            Some(folder) => GuidanceConfig::read(&std::fs::read_to_string(folder.join("config.toml"))?.parse()?)?,
            None => GuidanceConfig::preset("small", 0)?,
        };
        evaluate(&Guided::load(run, device)?, &config, &mut Cells::in_memory())
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        sample(request)
    }
}

/// The table of scales, with what is expected of one of them.
fn evaluate(guided: &Guided, config: &GuidanceConfig, cells: &mut Cells) -> Result<Evaluation> {
    let mut evaluation = measure::measure(guided, config, cells)?;
    if let Some(value) = evaluation.metrics["classifier-free"]["2"]["as asked"].as_f64() {
        evaluation.metrics.insert("as asked at s = 2".into(), json!(value));
    }
    Ok(evaluation)
}
