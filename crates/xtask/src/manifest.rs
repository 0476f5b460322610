//! The list of files that a fetch leaves beside them: `SHA-256 bytes path`, one file a line.

use std::{fs, path::Path};

use crate::libtorch::Fault;

/// Name of the list.
pub const NAME: &str = "MANIFEST";

/// One line: bytes and path.
fn entry(line: &str) -> Option<(u64, &str)> {
    let mut parts = line.splitn(3, ' ');
    let (_hash, bytes, path) = (parts.next()?, parts.next()?, parts.next()?);
    Some((bytes.parse().ok()?, path))
}

/// Compares the sizes of the libraries with the list; a folder without a list passes.
///
/// # Errors
/// The first library that is missing, cut short or too long.
pub fn sizes(home: &Path) -> Result<(), Fault> {
    // A link to a libtorch has its list where the libraries really are.
    let lib = home.join("lib").canonicalize().unwrap_or_default();
    let home = lib.parent().unwrap_or(home);
    let Ok(list) = fs::read_to_string(home.join(NAME)) else {
        return Ok(());
    };
    for (expected, path) in list.lines().filter_map(entry) {
        if !path.starts_with("lib/") {
            continue;
        }
        let file = home.join(path);
        let Ok(found) = fs::metadata(&file).map(|meta| meta.len()) else {
            return Err(Fault::Missing(file));
        };
        if found != expected {
            return Err(Fault::Size { file, expected, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        libtorch::{VERSION, inspect, point, tests::fake},
        platform::library,
        scratch::Scratch,
    };

    #[test]
    fn a_library_that_was_cut_short_or_lost_is_found_through_the_link_too() {
        let scratch = Scratch::new();
        let (home, link) = (scratch.path("home"), scratch.path("link"));
        fake(&home, VERSION);
        let name = format!("lib/{}", library("c10"));
        fs::write(home.join("lib/libextra.so.1"), "12345").unwrap();
        let list = format!("00 9 {name}\n00 5 lib/libextra.so.1\n00 77 include/not there\n");
        fs::write(home.join(NAME), list).unwrap();
        point(&link, &home).unwrap();
        assert_eq!(inspect(&link), Ok(()));
        let file = home.join(name).canonicalize().unwrap();
        fs::write(&file, "a lib").unwrap();
        let fault = Fault::Size { file, expected: 9, found: 5 };
        assert_eq!(inspect(&link), Err(fault));
        fs::write(home.join("lib").join(library("c10")), "123456789").unwrap();
        let extra = home.join("lib/libextra.so.1").canonicalize().unwrap();
        fs::remove_file(&extra).unwrap();
        assert_eq!(inspect(&home), Err(Fault::Missing(extra)));
    }

    #[test]
    fn lines_are_read_with_spaces_in_the_path() {
        assert_eq!(entry("ab 12 lib/a b.so"), Some((12, "lib/a b.so")));
        assert_eq!(entry("ab twelve lib/a.so"), None);
        assert_eq!(entry(""), None);
    }
}
