//! What can go wrong in training.

use std::path::{Path, PathBuf};

use easel_core::weights::WeightsError;

/// Errors of the training crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A loss or another logged value became NaN or infinite.
    #[error(
        "{name} became {value} at step {step}; the run stopped and the last checkpoint ({kept}) is kept. \
         Try a lower learning rate, a longer warm-up or stronger clipping, then resume"
    )]
    NotFinite {
        /// The scalar at fault.
        name: String,
        /// Its value.
        value: f64,
        /// The first step at which it happened.
        step: u64,
        /// The checkpoint to resume from, or `none`.
        kept: String,
    },
    /// A file or folder of the run could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the run holds something else than it should.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A weight file does not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] easel_core::files::WriteError),
    /// A configuration value is out of its range.
    #[error("{key} = {value} is out of range: {expected}")]
    Range {
        /// The configuration key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A run folder is in use or was made by another configuration.
    #[error("{0}")]
    Run(String),
    /// libtorch reported an error.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A checkpoint cannot be used.
    #[error("cannot resume from {}: {source}; {advice}", folder.display())]
    Checkpoint {
        /// The checkpoint.
        folder: PathBuf,
        /// Why not.
        source: Box<TrainError>,
        /// What to do.
        advice: &'static str,
    },
    /// An error of the model being trained.
    #[error("{0}")]
    Model(String),
}

impl TrainError {
    /// `name` became `value` at `step`; `kept` is the step of the last checkpoint.
    pub fn not_finite(name: &str, value: f64, step: u64, kept: Option<u64>) -> Self {
        Self::NotFinite { name: name.into(), value, step, kept: kept.map_or("none".into(), |s| format!("step {s}")) }
    }

    /// The checkpoint `folder` cannot be used because of `source`.
    pub fn checkpoint(folder: &Path, source: Self) -> Self {
        let advice = match &source {
            Self::Weights(WeightsError::Mismatch { .. }) => "it belongs to another model: choose another folder",
            _ => "delete that folder to resume from the checkpoint before it, or from the start if there is none",
        };
        Self::Checkpoint { folder: folder.to_path_buf(), source: Box::new(source), advice }
    }

    /// Wraps an I/O error with what was tried on which path.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
