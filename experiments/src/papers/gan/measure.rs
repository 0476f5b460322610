//! Measuring a generator: by a classifier where there is one, else on pixels; and the paper's Parzen windows.

use std::path::Path;

use anyhow::{Context, Result};
use easel_core::tensor::to_array;
use easel_data::{Dataset, Split};
use easel_metrics::extractor::FeatureExtractor;
use easel_metrics::manifold::{Manifold, precision_recall_density_coverage};
use gan::learner::Reading;
use gan::parzen;
use ndarray::Array2;
use serde_json::{Map, json};
use tch::{Device, Kind, Tensor};

use super::settings::RunConfig;
use super::trained::Trained;
use crate::experiment::Evaluation;
use crate::judge::{Judge, NEIGHBOURS};
use crate::papers::classifier;
use crate::tensors::{all_images, to_unit};

/// A class counts as present from this share of its due.
const PRESENT: f64 = 0.1;
/// Held-out pictures that choose the width of the Parzen windows, and as many others that are measured.
const PARZEN_PICTURES: usize = 500;

/// What looks at generated pictures.
pub enum Eye {
    /// A classifier of the same data.
    Classifier(Box<Judge>),
    /// Pixels of as many training and held-out pictures.
    Pixels {
        /// Training pictures, f64 `[N, C H W]`.
        train: Array2<f64>,
        /// Held-out pictures.
        test: Array2<f64>,
    },
}

/// Pictures f32 `[N, C, H, W]` in [-1, 1] as rows.
fn flat(images: &Tensor) -> Result<Array2<f64>> {
    Ok(to_array("pictures", &images.to_device(Device::Cpu).flatten(1, -1).to_kind(Kind::Double))?)
}

fn first(data: &Dataset, count: usize) -> Tensor {
    to_unit(&all_images(data).narrow(0, 0, data.len().min(count) as i64))
}

impl Eye {
    /// The eye that the configuration allows: the shipped classifier knows digits alone.
    pub fn of(config: &RunConfig, device: Device) -> Result<Self> {
        let classifier = config.evaluate.classifier.as_str();
        if classifier == "shipped" && config.data == "digits" {
            return Ok(Self::Classifier(Box::new(Judge::new(device)?)));
        }
        let (train, test) = (super::data(config, Split::Train)?, super::data(config, Split::Test)?);
        if classifier == "shipped" {
            let count = config.evaluate.samples;
            return Ok(Self::Pixels { train: flat(&first(&train, count))?, test: flat(&first(&test, count))? });
        }
        let path = Path::new(classifier).join(classifier::WEIGHTS);
        let extractor = FeatureExtractor::load(&path, device)
            .with_context(|| format!("evaluate.classifier = \"{classifier}\" is not a finished run of classifier"))?;
        let name = &extractor.classifier().config().name;
        anyhow::ensure!(*name == config.data, "the classifier in {classifier} knows {name}, not {}", config.data);
        Ok(Self::Classifier(Box::new(Judge::of(extractor, &train, &test)?)))
    }

    /// A quick look at samples f32 `[N, C, H, W]`, in training.
    pub fn glance(&self, samples: &Tensor) -> Result<Reading> {
        match self {
            Self::Classifier(judge) => {
                let seen = judge.extractor.extract(samples)?;
                let (distance, coverage) = (judge.distance(&seen)?, judge.classes(&seen)?);
                let present = coverage.ratio.iter().flatten().filter(|r| **r >= PRESENT).count();
                let classes = present as f64 / coverage.ratio.len() as f64;
                let scalars = vec![
                    ("fd", distance),
                    ("classes", classes),
                    ("smallest_share", coverage.smallest_ratio),
                    ("recall", judge.manifold(&seen)?.recall),
                ];
                Ok(Reading { rank: distance, classes: Some(classes), scalars })
            }
            Self::Pixels { train, .. } => {
                let Manifold { precision, recall, .. } = on_pixels(train, &flat(samples)?)?;
                let scalars = vec![("precision", precision), ("recall", recall)];
                Ok(Reading { rank: 1.0 - precision.min(recall), classes: None, scalars })
            }
        }
    }

    fn table(&self, images: &Tensor) -> Result<Evaluation> {
        match self {
            Self::Classifier(judge) => judge.table(images, "one pass each"),
            Self::Pixels { train, test } => {
                let (model, real) = (on_pixels(train, &flat(images)?)?, on_pixels(train, test)?);
                let mut metrics = Map::new();
                let mut markdown = format!(
                    "No classifier of these pictures: precision and recall of {} pictures on pixels, against {} training \
                     pictures; `easel run classifier --set data=...` trains one, and evaluate.classifier names its \
                     folder.\n\n| metric | model | held-out pictures |\n|---|---|---|",
                    images.size()[0],
                    train.nrows()
                );
                let rows = [
                    ("precision", model.precision, real.precision),
                    ("recall", model.recall, real.recall),
                    ("density", model.density, real.density),
                    ("coverage", model.coverage, real.coverage),
                ];
                for (key, model, real) in rows {
                    metrics.insert(key.into(), json!(model));
                    metrics.insert(format!("{key}/real"), json!(real));
                    markdown += &format!("\n| {key} | {model:.4} | {real:.4} |");
                }
                Ok(Evaluation { metrics, markdown })
            }
        }
    }
}

/// Precision and recall against as many training pictures.
fn on_pixels(train: &Array2<f64>, pictures: &Array2<f64>) -> Result<Manifold> {
    let count = train.nrows().min(pictures.nrows());
    let base = train.view().split_at(ndarray::Axis(0), count).0;
    Ok(precision_recall_density_coverage(base, pictures.view(), NEIGHBOURS)?)
}

/// Generates pictures and measures them.
pub fn measure(trained: &Trained) -> Result<Evaluation> {
    let (config, device) = (&trained.config, trained.device);
    let started = std::time::Instant::now();
    let images = trained.sample(config.seed, config.evaluate.samples);
    let seconds = started.elapsed().as_secs_f64();
    let mut table = Eye::of(config, device)?.table(&images)?;
    table.metrics.insert("seconds/picture".into(), json!(seconds / config.evaluate.samples as f64));
    parzen_rows(trained, &mut table)?;
    Ok(table)
}

/// The paper's Table 1: log-likelihood of held-out pictures under windows on samples, and on training pictures.
fn parzen_rows(trained: &Trained, table: &mut Evaluation) -> Result<()> {
    let config = &trained.config;
    // Pictures in [0, 1], as the paper's.
    let unit = |images: &Tensor| (images.to_device(Device::Cpu).clamp(-1.0, 1.0).flatten(1, -1) + 1.0) * 0.5;
    let test = unit(&first(&super::data(config, Split::Test)?, 2 * PARZEN_PICTURES));
    let half = test.size()[0] / 2;
    let (choose, report) = (test.narrow(0, 0, half), test.narrow(0, half, half));
    let train = unit(&first(&super::data(config, Split::Train)?, config.evaluate.parzen));
    let mut estimate = |key: &str, samples: &Tensor| -> Result<String> {
        let sigma = parzen::best_sigma(&choose, samples, &parzen::sigmas())?;
        let each = parzen::log_likelihood(&report, samples, sigma)?;
        let (mean, error) =
            (each.mean(Kind::Double).double_value(&[]), each.std(true).double_value(&[]) / (half as f64).sqrt());
        table.metrics.insert(key.into(), json!(mean));
        table.metrics.insert(format!("{key} error"), json!(error));
        Ok(format!("{mean:.1} ± {error:.1} ($\\sigma$ = {sigma:.2})"))
    };
    let ours = estimate("parzen", &unit(&trained.sample(config.seed, config.evaluate.parzen)))?;
    let real = estimate("parzen/real", &train)?;
    table.markdown += &format!("\n| Parzen log-likelihood, nats | {ours} | {real} |");
    table.markdown += &format!(
        "\n\nParzen windows on {} samples, and on {} training pictures; {half} held-out pictures choose the width, {half} \
         others are measured. The estimate's variance is high and it does badly in high dimensions, as the paper itself \
         says; copies of training pictures do well by it. The paper's 225 ± 2 is of 10,000 samples and the whole MNIST.",
        config.evaluate.parzen,
        train.size()[0]
    );
    Ok(())
}
