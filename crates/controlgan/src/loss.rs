//! The objectives of generator and discriminators.

use gan::loss::{minus_log_d, minus_log_one_minus_d};
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Which weights the adversarial terms have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdversarialForm {
    /// As printed: a half everywhere, no mismatched captions.
    Paper,
    /// The released code: D also rejects real pictures under captions of others; halves and thirds for D, ones for G.
    Code,
}

/// A discriminator's logits, each `[B]` (`wrong` may have fewer).
#[derive(Debug)]
pub struct Judged {
    /// Real pictures.
    pub real: Tensor,
    /// Real pictures with their captions.
    pub real_caption: Tensor,
    /// Generated pictures.
    pub fake: Tensor,
    /// Generated pictures with their captions.
    pub fake_caption: Tensor,
    /// Real pictures with captions of others.
    pub wrong_caption: Tensor,
}

/// A discriminator's adversarial loss, a scalar. At D = 1/2 everywhere both forms give 2 ln 2.
pub fn discriminator(judged: &Judged, form: AdversarialForm) -> Tensor {
    let mean = |t: Tensor| t.mean(t.kind());
    let real = mean(minus_log_d(&judged.real)) + mean(minus_log_d(&judged.real_caption));
    let fake = mean(minus_log_one_minus_d(&judged.fake)) + mean(minus_log_one_minus_d(&judged.fake_caption));
    match form {
        AdversarialForm::Paper => (real + fake) * 0.5,
        AdversarialForm::Code => real * 0.5 + (fake + mean(minus_log_one_minus_d(&judged.wrong_caption))) * (1.0 / 3.0),
    }
}

/// The generator's adversarial loss in one stage, a scalar, on logits of its pictures without and with captions. At D = 1/2 the
/// paper's form gives ln 2, the code's twice that.
pub fn generator(fake: &Tensor, fake_caption: &Tensor, form: AdversarialForm) -> Tensor {
    let sum = minus_log_d(fake).mean(fake.kind()) + minus_log_d(fake_caption).mean(fake.kind());
    match form {
        AdversarialForm::Paper => sum * 0.5,
        AdversarialForm::Code => sum,
    }
}

/// $-\ln x$ for a target of 1 and $-\ln(1 - x)$ for 0, the mean over scores x in (0, 1).
pub fn cross_entropy(score: &Tensor, target: bool) -> Tensor {
    let x = if target { score.shallow_clone() } else { 1.0 - score };
    -x.clamp_min(1e-12).log().mean(score.kind())
}
