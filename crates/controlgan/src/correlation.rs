//! The word-level discriminator's score: how well each word of a caption is found in a picture (Li et al. 2019, section 3.3).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::attention::{cosine, word_importance};
use crate::damsm;

/// How the scores of the words become one of the caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorreMode {
    /// $\sum_i r_i$, as printed. It lies in $[0.27 L, 0.73 L]$, so that $\ln(1 - L_{corre})$ does not exist for a caption of
    /// four words or more, and the self-attention $\gamma$ has no effect on it: it is for study, not for training.
    PaperSum,
    /// $\sum_i \gamma_i r_i$: a mean, in (0, 1), with the self-attention as weights.
    Weighted,
    /// $\prod_i r_i^{\gamma_i}$ (Nam et al. 2018, TAGAN, from which the self-attention comes).
    Product,
    /// The released code's $\sigma(\ln \sum_i e^{\gamma_2 \cos(c_i, w_i)})$ with the attention of DAMSM, whose gradient the
    /// code cuts: it is logged, and teaches nobody.
    OfficialCode,
}

/// A caption held against a picture.
#[derive(Debug)]
pub struct Correlation {
    /// Weights of the regions for each word, $\beta$ `[B, L, M]`, which sum to 1 over regions.
    pub regions: Tensor,
    /// Self-attention of the words, $\gamma$ `[B, L]`.
    pub importance: Tensor,
    /// Correlation of each word with the picture, $r$ `[B, L]`, in (0, 1).
    pub words: Tensor,
    mask: Tensor,
}

// excerpt: correlate
/// Correlates `words` $w$ `[B, D, L]` (those that `mask`, bool `[B, L]`, keeps) with a picture's perceived regions
/// $\tilde n$ `[B, D, M]`.
///
/// $\beta_{ij} = \mathrm{softmax}_j(w_i^\top \tilde n_j)$, $b = \tilde n \beta^\top$, $r_i = \sigma(t \cos(\gamma_i b_i, w_i))$.
/// The paper has t = 1, which keeps r between 0.27 and 0.73; a larger `temperature` t widens the range.
pub fn correlate(words: &Tensor, perceived: &Tensor, mask: &Tensor, temperature: f64) -> Correlation {
    let regions = words.transpose(1, 2).matmul(perceived).softmax(-1, words.kind());
    let found = perceived.matmul(&regions.transpose(1, 2)); // b, [B, D, L]
    let importance = word_importance(words, mask);
    let weighted = found * importance.unsqueeze(1);
    let r = (cosine(&weighted, words, 1) * temperature).sigmoid();
    Correlation { regions, importance, words: r, mask: mask.shallow_clone() }
}
// end excerpt

impl Correlation {
    /// $L_{corre}$ of each caption, `[B]`.
    ///
    /// # Panics
    /// For [`CorreMode::OfficialCode`], which is another function: [`official_score`].
    pub fn score(&self, mode: CorreMode) -> Tensor {
        let kind = self.words.kind();
        let total = |terms: Tensor| terms.sum_dim_intlist([-1i64].as_slice(), false, kind);
        match mode {
            CorreMode::PaperSum => total(&self.words * self.mask.to_kind(kind)),
            CorreMode::Weighted => total(&self.words * &self.importance),
            CorreMode::Product => total(self.words.log() * &self.importance).exp(),
            CorreMode::OfficialCode => panic!("the released code's score has an attention of its own: official_score"),
        }
    }
}

/// The released code's score of each caption, `[B]` in (0, 1): $\sigma(R)$ with R of [`damsm::relevance`], on the regions
/// `[B, D, M]` of a picture.
pub fn official_score(words: &Tensor, regions: &Tensor, mask: &Tensor, gamma1: f64, gamma2: f64) -> Tensor {
    damsm::relevance(&damsm::attend(words, regions, mask, gamma1).contexts, words, mask, gamma2).sigmoid()
}
