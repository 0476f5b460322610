//! The configuration and its presets.

use serde::{Deserialize, Serialize};

/// Everything that fixes the network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlignDrawConfig {
    /// Channels C of a picture.
    pub channels: i64,
    /// Side H = W of a picture.
    pub side: i64,
    /// Ids of the vocabulary.
    pub words: i64,
    /// Width of a word's embedding; the paper's one-hot words are a table as wide as the vocabulary.
    pub embedding: i64,
    /// Units of the language encoder, per direction.
    pub language: i64,
    /// Units of the alignment's hidden layer.
    pub alignment: i64,
    /// Units of the inference and of the generative LSTM.
    pub hidden: i64,
    /// $d_z$, width of a step's latent variable.
    pub latent: i64,
    /// T, number of steps.
    pub steps: i64,
    /// N, filters a side of reading and writing.
    pub filters: i64,
    /// First value of every pixel of $c_0$, which is learned: -10 is a black canvas.
    pub canvas: f64,
    /// Weigh the words anew at every step; false takes their mean instead, for comparison.
    pub align: bool,
}

/// A configuration that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("model.{key} = {value}: {problem}")]
pub struct ConfigError {
    key: &'static str,
    value: String,
    problem: &'static str,
}

impl AlignDrawConfig {
    /// A network that trains for seconds: for tests.
    pub fn smoke() -> Self {
        Self { language: 8, alignment: 8, hidden: 16, latent: 4, steps: 4, filters: 5, side: 32, ..Self::small() }
    }

    /// The default: captioned digits on 40 x 40 pixels.
    pub fn small() -> Self {
        Self {
            channels: 1,
            side: 40,
            words: 24,
            embedding: 16,
            language: 32,
            alignment: 64,
            hidden: 160,
            latent: 10,
            steps: 8,
            filters: 10,
            canvas: -3.0,
            align: true,
        }
    }

    /// Emoji and scenes of them: colour pictures of 32 x 32 pixels, larger vocabularies, light canvases.
    pub fn colour() -> Self {
        Self {
            channels: 3,
            side: 32,
            embedding: 32,
            language: 48,
            hidden: 200,
            latent: 16,
            steps: 10,
            canvas: 1.0,
            ..Self::small()
        }
    }

    /// The published sizes for captioned digits (released code, which has one unused slot in its vocabulary).
    pub fn paper() -> Self {
        Self {
            side: 60,
            words: 23,
            embedding: 23,
            language: 128,
            alignment: 512,
            hidden: 300,
            latent: 150,
            steps: 32,
            filters: 8,
            canvas: -10.0,
            ..Self::small()
        }
    }

    /// The published sizes for COCO (released code).
    pub fn paper_coco() -> Self {
        Self {
            channels: 3,
            side: 32,
            words: 25_323,
            embedding: 25_323,
            hidden: 550,
            latent: 275,
            filters: 9,
            canvas: 0.0,
            ..Self::paper()
        }
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// The key at fault, with what it may be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |key, value: String, problem| Err(ConfigError { key, value, problem });
        for (key, value) in [
            ("channels", self.channels),
            ("side", self.side),
            ("words", self.words),
            ("embedding", self.embedding),
            ("language", self.language),
            ("alignment", self.alignment),
            ("hidden", self.hidden),
            ("latent", self.latent),
            ("steps", self.steps),
        ] {
            if !(1..=1 << 20).contains(&value) {
                return refuse(key, value.to_string(), "at least 1, and no more than 2^20");
            }
        }
        if self.filters < 2 || self.filters > self.side {
            return refuse(
                "filters",
                self.filters.to_string(),
                "at least 2, as the stride divides by N - 1, and at most the side",
            );
        }
        if !self.canvas.is_finite() {
            return refuse("canvas", self.canvas.to_string(), "a finite number");
        }
        Ok(())
    }
}
