//! Which libtorch to use: the user's, the one in use, the cached one.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::{manifest, platform::library, workspace::Result};

/// The version that the binding wants, exactly.
pub const VERSION: &str = "2.13.0";

/// Who named a libtorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The variable `LIBTORCH`.
    Variable,
    /// Python's torch, by the variable `LIBTORCH_USE_PYTORCH`.
    Python,
    /// The repository's `.libtorch`, left by an earlier set-up or by hand.
    Link,
    /// The user's cache.
    Cache,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Variable => "the variable LIBTORCH",
            Source::Python => "Python's torch (LIBTORCH_USE_PYTORCH)",
            Source::Link => ".libtorch",
            Source::Cache => "the cache",
        })
    }
}

/// A libtorch that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libtorch {
    /// The folder that holds `lib` and `include`.
    pub home: PathBuf,
    /// Who named it.
    pub source: Source,
}

impl Libtorch {
    /// `cuda` or `cpu`.
    pub fn variant(&self) -> &'static str {
        variant(&self.home)
    }
}

/// Whether a libtorch was built for `cuda` or for the `cpu` only.
pub fn variant(home: &Path) -> &'static str {
    if home.join("lib").join(library("torch_cuda")).exists() { "cuda" } else { "cpu" }
}

/// Why a folder cannot be used as libtorch.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// A file that must be there is not.
    Missing(PathBuf),
    /// It is of another version.
    Version(String),
    /// A file is not as long as it was when it was unpacked.
    Size {
        /// The file.
        file: PathBuf,
        /// Bytes that were unpacked.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing(file) => write!(f, "{} is missing", file.display()),
            Fault::Version(found) => {
                write!(f, "it is version {found}, and {VERSION} is needed")
            }
            Fault::Size { file, expected, found } => {
                write!(f, "{} has {found} bytes instead of {expected}", file.display())
            }
        }
    }
}

impl std::error::Error for Fault {}

/// Checks that a folder holds a whole libtorch of the right version. Cheap: reads no library.
///
/// # Errors
/// The first fault found.
pub fn inspect(home: &Path) -> std::result::Result<(), Fault> {
    for name in ["torch_cpu", "torch", "c10"] {
        let file = home.join("lib").join(library(name));
        if !file.is_file() {
            return Err(Fault::Missing(file));
        }
    }
    let header = home.join("include/torch/csrc/api/include/torch/torch.h");
    if !header.is_file() {
        return Err(Fault::Missing(header));
    }
    match version(home) {
        None => return Err(Fault::Missing(home.join("build-version"))),
        Some(found) if found != VERSION => return Err(Fault::Version(found)),
        Some(_) => {}
    }
    manifest::sizes(home)
}

/// The version of a libtorch, by the file `build-version` or, in a Python package, by the header.
pub fn version(home: &Path) -> Option<String> {
    let stated = fs::read_to_string(home.join("build-version")).ok();
    let text = stated.or_else(|| {
        let header = fs::read_to_string(home.join("include/torch/headeronly/version.h")).ok()?;
        header_version(&header)
    })?;
    let number = text.trim().split('+').next()?;
    Some(number.to_owned())
}

fn header_version(header: &str) -> Option<String> {
    let part = |name: &str| {
        header.lines().find_map(|line| {
            let value = line.strip_prefix("#define TORCH_VERSION_")?.strip_prefix(name)?;
            value.trim().parse::<u32>().ok()
        })
    };
    Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
}

/// Finds a libtorch: what the user asked for, else the one in use, else the one in the cache; none
/// if one must be fetched.
///
/// `asked` is what the user's variables name. `link` is the repository's `.libtorch`, `cached` the
/// folder that a fetch fills.
///
/// # Errors
/// When what the user asked for cannot be used: it is never passed over for another.
pub fn find(asked: Option<&Libtorch>, link: &Path, cached: &Path) -> Result<Option<Libtorch>> {
    if let Some(asked) = asked {
        inspect(&asked.home).map_err(|fault| {
            format!(
                "{} names {}, which cannot be used: {fault}. Name the folder of a libtorch \
                 {VERSION} that holds lib and include, or unset the variable to have one fetched.",
                asked.source,
                asked.home.display()
            )
        })?;
        return Ok(Some(asked.clone()));
    }
    if inspect(link).is_ok() {
        let home = linked(link);
        let cached = cached.canonicalize();
        let from_cache = cached.is_ok_and(|cached| cached == home);
        let source = if from_cache { Source::Cache } else { Source::Link };
        return Ok(Some(Libtorch { home, source }));
    }
    Ok(inspect(cached).is_ok().then(|| Libtorch { home: cached.to_owned(), source: Source::Cache }))
}

/// The folder that `.libtorch` stands for.
pub fn linked(link: &Path) -> PathBuf {
    let lib = link.join("lib").canonicalize();
    let home = lib.ok().and_then(|lib| lib.parent().map(Path::to_path_buf));
    home.unwrap_or_else(|| link.to_owned())
}

/// Makes `.libtorch` stand for a libtorch.
///
/// It is a folder with links to `lib` and `include`: cargo sees by the age of the link `lib` that
/// programs must be linked anew, and the Python package, which has no `build-version`, gets one.
///
/// # Errors
/// When the repository's folder cannot be written.
pub fn point(link: &Path, home: &Path) -> Result<()> {
    let home = home.canonicalize()?;
    if linked(link) == home && link.join("build-version").is_file() {
        return Ok(());
    }
    if link.is_symlink() || link.is_file() {
        fs::remove_file(link)?;
    }
    fs::create_dir_all(link)?;
    for name in ["include", "lib"] {
        let to = link.join(name);
        if to.is_dir() && !to.is_symlink() {
            let shown = link.display();
            return Err(format!("{shown} holds a libtorch itself: move it elsewhere").into());
        }
        let temporary = link.join(format!("{name}-{}.tmp", std::process::id()));
        std::os::unix::fs::symlink(home.join(name), &temporary)?;
        fs::rename(temporary, to)?;
    }
    fs::write(link.join("build-version"), format!("{VERSION}\n"))?;
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::scratch::Scratch;

    /// A folder that passes for a libtorch.
    pub fn fake(home: &Path, version: &str) {
        for name in ["torch_cpu", "torch", "c10"] {
            write(&home.join("lib").join(library(name)), "a library");
        }
        write(&home.join("include/torch/csrc/api/include/torch/torch.h"), "");
        write(&home.join("build-version"), version);
    }

    fn write(file: &Path, text: &str) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn asked(home: PathBuf) -> Libtorch {
        let source = Source::Variable;
        Libtorch { home, source }
    }

    #[test]
    fn the_order_is_asked_then_link_then_cache_then_none() {
        let scratch = Scratch::new();
        let [user, link, cached] = ["user", "link", "cached"].map(|name| scratch.path(name));
        let named = asked(user.clone());
        assert_eq!(find(None, &link, &cached).unwrap(), None);
        fake(&cached, VERSION);
        let found = find(None, &link, &cached).unwrap().unwrap();
        assert_eq!((found.source, &found.home), (Source::Cache, &cached));
        fake(&scratch.path("elsewhere"), VERSION);
        point(&link, &scratch.path("elsewhere")).unwrap();
        let found = find(None, &link, &cached).unwrap().unwrap();
        assert_eq!(found.source, Source::Link);
        assert_eq!(found.home, scratch.path("elsewhere").canonicalize().unwrap());
        fake(&user, VERSION);
        assert_eq!(find(Some(&named), &link, &cached).unwrap(), Some(named));
    }

    #[test]
    fn what_the_user_asked_for_is_never_passed_over() {
        let scratch = Scratch::new();
        let (user, cached) = (scratch.path("user"), scratch.path("cached"));
        fake(&cached, VERSION);
        let named = asked(user.clone());
        let missing = find(Some(&named), &scratch.path("link"), &cached).unwrap_err();
        assert!(missing.to_string().contains(&library("torch_cpu")), "{missing}");
        fake(&user, "2.9.1+cpu");
        let old = find(Some(&named), &scratch.path("link"), &cached).unwrap_err();
        assert!(old.to_string().contains("it is version 2.9.1"), "{old}");
        assert!(old.to_string().contains("LIBTORCH"), "{old}");
    }

    #[test]
    fn a_dead_link_gives_way_to_the_cache() {
        let scratch = Scratch::new();
        let (gone, link, cached) = (scratch.path("gone"), scratch.path("link"), scratch.path("c"));
        fake(&gone, VERSION);
        fake(&cached, VERSION);
        point(&link, &gone).unwrap();
        fs::remove_dir_all(&gone).unwrap();
        let found = find(None, &link, &cached).unwrap().unwrap();
        assert_eq!(found.source, Source::Cache);
        point(&link, &found.home).unwrap();
        assert_eq!(inspect(&link), Ok(()));
        let found = find(None, &link, &cached).unwrap().unwrap();
        assert_eq!(found.source, Source::Cache, "the link to the cache is the cache");
    }

    #[test]
    fn a_whole_libtorch_passes_and_each_lack_is_named() {
        let scratch = Scratch::new();
        let home = scratch.path("home");
        fake(&home, "2.13.0+cu130\n");
        assert_eq!(inspect(&home), Ok(()));
        for file in [
            home.join("lib").join(library("torch_cpu")),
            home.join("lib").join(library("c10")),
            home.join("include/torch/csrc/api/include/torch/torch.h"),
            home.join("build-version"),
        ] {
            let kept = fs::read(&file).unwrap();
            fs::remove_file(&file).unwrap();
            assert_eq!(inspect(&home), Err(Fault::Missing(file.clone())));
            fs::write(file, kept).unwrap();
        }
    }

    #[test]
    fn a_python_package_tells_its_version_by_its_header() {
        let scratch = Scratch::new();
        let home = scratch.path("torch");
        fake(&home, VERSION);
        fs::remove_file(home.join("build-version")).unwrap();
        let header = "#pragma once\n/// Major\n#define TORCH_VERSION_MAJOR 2\n\
                      #define TORCH_VERSION_MINOR 13\n#define TORCH_VERSION_PATCH 0\n\
                      #define TORCH_VERSION_ABI_TAG 0\n#define TORCH_VERSION \\\n  \"2.13.0\"\n";
        write(&home.join("include/torch/headeronly/version.h"), header);
        assert_eq!(version(&home).as_deref(), Some(VERSION));
        assert_eq!(inspect(&home), Ok(()));
        assert_eq!(header_version("#define TORCH_VERSION_MAJOR 2"), None);
    }

    #[test]
    fn cuda_is_told_by_its_library() {
        let scratch = Scratch::new();
        let home = scratch.path("home");
        fake(&home, VERSION);
        assert_eq!(variant(&home), "cpu");
        write(&home.join("lib").join(library("torch_cuda")), "");
        assert_eq!(variant(&home), "cuda");
    }

    #[test]
    fn pointing_replaces_a_link_made_by_hand_and_an_older_choice() {
        let scratch = Scratch::new();
        let [a, b, link] = ["a", "b", "link"].map(|name| scratch.path(name));
        fake(&a, VERSION);
        fake(&b, VERSION);
        std::os::unix::fs::symlink(&a, &link).unwrap();
        assert_eq!(inspect(&link), Ok(()));
        point(&link, &b).unwrap();
        assert_eq!(linked(&link), b.canonicalize().unwrap());
        point(&link, &a).unwrap();
        assert_eq!(linked(&link), a.canonicalize().unwrap());
        assert!(b.join("lib").is_dir(), "what was pointed at is left alone");
        let refused = point(&a, &b).unwrap_err().to_string();
        assert!(refused.contains("move it elsewhere"), "{refused}");
        assert_eq!(inspect(&a), Ok(()));
    }
}
