//! Verified archives and the files inside them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::client::{last_words, run};
use super::error::io;
use super::{Client, FetchError, Package, Source};

/// Files of an archive by their paths in it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// An archive whose hash is the pinned one.
#[derive(Debug)]
pub struct Archive {
    package: &'static Package,
    source: &'static Source,
    path: PathBuf,
    programs: Option<OsString>,
}

impl Archive {
    /// The archive of a package in `folder`: the file with the client's ending, checked.
    pub(super) fn downloaded(
        package: &'static Package,
        source: &'static Source,
        folder: &Path,
        programs: Option<&OsString>,
    ) -> Result<Self, FetchError> {
        let path = entries(folder)?
            .into_iter()
            .find(|path| path.extension().is_some_and(|e| e == package.client.extension()))
            .ok_or_else(|| absent(package, "the archive"))?;
        let found = hash(&path)?;
        if found != package.sha256 {
            return Err(FetchError::Hash { path, expected: package.sha256, found });
        }
        Ok(Self { package, source, path, programs: programs.cloned() })
    }

    /// The archive of a package among the files of `folder`, whatever its name; `None` when it is not there.
    pub(super) fn among(
        package: &'static Package,
        source: &'static Source,
        folder: &Path,
        programs: Option<&OsString>,
    ) -> Result<Option<Self>, FetchError> {
        for path in entries(folder)? {
            let size = std::fs::metadata(&path).map_err(io(&path))?;
            if size.is_file() && size.len() == package.bytes && hash(&path)? == package.sha256 {
                return Ok(Some(Self { package, source, path, programs: programs.cloned() }));
            }
        }
        Ok(None)
    }

    /// The package that it is the archive of.
    pub fn package(&self) -> &'static Package {
        self.package
    }

    /// The files whose paths are `wanted`, read into memory. Paths carry no leading `./`.
    pub fn files(&self, wanted: impl Fn(&str) -> bool) -> Result<Files, FetchError> {
        let open = || std::fs::File::open(&self.path).map(BufReader::new).map_err(io(&self.path));
        let files = match self.package.client {
            Client::Apt => {
                let program = "dpkg-deb";
                let arguments = ["--fsys-tarfile".into(), self.path.clone().into_os_string()];
                let folder = self.path.parent().unwrap_or(Path::new("."));
                let output = run(program, &arguments, folder, self.programs.as_ref(), self.source)?;
                if !output.status.success() {
                    return Err(FetchError::Client { program, message: last_words(&output) });
                }
                tar_files(Cursor::new(output.stdout), wanted)
            }
            Client::Npm | Client::Cargo => tar_files(flate2::bufread::GzDecoder::new(open()?), wanted),
            Client::Pip => zip_files(open()?, wanted),
        };
        files.map_err(|error| self.unreadable("the archive", error))
    }

    /// One file, read into memory.
    pub fn file(&self, path: &str) -> Result<Vec<u8>, FetchError> {
        self.files(|name| name == path)?.remove(path).ok_or_else(|| absent(self.package, path))
    }

    /// The error of a file that does not read as what it should be.
    pub fn unreadable(&self, what: &str, error: impl std::fmt::Display) -> FetchError {
        FetchError::Unreadable { path: self.path.clone(), what: what.to_owned(), message: error.to_string() }
    }
}

pub(super) fn absent(package: &Package, what: &str) -> FetchError {
    FetchError::Absent { package: package.name, version: package.version, what: what.to_owned() }
}

fn tar_files(reader: impl Read, wanted: impl Fn(&str) -> bool) -> std::io::Result<Files> {
    let mut files = Files::new();
    for entry in tar::Archive::new(reader).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        if entry.header().entry_type().is_file() && wanted(&path) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(path, content);
        }
    }
    Ok(files)
}

fn zip_files(reader: BufReader<std::fs::File>, wanted: impl Fn(&str) -> bool) -> std::io::Result<Files> {
    let mut archive = zip::ZipArchive::new(reader)?;
    let mut files = Files::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = entry.name().to_owned();
        if entry.is_file() && wanted(&path) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(path, content);
        }
    }
    Ok(files)
}

/// The files of a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, FetchError> {
    let entries = std::fs::read_dir(folder).map_err(io(folder))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    Ok(paths)
}

fn hash(path: &Path) -> Result<String, FetchError> {
    std::fs::File::open(path).and_then(sha256).map_err(io(path))
}

/// Lower-case hexadecimal SHA-256 of a stream.
pub(super) fn sha256(mut reader: impl Read) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut reader, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
