//! Fetching with clients that are played by small scripts, so that every fault can be had without a network.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use easel_data::fetch::{Archive, Cache, Client, FetchError, Member, Outcome, Package, Recipe, Source, source};

/// SHA-256 of "content\n" and of "archive\n".
const CONTENT: &str = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53";
const ARCHIVE: &str = "371e16ce98051a3ea7af3eaef8b87d69033154fb5bb33da349d611f0fae061d6";

const TOY: Package = Package {
    client: Client::Apt,
    name: "toy-package",
    version: "1",
    sha256: ARCHIVE,
    bytes: 8,
    members: &[Member { path: "usr/share/toy", sha256: CONTENT }],
};

static SOURCE: Source =
    Source { name: "toy", about: "a file", packages: &[TOY], made: None, notice: "made by a test\n" };

const DOWNLOAD: &str = "echo x >> ../../calls; echo archive > toy_1.deb";
const UNPACK: &str = "mkdir -p t/usr/share; echo content > t/usr/share/toy; tar -C t -cf - ./usr/share/toy";

/// Held by each test: a program that another thread starts while a script is being written inherits the open file, and
/// a script that is open for writing cannot be run.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

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
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
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
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
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
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
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
    let error = fault(DOWNLOAD, "mkdir t; tar -C t -cf - .");
    assert!(matches!(&error, FetchError::Absent { what, .. } if what == "usr/share/toy"), "{error}");
    let error = fault(DOWNLOAD, "echo nonsense");
    assert!(matches!(&error, FetchError::Unreadable { .. }), "{error}");
    let error = fault(DOWNLOAD, &UNPACK.replace("content", "other"));
    assert!(matches!(&error, FetchError::Hash { expected, .. } if *expected == CONTENT), "{error}");
}

#[test]
fn without_a_client_the_error_says_how_to_give_the_files() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let cache = Cache::at(folder.path().join("data")).with_programs(folder.path().join("empty"));
    let error = cache.fetch(source("fashion-mnist").unwrap()).unwrap_err();
    assert!(matches!(error, FetchError::NoClient { program: "apt-get", .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("easel data fetch fashion-mnist --from FOLDER") && text.contains("t10k-labels-idx1-ubyte"));
    assert!(source("imagenet").unwrap_err().to_string().contains("fashion-mnist"));
}

#[test]
fn files_of_the_user_are_checked_too() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let cache = Cache::at(folder.path().join("data"));
    let error = cache.fetch_from(&SOURCE, folder.path()).unwrap_err();
    assert!(error.to_string().contains("neither toy nor toy.gz"), "{error}");
    std::fs::write(folder.path().join("toy"), "no").unwrap();
    assert!(matches!(cache.fetch_from(&SOURCE, folder.path()), Err(FetchError::Hash { .. })));
    std::fs::write(folder.path().join("toy"), "content\n").unwrap();
    assert_eq!(cache.fetch_from(&SOURCE, folder.path()).unwrap(), Outcome::Stored);
    assert_eq!(cache.with_programs("").fetch(&SOURCE).unwrap(), Outcome::Present);
}

#[test]
fn the_archive_of_the_user_is_taken_under_any_name() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let cache = cache(folder.path(), "exit 1", UNPACK);
    let given = folder.path().join("given");
    std::fs::create_dir(&given).unwrap();
    std::fs::write(given.join("damaged.deb"), "archivE\n").unwrap();
    assert!(cache.fetch_from(&SOURCE, &given).is_err());
    std::fs::write(given.join("some.name"), "archive\n").unwrap();
    assert_eq!(cache.fetch_from(&SOURCE, &given).unwrap(), Outcome::Stored);
    assert_eq!(std::fs::read_to_string(cache.folder(&SOURCE).join("toy")).unwrap(), "content\n");
}

/// SHA-256 of "more\n".
const MORE: &str = "2396099c6c084fa4b9beac9f0d52cf3be9cf8d47040ef127883d532b5790cd74";

/// Joins the members of two packages; one file, which ends in its own length.
fn join(archives: &[Archive]) -> Result<Vec<Vec<u8>>, FetchError> {
    let mut joined = archives[0].file("usr/share/toy")?;
    joined.extend(archives[1].file("usr/share/toy")?);
    joined.push(joined.len() as u8);
    Ok(vec![joined])
}

fn fault(content: &[u8]) -> Option<String> {
    let whole = content.split_last().is_some_and(|(last, rest)| usize::from(*last) == rest.len());
    (!whole).then(|| "cut short".to_owned())
}

static MADE: Source = Source {
    name: "made",
    about: "a file made of two packages",
    packages: &[
        Package { members: &[], ..TOY },
        Package { client: Client::Apt, name: "second", version: "2", sha256: MORE, bytes: 5, members: &[] },
    ],
    made: Some(Recipe { files: &["joined"], make: join, fault }),
    notice: "made by a test\n",
};

/// Downloads either package; `second` fails while the file `offline` lies beside the cache.
const BOTH: &str = "echo $2 >> ../../calls
case $2 in toy*) echo archive > toy_1.deb;;
*) test -e ../../../offline && { echo 'E: Failed to fetch it' >&2; exit 100; }; echo more > second_2.deb;; esac";

#[test]
fn a_set_of_several_packages_resumes_and_is_made_anew_when_damaged() {
    let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
    let cache = cache(folder.path(), BOTH, UNPACK);
    std::fs::write(folder.path().join("offline"), "").unwrap();
    let error = cache.fetch(&MADE).unwrap_err();
    assert!(matches!(&error, FetchError::Offline { package: "second", name: "made", .. }), "{error}");
    std::fs::remove_file(folder.path().join("offline")).unwrap();
    assert!(!cache.holds(&MADE));
    assert_eq!(cache.fetch(&MADE).unwrap(), Outcome::Stored);
    assert!(cache.holds(&MADE));
    let calls = std::fs::read_to_string(folder.path().join("data/calls")).unwrap();
    assert_eq!(calls, "toy-package=1\nsecond=2\nsecond=2\n", "the first archive was downloaded again");
    let file = cache.folder(&MADE).join("joined");
    assert_eq!(std::fs::read(&file).unwrap(), b"content\ncontent\n\x10");
    assert_eq!(cache.fetch(&MADE).unwrap(), Outcome::Present);
    std::fs::write(&file, "content\n").unwrap();
    assert_eq!(cache.fetch(&MADE).unwrap(), Outcome::Stored);
    assert_eq!(std::fs::read(&file).unwrap().len(), 17);

    // A made file is taken as it is, if it is whole; otherwise the missing archive is named.
    let given = folder.path().join("given");
    std::fs::create_dir(&given).unwrap();
    let error = cache.fetch_from(&MADE, &given).unwrap_err();
    assert!(error.to_string().contains("the archive of toy-package 1 is not here"), "{error}");
    std::fs::write(given.join("joined"), "content").unwrap();
    let error = cache.fetch_from(&MADE, &given).unwrap_err();
    assert!(error.to_string().contains("cut short"), "{error}");
    std::fs::copy(&file, given.join("joined")).unwrap();
    assert_eq!(cache.fetch_from(&MADE, &given).unwrap(), Outcome::Stored);
}

#[test]
fn every_client_is_called_and_its_complaints_are_understood() {
    let complaints = [
        (Client::Npm, "npm", "npm error code E404", "npm error code ENOTFOUND"),
        (
            Client::Pip,
            "python3",
            "ERROR: No matching distribution found for toy-package==1",
            "WARNING: Retrying: Temporary failure in name resolution\nERROR: No matching distribution found",
        ),
        (
            Client::Cargo,
            "cargo",
            "error: no matching package named `toy-package` found",
            "error: download failed: Could not resolve host",
        ),
    ];
    for (client, program, unknown, offline) in complaints {
        let packages = Box::leak(Box::new([Package { client, ..TOY }]));
        let source: &'static Source =
            Box::leak(Box::new(Source { name: "toy", about: "", packages, made: None, notice: "" }));
        let (_alone, folder) = (alone(), tempfile::tempdir().unwrap());
        let cache = Cache::at(folder.path().join("data")).with_programs(folder.path().join("bin"));
        let error = cache.fetch(source).unwrap_err();
        assert!(matches!(&error, FetchError::NoClient { program: p, .. } if *p == program), "{error}");
        let fault = |text: &str| {
            script(
                &folder.path().join("bin"),
                program,
                &format!("echo \"$@\" > ../../called; echo '{text}' >&2; exit 1"),
            );
            cache.fetch(source).unwrap_err()
        };
        assert!(matches!(fault(unknown), FetchError::NotOffered { .. }), "{}", fault(unknown));
        assert!(matches!(fault(offline), FetchError::Offline { .. }), "{}", fault(offline));
        let called = std::fs::read_to_string(folder.path().join("data/called")).unwrap();
        let expected = match client {
            Client::Npm => "pack toy-package@1\n",
            Client::Pip => "-m pip download --no-deps --only-binary :all: toy-package==1\n",
            Client::Cargo => "fetch --manifest-path Cargo.toml\n",
            Client::Apt => unreachable!(),
        };
        assert_eq!(called, expected);
    }
}

/// One file `d/f` = "content\n" as an archive of that client.
fn packed(client: Client) -> Vec<u8> {
    use std::io::Write;
    if client == Client::Pip {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("d/f", zip::write::FileOptions::default()).unwrap();
        zip.write_all(b"content\n").unwrap();
        return zip.finish().unwrap().into_inner();
    }
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(8);
    tar.append_data(&mut header, "d/f", &b"content\n"[..]).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn the_archives_of_every_client_are_read_and_damaged_ones_refused() {
    use sha2::{Digest, Sha256};
    for (client, program, name) in
        [(Client::Npm, "npm", "p-1.tgz"), (Client::Pip, "python3", "p-1.whl"), (Client::Cargo, "cargo", "p-1.crate")]
    {
        let (folder, archive) = (tempfile::tempdir().unwrap(), packed(client));
        let leak = |content: &[u8]| -> &'static str {
            let hash = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            Box::leak(hash.into_boxed_str())
        };
        let source = |archive: &[u8]| -> &'static Source {
            let members = &[Member { path: "d/f", sha256: CONTENT }];
            let (sha256, bytes) = (leak(archive), archive.len() as u64);
            let packages = Box::leak(Box::new([Package { client, name: "p", version: "1", sha256, bytes, members }]));
            Box::leak(Box::new(Source { name: "p", about: "", packages, made: None, notice: "" }))
        };
        script(&folder.path().join("bin"), program, &format!("cp ../../../archive {name}"));
        let cache = Cache::at(folder.path().join("data")).with_programs(folder.path().join("bin"));
        let put = |content: &[u8]| std::fs::write(folder.path().join("archive"), content).unwrap();

        put(&archive[..archive.len() / 2]);
        let error = cache.fetch(source(&archive)).unwrap_err();
        assert!(matches!(error, FetchError::Hash { .. }), "{error}");
        let error = cache.fetch(source(&archive[..archive.len() / 2])).unwrap_err();
        assert!(matches!(error, FetchError::Unreadable { .. }), "{error}");
        put(&archive);
        assert_eq!(cache.fetch(source(&archive)).unwrap(), Outcome::Stored);
        assert_eq!(std::fs::read_to_string(cache.folder(source(&archive)).join("f")).unwrap(), "content\n");
    }
}
