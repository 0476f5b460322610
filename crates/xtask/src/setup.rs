//! Makes sure that there is a libtorch, and that `.libtorch` stands for it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf, absolute},
    process::Command,
};

use crate::{
    fetch,
    libtorch::{self, Libtorch, Source},
    python,
    workspace::{Result, cache, first_line, link, variable},
};

const LIBTORCH: &str = "LIBTORCH";
const USE_PYTORCH: &str = "LIBTORCH_USE_PYTORCH";

/// The user's own choice, by the variables of the libtorch binding.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// The folder that `LIBTORCH` names.
    Folder(PathBuf),
    /// Whatever torch Python has.
    Python,
    /// None: Easel chooses.
    None,
}

impl Choice {
    /// Reads the variables. cargo's configuration sets `LIBTORCH` to the `link`: that is no choice.
    fn of(variable: impl Fn(&str) -> Option<OsString>, link: &Path) -> Choice {
        let folder = variable(LIBTORCH).and_then(|folder| absolute(folder).ok());
        match folder.filter(|folder| folder != link) {
            Some(folder) => Choice::Folder(folder),
            None if variable(USE_PYTORCH).is_some_and(|value| value != "0") => Choice::Python,
            None => Choice::None,
        }
    }
}

/// Passes the user's choice on to a cargo, and nothing but it: the binding's build script would
/// prefer Python's torch to `LIBTORCH`, and take a relative folder from where it runs itself.
pub fn environment(cargo: &mut Command) {
    let choice = Choice::of(variable, &link());
    cargo.env_remove(LIBTORCH);
    if let Choice::Folder(folder) = &choice {
        cargo.env(LIBTORCH, folder);
    }
    if choice != Choice::Python {
        cargo.env_remove(USE_PYTORCH);
    }
}

/// What the user's variables name.
///
/// # Errors
/// When Python's torch is asked for and there is none.
pub fn asked() -> Result<Option<Libtorch>> {
    Ok(match Choice::of(variable, &link()) {
        Choice::Folder(home) => Some(Libtorch { home, source: Source::Variable }),
        Choice::Python => Some(Libtorch { home: python::torch()?, source: Source::Python }),
        Choice::None => None,
    })
}

/// Finds a libtorch without changing anything.
///
/// # Errors
/// When what the user asked for cannot be used.
pub fn find() -> Result<Option<Libtorch>> {
    let asked = asked()?;
    let cached = cache().map(|cache| fetch::home(&cache)).unwrap_or_default();
    libtorch::find(asked.as_ref(), &link(), &cached)
}

/// Finds or fetches a libtorch and points `.libtorch` at it. With `force`, what Easel fetched itself
/// is fetched anew.
///
/// # Errors
/// When what the user asked for cannot be used, or nothing can be fetched.
pub fn ensure(force: bool) -> Result<Libtorch> {
    let asked = asked()?;
    let found = if force && asked.is_none() { None } else { find()? };
    let found = match found {
        Some(found) => found,
        None => {
            warn_without_compiler();
            let home = fetch::fetch(&cache()?, force)?;
            let source = Source::Cache;
            Libtorch { home, source }
        }
    };
    if found.source != Source::Link {
        libtorch::point(&link(), &found.home)?;
    }
    Ok(found)
}

/// Warns when the binding cannot be built, before minutes are spent on fetching.
fn warn_without_compiler() {
    if compiler().is_none() {
        eprintln!("easel: no C++ compiler was found, and the libtorch binding needs one: install g++ or clang");
    }
}

/// First line of the C++ compiler's version, if there is one.
pub fn compiler() -> Option<String> {
    let named = variable("CXX").unwrap_or_else(|| "c++".into());
    first_line(Command::new(named).arg("--version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(set: &[(&str, &str)]) -> Choice {
        let value = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Choice::of(value, Path::new("/repository/.libtorch"))
    }

    #[test]
    fn what_cargo_sets_is_no_choice_of_the_user() {
        let ours = (LIBTORCH, "/repository/.libtorch");
        assert_eq!(choice(&[]), Choice::None);
        assert_eq!(choice(&[ours]), Choice::None);
        assert_eq!(choice(&[ours, (USE_PYTORCH, "1")]), Choice::Python);
        assert_eq!(choice(&[ours, (USE_PYTORCH, "0")]), Choice::None);
    }

    #[test]
    fn a_folder_wins_over_python_and_is_made_absolute() {
        let theirs = (LIBTORCH, "/opt/libtorch");
        let folder = Choice::Folder("/opt/libtorch".into());
        assert_eq!(choice(&[theirs]), folder);
        assert_eq!(choice(&[theirs, (USE_PYTORCH, "1")]), folder);
        let here = std::env::current_dir().unwrap();
        assert_eq!(choice(&[(LIBTORCH, "up/torch")]), Choice::Folder(here.join("up/torch")));
    }
}
