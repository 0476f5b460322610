//! What a network predicts, and the conversions between predictions.
//!
//! Every prediction is affine in x_t and x_0, so a conversion is a pair of scalars, [`Affine`], that apply alike to
//! numbers, arrays and tensors. They depend on $\bar\alpha_t$ and, for the mean alone, on $\bar\alpha_s$ of the step's
//! target (s = t - 1, or the previous kept time of a respaced chain); continuous-time schedules can use them too.
//! Where a conversion does not exist ($\hat x_0$ from epsilon at $\bar\alpha_t = 0$) its scalars are not finite.

use serde::{Deserialize, Serialize};

/// What the network's output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameterisation {
    /// $\epsilon$ of $x_t=\sqrt{\bar\alpha_t}x_0+\sqrt{1-\bar\alpha_t}\epsilon$ (Ho et al. 2020, eq. 11).
    Epsilon,
    /// $x_0$.
    X0,
    /// $v=\sqrt{\bar\alpha_t}\epsilon-\sqrt{1-\bar\alpha_t}x_0$ (Salimans and Ho 2022, section 4).
    V,
    /// $\tilde\mu_t(x_t, x_0)$, the mean of the previous x (Ho et al. 2020, eq. 8).
    Mean,
    /// $\nabla\ln q(x_t|x_0) = -\epsilon/\sqrt{1-\bar\alpha_t}$ (Song et al. 2021, arXiv:2011.13456).
    Score,
}

/// The map (x_t, other) -> `x_t` x_t + `other` other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Coefficient of x_t.
    pub x_t: f64,
    /// Coefficient of the other argument: the network's output, or x_0.
    pub other: f64,
}

impl Affine {
    /// The value of the map on scalars.
    pub fn apply(self, x_t: f64, other: f64) -> f64 {
        self.x_t * x_t + self.other * other
    }
}

impl Parameterisation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Epsilon, Self::X0, Self::V, Self::Mean, Self::Score];

    /// $\hat x_0$ from x_t and the output at $\bar\alpha_t$; `alpha_bar_prev` ($\bar\alpha_s$) matters for the mean only.
    pub fn to_x0(self, alpha_bar: f64, alpha_bar_prev: f64) -> Affine {
        let (signal, noise) = levels(alpha_bar);
        match self {
            Self::Epsilon => Affine { x_t: 1.0 / signal, other: -noise / signal },
            Self::X0 => Affine { x_t: 0.0, other: 1.0 },
            Self::V => Affine { x_t: signal, other: -noise },
            Self::Mean => {
                let mean = self.from_x0(alpha_bar, alpha_bar_prev);
                Affine { x_t: -mean.x_t / mean.other, other: 1.0 / mean.other }
            }
            Self::Score => Affine { x_t: 1.0 / signal, other: noise * noise / signal },
        }
    }

    /// $\hat\epsilon$ from x_t and the output; arguments as for [`Self::to_x0`].
    pub fn to_epsilon(self, alpha_bar: f64, alpha_bar_prev: f64) -> Affine {
        let (signal, noise) = levels(alpha_bar);
        match self {
            Self::Epsilon => Affine { x_t: 0.0, other: 1.0 },
            Self::X0 => Affine { x_t: 1.0 / noise, other: -signal / noise },
            Self::V => Affine { x_t: noise, other: signal },
            Self::Mean => {
                let x0 = self.to_x0(alpha_bar, alpha_bar_prev);
                Affine { x_t: (1.0 - signal * x0.x_t) / noise, other: -signal / noise * x0.other }
            }
            Self::Score => Affine { x_t: 0.0, other: -noise },
        }
    }

    /// The output, or training target, from x_t and x_0; arguments as for [`Self::to_x0`].
    pub fn from_x0(self, alpha_bar: f64, alpha_bar_prev: f64) -> Affine {
        let (signal, noise) = levels(alpha_bar);
        match self {
            Self::Epsilon => Affine { x_t: 1.0 / noise, other: -signal / noise },
            Self::X0 => Affine { x_t: 0.0, other: 1.0 },
            Self::V => Affine { x_t: signal / noise, other: -1.0 / noise },
            Self::Mean => {
                let step = alpha_bar / alpha_bar_prev;
                Affine {
                    x_t: step.sqrt() * (1.0 - alpha_bar_prev) / (1.0 - alpha_bar),
                    other: alpha_bar_prev.sqrt() * (1.0 - step) / (1.0 - alpha_bar),
                }
            }
            Self::Score => Affine { x_t: -1.0 / (noise * noise), other: signal / (noise * noise) },
        }
    }

    /// The output in parameterisation `to` from x_t and the output in `self`; arguments as for [`Self::to_x0`].
    pub fn convert(self, to: Self, alpha_bar: f64, alpha_bar_prev: f64) -> Affine {
        let (signal, noise) = levels(alpha_bar);
        let (x0, epsilon) = (self.to_x0(alpha_bar, alpha_bar_prev), self.to_epsilon(alpha_bar, alpha_bar_prev));
        match to {
            _ if to == self => Affine { x_t: 0.0, other: 1.0 },
            Self::Epsilon => epsilon,
            Self::X0 => x0,
            Self::V => {
                Affine { x_t: signal * epsilon.x_t - noise * x0.x_t, other: signal * epsilon.other - noise * x0.other }
            }
            Self::Mean => {
                let mean = to.from_x0(alpha_bar, alpha_bar_prev);
                Affine { x_t: mean.x_t + mean.other * x0.x_t, other: mean.other * x0.other }
            }
            Self::Score => Affine { x_t: -epsilon.x_t / noise, other: -epsilon.other / noise },
        }
    }

    /// w in $\|\text{output}-\widehat{\text{output}}\|^2 = w\,\|x_0-\hat x_0\|^2$ at equal x_t: the signal-to-noise
    /// ratio for epsilon, that plus 1 for v; arguments as for [`Self::to_x0`].
    ///
    /// Source: Salimans and Ho 2022, section 4.
    pub fn loss_in_x0(self, alpha_bar: f64, alpha_bar_prev: f64) -> f64 {
        self.from_x0(alpha_bar, alpha_bar_prev).other.powi(2)
    }
}

/// $(\sqrt{\bar\alpha}, \sqrt{1-\bar\alpha})$.
fn levels(alpha_bar: f64) -> (f64, f64) {
    (alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt())
}
