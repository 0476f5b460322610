//! all-MiniLM-L6-v2, a published sentence encoder: BERT (Devlin et al. 2019, arXiv:1810.04805) of 6 layers, distilled
//! (Wang et al. 2020, arXiv:2002.10957), tuned on sentence pairs (Reimers and Gurevych 2019, arXiv:1908.10084).
//!
//! A folder holds `model.safetensors` (public key names) and `tokenizer.json`. Nothing is trained here.

use std::path::Path as FilePath;

use easel_core::weights;
use easel_nn::layers::{Activation, Embedding, Linear};
use easel_nn::params::Role;
use easel_nn::{NnError, Params, Path};
use tch::{Device, Kind, Tensor, no_grad};
use tokenizers::Tokenizer;
use tokenizers::utils::truncation::TruncationParams;

use crate::error::TextError;
use crate::tokens::Tokens;

/// Width of a token's state and of a sentence's vector.
pub const WIDTH: i64 = 384;
const LAYERS: usize = 6;
const HEADS: i64 = 12;
const INNER: i64 = 1536;
const VOCABULARY: i64 = 30_522;
const POSITIONS: i64 = 512;
const SEGMENTS: i64 = 2;
const EPS: f64 = 1e-12;
/// Pieces of a sentence that are read, as published.
const MAX_PIECES: usize = 256;
/// A constant that the public file holds beside the weights.
const POSITION_IDS: &str = "embeddings.position_ids";
/// Sentences in one pass.
const BATCH: usize = 64;

/// Normalisation over the last axis with a gain and an offset (Ba et al. 2016, arXiv:1607.06450).
#[derive(Debug)]
struct LayerNorm {
    weight: Tensor, // [WIDTH]
    bias: Tensor,   // [WIDTH]
}

impl LayerNorm {
    fn new(path: &Path) -> Result<Self, NnError> {
        Ok(Self {
            weight: path.declare("weight", &[WIDTH], Role::Gain)?,
            bias: path.declare("bias", &[WIDTH], Role::Offset)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.layer_norm(WIDTH, Some(&self.weight), Some(&self.bias), EPS, true)
    }
}

/// A transformer layer, normalised behind each residual sum.
#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attention_norm: LayerNorm,
    expand: Linear,
    reduce: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    fn new(path: &Path) -> Result<Self, NnError> {
        let linear = |name: &str, inputs, outputs| Linear::new(&path.sub(name), inputs, outputs);
        Ok(Self {
            query: linear("attention.self.query", WIDTH, WIDTH)?,
            key: linear("attention.self.key", WIDTH, WIDTH)?,
            value: linear("attention.self.value", WIDTH, WIDTH)?,
            attended: linear("attention.output.dense", WIDTH, WIDTH)?,
            attention_norm: LayerNorm::new(&path.sub("attention.output.LayerNorm"))?,
            expand: linear("intermediate.dense", WIDTH, INNER)?,
            reduce: linear("output.dense", INNER, WIDTH)?,
            output_norm: LayerNorm::new(&path.sub("output.LayerNorm"))?,
        })
    }

    /// `x` `[B, L, 384]`; `bias` `[B, 1, 1, L]` is 0 for tokens and minus infinity for padding.
    fn forward(&self, x: &Tensor, bias: &Tensor) -> Tensor {
        let (b, l) = (x.size()[0], x.size()[1]);
        let heads = |map: &Linear| map.forward(x).reshape([b, l, HEADS, WIDTH / HEADS]).transpose(1, 2);
        let scores = heads(&self.query).matmul(&heads(&self.key).transpose(2, 3)) / ((WIDTH / HEADS) as f64).sqrt();
        let mixed = (scores + bias).softmax(-1, Kind::Float).matmul(&heads(&self.value));
        let mixed = mixed.transpose(1, 2).reshape([b, l, WIDTH]);
        let x = self.attention_norm.forward(&(x + self.attended.forward(&mixed)));
        let inner = Activation::Gelu.forward(&self.expand.forward(&x));
        self.output_norm.forward(&(&x + self.reduce.forward(&inner)))
    }
}

/// The encoder in use.
#[derive(Debug)]
pub struct MiniLm {
    tokenizer: Tokenizer,
    words: Embedding,
    positions: Embedding,
    segments: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
    device: Device,
}

impl MiniLm {
    /// Loads the encoder from a folder: exactly the published keys and shapes.
    ///
    /// # Errors
    /// A file that is missing or wrong; all differing keys are listed.
    pub fn load(folder: &FilePath, device: Device) -> Result<Self, TextError> {
        let path = folder.join("tokenizer.json");
        let mut tokenizer = Tokenizer::from_file(&path)
            .map_err(|e| TextError::Stored { what: path.display().to_string(), message: e.to_string() })?;
        // The file pads every text to 128 pieces; here the longest of a batch decides, and 256 are read, as published.
        tokenizer.with_padding(None);
        let truncation = TruncationParams { max_length: MAX_PIECES, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(TextError::tokenizer)?;
        if tokenizer.get_vocab_size(true) != VOCABULARY as usize {
            let message = format!("{} pieces, expected {VOCABULARY}", tokenizer.get_vocab_size(true));
            return Err(TextError::Stored { what: path.display().to_string(), message });
        }

        let params = Params::zeros(device);
        let model = Self::build(&params.root(), tokenizer)?;
        let mut file = weights::read(&folder.join("model.safetensors"))?;
        if let Some(ids) = file.tensors.remove(POSITION_IDS) {
            check_position_ids(&file.path, &ids)?;
        }
        params.load(&file)?;
        Ok(model)
    }

    /// Number of scalars in all parameters, the unused pooler included.
    ///
    /// # Errors
    /// None in practice: the names are fixed.
    pub fn parameters() -> Result<i64, TextError> {
        let params = Params::counting();
        Self::build(&params.root(), Tokenizer::new(tokenizers::models::wordpiece::WordPiece::default()))?;
        Ok(params.count())
    }

    fn build(root: &Path, tokenizer: Tokenizer) -> Result<Self, TextError> {
        let embeddings = root.sub("embeddings");
        let table = |name: &str, rows| Embedding::new(&embeddings.sub(name), rows, WIDTH);
        let model = Self {
            tokenizer,
            words: table("word_embeddings", VOCABULARY)?,
            positions: table("position_embeddings", POSITIONS)?,
            segments: table("token_type_embeddings", SEGMENTS)?,
            norm: LayerNorm::new(&embeddings.sub("LayerNorm"))?,
            layers: (0..LAYERS)
                .map(|i| Layer::new(&root.sub(format!("encoder.layer.{i}"))))
                .collect::<Result<_, _>>()?,
            device: root.device(),
        };
        // The head of BERT's own pre-training: in the file, not in the sentence vectors.
        Linear::new(&root.sub("pooler.dense"), WIDTH, WIDTH)?;
        Ok(model)
    }

    /// Sentences as WordPiece ids (Wu et al. 2016) with the marks `[CLS]` and `[SEP]`, at most 256.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    pub fn tokens(&self, sentences: &[impl AsRef<str>]) -> Result<Tokens, TextError> {
        let row = |sentence: &str| {
            let encoding = self.tokenizer.encode_fast(sentence, true).map_err(TextError::tokenizer)?;
            Ok(encoding.get_ids().iter().map(|&id| i64::from(id)).collect())
        };
        let rows: Vec<Vec<i64>> = sentences.iter().map(|s| row(s.as_ref())).collect::<Result<_, TextError>>()?;
        Ok(Tokens::new(&rows, 0))
    }

    /// States of all tokens in context, f32 `[B, L, 384]`, without gradients; those at padding mean nothing.
    ///
    /// # Errors
    /// Ids beyond the vocabulary.
    pub fn states(&self, tokens: &Tokens) -> Result<Tensor, TextError> {
        let tokens = tokens.to_device(self.device);
        no_grad(|| {
            let length = tokens.ids.size()[1];
            let places = Tensor::arange(length, (Kind::Int64, self.device));
            let mut x = self.words.forward("tokens", &tokens.ids)?
                + self.positions.forward("positions", &places)?
                + self.segments.forward("segments", &places.zeros_like())?;
            x = self.norm.forward(&x);
            let bias = Tensor::zeros_like(&tokens.mask).to_kind(Kind::Float);
            let bias = bias.masked_fill(&tokens.mask.logical_not(), f64::NEG_INFINITY).unsqueeze(1).unsqueeze(1);
            for layer in &self.layers {
                x = layer.forward(&x, &bias);
            }
            Ok(x)
        })
    }

    /// Sentence vectors f32 `[B, 384]` of length 1: the mean of the token states, normalised.
    ///
    /// # Errors
    /// [`TextError::Empty`] without sentences; [`TextError::Tokenizer`].
    pub fn sentences(&self, sentences: &[impl AsRef<str>]) -> Result<Tensor, TextError> {
        if sentences.is_empty() {
            return Err(TextError::Empty { what: "a batch of sentences" });
        }
        let encode = |batch: &[_]| {
            let tokens = self.tokens(batch)?;
            let states = self.states(&tokens)?;
            let mask = tokens.mask.to_device(self.device).to_kind(Kind::Float).unsqueeze(-1);
            let mean =
                (states * &mask).sum_dim_intlist(1, false, Kind::Float) / mask.sum_dim_intlist(1, false, Kind::Float);
            let norm = mean.square().sum_dim_intlist(-1, true, Kind::Float).sqrt();
            Ok::<_, TextError>(mean / norm)
        };
        let parts: Vec<Tensor> = sentences.chunks(BATCH).map(encode).collect::<Result<_, _>>()?;
        Ok(Tensor::cat(&parts, 0))
    }
}

fn check_position_ids(path: &FilePath, ids: &Tensor) -> Result<(), TextError> {
    let expected = Tensor::arange(POSITIONS, (Kind::Int64, Device::Cpu)).unsqueeze(0);
    if ids.kind() == Kind::Int64 && ids.size() == expected.size() && *ids == expected {
        return Ok(());
    }
    let message = format!("{:?} {:?}, expected i64 [1, {POSITIONS}] counting from 0", ids.kind(), ids.size());
    Err(TextError::Stored { what: format!("{}: \"{POSITION_IDS}\"", path.display()), message })
}
