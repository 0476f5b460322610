//! Sizes of the networks.

use gan::blocks::Doubling;
use serde::{Deserialize, Serialize};

/// Sizes of generator and discriminator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextGanConfig {
    /// Height and width of a picture: 16, 32 or 64.
    pub side: i64,
    /// Channels of a picture.
    pub channels: i64,
    /// Entries of the noise, Z.
    pub noise: i64,
    /// Entries of a text vector, T.
    pub text: i64,
    /// Entries of a text after the projection, n_t.
    pub projected: i64,
    /// Channels of the generator's last map; each earlier one has twice as many.
    pub generator: i64,
    /// How the generator doubles a map; transposed convolutions in the paper.
    pub doubling: Doubling,
    /// Channels of the discriminator's first map; each later one has twice as many.
    pub discriminator: i64,
    /// Whether the discriminator normalises by the batch, as in the paper. A gradient penalty asks for the gradient of each
    /// pair's own score, which there is none of where scores depend on the batch.
    pub normalised: bool,
}

/// A configuration that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model.{key} = {value}: expected {expected}")]
pub struct ConfigError {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: i64,
    /// What is allowed.
    pub expected: &'static str,
}

impl TextGanConfig {
    /// Seconds of training.
    pub fn smoke() -> Self {
        let small = Self::small();
        Self { side: 16, noise: 8, text: 16, projected: 8, generator: 8, discriminator: 8, ..small }
    }

    /// Minutes of training.
    pub fn small() -> Self {
        Self {
            side: 32,
            channels: 3,
            noise: 32,
            text: 128,
            projected: 64,
            generator: 24,
            doubling: Doubling::Nearest,
            discriminator: 24,
            normalised: false,
        }
    }

    /// As published for birds and flowers, without the residual blocks that only the released code has.
    pub fn paper() -> Self {
        Self {
            side: 64,
            channels: 3,
            noise: 100,
            text: 1024,
            projected: 128,
            generator: 128,
            doubling: Doubling::Transposed,
            discriminator: 64,
            normalised: true,
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if ![16, 32, 64].contains(&self.side) {
            return Err(ConfigError { key: "side", value: self.side, expected: "16, 32 or 64" });
        }
        for (key, value) in [
            ("channels", self.channels),
            ("noise", self.noise),
            ("text", self.text),
            ("projected", self.projected),
            ("generator", self.generator),
            ("discriminator", self.discriminator),
        ] {
            if value < 1 {
                return Err(ConfigError { key, value, expected: "1 or more" });
            }
        }
        Ok(())
    }

    /// How often a 4 x 4 map is doubled to reach the picture.
    pub fn doublings(&self) -> u32 {
        (self.side / 4).ilog2()
    }
}
