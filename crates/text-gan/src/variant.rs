//! The four variants of the paper: one code path, two switches.

use serde::{Deserialize, Serialize};

/// Which terms the objectives have (section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The plain conditional GAN: real and fake pairs.
    Gan,
    /// A third kind of pair, real pictures with wrong texts (section 4.2, Algorithm 1).
    Cls,
    /// Interpolated texts for the generator (section 4.3, eq. 5).
    Int,
    /// Both.
    IntCls,
}

impl Variant {
    /// All four, in the paper's order.
    pub const ALL: [Self; 4] = [Self::Gan, Self::Cls, Self::Int, Self::IntCls];

    /// Whether the discriminator sees wrong pairs.
    pub fn matching_aware(self) -> bool {
        matches!(self, Self::Cls | Self::IntCls)
    }

    /// Whether the generator sees midpoints of texts.
    pub fn interpolates(self) -> bool {
        matches!(self, Self::Int | Self::IntCls)
    }

    /// The paper's name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gan => "GAN",
            Self::Cls => "GAN-CLS",
            Self::Int => "GAN-INT",
            Self::IntCls => "GAN-INT-CLS",
        }
    }

    /// The name in configurations and files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Gan => "gan",
            Self::Cls => "cls",
            Self::Int => "int",
            Self::IntCls => "int-cls",
        }
    }

    /// Texts that the generator sees in a step with a batch of `batch`: B or 3B/2.
    pub fn generated(self, batch: i64) -> i64 {
        if self.interpolates() { batch + batch / 2 } else { batch }
    }
}
