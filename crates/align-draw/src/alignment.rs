//! Soft alignment of the words with a step of the generator (Bahdanau, Cho, Bengio 2015, arXiv:1409.0473, as in AlignDRAW).
//!
//! $e^t_k = v^\top\tanh(U h^{lang}_k + W h^{gen}_{t-1} + b)$, $\alpha^t = \mathrm{softmax}_k(e^t)$,
//! $s_t = \sum_k \alpha^t_k h^{lang}_k$. $U h^{lang}_k + b$ does not change from step to step and is computed once.

use easel_nn::layers::Linear;
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use easel_text::Tokens;
use tch::{Kind, Tensor};

/// The weights of the alignment.
#[derive(Debug)]
pub struct Alignment {
    keys: Linear,  // U, b
    query: Tensor, // W [alignment, hidden]
    score: Tensor, // v [1, alignment]
}

/// The words of a batch of captions, ready to be weighed.
#[derive(Debug)]
pub struct Words {
    /// $h^{lang}$ `[B, K, language]`.
    pub states: Tensor,
    /// $U h^{lang} + b$ `[B, K, alignment]`.
    keys: Tensor,
    /// True `[B, K]` beyond the end of a caption, where captions differ in length.
    beyond: Option<Tensor>,
}

impl Alignment {
    /// Declares the weights for word vectors of width `language` and a generative state of width `hidden`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, language: i64, hidden: i64, alignment: i64) -> Result<Self, NnError> {
        Ok(Self {
            keys: Linear::new(&path.sub("keys"), language, alignment)?,
            query: path.declare("query", &[alignment, hidden], Role::Weight)?,
            score: path.declare("score", &[1, alignment], Role::Weight)?,
        })
    }

    /// What all steps of one pass share, from the vectors `[B, K, language]` of the words of `captions`.
    pub fn words(&self, states: Tensor, captions: &Tokens) -> Words {
        let padded = captions.lengths.iter().any(|&length| length < states.size()[1]);
        let beyond = padded.then(|| captions.mask.logical_not());
        Words { keys: self.keys.forward(&states), states, beyond }
    }

    // excerpt: alignment
    /// $s_t$ `[B, language]` and $\alpha^t$ `[B, K]` at the previous generative state `[B, hidden]`.
    pub fn forward(&self, words: &Words, hidden: &Tensor) -> (Tensor, Tensor) {
        let query = hidden.linear(&self.query, None::<Tensor>).unsqueeze(1);
        let scores = (&words.keys + query).tanh().linear(&self.score, None::<Tensor>).squeeze_dim(-1);
        let weights = words.masked(scores, f64::NEG_INFINITY).softmax(-1, None::<Kind>);
        (words.weighed(&weights), weights)
    }
    // end excerpt
}

impl Words {
    /// The same weight for every word of a caption: $s$ `[B, language]` and $\alpha$ `[B, K]`.
    pub fn mean(&self) -> (Tensor, Tensor) {
        let ones = self.masked(self.states.select(2, 0).ones_like(), 0.0);
        let weights = &ones / ones.sum_dim_intlist(-1, true, None::<Kind>);
        (self.weighed(&weights), weights)
    }

    fn masked(&self, values: Tensor, beyond: f64) -> Tensor {
        match &self.beyond {
            Some(mask) => values.masked_fill(mask, beyond),
            None => values,
        }
    }

    fn weighed(&self, weights: &Tensor) -> Tensor {
        weights.unsqueeze(1).bmm(&self.states).squeeze_dim(1)
    }
}
