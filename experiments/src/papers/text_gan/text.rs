//! Captions to the vectors that the networks read.

use anyhow::{Context, Result, bail};
use easel_core::weights::Weights;
use easel_data::fetch::{Cache, source};
use easel_nn::Params;
use easel_text::MiniLm;
use tch::{Device, Kind, Tensor, no_grad};
use text_gan::TextEncoder;

/// Captions in one pass.
const BATCH: usize = 256;
/// Key of a weight file's metadata that says which frozen encoder was used.
const FROZEN: &str = "frozen_encoder";

/// A frozen text encoder.
#[derive(Debug)]
pub enum Text {
    /// Trained here.
    Trained(TextEncoder),
    /// MiniLM.
    MiniLm(Box<MiniLm>),
}

impl Text {
    /// MiniLM from the cache.
    pub fn minilm(device: Device) -> Result<Self> {
        let folder = Cache::of_user()?.folder(source("minilm").context("text = \"minilm\"")?);
        if !folder.join("model.safetensors").exists() {
            bail!("text = \"minilm\": its weights are not here; fetch them with `easel data fetch minilm`");
        }
        Ok(Self::MiniLm(Box::new(MiniLm::load(&folder, device)?)))
    }

    /// The encoder that a weight file is of.
    pub fn from_weights(weights: &Weights, device: Device) -> Result<Self> {
        if weights.metadata.contains_key(FROZEN) {
            return Self::minilm(device);
        }
        let params = Params::zeros(device);
        let encoder = TextEncoder::from_metadata(&params.root(), weights)?;
        params.load(weights)?;
        Ok(Self::Trained(encoder))
    }

    /// What a weight file of it must say; a frozen encoder's file holds nothing else.
    pub fn metadata(&self) -> std::collections::BTreeMap<String, String> {
        match self {
            Self::Trained(encoder) => encoder.metadata(),
            Self::MiniLm(_) => [(FROZEN.to_string(), "minilm".to_string())].into(),
        }
    }

    /// Vectors f32 `[N, T]` of captions, without gradients, each scaled to a mean square of 1.
    ///
    /// The scale is not the paper's: encoders differ in the length of their vectors, and the networks start from weights
    /// that expect entries about as large as the noise's.
    pub fn encode(&self, captions: &[impl AsRef<str>]) -> Result<Tensor> {
        let encode = |part: &[_]| -> Result<Tensor> {
            Ok(match self {
                Self::Trained(encoder) => no_grad(|| encoder.encode(part))?,
                Self::MiniLm(encoder) => encoder.sentences(part)?,
            })
        };
        let parts: Vec<Tensor> = captions.chunks(BATCH).map(encode).collect::<Result<_>>()?;
        let vectors = Tensor::cat(&parts, 0);
        let scale = vectors.square().mean_dim([1i64].as_slice(), true, Kind::Float).sqrt().clamp_min(1e-6);
        Ok(vectors / scale)
    }
}
