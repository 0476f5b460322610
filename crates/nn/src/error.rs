//! The errors of building, loading and calling networks.

use std::path::PathBuf;

use easel_core::tensor::TensorError;
use easel_core::weights::WeightsError;
use tch::TchError;

/// Why a network could not be built, loaded or called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// Two parameters of one name.
    #[error("the parameter \"{name}\" is declared twice")]
    DuplicateParameter {
        /// The name.
        name: String,
    },
    /// The text of a configuration cannot be understood.
    #[error("configuration key `{key}`: {message}")]
    ConfigKey {
        /// Path of the key.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// An option that is not supported, or that contradicts another.
    #[error("configuration key `{key}` = {value} is not supported: {reason}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// Why, and what would do.
        reason: String,
    },
    /// Channels that cannot be split as asked.
    #[error("{layer}: {channels} channels cannot be divided into {groups} groups")]
    Groups {
        /// Full name of the layer.
        layer: String,
        /// Its channels.
        channels: i64,
        /// Groups asked for.
        groups: i64,
    },
    /// An input of another shape or element type.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// An input that the network cannot take.
    #[error("{input}: {message}")]
    Input {
        /// Name of the input.
        input: &'static str,
        /// What is wrong with it and what was expected.
        message: String,
    },
    /// A text file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is readable but wrong.
    #[error("{}: {message}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it and what was expected.
        message: String,
    },
    /// A configuration file is wrong.
    #[error("{}: {source}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<NnError>,
    },
    /// A weight file cannot be read or does not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// libtorch refused.
    #[error("{what}: {source}")]
    Torch {
        /// What was attempted.
        what: String,
        /// What libtorch said.
        source: TchError,
    },
}
