//! A gradient penalty for discriminators with a condition; of later work than the papers of this crate.

use tch::Tensor;

// excerpt: penalty
/// The matching-aware gradient penalty, $\mathbb E\,\|\nabla_{(x,h)}a(x,h)\|^6$ of real pictures with their texts, a scalar, where
/// $D=\sigma(a)$ (Tao et al. 2022, arXiv:2008.05865, with the joint gradient of the released code).
///
/// `scores` are the logits `[B]` of the `pictures` `[B, C, H, W]` with the `texts` `[B, T]`, both of which require gradients;
/// each score depends on its own pair alone. D becomes flat around real pairs and nowhere else, so that what is near them is worth
/// nearly as much, and the way there goes up.
pub fn gradient_penalty(scores: &Tensor, pictures: &Tensor, texts: &Tensor) -> Tensor {
    let gradients = Tensor::run_backward(&[scores.sum(scores.kind())], &[pictures, texts], true, true);
    let square = |g: &Tensor| g.flatten(1, -1).square().sum_dim_intlist(1, false, g.kind());
    (square(&gradients[0]) + square(&gradients[1])).pow_tensor_scalar(3).mean(scores.kind())
}
// end excerpt
