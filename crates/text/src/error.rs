//! The errors of tokenizers and encoders.

use std::path::PathBuf;

use easel_core::tensor::TensorError;
use easel_core::weights::WeightsError;
use easel_nn::NnError;
use tch::TchError;

/// Why text could not be tokenized or encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// A stored vocabulary or tokenizer cannot be understood.
    #[error("{what}: {message}")]
    Stored {
        /// The file and the key that hold it.
        what: String,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A tokenizer could not be trained or applied.
    #[error("tokenizer: {message}")]
    Tokenizer {
        /// What the tokenizer said.
        message: String,
    },
    /// A size that no network has.
    #[error("{key} = {value}, expected {expected}")]
    Config {
        /// Name of the size.
        key: &'static str,
        /// Its value.
        value: i64,
        /// What it may be.
        expected: &'static str,
    },
    /// No caption to work on.
    #[error("{what} needs at least one caption")]
    Empty {
        /// What was asked for.
        what: &'static str,
    },
    /// A caption that is not in a table of vectors.
    #[error("no vector is stored for the caption \"{caption}\"; compute the table again with it")]
    Unknown {
        /// The caption.
        caption: String,
    },
    /// Stored vectors that belong to other captions or to another encoder.
    #[error("{} holds vectors of {found}, expected {expected}; remove it to compute them again", path.display())]
    OtherVectors {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A network could not be built, loaded or called.
    #[error(transparent)]
    Network(#[from] NnError),
    /// A weight file cannot be read, written or used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A tensor of another shape or element type.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// libtorch refused.
    #[error("{what}: {source}")]
    Torch {
        /// What was attempted.
        what: &'static str,
        /// What libtorch said.
        source: TchError,
    },
}

impl TextError {
    pub(crate) fn torch(what: &'static str) -> impl FnOnce(TchError) -> Self {
        move |source| Self::Torch { what, source }
    }

    pub(crate) fn tokenizer(source: tokenizers::Error) -> Self {
        Self::Tokenizer { message: source.to_string() }
    }
}
