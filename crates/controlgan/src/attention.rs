//! Attention of a picture's features to the words of its caption.
//!
//! Masks are broadcast over the pairs of words and places. Both released implementations repeat the mask in one order and
//! lay the scores out in another, so that captions of different lengths get each other's masks.

use tch::Tensor;

/// What attention gives: the attended features and the weights behind them.
#[derive(Debug)]
pub struct Attended {
    /// Features, shaped like the map that asked.
    pub features: Tensor,
    /// Weights that sum to 1 over the words: `[B, queries, L]`.
    pub weights: Tensor,
}

/// Softmax over `axis`, in which entries where `mask` (bool, broadcast) is false get weight 0.
///
/// Every slice needs one entry at least; a slice without any is NaN.
pub fn masked_softmax(scores: &Tensor, mask: &Tensor, axis: i64) -> Tensor {
    scores.masked_fill(&mask.logical_not(), f64::NEG_INFINITY).softmax(axis, scores.kind())
}

// excerpt: spatial
/// Word-level spatial attention (Xu et al. 2018, eq. 10): each place p of `v` `[B, C, H, W]` takes
/// $c_p = \sum_j \beta_{p,j} e'_j$ with $\beta_{p,\cdot} = \mathrm{softmax}_j(v_p^\top e'_j)$ over the words
/// `projected` $e' = Uw$ `[B, C, L]` whose `mask` (bool `[B, L]`) is true.
///
/// Gives `[B, C, H, W]` and $\beta$ `[B, HW, L]`.
pub fn spatial(v: &Tensor, projected: &Tensor, mask: &Tensor) -> Attended {
    let places = v.flatten(2, -1).transpose(1, 2); // [B, HW, C]
    let weights = masked_softmax(&places.matmul(projected), &mask.unsqueeze(1), -1);
    let features = projected.matmul(&weights.transpose(1, 2)).view_as(v);
    Attended { features, weights }
}
// end excerpt

// excerpt: channel
/// Channel-wise attention (Li et al. 2019, section 3.2): with $\tilde w = Fw$ `[B, HW, L]`, channel i of `v`
/// `[B, C, H, W]` takes $f_i = \sum_j \alpha_{ij} \tilde w_j$ with
/// $\alpha_{i\cdot} = \mathrm{softmax}_j(\mathrm{scale}\, v_i^\top \tilde w_j)$ over the words whose `mask` (bool `[B, L]`) is
/// true. The paper's scale is 1.
///
/// Gives `[B, C, H, W]` and $\alpha$ `[B, C, L]`.
pub fn channel(v: &Tensor, perceived: &Tensor, mask: &Tensor, scale: f64) -> Attended {
    let scores = v.flatten(2, -1).matmul(perceived) * scale;
    let weights = masked_softmax(&scores, &mask.unsqueeze(1), -1);
    let features = weights.matmul(&perceived.transpose(1, 2)).view_as(v);
    Attended { features, weights }
}
// end excerpt

/// Word-level self-attention (Nam et al. 2018; released code of Li et al. 2019):
/// $\gamma = \mathrm{softmax}_i(\bar w^\top w_i)$, `[B, L]`, with $\bar w$ the mean of the words `[B, D, L]` that `mask` (bool
/// `[B, L]`) keeps.
pub fn word_importance(words: &Tensor, mask: &Tensor) -> Tensor {
    let kept = mask.to_kind(words.kind()).unsqueeze(1);
    let mean = (words * &kept).sum_dim_intlist([-1i64].as_slice(), true, words.kind())
        / kept.sum_dim_intlist([-1i64].as_slice(), true, words.kind());
    masked_softmax(&mean.transpose(1, 2).matmul(words).squeeze_dim(1), mask, -1)
}

/// Cosine of vectors along `axis`, which falls away; 0 where a vector is 0.
pub fn cosine(a: &Tensor, b: &Tensor, axis: i64) -> Tensor {
    let norm = |x: &Tensor| x.square().sum_dim_intlist([axis].as_slice(), false, x.kind()).clamp_min(1e-16).sqrt();
    (a * b).sum_dim_intlist([axis].as_slice(), false, a.kind()) / (norm(a) * norm(b))
}
