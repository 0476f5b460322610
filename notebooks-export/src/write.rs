//! Writing an export as a whole.
//!
//! Files go into a new folder beside the old one, which then takes its place, so that nothing of an older export stays
//! and a kill leaves one or the other. Between the two renames there is a moment without either; the next export
//! begins by putting the old one back.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{ExportError, Result};
use crate::manifest::{self, Files};

/// Where notebook programs keep copies of what they open.
const CHECKPOINTS: &str = ".ipynb_checkpoints";

fn failed(path: &Path) -> impl Fn(io::Error) -> ExportError + '_ {
    |reason| ExportError::Write { path: path.to_owned(), reason }
}

/// Makes `out` hold `files` and nothing else.
///
/// # Errors
/// [`ExportError::Occupied`] where `out` holds what no export wrote; [`ExportError::Write`] for what the system refuses.
pub fn replace(out: &Path, files: &Files) -> Result<()> {
    // A link is followed, so that it stays one.
    let out = &fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
    let no_name = || failed(out)(io::Error::other("the path names no folder"));
    let name = out.file_name().ok_or_else(no_name)?.to_string_lossy().into_owned();
    let (new, old) = (out.with_file_name(format!(".{name}.new.tmp")), out.with_file_name(format!(".{name}.old.tmp")));
    if !out.exists() && old.exists() {
        fs::rename(&old, out).map_err(failed(out))?;
    }
    check_ours(out)?;
    for rest in [&new, &old] {
        if rest.exists() {
            fs::remove_dir_all(rest).map_err(failed(rest))?;
        }
    }
    let written = write_all(&new, files).and_then(|()| swap(out, &new, &old));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&new);
    }
    written
}

fn write_all(folder: &Path, files: &Files) -> Result<()> {
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for (name, bytes) in files {
        let path: PathBuf = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        fs::write(&path, bytes).map_err(failed(&path))?;
    }
    Ok(())
}

fn swap(out: &Path, new: &Path, old: &Path) -> Result<()> {
    let before = out.exists();
    if before {
        fs::rename(out, old).map_err(failed(out))?;
    }
    if let Err(reason) = fs::rename(new, out) {
        if before {
            // Back to where it was; if that fails too, the next export does it.
            let _ = fs::rename(old, out);
        }
        return Err(failed(out)(reason));
    }
    if before { fs::remove_dir_all(old).map_err(failed(old)) } else { Ok(()) }
}

/// Refuses a folder with files that an export did not write: they would be lost.
fn check_ours(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let known = fs::read_to_string(out.join(manifest::NAME)).ok().and_then(|text| manifest::paths(&text));
    let mut found = BTreeSet::new();
    list(out, "", &mut found).map_err(failed(out))?;
    match found.into_iter().find(|file| !known.as_ref().is_some_and(|known| known.contains(file))) {
        Some(file) => Err(ExportError::Occupied { folder: out.to_owned(), file }),
        None => Ok(()),
    }
}

fn list(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            if name != CHECKPOINTS {
                list(&entry.path(), &format!("{prefix}{name}/"), found)?;
            }
        } else {
            found.insert(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Files {
        let mut files: Files = names.iter().map(|name| (name.to_string(), name.as_bytes().to_vec())).collect();
        let manifest = manifest::text(&[], &files);
        files.insert(manifest::NAME.into(), manifest.into_bytes());
        files
    }

    fn found(out: &Path) -> Vec<String> {
        let mut found = BTreeSet::new();
        list(out, "", &mut found).expect("listed");
        found.into_iter().collect()
    }

    #[test]
    fn what_is_stale_goes_and_nothing_temporary_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("site");
        replace(&out, &files(&["a/x", "b"])).expect("written");
        replace(&out, &files(&["a/y"])).expect("written again");
        assert_eq!(found(&out), ["MANIFEST.json", "a/y"]);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn files_of_others_are_never_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("home");
        fs::create_dir(&out).expect("made");
        replace(&out, &files(&["a"])).expect("an empty folder is taken");
        fs::write(out.join("thesis.tex"), "years").expect("written");
        let error = replace(&out, &files(&["b"])).expect_err("occupied").to_string();
        assert!(error.contains("thesis.tex") && out.join("a").exists(), "{error}");
        let other = folder.path().join("other");
        fs::create_dir(&other).expect("made");
        fs::write(other.join(manifest::NAME), "{\"files\": {}}").expect("written");
        assert!(replace(&other, &files(&["a"])).is_err(), "another program's manifest");
    }

    #[test]
    fn a_kill_between_the_renames_is_made_good() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("site");
        replace(&out, &files(&["old"])).expect("written");
        fs::rename(&out, folder.path().join(".site.old.tmp")).expect("as a kill leaves it");
        fs::create_dir(folder.path().join(".site.new.tmp")).expect("as a kill leaves it");
        replace(&out, &files(&["new"])).expect("written");
        assert_eq!(found(&out), ["MANIFEST.json", "new"]);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn an_export_that_cannot_be_written_leaves_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("site");
        replace(&out, &files(&["old"])).expect("written");
        // A file where a folder must be.
        let error = replace(&out, &files(&["a", "a/b"])).expect_err("impossible").to_string();
        assert!(error.contains("cannot write"), "{error}");
        assert_eq!(found(&out), ["MANIFEST.json", "old"]);
    }
}
