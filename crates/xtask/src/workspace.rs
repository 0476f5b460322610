//! Where things lie: the repository, the cache, cargo.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use crate::setup;

/// What goes wrong here is told to a person, never matched on.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The repository's folder.
pub fn root() -> PathBuf {
    // cargo sets the variable when it runs this program; the one of compile time is for all else.
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.ancestors().nth(2).map_or(package.clone(), Path::to_path_buf)
}

/// The name under which the repository knows its libtorch.
pub fn link() -> PathBuf {
    root().join(".libtorch")
}

/// An environment variable that is set to something.
pub fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The folder of this user's cache.
///
/// # Errors
/// When no variable tells where it could be.
pub fn cache() -> Result<PathBuf> {
    let path = cache_from(variable, env::consts::OS)
        .ok_or("there is no home folder to keep libtorch in: set EASEL_CACHE to a folder")?;
    Ok(std::path::absolute(path)?)
}

fn cache_from(variable: impl Fn(&str) -> Option<OsString>, os: &str) -> Option<PathBuf> {
    let below = |name: &str, rest: &str| variable(name).map(|base| Path::new(&base).join(rest));
    variable("EASEL_CACHE").map(PathBuf::from).or_else(|| below("XDG_CACHE_HOME", "easel")).or_else(|| match os {
        "macos" => below("HOME", "Library/Caches/easel"),
        _ => below("HOME", ".cache/easel"),
    })
}

/// The cargo that runs this program, with the user's choice of libtorch made plain to it.
pub fn cargo(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut cargo = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments);
    setup::environment(&mut cargo);
    cargo
}

/// First line that a command prints, if it can be run.
pub fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_with(set: &[(&str, &str)], os: &str) -> Option<PathBuf> {
        let value = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        cache_from(value, os)
    }

    #[test]
    fn the_cache_is_where_the_user_says_or_where_the_system_keeps_caches() {
        let all = [("HOME", "/home/u"), ("XDG_CACHE_HOME", "/xdg"), ("EASEL_CACHE", "/mine")];
        assert_eq!(cache_with(&all, "linux"), Some("/mine".into()));
        assert_eq!(cache_with(&all[..2], "linux"), Some("/xdg/easel".into()));
        let home = &all[..1];
        assert_eq!(cache_with(home, "linux"), Some("/home/u/.cache/easel".into()));
        assert_eq!(cache_with(home, "macos"), Some("/home/u/Library/Caches/easel".into()));
        assert_eq!(cache_with(&[], "linux"), None);
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
