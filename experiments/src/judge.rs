//! Generated pictures against real ones, seen through a classifier.

use anyhow::Result;
use easel_core::Noise;
use easel_data::{Dataset, Split, digits::digits};
use easel_metrics::classes::{ClassCoverage, argmax, class_coverage, confident_share};
use easel_metrics::extractor::{Extracted, FeatureExtractor};
use easel_metrics::frechet::{Gaussian, frechet_distance};
use easel_metrics::kid::kernel_distance;
use easel_metrics::manifold::{Manifold, precision_recall_density_coverage};
use easel_metrics::score::inception_score;
use ndarray::Axis;
use serde_json::{Map, json};
use tch::{Device, Tensor};

use crate::experiment::Evaluation;
use crate::papers::classifier::shipped_extractor;
use crate::tensors::all_images;

/// Neighbours of the precision and recall estimates.
pub const NEIGHBOURS: usize = 5;
/// Blocks of the kernel distance's error.
const KID_BLOCKS: usize = 10;
/// Fewer pictures than two a block leave the kernel distance undefined.
pub const FEWEST_SAMPLES: usize = 2 * KID_BLOCKS;

/// Probability above which the classifier counts a picture as recognised.
pub const CONFIDENT: f64 = 0.9;

/// What real pictures look like to a classifier: half of them as reference, the other half as the floor of a metric.
#[derive(Debug)]
pub struct Judge {
    /// The classifier.
    pub extractor: FeatureExtractor,
    /// Features of the reference half.
    pub reference: Extracted,
    /// Features of the other half.
    pub others: Extracted,
    /// Share of each class.
    pub shares: Vec<f64>,
    gaussian: Gaussian,
}

/// The given rows.
pub fn rows(all: &Extracted, indices: &[usize]) -> Extracted {
    Extracted {
        features: all.features.select(Axis(0), indices),
        log_probabilities: all.log_probabilities.select(Axis(0), indices),
    }
}

impl Judge {
    /// Looks at all real digits through the shipped classifier.
    pub fn new(device: Device) -> Result<Self> {
        Self::of(shipped_extractor(device)?, &digits(Split::Train)?, &digits(Split::Test)?)
    }

    /// Looks at all pictures of both splits through `extractor`.
    pub fn of(extractor: FeatureExtractor, train: &Dataset, test: &Dataset) -> Result<Self> {
        let real = extractor.extract(&Tensor::cat(&[all_images(train), all_images(test)], 0))?;
        let labels: Vec<i64> = [train, test].iter().flat_map(|d| d.labels().unwrap_or_default().to_vec()).collect();
        let order = Noise::new(0).purpose("evaluate/halves").permutation(0, labels.len());
        let (a, b) = order.split_at(order.len() / 2);
        let count = |c: usize| labels.iter().filter(|&&l| l == c as i64).count() as f64;
        let shares = (0..train.classes().len()).map(|c| count(c) / labels.len() as f64).collect();
        let reference = rows(&real, a);
        let gaussian = Gaussian::fit(reference.features.view())?;
        Ok(Self { extractor, others: rows(&real, b), reference, shares, gaussian })
    }

    /// `fd-digits` (or what the classifier names it) of extracted pictures.
    pub fn distance(&self, pictures: &Extracted) -> Result<f64> {
        Ok(frechet_distance(&Gaussian::fit(pictures.features.view())?, &self.gaussian)?)
    }

    /// `fd-digits` of pictures f32 `[N, 1, 28, 28]`.
    pub fn fd(&self, images: &Tensor) -> Result<f64> {
        self.distance(&self.extractor.extract(images)?)
    }

    /// `fd-digits` of `count` real pictures.
    pub fn floor(&self, count: usize) -> Result<f64> {
        let count = count.min(self.others.features.nrows());
        self.distance(&rows(&self.others, &(0..count).collect::<Vec<_>>()))
    }

    /// Share of pictures that the classifier recognises with more than 0.9 confidence.
    pub fn recognised(&self, pictures: &Extracted) -> Result<f64> {
        Ok(confident_share(pictures.log_probabilities.view(), CONFIDENT)?)
    }

    /// Shares of the classes among pictures, against those of real ones.
    pub fn classes(&self, pictures: &Extracted) -> Result<ClassCoverage> {
        Ok(class_coverage(&argmax(pictures.log_probabilities.view())?, &self.shares)?)
    }

    /// Precision, recall, density and coverage against as many real pictures, on the features.
    pub fn manifold(&self, pictures: &Extracted) -> Result<Manifold> {
        let count = pictures.features.nrows().min(self.reference.features.nrows());
        let base = self.reference.features.view().split_at(Axis(0), count).0;
        Ok(precision_recall_density_coverage(base, pictures.features.view(), NEIGHBOURS)?)
    }

    /// Everything that the classifier can say of generated `images` f32 `[N, 1, H, W]`, beside the same for real pictures:
    /// the metrics, and a table whose first line says that they were `made` so.
    pub fn table(&self, images: &Tensor, made: &str) -> Result<Evaluation> {
        let n = (images.size()[0] as usize).min(self.others.features.nrows());
        let fake = self.extractor.extract(&images.narrow(0, 0, n as i64))?;
        let floor = rows(&self.others, &(0..n).collect::<Vec<_>>());
        let name = |metric: &str| self.extractor.name(metric);
        let mut metrics = Map::new();
        let mut lines = vec![
            format!(
                "{n} generated pictures ({made}) against {} real ones; the floor is {n} other real pictures against \
                 the same.\n",
                self.reference.features.nrows()
            ),
            "| metric | model | real against real |".into(),
            "|---|---|---|".into(),
        ];
        let mut put = |key: &str, model: f64, real: f64| {
            metrics.insert(key.to_string(), json!(model));
            metrics.insert(format!("{key}/real"), json!(real));
            lines.push(format!("| {key} | {model:.4} | {real:.4} |"));
        };
        let (fd, fd_floor) = (self.distance(&fake)?, self.distance(&floor)?);
        put(&name("fd"), fd, fd_floor);
        put(&format!("{}/floor", name("fd")), fd / fd_floor, 1.0);
        let reference = self.reference.features.view();
        let kid = |e: &Extracted| -> Result<f64> {
            Ok(1e3 * kernel_distance(e.features.view(), reference, KID_BLOCKS)?.value)
        };
        put(&format!("{} x 1000", name("kid")), kid(&fake)?, kid(&floor)?);
        let score = |e: &Extracted| inception_score(e.log_probabilities.view());
        put(&name("score"), score(&fake)?, score(&floor)?);
        put("recognised", self.recognised(&fake)?, self.recognised(&floor)?);
        let smallest = |e: &Extracted| -> Result<f64> { Ok(self.classes(e)?.smallest_ratio) };
        put("smallest class share", smallest(&fake)?, smallest(&floor)?);
        let (m, r) = (self.manifold(&fake)?, self.manifold(&floor)?);
        put("precision", m.precision, r.precision);
        put("recall", m.recall, r.recall);
        put("density", m.density, r.density);
        put("coverage", m.coverage, r.coverage);
        Ok(Evaluation { metrics, markdown: lines.join("\n") })
    }
}
