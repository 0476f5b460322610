//! The losses of the two players, on the logit a of D = sigmoid(a).
//!
//! All are written with $\log\sigma$, so that they and their gradients stay finite at any logit. Each function gives one
//! value an entry; a mean over the batch is the paper's expectation.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// What the two players minimise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// Eq. 1 as it stands: G minimises $\log(1-D(G(z)))$, whose gradient vanishes while D rejects all fakes.
    Saturating {},
    /// G minimises $-\log D(G(z))$ (Goodfellow et al. 2014, section 3): the same fixed point, a gradient where it is needed.
    NonSaturating {},
    /// [`Loss::NonSaturating`] with the target `alpha` in place of 1 for real pictures, and 0 for fakes (Salimans et al. 2016).
    Smoothed {
        /// Target of real pictures, in (0.5, 1].
        alpha: f64,
    },
    /// Squares of the output itself, $\tfrac12(a-1)^2$ and $\tfrac12a^2$ (Mao et al. 2017, arXiv:1611.04076).
    LeastSquares {},
    /// $\max(0,1-a)$ and $\max(0,1+a)$, G minimises $-a$ (Lim and Ye 2017, arXiv:1705.02894).
    Hinge {},
}

// excerpt: logits
/// $-\log D=\log(1+e^{-a})$ of every logit.
pub fn minus_log_d(logits: &Tensor) -> Tensor {
    -logits.log_sigmoid()
}

/// $-\log(1-D)=\log(1+e^{a})$ of every logit.
pub fn minus_log_one_minus_d(logits: &Tensor) -> Tensor {
    minus_log_d(&-logits)
}
// end excerpt

impl Loss {
    /// Checks the range of `alpha`; the text says what is allowed.
    pub fn validate(self) -> Result<(), String> {
        match self {
            Self::Smoothed { alpha } if !(alpha > 0.5 && alpha <= 1.0) => {
                Err(format!("alpha = {alpha}: above 0.5 and at most 1"))
            }
            _ => Ok(()),
        }
    }

    /// D's loss on logits of real pictures, entry by entry.
    pub fn real(self, logits: &Tensor) -> Tensor {
        match self {
            Self::Saturating {} | Self::NonSaturating {} => minus_log_d(logits),
            Self::Smoothed { alpha } => minus_log_d(logits) * alpha + minus_log_one_minus_d(logits) * (1.0 - alpha),
            Self::LeastSquares {} => (logits - 1.0).square() * 0.5,
            Self::Hinge {} => (-logits + 1.0).relu(),
        }
    }

    /// D's loss on logits of fakes, entry by entry.
    pub fn fake(self, logits: &Tensor) -> Tensor {
        match self {
            Self::LeastSquares {} => logits.square() * 0.5,
            Self::Hinge {} => (logits + 1.0).relu(),
            _ => minus_log_one_minus_d(logits),
        }
    }

    /// D's loss: the sum (not half of it) of the means over real pictures and over fakes, a scalar. Logits of any shapes.
    pub fn discriminator(self, real: &Tensor, fake: &Tensor) -> Tensor {
        self.real(real).mean(Kind::Float) + self.fake(fake).mean(Kind::Float)
    }

    // excerpt: generator-loss
    /// G's loss on logits of its fakes, entry by entry.
    pub fn generator(self, fake: &Tensor) -> Tensor {
        match self {
            Self::Saturating {} => -minus_log_one_minus_d(fake),
            Self::NonSaturating {} | Self::Smoothed { .. } => minus_log_d(fake),
            Self::LeastSquares {} => (fake - 1.0).square() * 0.5,
            Self::Hinge {} => -fake,
        }
    }
    // end excerpt

    /// D's belief in [0, 1] that a picture is real: the sigmoid, for least squares the output itself, clamped.
    pub fn belief(self, logits: &Tensor) -> Tensor {
        match self {
            Self::LeastSquares {} => logits.clamp(0.0, 1.0),
            _ => logits.sigmoid(),
        }
    }
}
