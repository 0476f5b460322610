//! Generated pictures against real ones of the same set, seen through its scorer.

use anyhow::{Context, Result, bail};
use easel_core::{Noise, weights};
use easel_data::Split;
use easel_metrics::Summary;
use easel_metrics::frechet::{Gaussian, frechet_distance};
use easel_metrics::manifold::{Manifold, precision_recall_density_coverage};
use ndarray::{Array2, ArrayView2, Axis};
use tch::{Device, Tensor};

use super::SHIPPED;
use super::contrast::Scorer;
use super::pairs::Pairs;
use crate::tensors::all_images;

/// Neighbours of precision and recall (Kynkaanniemi et al. 2019).
const NEIGHBOURS: usize = 3;

/// A scorer, and what real pictures look like to it: half of them as reference, the other half as the floor of a metric.
#[derive(Debug)]
pub struct Judge {
    /// The scorer.
    pub scorer: Scorer,
    /// The different captions of held-out pictures.
    pub captions: Vec<String>,
    reference: Array2<f64>,
    others: Array2<f64>,
    gaussian: Gaussian,
}

/// The judge of a data set, by the shipped scorer.
pub fn shipped(data: &str, device: Device) -> Result<Judge> {
    let Some((_, bytes)) = SHIPPED.iter().find(|(name, _)| *name == data) else {
        let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        bail!("no scorer of `{data}` is shipped; there are: {}", known.join(", "));
    };
    let weights = weights::parse(format!("scorer-{data}.safetensors (built in)"), bytes)?;
    Judge::new(Scorer::load(&weights, device)?)
}

impl Judge {
    /// Looks at all real pictures of the scorer's set.
    pub fn new(scorer: Scorer) -> Result<Self> {
        let (train, test) = (Pairs::open(scorer.name(), Split::Train)?, Pairs::open(scorer.name(), Split::Test)?);
        let all = scorer.features(&Tensor::cat(&[all_images(&train.data), all_images(&test.data)], 0))?;
        let order = Noise::new(0).purpose("scorer/halves").permutation(0, all.nrows());
        let (a, b) = order.split_at(order.len() / 2);
        let reference = all.select(Axis(0), a);
        let gaussian = Gaussian::fit(reference.view()).context("real pictures")?;
        Ok(Self { captions: test.keys(), others: all.select(Axis(0), b), reference, gaussian, scorer })
    }

    /// `fd-NAME` of features `[N, 64]`.
    pub fn distance(&self, features: ArrayView2<f64>) -> Result<f64> {
        Ok(frechet_distance(&Gaussian::fit(features)?, &self.gaussian)?)
    }

    /// `fd-NAME` of pictures; see [`Scorer::features`].
    pub fn fd(&self, images: &Tensor) -> Result<f64> {
        self.distance(self.scorer.features(images)?.view())
    }

    /// Features of `count` other real pictures, or of as many as there are: the floor of every metric.
    pub fn real(&self, count: usize) -> ArrayView2<'_, f64> {
        self.others.view().split_at(Axis(0), count.min(self.others.nrows())).0
    }

    /// Precision and recall of features `[N, 64]` against as many real ones.
    pub fn manifold(&self, features: ArrayView2<f64>) -> Result<Manifold> {
        let count = features.nrows().min(self.reference.nrows());
        let first = |all: ArrayView2<f64>| all.split_at(Axis(0), count).0.to_owned();
        let (real, drawn) = (first(self.reference.view()), first(features));
        Ok(precision_recall_density_coverage(real.view(), drawn.view(), NEIGHBOURS)?)
    }

    /// R-precision of pictures of held-out captions; see [`Scorer::r_precision`].
    pub fn r_precision(&self, images: &Tensor, captions: &[String], seed: u64) -> Result<Summary> {
        self.scorer.r_precision(images, captions, &self.captions, seed)
    }
}
