//! Captions to the vectors that the networks read.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use easel_core::weights::Weights;
use easel_nn::Params;
use easel_text::MiniLm;
use tch::{Device, Kind, Tensor, no_grad};
use text_gan::TextEncoder;

use crate::papers::fetched;

/// Captions in one pass.
const BATCH: usize = 256;
/// Key of a weight file's metadata that says which frozen encoder was used.
const FROZEN: &str = "frozen_encoder";

/// Root mean square of the captions' vectors: well below that of the noise, which G ignores where captions are as loud.
const LOUDNESS: f64 = 0.2;
/// Name of the stored mean vector.
const MEAN: &str = "captions.mean";

/// A frozen text encoder with the mean vector of the captions that were learnt from.
#[derive(Debug)]
pub struct Text {
    encoder: Encoder,
    mean: Tensor, // [T]
}

#[derive(Debug)]
enum Encoder {
    /// Trained here.
    Trained(TextEncoder),
    /// MiniLM.
    MiniLm(Box<MiniLm>),
}

impl Encoder {
    fn minilm(device: Device) -> Result<Self> {
        let folder = fetched("minilm", "text = \"minilm\"")?;
        Ok(Self::MiniLm(Box::new(MiniLm::load(&folder, device)?)))
    }

    fn from_weights(weights: &Weights, device: Device) -> Result<Self> {
        if weights.metadata.contains_key(FROZEN) {
            return Self::minilm(device);
        }
        let params = Params::zeros(device);
        let encoder = TextEncoder::from_metadata(&params.root(), weights)?;
        params.load(weights)?;
        Ok(Self::Trained(encoder))
    }

    /// Vectors f32 `[N, T]` of captions, without gradients, each scaled to a mean square of 1.
    fn unit(&self, captions: &[impl AsRef<str>]) -> Result<Tensor> {
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

impl Text {
    /// Completes the weight file of an encoder (of MiniLM: no tensors and [`minilm_metadata`]) by the mean of these captions.
    pub fn complete(mut weights: Weights, captions: &[impl AsRef<str>], device: Device) -> Result<Weights> {
        let mean = Encoder::from_weights(&weights, device)?.unit(captions)?;
        let mean = mean.mean_dim([0i64].as_slice(), false, Kind::Float);
        weights.tensors.insert(MEAN.into(), mean);
        Ok(weights)
    }

    /// The encoder that a weight file of [`Text::complete`] is of.
    pub fn from_weights(mut weights: Weights, device: Device) -> Result<Self> {
        let Some(mean) = weights.tensors.remove(MEAN) else {
            bail!("{}: the tensor `{MEAN}` is missing", weights.path.display());
        };
        Ok(Self {
            encoder: Encoder::from_weights(&weights, device)?,
            mean: mean.to_device(device).to_kind(Kind::Float),
        })
    }

    /// Vectors f32 `[N, T]` of captions, without gradients: less the mean vector, and of root mean square [`LOUDNESS`] on average.
    ///
    /// Neither is the paper's. Encoders differ in the length of their vectors, and the networks start from weights that
    /// expect entries about as large as the noise's; captions of one template share most of their vector, so that without
    /// the subtraction the words that differ are a small part of what the networks read.
    pub fn encode(&self, captions: &[impl AsRef<str>]) -> Result<Tensor> {
        let spread = 1.0 - self.mean.square().mean(Kind::Float).double_value(&[]);
        Ok((self.encoder.unit(captions)? - &self.mean) * (LOUDNESS / spread.sqrt().max(1e-3)))
    }
}

/// What stands in place of weights where MiniLM reads the captions.
pub fn minilm_metadata() -> BTreeMap<String, String> {
    [(FROZEN.to_string(), "minilm".to_string())].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_nn::InitScheme;
    use easel_text::Vocabulary;
    use text_gan::EncoderKind;

    fn encoder(captions: &[&str]) -> Weights {
        let params = Params::new(Device::Cpu, 1, InitScheme::Public);
        let vocabulary = Vocabulary::from_captions(captions, 1);
        let encoder = TextEncoder::new(&params.root(), EncoderKind::Words, vocabulary, 8, 16).expect("valid");
        let tensors = params.named().into_iter().map(|(name, t)| (name, t.detach().copy())).collect();
        Weights { path: "text".into(), tensors, metadata: encoder.metadata() }
    }

    #[test]
    fn vectors_are_centred_and_quiet() {
        let captions = ["a red circle", "a blue circle", "a red star", "a large blue star"];
        let whole = Text::complete(encoder(&captions), &captions, Device::Cpu).expect("completed");
        let text = Text::from_weights(whole, Device::Cpu).expect("whole");
        let vectors = text.encode(&captions).expect("encoded");
        let mean = vectors.mean_dim([0i64].as_slice(), false, Kind::Float);
        assert!(mean.abs().max().double_value(&[]) < 1e-5);
        let loudness = vectors.square().mean(Kind::Float).sqrt().double_value(&[]);
        assert!((loudness / LOUDNESS - 1.0).abs() < 1e-3, "{loudness}");
        // A caption's vector does not depend on the others that are read with it.
        let alone = text.encode(&captions[2..3]).expect("encoded");
        assert!((vectors.narrow(0, 2, 1) - alone).abs().max().double_value(&[]) < 1e-5);
    }

    #[test]
    fn an_encoder_without_its_mean_is_refused_by_name() {
        let error = Text::from_weights(encoder(&["a star"]), Device::Cpu).expect_err("incomplete").to_string();
        assert!(error.contains(MEAN), "{error}");
    }
}
