//! Fetching with clients that are played by small scripts, so that every fault can be had without a network.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use easel_data::fetch::{Cache, Client, FetchError, Member, Outcome, Source, source};

/// SHA-256 of "content\n" and of "archive\n".
const CONTENT: &str = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53";
const ARCHIVE: &str = "371e16ce98051a3ea7af3eaef8b87d69033154fb5bb33da349d611f0fae061d6";

static SOURCE: Source = Source {
    name: "toy",
    about: "a file",
    client: Client::Apt,
    package: "toy-package",
    version: "1",
    sha256: ARCHIVE,
    bytes: 8,
    members: &[Member { path: "usr/share/toy", sha256: CONTENT }],
    notice: "made by a test\n",
};

const DOWNLOAD: &str = "echo x >> ../calls; echo archive > toy_1.deb";
const UNPACK: &str = "mkdir -p \"$3/usr/share\"; echo content > \"$3/usr/share/toy\"";

fn script(folder: &Path, name: &str, body: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A cache whose `apt-get` and `dpkg-deb` are the given scripts.
fn cache(folder: &Path, download: &str, unpack: &str) -> Cache {
    script(&folder.join("bin"), "apt-get", download);
    script(&folder.join("bin"), "dpkg-deb", unpack);
    Cache::at(folder.join("data")).with_programs(folder.join("bin"))
}

fn calls(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("data/calls")).map_or(0, |text| text.lines().count())
}

#[test]
fn fetches_once_and_repairs_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), DOWNLOAD, UNPACK);
    assert_eq!(cache.fetch(&SOURCE).unwrap(), Outcome::Stored);
    assert_eq!(cache.fetch(&SOURCE).unwrap(), Outcome::Present);
    assert_eq!(calls(folder.path()), 1);
    let file = cache.folder(&SOURCE).join("toy");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "content\n");
    assert_eq!(std::fs::read_to_string(cache.folder(&SOURCE).join("NOTICE")).unwrap(), SOURCE.notice);
    std::fs::write(&file, "scratched").unwrap();
    assert_eq!(cache.fetch(&SOURCE).unwrap(), Outcome::Stored);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "content\n");
    assert_eq!(calls(folder.path()), 2);
}

#[test]
fn an_interrupted_call_leaves_nothing_half_done_and_its_archive_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let broken = cache(folder.path(), DOWNLOAD, "echo 'no space left' >&2; exit 2");
    let error = broken.fetch(&SOURCE).unwrap_err();
    assert_eq!(error.to_string(), "dpkg-deb failed: no space left");
    assert!(!broken.folder(&SOURCE).exists());
    let mended = cache(folder.path(), DOWNLOAD, UNPACK);
    assert_eq!(mended.fetch(&SOURCE).unwrap(), Outcome::Stored);
    assert_eq!(calls(folder.path()), 1, "the archive was downloaded again");
    let mut left: Vec<_> = std::fs::read_dir(folder.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["calls", "toy"]);
}

#[test]
fn faults_of_the_client_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |download: &str, unpack: &str| {
        let error = cache(folder.path(), download, unpack).fetch(&SOURCE).unwrap_err();
        assert!(!folder.path().join("data/toy").exists());
        error
    };
    let error = fault("echo \"E: Version '1' for 'toy-package' was not found\" >&2; exit 100", UNPACK);
    assert!(matches!(&error, FetchError::NotOffered { .. }) && error.to_string().contains("apt-get update"));
    let error = fault("echo 'E: Failed to fetch x  Could not resolve y' >&2; exit 100", UNPACK);
    assert!(matches!(&error, FetchError::Offline { .. }) && error.to_string().contains("--from"), "{error}");
    let error = fault("echo other > toy_1.deb", UNPACK);
    assert!(matches!(&error, FetchError::Hash { expected, .. } if *expected == ARCHIVE), "{error}");
    let error = fault("true", UNPACK);
    assert!(matches!(&error, FetchError::Absent { what, .. } if what == "the archive"), "{error}");
    let error = fault(DOWNLOAD, "true");
    assert!(matches!(&error, FetchError::Absent { what, .. } if what == "usr/share/toy"), "{error}");
    let error = fault(DOWNLOAD, "mkdir -p \"$3/usr/share\"; echo no > \"$3/usr/share/toy\"");
    assert!(matches!(&error, FetchError::Hash { expected, .. } if *expected == CONTENT), "{error}");
}

#[test]
fn without_a_client_the_error_says_how_to_give_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("data")).with_programs(folder.path().join("empty"));
    let error = cache.fetch(source("fashion-mnist").unwrap()).unwrap_err();
    assert!(matches!(error, FetchError::NoClient { program: "apt-get", .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("easel data fetch fashion-mnist --from FOLDER") && text.contains("t10k-labels-idx1-ubyte"));
    assert!(source("imagenet").unwrap_err().to_string().contains("fashion-mnist"));
}

#[test]
fn files_of_the_user_are_checked_too() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("data"));
    let error = cache.fetch_from(&SOURCE, folder.path()).unwrap_err();
    assert!(error.to_string().contains("neither toy nor toy.gz"), "{error}");
    std::fs::write(folder.path().join("toy"), "no").unwrap();
    assert!(matches!(cache.fetch_from(&SOURCE, folder.path()), Err(FetchError::Hash { .. })));
    std::fs::write(folder.path().join("toy"), "content\n").unwrap();
    assert_eq!(cache.fetch_from(&SOURCE, folder.path()).unwrap(), Outcome::Stored);
    assert_eq!(cache.with_programs("").fetch(&SOURCE).unwrap(), Outcome::Present);
}
