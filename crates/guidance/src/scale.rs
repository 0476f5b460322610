//! The scale of classifier-free guidance in its two conventions.
//!
//! | | unconditional | conditional | used by |
//! |---|---|---|---|
//! | w | -1 | 0 | Ho and Salimans 2022, eq. 6; latent consistency models |
//! | s = 1 + w | 0 | 1 | GLIDE, Imagen, Stable Diffusion and its libraries |

use serde::{Deserialize, Serialize};

/// How far to go from the unconditional output through the conditional one.
///
/// In a configuration `{ w = 3.0 }` or `{ s = 4.0 }`, so that the convention is always named; written back as s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub struct GuidanceScale {
    s: f64,
}

impl GuidanceScale {
    /// The conditional output as it is: w = 0, s = 1.
    pub const CONDITIONAL: Self = Self { s: 1.0 };

    /// The scale of $(1+w)\,\epsilon_y - w\,\epsilon_\varnothing$ (Ho and Salimans 2022, eq. 6).
    pub const fn from_w(w: f64) -> Self {
        Self { s: 1.0 + w }
    }

    /// The scale of $\epsilon_\varnothing + s\,(\epsilon_y-\epsilon_\varnothing)$ (Nichol et al. 2022, arXiv:2112.10741,
    /// section 2.3).
    pub const fn from_s(s: f64) -> Self {
        Self { s }
    }

    /// w, 0 for the conditional output.
    pub const fn w(self) -> f64 {
        self.s - 1.0
    }

    /// s, 1 for the conditional output.
    pub const fn s(self) -> f64 {
        self.s
    }
}

/// A scale with the name of its convention.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    W(f64),
    S(f64),
}

impl TryFrom<Named> for GuidanceScale {
    type Error = String;

    fn try_from(named: Named) -> Result<Self, String> {
        let scale = match named {
            Named::W(w) => Self::from_w(w),
            Named::S(s) => Self::from_s(s),
        };
        if scale.s.is_finite() { Ok(scale) } else { Err(format!("a guidance scale must be finite, got {}", scale.s)) }
    }
}

impl From<GuidanceScale> for Named {
    fn from(scale: GuidanceScale) -> Self {
        Self::S(scale.s)
    }
}
