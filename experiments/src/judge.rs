//! Generated digits against real ones, seen through the shipped classifier.

use anyhow::Result;
use easel_core::Noise;
use easel_data::{Split, digits::digits};
use easel_metrics::classes::confident_share;
use easel_metrics::extractor::{Extracted, FeatureExtractor};
use easel_metrics::frechet::{Gaussian, frechet_distance};
use ndarray::Axis;
use tch::{Device, Tensor};

use crate::papers::classifier::shipped_extractor;
use crate::tensors::all_images;

/// Probability above which the classifier counts a picture as recognised.
pub const CONFIDENT: f64 = 0.9;

/// What real digits look like to the classifier: half of them as reference, the other half as the floor of a metric.
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
    /// Looks at all real digits.
    pub fn new(device: Device) -> Result<Self> {
        let extractor = shipped_extractor(device)?;
        let (train, test) = (digits(Split::Train)?, digits(Split::Test)?);
        let real = extractor.extract(&Tensor::cat(&[all_images(&train), all_images(&test)], 0))?;
        let labels: Vec<i64> = [&train, &test].iter().flat_map(|d| d.labels().unwrap_or_default().to_vec()).collect();
        let order = Noise::new(0).purpose("evaluate/halves").permutation(0, labels.len());
        let (a, b) = order.split_at(order.len() / 2);
        let count = |c: usize| labels.iter().filter(|&&l| l == c as i64).count() as f64;
        let shares = (0..train.classes().len()).map(|c| count(c) / labels.len() as f64).collect();
        let reference = rows(&real, a);
        let gaussian = Gaussian::fit(reference.features.view())?;
        Ok(Self { extractor, others: rows(&real, b), reference, shares, gaussian })
    }

    /// `fd-digits` of extracted pictures.
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
}
