//! Words in context: a bidirectional LSTM (Schuster and Paliwal 1997; Xu et al. 2018, section 3.1).
//!
//! The backward direction starts at each caption's own last word, as with packed sequences: words are reversed within
//! their length, read by a second forward LSTM, and reversed back. Padding then comes last in both directions, where
//! nothing follows that it could influence, and both passes run in libtorch's fused kernel for unpacked sequences.
//! libtorch's packed sequences give the same numbers; `benches/text.rs` times both.

use easel_nn::layers::Embedding;
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::TextError;
use crate::tokens::Tokens;

/// Sizes of a [`BiLstm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiLstmConfig {
    /// Ids of the vocabulary.
    pub vocabulary: i64,
    /// Width of a word's embedding.
    pub embedding: i64,
    /// Width H of the state of each direction.
    pub hidden: i64,
}

/// Words in context and whole captions.
#[derive(Debug)]
pub struct Encoded {
    /// Forward and backward state at each word, `[B, L, 2H]`; 0 at padding.
    pub words: Tensor,
    /// Last forward and first backward state, `[B, 2H]`.
    pub sentence: Tensor,
}

/// One direction of a layer: weights of input and state, and their biases.
type Direction = [Tensor; 4];

/// Embedding and one bidirectional LSTM layer.
///
/// Names and layout are those of PyTorch's `Embedding` and `LSTM`: `embedding.weight` `[V, E]`, `lstm.weight_ih_l0`
/// `[4H, E]`, `lstm.weight_hh_l0` `[4H, H]`, `lstm.bias_ih_l0`, `lstm.bias_hh_l0` `[4H]`, and with the ending `_reverse`.
#[derive(Debug)]
pub struct BiLstm {
    config: BiLstmConfig,
    embedding: Embedding,
    forward: Direction,
    backward: Direction,
}

impl BiLstm {
    /// Declares the weights.
    ///
    /// # Errors
    /// A size below 1, or a name that is taken.
    pub fn new(path: &Path, config: BiLstmConfig) -> Result<Self, TextError> {
        let BiLstmConfig { vocabulary, embedding, hidden } = config;
        for (key, value) in [("vocabulary", vocabulary), ("embedding", embedding), ("hidden", hidden)] {
            if value < 1 {
                return Err(TextError::Config { key, value, expected: "at least 1" });
            }
        }
        let lstm = path.sub("lstm");
        let direction = |ending: &str| -> Result<Direction, NnError> {
            let bias = Role::Bias { fan_in: hidden };
            Ok([
                lstm.declare(&format!("weight_ih_l0{ending}"), &[4 * hidden, embedding], Role::Weight)?,
                lstm.declare(&format!("weight_hh_l0{ending}"), &[4 * hidden, hidden], Role::Weight)?,
                lstm.declare(&format!("bias_ih_l0{ending}"), &[4 * hidden], bias)?,
                lstm.declare(&format!("bias_hh_l0{ending}"), &[4 * hidden], bias)?,
            ])
        };
        Ok(Self {
            config,
            embedding: Embedding::new(&path.sub("embedding"), vocabulary, embedding)?,
            forward: direction("")?,
            backward: direction("_reverse")?,
        })
    }

    /// Its sizes.
    pub fn config(&self) -> BiLstmConfig {
        self.config
    }

    /// Encodes captions on the device of the weights.
    ///
    /// # Errors
    /// Ids beyond the vocabulary, or libtorch's refusal.
    pub fn forward(&self, tokens: &Tokens) -> Result<Encoded, TextError> {
        let x = self.embedding.forward("tokens", &tokens.ids)?; // [B, L, E]
        let mask = tokens.mask.unsqueeze(-1);
        let order = reversal(&tokens.lengths, x.size()[1]).to_device(x.device());
        let ahead = self.states(&x, &self.forward)? * &mask; // [B, L, H]
        let reversed = self.states(&take(&x, &order), &self.backward)?;
        let back = take(&reversed, &order) * &mask;

        let last = (Tensor::from_slice(&tokens.lengths) - 1).to_device(x.device()).unsqueeze(1);
        let sentence = Tensor::cat(&[take(&ahead, &last).squeeze_dim(1), back.select(1, 0)], -1);
        Ok(Encoded { words: Tensor::cat(&[ahead, back], -1), sentence })
    }

    /// States `[B, L, H]` of one direction over `x` `[B, L, E]`, from a zero state.
    fn states(&self, x: &Tensor, weights: &Direction) -> Result<Tensor, TextError> {
        let zero = Tensor::zeros([1, x.size()[0], self.config.hidden], (x.kind(), x.device()));
        let [w_ih, w_hh, b_ih, b_hh] = weights;
        let (states, _, _) = x
            .f_lstm(&[&zero, &zero], &[w_ih, w_hh, b_ih, b_hh], true, 1, 0.0, false, false, true)
            .map_err(TextError::torch("the LSTM"))?;
        Ok(states)
    }
}

/// Places i64 `[B, L]` that reverse each row within its length and leave padding where it is; its own inverse.
fn reversal(lengths: &[i64], longest: i64) -> Tensor {
    let place = |length: i64, k: i64| if k < length { length - 1 - k } else { k };
    let places: Vec<i64> = lengths.iter().flat_map(|&n| (0..longest).map(move |k| place(n, k))).collect();
    Tensor::from_slice(&places).reshape([lengths.len() as i64, longest])
}

/// Rows of `x` `[B, L, D]` at `places` `[B, K]`: `[B, K, D]`.
fn take(x: &Tensor, places: &Tensor) -> Tensor {
    x.gather(1, &places.unsqueeze(-1).expand([-1, -1, x.size()[2]], false), false)
}
