//! GAN and DCGAN: training, measuring, figures.

mod figures;
mod measure;
mod settings;
#[cfg(test)]
mod tests;
mod trained;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::weights;
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Dataset, Split};
use easel_nn::Params;
use easel_plot::{Figure, ImageGrid};
use easel_train::{Progress, RunDir, TrainError, train};
use gan::learner::Observer;
use gan::{Discriminator, GanLearner, Generator};
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::tensors::pictures;
use measure::Eye;
use settings::RunConfig;
use trained::{RESULTS, Trained, WEIGHTS};

/// Generative adversarial networks.
#[derive(Debug)]
pub struct GanExperiment;

/// The pictures that a configuration names, with a check that the networks fit them.
fn data(config: &RunConfig, split: Split) -> Result<Dataset> {
    let data = crate::papers::open_data(&config.data, split, config.model.side as usize)?;
    let ([_, c, h, w], m) = (data.shape(), &config.model);
    if [c, h, w] != [m.channels as usize, m.side as usize, m.side as usize] {
        bail!(
            "the pictures of `{}` are {c} x {h} x {w}, the model's {} x {} x {}; set model.channels and model.side",
            config.data,
            m.channels,
            m.side,
            m.side
        );
    }
    Ok(data)
}

/// Trains in the folder `out` and writes G's averaged weights there; the guarded folder and the seconds of training.
fn train_model(config: &RunConfig, request: &RunRequest) -> Result<(RunDir, f64)> {
    let device = request.device;
    let loading = LoaderConfig {
        batch: config.train.batch,
        seed: config.seed,
        pad: config.model.pad as usize,
        shift: config.train.shift,
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
    let outcome = train(&mut learner, &config.steps, &mut run, Progress::new("training", steps, "steps"))?;
    if !outcome.complete {
        bail!("stopped at step {}; continue with --resume", outcome.step);
    }
    let metadata = BTreeMap::from([("config".to_string(), toml::to_string(config)?)]);
    weights::write(&request.out.join(WEIGHTS), &learner.average(), &metadata)?;
    Ok((run, outcome.seconds))
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
        finish(self, &trained, &request.out, seconds)
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

/// Measures, saves samples and draws all figures.
fn finish(experiment: &GanExperiment, trained: &Trained, out: &Path, seconds: f64) -> Result<()> {
    let mut evaluation = measure::measure(trained)?;
    evaluation.metrics.insert("training_seconds".into(), json!(seconds.round()));
    crate::experiment::write_results(experiment, out, &trained.config.preset, &evaluation)?;
    let samples = out.join("samples");
    std::fs::create_dir_all(&samples).with_context(|| format!("cannot make {}", samples.display()))?;
    let shown = trained.sample(trained.config.seed, 64);
    Figure::new().panel(ImageGrid::new(pictures(&shown)?, 8)).save(&samples, "grid")?;
    weights::write(&samples.join("samples.safetensors"), &[("images".into(), shown)], &BTreeMap::new())?;
    println!("{}\n", evaluation.markdown);
    for (line, _) in crate::experiment::check_expected(experiment, &trained.config.preset, &evaluation.metrics) {
        println!("{line}");
    }
    let folder = out.join("figures");
    for figure in figures::ALL {
        for path in figures::draw(figure.name, trained)?.save(&folder, figure.name)? {
            println!("{}", path.display());
        }
    }
    println!("report: {}", out.join("report.md").display());
    Ok(())
}
