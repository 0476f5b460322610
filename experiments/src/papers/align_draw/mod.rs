//! AlignDRAW: digits drawn where a caption wants them.

mod config;
mod figures;
mod measure;
mod trained;

use std::collections::BTreeMap;
use std::path::Path;

use align_draw::source::Pictures;
use align_draw::{AlignDraw, AlignDrawLearner, SharpenLearner};
use anyhow::Result;
use easel_core::weights;
use easel_data::Split;
use easel_nn::Params;
use easel_plot::Figure;
use easel_train::RunDir;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::{report, train_to_end, training_seconds};
use config::RunConfig;
use trained::{MODEL_FILE, SHARPENER_FILE, Trained};

const RESULTS: &str = include_str!("../../../weights/align-draw.json");
/// Scenes whose pictures stand for an endless list in its hash.
const HASHED: u64 = 1000;

/// AlignDRAW.
#[derive(Debug)]
pub struct AlignDrawExperiment;

/// The configuration with the number of words of its data; the vocabulary of other sets than the digits is known only when
/// they are read.
fn with_words(mut config: RunConfig) -> Result<RunConfig> {
    if config.data != config::DIGITS {
        config.model.words = config.vocabulary()?.len() as i64;
    }
    Ok(config)
}

/// Trains the network in `out` unless it is there; the folder stays guarded until everything in it is written.
fn train_model(config: &RunConfig, request: &RunRequest) -> Result<RunDir> {
    // A step of the generator is many small operations: libtorch's own threads slow them down.
    tch::set_num_threads(1);
    let mut learner = AlignDrawLearner::new(
        &config.model,
        config.train,
        config.vocabulary()?,
        [config.pictures(Split::Train)?, config.pictures(Split::Test)?],
        config.seed,
        config.steps.steps,
        request.device,
    )?;
    let mut run = RunDir::open(&request.out, &toml::to_string(&request.config)?, request.resume)?;
    let path = request.out.join(MODEL_FILE);
    if !path.exists() {
        train_to_end(&mut learner, &config.steps, &mut run, "training")?;
        let metadata =
            BTreeMap::from([("config".to_string(), toml::to_string(config)?), config.vocabulary()?.metadata()]);
        weights::write(&path, &learner.average(), &metadata)?;
    }
    Ok(run)
}

/// Trains the sharpening stage beside the trained network, in a folder of its own.
fn train_sharpener(config: &RunConfig, request: &RunRequest) -> Result<()> {
    let path = request.out.join(SHARPENER_FILE);
    if config.sharpen.features == 0 {
        weights::write(&path, &[], &BTreeMap::new())?;
        return Ok(());
    }
    if path.exists() {
        return Ok(());
    }
    let network = Trained::network(&weights::read(&request.out.join(MODEL_FILE))?, request.device)?;
    let mut learner = SharpenLearner::new(
        network.model,
        config.sharpen,
        network.vocabulary,
        config.pictures(Split::Train)?,
        config.seed,
        request.device,
    )?;
    let (folder, steps) = (request.out.join("sharpener"), &config.sharpen.steps);
    let mut run = RunDir::open(&folder, &toml::to_string(&request.config)?, request.resume && folder.exists())?;
    train_to_end(&mut learner, steps, &mut run, "sharpening")?;
    weights::write(&path, &learner.average(), &BTreeMap::new())?;
    Ok(())
}

impl Experiment for AlignDrawExperiment {
    fn name(&self) -> &'static str {
        "align-draw"
    }

    fn citation(&self) -> &'static str {
        "Mansimov, Parisotto, Ba, Salakhutdinov: Generating Images from Captions with Attention, ICLR 2016, arXiv:1511.02793"
    }

    fn about(&self) -> &'static str {
        "digits where a caption wants them, drawn glimpse by glimpse while attention goes over its words"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset {
                name: "small",
                about: "captioned digits on 40 x 40 pixels, minutes on two cores; what ships",
                trains: true,
            },
            Preset { name: "emoji", about: "emoji in four art styles on 32 x 32 pixels", trains: true },
            Preset { name: "sprite-scenes", about: "scenes of sprites on 32 x 32 pixels", trains: true },
            Preset { name: "smoke", about: "the whole path in seconds", trains: true },
            Preset { name: "paper", about: "the published network for captioned digits", trains: false },
            Preset { name: "paper-coco", about: "the published network for COCO", trains: false },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[
            Expected { preset: "small", metric: "oracle on real scenes", bound: Bound::AtLeast(0.97) },
            Expected { preset: "small", metric: "seen", bound: Bound::AtLeast(0.8) },
            Expected { preset: "small", metric: "held-out", bound: Bound::AtLeast(0.6) },
        ]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &["model", "sharpener"]
    }

    fn shipped_file(&self) -> &'static str {
        "align-draw"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        Ok(match RunConfig::read(&config.parse()?)?.pictures(Split::Train)? {
            Pictures::Scenes(list) => list.dataset(0..HASHED)?.content_hash(),
            Pictures::Listed { data, .. } => data.content_hash(),
        })
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(RESULTS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(RunConfig::preset(preset, seed))?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = with_words(RunConfig::read(&request.config)?)?;
        let out = &request.out;
        let _guard = train_model(&config, request)?;
        train_sharpener(&config, request)?;
        let trained = Trained::load(Some(out), request.device)?;
        let mut evaluation = measure::measure(&trained)?;
        let seconds = training_seconds([out.clone(), out.join("sharpener")])?;
        evaluation.metrics.insert("training_seconds".into(), json!(seconds.round()));
        let shown = figures::ALL.iter().filter(|_| config.data == config::DIGITS);
        report(self, out, &config.preset, &evaluation, shown, |name| figures::draw(name, &trained))
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        figures::draw(name, &Trained::load(run, device)?)
    }

    fn info(&self, table: &Table) -> Result<Info> {
        let config = with_words(RunConfig::read(table)?)?;
        let params = Params::counting();
        AlignDraw::new(&params.root(), &config.model)?;
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        measure::measure(&Trained::load(run, device)?)
    }

    fn takes_prompts(&self) -> bool {
        true
    }

    fn reads(&self, captions: &[String], run: Option<&Path>) -> Result<Vec<bool>> {
        let trained = Trained::load(run, Device::Cpu)?;
        Ok(captions.iter().map(|caption| trained.tokens(std::slice::from_ref(caption)).is_ok()).collect())
    }

    fn is_diffusion(&self) -> bool {
        false
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        let trained = Trained::load(request.run.as_deref(), request.device)?;
        let captions = request.captions(|| trained.some_captions(request.count))?;
        let drawn = trained.generate(&captions, request.seed, 0)?;
        Ok(trained.sharpened(&drawn, &captions)? * 2.0 - 1.0)
    }
}
