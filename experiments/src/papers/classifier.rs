//! The classifier whose features all distances on digits use.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::weights;
use easel_core::{Noise, Stream};
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Dataset, Split};
use easel_metrics::classifier::{Classifier, ClassifierConfig};
use easel_metrics::extractor::FeatureExtractor;
use easel_nn::{InitScheme, Params};
use easel_plot::Figure;
use easel_train::{Group, Learner, LoopConfig, OptimConfig, RunDir, Scalars, TrainError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::train_to_end;
use crate::tensors::all_images;

/// The shipped weights of the classifier of digits.
pub const DIGITS: &[u8] = include_bytes!("../../weights/classifier-digits.safetensors");
/// The file of a finished run.
pub const WEIGHTS: &str = "classifier.safetensors";
/// Side to which a folder's pictures are resized.
const SIDE: usize = 28;
const DIGITS_METRICS: &str = include_str!("../../weights/classifier-digits.json");

/// A classifier of labelled pictures, trained here, whose penultimate layer gives the features of `fd-*` and `kid-*`.
#[derive(Debug)]
pub struct ClassifierExperiment;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    paper: String,
    preset: String,
    seed: u64,
    data: String,
    batch: usize,
    shift: usize,
    #[serde(rename = "loop")]
    steps: LoopConfig,
    optim: OptimConfig,
}

struct ClassifierLearner {
    classifier: Classifier,
    group: Group,
    loader: Loader,
    test: (Tensor, Tensor),
    dropout: Stream,
}

impl Learner for ClassifierLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.loader.batch(step);
        let labels = batch.labels.ok_or_else(|| TrainError::Model("the data set has no labels".into()))?;
        // Dropout draws from libtorch's own generator, which is set anew at every step.
        tch::manual_seed(self.dropout.below(step, 0, i64::MAX as usize) as i64);
        let loss = self.classifier.loss(&batch.images, &labels, true).map_err(|e| TrainError::Model(e.to_string()))?;
        let norm = self.group.update(&loss)?;
        Ok(vec![("loss", loss.detach()), ("grad_norm", norm)])
    }

    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        let (classifier, (images, labels)) = (&self.classifier, &self.test);
        let accuracy = self.group.with_average(|| accuracy(classifier, images, labels));
        accuracy.map(|a| Some(1.0 - a)).map_err(|e| TrainError::Model(e.to_string()))
    }
}

fn accuracy(classifier: &Classifier, images: &Tensor, labels: &Tensor) -> Result<f64> {
    Ok(classifier.evaluate(images, labels)?.accuracy)
}

fn labels_of(data: &Dataset) -> Result<Tensor> {
    Ok(Tensor::from_slice(data.labels().context("the data set has no labels")?))
}

impl ClassifierExperiment {
    fn learner(config: &Config, device: Device) -> Result<(ClassifierLearner, Params, ClassifierConfig)> {
        let (train, test) = (super::open_data(&config.data, Split::Train, SIDE)?, Self::test(&config.data)?);
        let (channels, classes) = (train.shape()[1] as i64, train.classes().len() as i64);
        if classes < 2 {
            bail!("data = \"{}\": a classifier needs pictures of at least two classes", config.data);
        }
        let sizes = ClassifierConfig { name: config.data.clone(), channels, classes };
        let params = Params::new(device, config.seed, InitScheme::Public);
        let classifier = Classifier::new(&params.root(), &sizes)?;
        let loader_config =
            LoaderConfig { batch: config.batch, seed: config.seed, shift: config.shift, ..LoaderConfig::default() };
        let learner = ClassifierLearner {
            classifier,
            group: Group::new("classifier", params.named(), Kind::Float, config.optim, config.steps.steps)?,
            loader: Loader::new(&train, loader_config, device)?,
            test: (all_images(&test).to_device(device), labels_of(&test)?.to_device(device)),
            dropout: Noise::new(config.seed).purpose("classifier/dropout"),
        };
        Ok((learner, params, sizes))
    }

    fn test(data: &str) -> Result<Dataset> {
        super::open_data(data, Split::Test, SIDE)
    }

    fn measure(extractor: &FeatureExtractor) -> Result<Evaluation> {
        let test = Self::test(&extractor.classifier().config().name)?;
        let accuracy = accuracy(extractor.classifier(), &all_images(&test), &labels_of(&test)?)?;
        let metrics =
            Map::from_iter([("accuracy".to_string(), json!(accuracy)), ("test_pictures".into(), json!(test.len()))]);
        let markdown = format!(
            "| metric | value |\n|---|---|\n| accuracy on {} held-out pictures | {:.2} % |\n",
            test.len(),
            100.0 * accuracy
        );
        Ok(Evaluation { metrics, markdown })
    }
}

/// The shipped feature extractor of a data set.
pub fn shipped_extractor(device: Device) -> Result<FeatureExtractor> {
    Ok(FeatureExtractor::from_weights(&weights::parse("classifier-digits.safetensors (built in)", DIGITS)?, device)?)
}

impl Experiment for ClassifierExperiment {
    fn name(&self) -> &'static str {
        "classifier"
    }

    fn citation(&self) -> &'static str {
        "Features for Frechet and kernel distances (after Heusel et al. 2017, arXiv:1706.08500)"
    }

    fn about(&self) -> &'static str {
        "the classifier whose features the distances use: of digits, or of another labelled set"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset { name: "small", about: "9,000 digits; what ships", trains: true },
            Preset { name: "smoke", about: "a few steps, to see that it works", trains: true },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        &[]
    }

    fn expected(&self) -> &'static [Expected] {
        &[Expected { preset: "small", metric: "accuracy", bound: Bound::AtLeast(0.985) }]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &["classifier"]
    }

    fn shipped_file(&self) -> &'static str {
        "classifier-digits"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        let config: Config = crate::settings::read(config.parse()?)?;
        Ok(super::open_data(&config.data, Split::Train, SIDE)?.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, Value>> {
        crate::experiment::metrics_of(DIGITS_METRICS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        let mut optim = OptimConfig { ema: 0.995, ..OptimConfig::default() };
        (optim.rate.lr, optim.rate.final_lr, optim.adam.weight_decay) = (2e-3, 2e-5, 0.01);
        let steps = if preset == "smoke" { 20 } else { 2000 };
        let every = if preset == "smoke" { 10 } else { 500 };
        let config = Config {
            paper: self.name().into(),
            preset: preset.into(),
            seed,
            data: "digits".into(),
            batch: 64,
            shift: 2,
            steps: LoopConfig { steps, log_every: 10, checkpoint_every: every, keep: 2 },
            optim,
        };
        Ok(Table::try_from(config)?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config: Config = crate::settings::read(request.config.clone())?;
        let (mut learner, _params, sizes) = Self::learner(&config, request.device)?;
        let mut run = RunDir::open(&request.out, &toml::to_string(&request.config)?, request.resume)?;
        let seconds = train_to_end(&mut learner, &config.steps, &mut run, "training")?;
        let path = request.out.join(WEIGHTS);
        let mut metadata: BTreeMap<String, String> = sizes.metadata();
        metadata.insert("seed".into(), config.seed.to_string());
        weights::write(&path, &learner.group.average(), &metadata)?;
        let mut evaluation = Self::measure(&FeatureExtractor::load(&path, request.device)?)?;
        evaluation.metrics.insert("training_seconds".into(), json!(seconds.round()));
        crate::experiment::write_results(self, &request.out, &config.preset, &evaluation)?;
        println!("{}\n{}", evaluation.markdown, path.display());
        Ok(())
    }

    fn figure(&self, name: &str, _run: Option<&Path>, _device: Device) -> Result<Figure> {
        bail!("the classifier has no figure `{name}`")
    }

    fn info(&self, config: &Table) -> Result<Info> {
        let _: Config = crate::settings::read(config.clone())?;
        let params = Params::counting();
        Classifier::new(&params.root(), &ClassifierConfig::digits())?;
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        let extractor = match run {
            Some(run) => FeatureExtractor::load(&run.join(WEIGHTS), device)?,
            None => shipped_extractor(device)?,
        };
        Self::measure(&extractor)
    }

    fn sample(&self, _request: &SampleRequest) -> Result<Tensor> {
        bail!("a classifier generates nothing; try `easel sample ddpm`")
    }
}
