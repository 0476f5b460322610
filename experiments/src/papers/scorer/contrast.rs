//! A trained scorer in use.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use easel_core::tensor::to_array;
use easel_core::weights::Weights;
use easel_metrics::Summary;
use easel_metrics::retrieval::caption_r_precision;
use easel_nn::Params;
use easel_text::Vocabulary;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad};

use super::config::TowerConfig;
use super::model::{Towers, prepared};

/// Captions among which a picture's own must rank first (Xu et al. 2018, section 4).
pub const CANDIDATES: usize = 100;
/// Pictures or captions in one pass.
const BATCH: i64 = 250;
/// Key of the sizes in the metadata of a weight file.
const KEY: &str = "scorer";

/// What is stored beside the weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The data set.
    pub name: String,
    /// Sizes of the towers.
    pub towers: TowerConfig,
    /// Longest caption in words.
    pub max_words: usize,
    /// Styles that are told apart; 0 for none.
    pub styles: i64,
}

/// Tells how well pictures and captions match.
#[derive(Debug)]
pub struct Scorer {
    pub(super) shape: Shape,
    pub(super) towers: Towers,
    pub(super) vocabulary: Vocabulary,
    pub(super) device: Device,
}

impl Scorer {
    /// The scorer in a weight file: exactly its parameters.
    pub fn load(weights: &Weights, device: Device) -> Result<Self> {
        let stored = weights.metadata.get(KEY);
        let stored = stored.with_context(|| format!("{} holds no scorer", weights.path.display()))?;
        let shape: Shape = toml::from_str(stored).with_context(|| format!("{}", weights.path.display()))?;
        let vocabulary = Vocabulary::from_metadata(weights)?;
        let params = Params::zeros(device);
        let towers = Towers::new(&params.root(), shape.towers, vocabulary.len() as i64, shape.styles)?;
        params.load(weights)?;
        Ok(Self { shape, towers, vocabulary, device })
    }

    /// What to store beside the weights, for [`Scorer::load`].
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let shape = toml::to_string(&self.shape).expect("plain values");
        BTreeMap::from([(KEY.to_owned(), shape), self.vocabulary.metadata()])
    }

    /// Name of the data set.
    pub fn name(&self) -> &str {
        &self.shape.name
    }

    /// Features f64 `[N, 64]` of pictures `[N, 3, S, S]` (see [`prepared`]), for distances.
    pub fn features(&self, images: &Tensor) -> Result<Array2<f64>> {
        Ok(to_array("features", &self.feature_tensor(images)?.to_kind(Kind::Double))?)
    }

    fn feature_tensor(&self, images: &Tensor) -> Result<Tensor> {
        no_grad(|| {
            let parts = images.split(BATCH, 0);
            let parts: Vec<Tensor> = parts
                .iter()
                .map(|part| Ok(self.towers.features(&prepared(&part.to_device(self.device))?)))
                .collect::<Result<_>>()?;
            Ok(Tensor::cat(&parts, 0))
        })
    }

    /// Cosine of every picture with every caption, f64 `[N, M]`.
    pub fn score(&self, images: &Tensor, captions: &[String]) -> Result<Array2<f64>> {
        ensure!(!captions.is_empty(), "no caption to score");
        let features = self.feature_tensor(images)?;
        no_grad(|| {
            let texts: Vec<Tensor> = captions
                .chunks(BATCH as usize)
                .map(|part| {
                    let tokens = self.vocabulary.encode_batch(part, self.shape.max_words).to_device(self.device);
                    Ok(self.towers.captions(&tokens)?)
                })
                .collect::<Result<_>>()?;
            let cosines = self.towers.pictures(&features).matmul(&Tensor::cat(&texts, 0).tr());
            Ok(to_array("cosines", &cosines.to_kind(Kind::Double))?)
        })
    }

    /// Whether the own caption of each picture ranks first among [`CANDIDATES`] different ones of `pool`, which holds it;
    /// the others are drawn anew for each picture from `seed`.
    pub fn r_precision(&self, images: &Tensor, captions: &[String], pool: &[String], seed: u64) -> Result<Summary> {
        let own = captions.iter().map(|caption| {
            pool.iter().position(|c| c == caption).with_context(|| format!("\"{caption}\" is not among the candidates"))
        });
        let own: Vec<usize> = own.collect::<Result<_>>()?;
        let scores = self.score(images, pool)?;
        let mut rng = easel_core::Noise::new(seed).purpose("scorer/candidates").rng(0, 0);
        Ok(Summary::of(&caption_r_precision(scores.view(), &own, CANDIDATES, &mut rng)?)?)
    }

    /// Log-probabilities f64 `[N, styles]` of the art styles, where the set has styles.
    pub fn styles(&self, images: &Tensor) -> Result<Option<Array2<f64>>> {
        let features = self.feature_tensor(images)?;
        let log_p = no_grad(|| self.towers.styles(&features));
        Ok(log_p.map(|p| to_array("styles", &p.to_kind(Kind::Double))).transpose()?)
    }
}
