//! What can go wrong, and where.

use std::path::PathBuf;

/// Why a source could not answer; its own words.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// An export that did not happen; what was there before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A line that is not in the syntax of sources.
    #[error("{path}:{line}: {what}")]
    Syntax {
        /// The source.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong, and what to write instead.
        what: String,
    },
    /// A directive that names something that is not there.
    #[error("{path}:{line}: {{{{{directive}}}}} does not resolve: {reason}")]
    Unresolved {
        /// The source.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// The directive, without braces.
        directive: String,
        /// Why.
        #[source]
        reason: Fault,
    },
    /// Something that no single line asked for could not be had.
    #[error("{what}: {reason}")]
    Missing {
        /// What was asked for.
        what: String,
        /// Why it is not there.
        #[source]
        reason: Fault,
    },
    /// The folder holds files that no export wrote.
    #[error(
        "{} holds {file}, which no export wrote; name another folder with --out, or move the file away", folder.display()
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// One such file.
        file: String,
    },
    /// A file could not be written.
    #[error("cannot write {}: {reason}; check that the folder is writable and has room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        reason: std::io::Error,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, ExportError>;
