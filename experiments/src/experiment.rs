//! What an experiment declares.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use easel_core::files::write_atomic;
use easel_plot::Figure;
use serde::Serialize;
use serde_json::{Map, Value};
use tch::{Device, Tensor};
use toml::Table;

use crate::papers;
use crate::sampling::{GuidanceOptions, SamplerOptions};

/// A preset: a complete configuration with a name.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Whether it can be trained here; others are for `info` and for loading weights.
    pub trains: bool,
}

/// A figure that can be drawn.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FigureInfo {
    /// Its name, and its file's.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
}

/// A number that a preset should reach.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Expected {
    /// Of which preset.
    pub preset: &'static str,
    /// Name of the metric.
    pub metric: &'static str,
    /// Which side of the value is good.
    pub bound: Bound,
}

/// A limit for a metric.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Bound {
    /// Whether `value` is within the limit.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "at most {limit}"),
            Self::AtLeast(limit) => write!(f, "at least {limit}"),
        }
    }
}

/// Size and cost of a preset's network.
#[derive(Debug, Clone, Serialize)]
pub struct Info {
    /// Scalars in all parameters.
    pub parameters: i64,
    /// Multiply-adds of one forward pass for one picture, where it is counted.
    pub multiply_adds: Option<i64>,
    /// Bytes of the weights in f32.
    pub weight_bytes: i64,
    /// Bytes of weights, gradients, Adam's moments and moving average in training, without activations.
    pub training_bytes: i64,
}

impl Info {
    /// From the count of parameters: 4 bytes a scalar, and with gradient, two moments, average and master copy five times that.
    pub fn new(parameters: i64, multiply_adds: Option<i64>) -> Self {
        Self { parameters, multiply_adds, weight_bytes: 4 * parameters, training_bytes: 20 * parameters }
    }
}

/// A request to train.
#[derive(Debug)]
pub struct RunRequest {
    /// The effective configuration.
    pub config: Table,
    /// Folder of the run.
    pub out: PathBuf,
    /// Continue what is there.
    pub resume: bool,
    /// Where to compute.
    pub device: Device,
}

/// A request for samples.
#[derive(Debug)]
pub struct SampleRequest {
    /// A run's folder; the shipped weights where absent.
    pub run: Option<PathBuf>,
    /// How many.
    pub count: usize,
    /// Noise of sample k follows from the seed and k alone.
    pub seed: u64,
    /// Captions; sample k takes the k-th in turn. Empty where [`Experiment::takes_prompts`] is false; otherwise the
    /// experiment chooses captions of its own when none is given.
    pub prompts: Vec<String>,
    /// The sampler.
    pub sampler: SamplerOptions,
    /// Label and guidance.
    pub guidance: GuidanceOptions,
    /// Where to compute.
    pub device: Device,
}

impl SampleRequest {
    /// A caption a sample: the prompts in turn, or those of `own` where there are none.
    pub fn captions(&self, own: impl FnOnce() -> Result<Vec<String>>) -> Result<Vec<String>> {
        let source = if self.prompts.is_empty() { own()? } else { self.prompts.clone() };
        Ok(source.iter().cycle().take(self.count).cloned().collect())
    }
}

/// One experiment.
pub trait Experiment: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;
    /// Authors, title, place, year, arXiv number.
    fn citation(&self) -> &'static str;
    /// What it does, in a line.
    fn about(&self) -> &'static str;
    /// Its presets, the default first.
    fn presets(&self) -> &'static [Preset];
    /// Its figures.
    fn figures(&self) -> &'static [FigureInfo];
    /// The numbers it should reach.
    fn expected(&self) -> &'static [Expected];
    /// Names of the weight files in a finished run, without ending; none for a paper that trains nothing.
    fn weight_files(&self) -> &'static [&'static str];
    /// Name of the shipped results, without ending, and of the weights where there is one file.
    fn shipped_file(&self) -> &'static str;
    /// BLAKE3 of the pictures that a configuration trains on, or measures with.
    fn data_hash(&self, config: &str) -> Result<String>;
    /// Metrics of the shipped weights, with the seconds of training under `training_seconds`.
    fn shipped_metrics(&self) -> Result<Map<String, Value>>;
    /// The configuration of a preset with this seed.
    fn config(&self, preset: &str, seed: u64) -> Result<Table>;
    /// Trains, evaluates, samples and draws.
    fn run(&self, request: &RunRequest) -> Result<()>;
    /// Draws one figure from the shipped weights, or from a run.
    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure>;
    /// Size and cost under a configuration.
    fn info(&self, config: &Table) -> Result<Info>;
    /// Evaluates a run, or the shipped weights: the table of metrics as Markdown, and the metrics.
    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation>;
    /// Whether its pictures follow captions.
    fn takes_prompts(&self) -> bool {
        false
    }
    /// Names of the data sets whose captions its shipped weights, or those of a run, can draw.
    fn data_sets(&self, run: Option<&Path>) -> Result<Vec<String>> {
        let Some(run) = run.filter(|_| self.takes_prompts()) else { return Ok(Vec::new()) };
        let path = run.join("config.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let data = text.parse::<Table>()?.get("data").and_then(|name| name.as_str().map(str::to_owned));
        Ok(data.into_iter().collect())
    }
    /// Whether its shipped weights, or those of a run, know all words of each of these captions.
    fn reads(&self, captions: &[String], _run: Option<&Path>) -> Result<Vec<bool>> {
        Ok(vec![true; captions.len()])
    }
    /// Whether it samples by a chain of denoising steps, so that the options of samplers and guidance mean something.
    fn is_diffusion(&self) -> bool {
        true
    }
    /// Draws samples, f32 `[N, C, H, W]` in [-1, 1].
    fn sample(&self, request: &SampleRequest) -> Result<Tensor>;
}

/// Metrics of a model.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The metrics, by name.
    pub metrics: Map<String, Value>,
    /// A table for reading.
    pub markdown: String,
}

/// All experiments.
pub fn registry() -> Vec<&'static dyn Experiment> {
    papers::ALL.to_vec()
}

/// The experiment of this name.
pub fn find(name: &str) -> Result<&'static dyn Experiment> {
    registry().into_iter().find(|e| e.name() == name).ok_or_else(|| {
        let known: Vec<_> = registry().iter().map(|e| e.name()).collect();
        anyhow!("no experiment is called `{name}`; there are: {}", known.join(", "))
    })
}

/// The configuration of a preset with `assignments` applied.
pub fn configure(experiment: &dyn Experiment, preset: &str, seed: u64, assignments: &[String]) -> Result<Table> {
    let Some(found) = experiment.presets().iter().find(|p| p.name == preset) else {
        let known: Vec<_> = experiment.presets().iter().map(|p| p.name).collect();
        return Err(anyhow!("{} has no preset `{preset}`; there are: {}", experiment.name(), known.join(", ")));
    };
    let mut table = experiment.config(found.name, seed)?;
    for assignment in assignments {
        let key = assignment.split('=').next().unwrap_or_default().trim();
        anyhow::ensure!(
            !matches!(key, "paper" | "preset" | "seed"),
            "--set {assignment}: the paper is the first word, `preset` and `seed` are options of their own"
        );
        crate::settings::assign(&mut table, assignment)?;
    }
    Ok(table)
}

/// The metrics of a results file.
pub fn metrics_of(text: &str) -> Result<Map<String, Value>> {
    let all: Value = serde_json::from_str(text)?;
    all["metrics"].as_object().cloned().ok_or_else(|| anyhow!("a results file without `metrics`"))
}

/// The metrics of a finished run, or the shipped ones.
pub fn results(experiment: &dyn Experiment, run: Option<&Path>) -> Result<Map<String, Value>> {
    let Some(folder) = run else { return experiment.shipped_metrics() };
    let text = std::fs::read_to_string(folder.join("results.json"))
        .with_context(|| format!("{} is not a finished run of {}", folder.display(), experiment.name()))?;
    metrics_of(&text)
}

/// Lines that compare metrics with what is expected of a preset: (text, whether it holds).
pub fn check_expected(experiment: &dyn Experiment, preset: &str, metrics: &Map<String, Value>) -> Vec<(String, bool)> {
    let ours = experiment.expected().iter().filter(|e| e.preset == preset);
    ours.map(|e| {
        let value = metrics.get(e.metric).and_then(Value::as_f64);
        let holds = value.is_some_and(|v| e.bound.holds(v));
        let shown = value.map_or("not measured".into(), |v| format!("{v:.4}"));
        (format!("{} {shown}, expected {}: {}", e.metric, e.bound, if holds { "holds" } else { "FAILS" }), holds)
    })
    .collect()
}

/// Writes `results.json` and `report.md` of a run.
pub fn write_results(experiment: &dyn Experiment, out: &Path, preset: &str, evaluation: &Evaluation) -> Result<()> {
    let results = serde_json::json!({
        "paper": experiment.name(),
        "preset": preset,
        "version": env!("CARGO_PKG_VERSION"),
        "metrics": evaluation.metrics,
    });
    write_atomic(&out.join("results.json"), format!("{results:#}\n").as_bytes())?;
    let expected: String =
        check_expected(experiment, preset, &evaluation.metrics).iter().map(|(line, _)| format!("- {line}\n")).collect();
    let report = format!(
        "# {} ({preset})\n\n{}\n\n{}\n{expected}",
        experiment.name(),
        experiment.citation(),
        evaluation.markdown
    );
    write_atomic(&out.join("report.md"), report.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_counted() {
        for experiment in registry() {
            for preset in experiment.presets() {
                let name = format!("{} {}", experiment.name(), preset.name);
                let config = experiment.config(preset.name, 0).unwrap_or_else(|e| panic!("{name}: {e:#}"));
                let info = experiment.info(&config).unwrap_or_else(|e| panic!("{name}: {e:#}"));
                assert!(info.parameters > 0 || experiment.weight_files().is_empty(), "{name} has no parameters");
            }
        }
    }
}
