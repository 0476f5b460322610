//! The package clients: how each is called, where it leaves the archive, and what its complaints mean.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::error::io;
use super::{FetchError, Package, Source};

/// The program that fetches a package. None needs administrator's rights, none runs anything of the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// `apt-get download`.
    Apt,
    /// `npm pack`.
    Npm,
    /// `python3 -m pip download`, wheels only.
    Pip,
    /// `cargo fetch` for an empty crate that depends on the package.
    Cargo,
}

impl Client {
    /// Name of the program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Npm => "npm",
            Self::Pip => "python3",
            Self::Cargo => "cargo",
        }
    }

    /// Its arguments.
    fn arguments(self, package: &Package) -> Vec<OsString> {
        let &Package { name, version, .. } = package;
        match self {
            Self::Apt => vec!["download".into(), format!("{name}={version}").into()],
            Self::Npm => vec!["pack".into(), format!("{name}@{version}").into()],
            Self::Pip => ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
                .into_iter()
                .map(OsString::from)
                .chain([format!("{name}=={version}").into()])
                .collect(),
            Self::Cargo => vec!["fetch".into(), "--manifest-path".into(), "Cargo.toml".into()],
        }
    }

    /// Ending of its archives.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Apt => "deb",
            Self::Npm => "tgz",
            Self::Pip => "whl",
            Self::Cargo => "crate",
        }
    }

    /// What may help when it does not know a version; ends in a comma.
    fn hint(self) -> &'static str {
        match self {
            Self::Apt => "refresh its package list (`apt-get update`) and try again, ",
            Self::Npm | Self::Pip | Self::Cargo => "try again later, ",
        }
    }

    /// Downloads the package's archive into `folder`.
    pub(super) fn download(
        self,
        package: &Package,
        folder: &Path,
        programs: Option<&OsString>,
        source: &Source,
    ) -> Result<(), FetchError> {
        if self == Self::Cargo {
            prepare_crate(package, folder)?;
        }
        let program = self.program();
        let output = run(program, &self.arguments(package), folder, programs, source)?;
        if !output.status.success() {
            return Err(self.refused(package, source, &output));
        }
        match self {
            Self::Cargo => collect_crate(package, folder),
            Self::Apt | Self::Npm | Self::Pip => Ok(()),
        }
    }

    /// A client that failed either does not know the version or could not reach it.
    fn refused(self, package: &Package, source: &Source, output: &Output) -> FetchError {
        let (program, message) = (self.program(), last_words(output));
        let (&Package { name: package, version, .. }, name) = (package, source.name);
        // The whole text counts: pip tells of the network first and ends with "no matching distribution".
        let text = String::from_utf8_lossy(&output.stderr).to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        if says(UNREACHABLE) {
            FetchError::Offline { program, package, name, message }
        } else if says(UNKNOWN) {
            FetchError::NotOffered { program, package, version, name, message, hint: self.hint() }
        } else {
            FetchError::Client { program, message }
        }
    }
}

/// How clients say that they could not reach their registry.
const UNREACHABLE: &[&str] = &[
    "failed to fetch",
    "could not resolve",
    "couldn't resolve",
    "could not connect",
    "couldn't connect",
    "unable to connect",
    "timed out",
    "name resolution",
    "failed to establish a new connection",
    "enotfound",
    "eai_again",
    "econnrefused",
    "etimedout",
];

/// How clients say that there is no such package or version.
const UNKNOWN: &[&str] = &[
    "unable to locate",
    "was not found",
    "no candidate",
    "code e404",
    "code etarget",
    "no matching distribution",
    "no matching package",
    "failed to select a version",
];

/// Runs a program in `folder`.
pub(super) fn run(
    program: &'static str,
    arguments: &[OsString],
    folder: &Path,
    programs: Option<&OsString>,
    source: &Source,
) -> Result<Output, FetchError> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("LC_ALL", "C");
    if let Some(path) = programs {
        command.env("PATH", path);
    }
    command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => FetchError::NoClient { program, name: source.name, files: source.files() },
        _ => FetchError::Client { program, message: error.to_string() },
    })
}

/// The error lines a program wrote, else its last line.
pub(super) fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let marks = ["E: ", "ERROR: ", "error: ", "npm error "];
    let marked = |line: &&str| marks.iter().find_map(|mark| line.strip_prefix(mark)).map(str::to_owned);
    let errors: Vec<String> = lines.iter().filter_map(marked).collect();
    match (errors.is_empty(), lines.last()) {
        (false, _) => errors.join("; "),
        (true, Some(line)) => (*line).to_owned(),
        (true, None) => output.status.to_string(),
    }
}

/// A crate that depends on the package and is nobody's workspace member.
fn prepare_crate(package: &Package, folder: &Path) -> Result<(), FetchError> {
    // Build metadata ("+...") is no part of a requirement.
    let version = package.version.split('+').next().unwrap_or(package.version);
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n\
         [dependencies]\n{} = {{ version = \"={version}\", default-features = false }}\n[workspace]\n",
        package.name
    );
    for (name, content) in [("Cargo.toml", manifest.as_str()), ("lib.rs", "")] {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(io(&path))?;
    }
    Ok(())
}

/// Copies the archive from cargo's own cache.
fn collect_crate(package: &Package, folder: &Path) -> Result<(), FetchError> {
    let name = format!("{}-{}.crate", package.name, package.version);
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(home) = set("CARGO_HOME").or_else(|| set("HOME").map(|home| home.join(".cargo"))) else {
        return Ok(());
    };
    let registries = std::fs::read_dir(home.join("registry").join("cache")).into_iter().flatten().flatten();
    match registries.map(|registry| registry.path().join(&name)).find(|path| path.is_file()) {
        Some(path) => std::fs::copy(&path, folder.join(&name)).map(drop).map_err(io(&path)),
        None => Ok(()),
    }
}
