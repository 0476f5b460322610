//! A contrastive scorer of pictures and captions, trained here for judging other models only.
//!
//! Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, arXiv:2103.00020, at
//! the scale of 32 x 32 pictures; used as in Xu et al. 2018 (R-precision) and Park et al. 2021 (CLIP-R-precision). Its
//! picture features give `fd-emoji` and `fd-sprite-scenes`. No model that it judges may be trained with it.

pub mod config;
pub mod contrast;
pub mod figures;
pub mod judge;
mod learner;
pub mod measure;
pub mod model;
pub mod near_miss;
pub mod pairs;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::weights;
use easel_data::Split;
use easel_nn::Params;
use easel_plot::Figure;
use easel_text::Vocabulary;
use easel_train::RunDir;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::{report, train_to_end, training_seconds};
use config::ScorerConfig;
pub use contrast::Scorer;
pub use judge::{Judge, shipped};
use learner::ScorerLearner;
use model::Towers;
use pairs::Pairs;

/// The sets that the presets train a scorer for.
pub const SETS: [&str; 2] = ["emoji", "sprite-scenes"];
/// The shipped scorers.
const SHIPPED: &[(&str, &[u8])] = &[
    ("emoji", include_bytes!("../../../weights/scorer-emoji.safetensors")),
    ("sprite-scenes", include_bytes!("../../../weights/scorer-sprite-scenes.safetensors")),
];
const RESULTS: &str = include_str!("../../../weights/scorer.json");

/// The scorer.
#[derive(Debug)]
pub struct ScorerExperiment;

/// The weight file of a set in a finished run.
fn file_of(set: &str) -> String {
    format!("{set}.safetensors")
}

/// The judge of a set, from a run or the shipped weights.
pub fn judge(set: &str, run: Option<&Path>, device: Device) -> Result<Judge> {
    match run {
        Some(run) => Judge::new(Scorer::load(&weights::read(&run.join(file_of(set)))?, device)?),
        None => shipped(set, device),
    }
}

/// Trains the scorer of a set in a folder of its own and writes its weights into `out`.
fn train_set(config: &ScorerConfig, set: &str, table: &str, out: &Path, resume: bool, device: Device) -> Result<()> {
    let pairs = (Pairs::open(set, Split::Train)?, Pairs::open(set, Split::Test)?);
    let mut learner = ScorerLearner::new(config, set, pairs.0, pairs.1, device)?;
    let folder = out.join(set);
    let mut run = RunDir::open(&folder, table, resume && folder.exists())?;
    train_to_end(&mut learner, &config.steps, &mut run, set)?;
    let (named, metadata) = learner.weights();
    weights::write(&out.join(file_of(set)), &named, &metadata)?;
    Ok(())
}

/// Measures the scorers of these sets.
fn evaluate(sets: &[String], run: Option<&Path>, device: Device) -> Result<Evaluation> {
    let mut metrics = Map::new();
    let mut lines = vec!["| set | metric | value |".to_owned(), "|---|---|---:|".into()];
    for set in sets {
        let (measured, shown) = measure::measure(&judge(set, run, device)?, 0)?;
        metrics.extend(measured);
        lines.extend(shown);
    }
    Ok(Evaluation { metrics, markdown: lines.join("\n") + "\n" })
}

/// The configuration of a run.
fn config_of(run: &Path) -> Result<ScorerConfig> {
    let path = run.join("config.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ScorerConfig::read(&text.parse()?)
}

impl Experiment for ScorerExperiment {
    fn name(&self) -> &'static str {
        "scorer"
    }

    fn citation(&self) -> &'static str {
        "Radford et al.: Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, arXiv:2103.00020"
    }

    fn about(&self) -> &'static str {
        "tells how well pictures and captions match; judges other models by R-precision, `fd-emoji`, `fd-sprite-scenes`"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset { name: "small", about: "emoji and sprite scenes of 32 x 32 pixels; what ships", trains: true },
            Preset { name: "smoke", about: "a few steps of both, to see that it works", trains: true },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[
            Expected { preset: "small", metric: "emoji/R-precision", bound: Bound::AtLeast(0.3) },
            Expected { preset: "small", metric: "emoji/style accuracy", bound: Bound::AtLeast(0.9) },
            Expected { preset: "small", metric: "sprite-scenes/R-precision", bound: Bound::AtLeast(0.9) },
            Expected {
                preset: "small",
                metric: "sprite-scenes/R-precision among near misses",
                bound: Bound::AtLeast(0.8),
            },
        ]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &SETS
    }

    fn shipped_file(&self) -> &'static str {
        "scorer"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        let config = ScorerConfig::read(&config.parse()?)?;
        let hash = |set: &String| Ok(Pairs::open(set, Split::Train)?.data.content_hash());
        Ok(config.data.iter().map(hash).collect::<Result<Vec<String>>>()?.join(" "))
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(RESULTS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(ScorerConfig::preset(preset, seed))?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = ScorerConfig::read(&request.config)?;
        let (out, device) = (&request.out, request.device);
        let text = toml::to_string(&Table::try_from(&config)?)?;
        let _guard = RunDir::open(out, &text, request.resume)?;
        for set in &config.data {
            if !(request.resume && out.join(file_of(set)).exists()) {
                train_set(&config, set, &text, out, request.resume, device)?;
            }
        }
        let mut evaluation = evaluate(&config.data, Some(out), device)?;
        let mut total = 0.0;
        for set in &config.data {
            let spent = training_seconds([out.join(set)])?;
            total += spent;
            evaluation.metrics.insert(format!("{set}/training_seconds"), json!(spent.round()));
        }
        evaluation.metrics.insert("training_seconds".into(), json!(total.round()));
        let trained = |figure: &&FigureInfo| {
            figures::set_of(figure.name).is_ok_and(|set| config.data.iter().any(|trained| trained == set))
        };
        report(self, out, &config.preset, &evaluation, figures::ALL.iter().filter(trained), |name| {
            self.figure(name, Some(out), device)
        })
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        figures::matches(&judge(figures::set_of(name)?, run, device)?.scorer)
    }

    fn info(&self, table: &Table) -> Result<Info> {
        let config = ScorerConfig::read(table)?;
        let params = Params::counting();
        for set in &config.data {
            let pairs = Pairs::open(set, Split::Train)?;
            let words = Vocabulary::from_captions(pairs.all_captions(), 1).len() as i64;
            Towers::new(&params.root().sub(set), config.towers, words, pairs.style_count())?;
        }
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        let sets = match run {
            Some(run) => config_of(run)?.data,
            None => SETS.map(String::from).to_vec(),
        };
        evaluate(&sets, run, device)
    }

    fn sample(&self, _request: &SampleRequest) -> Result<Tensor> {
        bail!("a scorer generates nothing; `easel compare` uses it to judge the models that do")
    }
}
