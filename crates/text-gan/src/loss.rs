//! The objectives, on logits; all are minimised.
//!
//! Algorithm 1 of the paper prints $D\leftarrow D-\alpha\,\partial\mathcal L_D/\partial D$ for a quantity that is to be
//! maximised; here it is $-\mathcal L_D$ that goes down.

use gan::Loss;
use tch::{Kind, Tensor};

/// $-\log D$ and $-\log(1-D)$, and the non-saturating loss of G.
const LOSS: Loss = Loss::NonSaturating {};

/// Weight of the wrong and of the fake pairs in GAN-CLS: together they weigh as much as the real ones.
pub const HALF: f64 = 0.5;

/// $-\mathcal L_D=-\log s_r-\tfrac12(\log(1-s_w)+\log(1-s_f))$ of probabilities in (0, 1) (Algorithm 1).
pub fn matching_aware(real: f64, wrong: f64, fake: f64) -> f64 {
    -real.ln() - HALF * ((1.0 - wrong).ln() + (1.0 - fake).ln())
}

// excerpt: matching-aware
/// D's loss, a scalar, from the logits of real, wrong and fake pairs, `[B]` each.
///
/// Without wrong pairs it is the ordinary loss, with weight 1 on the fakes (GAN); with them it is Algorithm 1's (GAN-CLS).
pub fn discriminator_loss(real: &Tensor, wrong: Option<&Tensor>, fake: &Tensor) -> Tensor {
    let Some(wrong) = wrong else { return LOSS.discriminator(real, fake) };
    let mean = |x: Tensor| x.mean(x.kind());
    mean(LOSS.real(real)) + (mean(LOSS.fake(wrong)) + mean(LOSS.fake(fake))) * HALF
}
// end excerpt

/// G's loss, a scalar, from the logits of its pictures: the first `batch` for real texts, any others for interpolated
/// ones, which count `weight` times (eq. 5, in the non-saturating form).
///
/// The mean is over all of them, as in the released code: with a weight of 0 the loss is that of the first `batch` times
/// B / 1.5 B.
pub fn generator_loss(fake: &Tensor, batch: i64, weight: f64) -> Tensor {
    let losses = LOSS.generator(fake);
    let all = fake.size()[0];
    let kind = losses.kind();
    let sum = losses.narrow(0, 0, batch).sum(kind) + losses.narrow(0, batch, all - batch).sum(kind) * weight;
    sum / all as f64
}

// excerpt: style
/// $\frac1B\sum\|z-S(\hat x)\|^2$ (eq. 6), a scalar, of noise and what the style encoder makes of the picture, `[B, Z]` each.
pub fn style_loss(z: &Tensor, style: &Tensor) -> Tensor {
    (z - style).square().sum_dim_intlist(1, false, Kind::Float).mean(Kind::Float)
}
// end excerpt

// excerpt: hinge
/// The structured joint embedding's loss (eqs. 2 to 4 with the hinge of the released code), a scalar, of the inner products
/// `[K, K]` of K pictures (rows) with the texts of K different classes (columns), matching ones on the diagonal.
///
/// Both directions: $\frac1{K^2}\sum_i\sum_{j\ne i}[1+s_{ij}-s_{ii}]_++[1+s_{ji}-s_{ii}]_+$.
pub fn structured_hinge(scores: &Tensor) -> Tensor {
    let classes = scores.size()[0];
    let own = scores.diagonal(0, 0, 1);
    let others = 1.0 - Tensor::eye(classes, (scores.kind(), scores.device()));
    let violations = |own: Tensor| ((scores - own + 1.0).relu() * &others).sum(scores.kind());
    (violations(own.unsqueeze(1)) + violations(own.unsqueeze(0))) / (classes * classes) as f64
}
// end excerpt
