//! Papers that train nothing of their own: they sample with the DDPM's weights, measure and draw.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use easel_core::files::write_atomic;
use easel_data::Split;
use easel_plot::Figure;
use easel_train::Progress;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use super::ddpm::generate::generate_with;
use super::ddpm::trained::Trained;
use crate::experiment::{
    Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest, metrics_of,
};
use crate::stages::report;

/// What a run of a study depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyConfig {
    /// The experiment's name.
    pub paper: String,
    /// The preset it started from.
    pub preset: String,
    /// Seed of everything random.
    pub seed: u64,
    /// The DDPM: `shipped`, or the folder of a run.
    pub model: String,
    /// Generated pictures for each measurement.
    pub samples: usize,
    /// Steps or evaluations at which samplers are measured, rising.
    pub steps: Vec<usize>,
}

impl StudyConfig {
    fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        ensure!(config.samples >= 2, "samples = {}: at least 2", config.samples);
        ensure!(
            config.steps.is_sorted_by(|a, b| a < b) && config.steps.first().is_some_and(|s| *s >= 2),
            "steps = {:?}: rising numbers from 2 on",
            config.steps
        );
        Ok(config)
    }

    fn trained(&self, device: Device) -> Result<Trained> {
        let folder = (self.model != "shipped").then(|| PathBuf::from(&self.model));
        Trained::load(folder.as_deref(), device).with_context(|| format!("model = \"{}\"", self.model))
    }
}

/// Measured numbers by name, kept in a file as they come, so that a stopped run goes on where it was.
#[derive(Debug)]
pub struct Cells {
    path: Option<PathBuf>,
    values: Map<String, Value>,
}

impl Cells {
    /// Cells that are kept nowhere.
    pub fn in_memory() -> Self {
        Self { path: None, values: Map::new() }
    }

    /// Cells that are kept in the file `path`; what is there already counts where `resume`.
    ///
    /// # Errors
    /// A file that is there without `resume`, or is damaged.
    pub fn open(path: PathBuf, resume: bool) -> Result<Self> {
        let mut values = Map::new();
        if path.exists() {
            ensure!(resume, "{} exists: --resume goes on there, --out names another folder", path.display());
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            values = serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged; delete it to measure anew", path.display()))?;
        }
        Ok(Self { path: Some(path), values })
    }

    /// The value of `key`, measured now unless it is there.
    ///
    /// # Errors
    /// Those of `measure`; a file that cannot be written; an interrupt, with what is there kept.
    pub fn cell(&mut self, key: &str, measure: impl FnOnce() -> Result<Value>) -> Result<Value> {
        if let Some(value) = self.values.get(key) {
            return Ok(value.clone());
        }
        if easel_train::interrupt::requested() {
            bail!("stopped; continue with --resume");
        }
        let value = measure()?;
        self.values.insert(key.to_string(), value.clone());
        if let Some(path) = &self.path {
            write_atomic(path, serde_json::to_string_pretty(&self.values)?.as_bytes())?;
        }
        Ok(value)
    }

    /// The value of `key` as a number.
    ///
    /// # Errors
    /// Those of [`Cells::cell`].
    pub fn number(&mut self, key: &str, measure: impl FnOnce() -> Result<f64>) -> Result<f64> {
        let value = self.cell(key, || Ok(json!(measure()?)))?;
        value.as_f64().with_context(|| format!("the cell {key} holds no number"))
    }
}

/// What figures of a study are drawn from.
#[derive(Debug)]
pub struct Material {
    /// The DDPM.
    pub trained: Trained,
    /// The metrics of the study.
    pub results: Map<String, Value>,
}

/// A study.
#[derive(Debug)]
pub struct Study {
    /// Name on the command line.
    pub name: &'static str,
    /// Authors, title, place, year, arXiv number.
    pub citation: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Pictures a measurement and steps of the preset `small`.
    pub small: (usize, &'static [usize]),
    /// The same of `smoke`.
    pub smoke: (usize, &'static [usize]),
    /// Its figures.
    pub figures: &'static [FigureInfo],
    /// The numbers it should reach.
    pub expected: &'static [Expected],
    /// Draws the figure of this name.
    pub draw: fn(&str, &Material) -> Result<Figure>,
    /// Measures.
    pub measure: fn(&Trained, &StudyConfig, &mut Cells) -> Result<Evaluation>,
    /// The shipped results, a JSON text.
    pub shipped: &'static str,
}

const PRESETS: &[Preset] = &[
    Preset { name: "small", about: "measures with the shipped DDPM, minutes on two cores; what ships", trains: true },
    Preset { name: "smoke", about: "the whole path in seconds", trains: true },
];

impl Study {
    fn size(&self, preset: &str) -> Result<(usize, &'static [usize])> {
        match preset {
            "small" => Ok(self.small),
            "smoke" => Ok(self.smoke),
            other => bail!("{} has no preset `{other}`", self.name),
        }
    }

    fn context(&self, run: Option<&Path>, device: Device) -> Result<Material> {
        let Some(folder) = run else {
            return Ok(Material { trained: Trained::load(None, device)?, results: metrics_of(self.shipped)? });
        };
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path)
                .with_context(|| format!("{} is not a finished run of {}: no {name}", folder.display(), self.name))
        };
        let config = StudyConfig::read(&read("config.toml")?.parse()?)?;
        ensure!(config.paper == self.name, "{} is a run of {}", folder.display(), config.paper);
        Ok(Material { trained: config.trained(device)?, results: metrics_of(&read("results.json")?)? })
    }
}

impl Experiment for Study {
    fn name(&self) -> &'static str {
        self.name
    }

    fn citation(&self) -> &'static str {
        self.citation
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn presets(&self) -> &'static [Preset] {
        PRESETS
    }

    fn figures(&self) -> &'static [FigureInfo] {
        self.figures
    }

    fn expected(&self) -> &'static [Expected] {
        self.expected
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &[]
    }

    fn shipped_file(&self) -> &'static str {
        self.name
    }

    fn data_hash(&self, _config: &str) -> Result<String> {
        Ok(easel_data::digits::digits(Split::Train)?.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        metrics_of(self.shipped)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        let (samples, steps) = self.size(preset)?;
        Ok(Table::try_from(StudyConfig {
            paper: self.name.into(),
            preset: preset.into(),
            seed,
            model: "shipped".into(),
            samples,
            steps: steps.to_vec(),
        })?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = StudyConfig::read(&request.config)?;
        let trained = config.trained(request.device)?;
        let text = toml::to_string(&request.config)?;
        std::fs::create_dir_all(&request.out).with_context(|| format!("cannot make {}", request.out.display()))?;
        let path = request.out.join("config.toml");
        if let Ok(before) = std::fs::read_to_string(&path)
            && before != text
        {
            bail!("{} was made by another configuration; --out names another folder", request.out.display());
        }
        write_atomic(&path, text.as_bytes())?;
        let mut cells = Cells::open(request.out.join("cells.json"), request.resume)?;
        let evaluation = (self.measure)(&trained, &config, &mut cells)?;
        let context = Material { trained, results: evaluation.metrics.clone() };
        report(self, &request.out, &config.preset, &evaluation, self.figures, |name| (self.draw)(name, &context))
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        (self.draw)(name, &self.context(run, device)?)
    }

    fn info(&self, _config: &Table) -> Result<Info> {
        let ddpm = super::ddpm::DdpmExperiment;
        ddpm.info(&ddpm.config("small", 0)?)
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        let context = self.context(run, device)?;
        let config = StudyConfig::read(&self.config("small", 0)?)?;
        (self.measure)(&context.trained, &config, &mut Cells::in_memory())
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        let trained = Trained::load(request.run.as_deref(), request.device)?;
        let evaluate = &trained.config.evaluate;
        let mut options = request.sampler.clone();
        options.sampler = options.sampler.or_else(|| Some("ddim".into()));
        let plan = options.plan(&trained.process.schedule, evaluate.times, evaluate.spacing, request.seed)?;
        generate_with(&trained, &plan, trained.scale(options.autoguidance, 1.0)?, request.count)
    }
}

/// A number of a study's results, by path: `number(results, &["fd", "ddim", "10"])`.
///
/// # Errors
/// A path that leads nowhere, by name.
pub fn number(results: &Map<String, Value>, path: &[&str]) -> Result<f64> {
    let missing = || anyhow!("the results hold no number at {}", path.join(" / "));
    let (first, rest) = path.split_first().with_context(|| "an empty path".to_string())?;
    let mut at = results.get(*first).ok_or_else(missing)?;
    for key in rest {
        at = at.get(*key).ok_or_else(missing)?;
    }
    at.as_f64().ok_or_else(missing)
}

/// A bar for `total` measurements.
pub fn progress(total: usize) -> Progress {
    Progress::new("measuring", total as u64, "cells")
}
