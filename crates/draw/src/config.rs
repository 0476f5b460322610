//! The model's configuration and its presets.

use serde::{Deserialize, Serialize};

/// Everything that fixes the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawConfig {
    /// B, rows of a picture.
    pub height: i64,
    /// A, columns of a picture.
    pub width: i64,
    /// T, glimpses.
    pub glimpses: i64,
    /// Width of both LSTMs.
    pub hidden: i64,
    /// $d_z$, latent numbers of a glimpse.
    pub latent: i64,
    /// Whether reading and writing are selective; without, they see the whole picture.
    pub attention: bool,
    /// N of the read window.
    pub read: i64,
    /// N of the write window.
    pub write: i64,
}

/// A configuration that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("model.{key} = {value}: {problem}")]
pub struct ConfigError {
    key: &'static str,
    value: i64,
    problem: &'static str,
}

impl DrawConfig {
    /// A model that trains for seconds: for tests.
    pub fn smoke() -> Self {
        Self { glimpses: 3, hidden: 16, latent: 4, ..Self::small() }
    }

    /// The default: digits in about ten minutes on two cores.
    pub fn small() -> Self {
        Self { glimpses: 16, hidden: 128, latent: 8, read: 5, write: 5, ..Self::paper() }
    }

    /// A larger one, for half an hour.
    pub fn long() -> Self {
        Self { glimpses: 24, hidden: 192, latent: 12, ..Self::small() }
    }

    /// The MNIST model of the paper's table 3.
    pub fn paper() -> Self {
        Self { height: 28, width: 28, glimpses: 64, hidden: 256, latent: 100, attention: true, read: 2, write: 5 }
    }

    /// Pixels of a picture.
    pub fn pixels(&self) -> i64 {
        self.height * self.width
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let positive = [
            ("height", self.height),
            ("width", self.width),
            ("glimpses", self.glimpses),
            ("hidden", self.hidden),
            ("latent", self.latent),
        ];
        for (key, value) in positive {
            if value < 1 {
                return Err(ConfigError { key, value, problem: "at least 1" });
            }
        }
        for (key, value) in [("read", self.read), ("write", self.write)] {
            if self.attention && value < 2 {
                return Err(ConfigError {
                    key,
                    value,
                    problem: "at least 2 filters a side, as the stride divides by N - 1",
                });
            }
        }
        Ok(())
    }
}
