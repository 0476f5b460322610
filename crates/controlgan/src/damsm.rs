//! The deep attentional multimodal similarity model (Xu et al. 2018, section 3.2): how well a caption and a picture fit.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::attention::{cosine, masked_softmax};

/// The three inverse temperatures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gammas {
    /// $\gamma_1$: how sharply a word looks at regions.
    pub regions: f64,
    /// $\gamma_2$: how much the best word counts. The released code has no $1/\gamma_2$ in R, so that $\gamma_2\gamma_3$ is the
    /// temperature of the word-level softmax.
    pub words: f64,
    /// $\gamma_3$: of the softmax over the batch.
    pub batch: f64,
}

impl Default for Gammas {
    /// The released configurations: 4, 5, 10.
    fn default() -> Self {
        Self { regions: 4.0, words: 5.0, batch: 10.0 }
    }
}

/// What the words of captions see in pictures.
#[derive(Debug)]
pub struct Seen {
    /// Weights of the regions, `[.., L, M]`.
    pub weights: Tensor,
    /// Region contexts $c_i$, `[.., D, L]`.
    pub contexts: Tensor,
}

// excerpt: damsm
/// Region contexts (eqs. 7 to 9) of words e `[.., D, L]` in regions v `[.., D, M]`; leading axes broadcast.
///
/// $s_{ij} = e_i^\top v_j$ is normalised over the words that `mask` (bool `[.., L]`) keeps, then, times `gamma1`, over the
/// regions. A weight is at most $e^{\gamma_1}/(e^{\gamma_1} + M - 1)$.
pub fn attend(words: &Tensor, regions: &Tensor, mask: &Tensor, gamma1: f64) -> Seen {
    let scores = words.transpose(-2, -1).matmul(regions); // [.., L, M]
    let over_words = masked_softmax(&scores, &mask.unsqueeze(-1), -2);
    let weights = (over_words * gamma1).softmax(-1, scores.kind());
    let contexts = regions.matmul(&weights.transpose(-2, -1));
    Seen { weights, contexts }
}

/// $R = \ln \sum_i \exp(\gamma_2 \cos(c_i, e_i))$ (eq. 10, without the published exponent $1/\gamma_2$, as in the released
/// code), `[..]`, over the words that `mask` keeps.
pub fn relevance(contexts: &Tensor, words: &Tensor, mask: &Tensor, gamma2: f64) -> Tensor {
    let cosines = cosine(contexts, words, -2) * gamma2;
    cosines.masked_fill(&mask.logical_not(), f64::NEG_INFINITY).logsumexp([-1i64].as_slice(), false)
}
// end excerpt

/// R of every picture with every caption, `[pictures, captions]`: words `[captions, D, L]`, regions `[pictures, D, M]`.
pub fn relevances(words: &Tensor, regions: &Tensor, mask: &Tensor, gammas: Gammas) -> Tensor {
    let (words, regions, mask) = (words.unsqueeze(0), regions.unsqueeze(1), mask.unsqueeze(0));
    let contexts = attend(&words, &regions, &mask, gammas.regions).contexts;
    relevance(&contexts, &words, &mask, gammas.words)
}

/// Cosines of every picture's global feature `[pictures, D]` with every sentence `[captions, D]`.
pub fn sentence_cosines(global: &Tensor, sentences: &Tensor) -> Tensor {
    cosine(&global.unsqueeze(1), &sentences.unsqueeze(0), -1)
}

/// The four cross entropies (eqs. 11 to 13), each a scalar.
#[derive(Debug)]
pub struct DamsmLoss {
    /// The word level: caption given picture, picture given caption.
    pub words: [Tensor; 2],
    /// The sentence level: likewise.
    pub sentences: [Tensor; 2],
}

impl DamsmLoss {
    /// Their sum, $\mathcal L_{DAMSM}$.
    pub fn total(&self) -> Tensor {
        let [a, b] = &self.words;
        let [c, d] = &self.sentences;
        a + b + c + d
    }
}

/// Cross entropies of scores `[B, B]`, pictures in rows, whose diagonal is right; where `same` (bool `[B, B]`) is true off the
/// diagonal, a caption tells of that picture too and is no negative.
pub fn contrast(scores: &Tensor, same: &Tensor) -> [Tensor; 2] {
    let b = scores.size()[0];
    let options = (Kind::Int64, scores.device());
    let own = Tensor::eye(b, (Kind::Bool, scores.device()));
    let scores = scores.masked_fill(&same.logical_and(&own.logical_not()), f64::NEG_INFINITY);
    let target = Tensor::arange(b, options);
    let entropy = |scores: &Tensor| scores.log_softmax(-1, scores.kind()).nll_loss(&target);
    [entropy(&scores), entropy(&scores.tr())]
}

/// $\mathcal L_{DAMSM}$ of a batch: words `[B, D, L]` with `mask` bool `[B, L]`, sentences `[B, D]`, regions `[B, D, M]` and
/// global features `[B, D]` of the pictures, `same` as in [`contrast`].
pub fn loss(
    (words, sentences, mask): (&Tensor, &Tensor, &Tensor),
    (regions, global): (&Tensor, &Tensor),
    same: &Tensor,
    gammas: Gammas,
) -> DamsmLoss {
    DamsmLoss {
        words: contrast(&(relevances(words, regions, mask, gammas) * gammas.batch), same),
        sentences: contrast(&(sentence_cosines(global, sentences) * gammas.batch), same),
    }
}
