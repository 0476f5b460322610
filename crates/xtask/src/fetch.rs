//! Fetches libtorch into the user's cache, out of the wheels of the Python package registry.
//!
//! pip fetches and verifies (by the hashes of `platform.rs`), so that a mirror or a proxy that the
//! user configured for pip serves here too. All work is done in a temporary folder beside the
//! final one, under a lock; a rename at the end makes it visible. A kill at any moment leaves
//! nothing or a whole libtorch, and the next fetch clears what was left behind.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

use crate::{
    libtorch::{VERSION, inspect},
    platform::{Platform, Wheel},
    python::Python,
    workspace::Result,
};

/// Begins the names of temporary folders in the cache.
const TEMPORARY: &str = "tmp-";

/// Where a fetch puts libtorch.
pub fn home(cache: &Path) -> PathBuf {
    cache.join(Platform::here().map_or_else(|| "libtorch".to_owned(), Platform::folder))
}

/// Fetches libtorch into the cache, unless a whole one is there; `force` fetches in any case.
///
/// # Errors
/// When there is no package for this platform, no pip, no network, no space, or a file differs from
/// what it should be: says what to do.
pub fn fetch(cache: &Path, force: bool) -> Result<PathBuf> {
    let platform = Platform::here().ok_or_else(|| {
        format!(
            "no libtorch can be fetched for {} on {}: set LIBTORCH to the folder of a libtorch {VERSION}",
            std::env::consts::OS,
            std::env::consts::ARCH
        )
    })?;
    let unwritable = |error: io::Error| {
        format!("the cache {} cannot be written ({error}): set EASEL_CACHE to another folder", cache.display())
    };
    fs::create_dir_all(cache).map_err(unwritable)?;
    let lock = File::create(cache.join("lock")).map_err(unwritable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("easel: another process is fetching libtorch; waiting for it");
            lock.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(unwritable(error).into()),
    }
    let home = home(cache);
    if !force && inspect(&home).is_ok() {
        return Ok(home);
    }
    if let (true, Err(fault)) = (home.exists(), inspect(&home)) {
        eprintln!("easel: the cached libtorch cannot be used: {fault}");
    }
    clear(cache);
    let python = Python::with_pip()?;
    room(platform, free_space(cache))?;
    let temporary = Temporary::new(cache)?;
    eprintln!(
        "easel: fetching libtorch {VERSION} ({} MB, once for all your projects) into {}",
        platform.download() / 1_000_000,
        cache.display()
    );
    let wheels = temporary.0.join("wheels");
    for wheel in platform.wheels {
        download(&python, wheel, &temporary.0, &wheels)?;
    }
    eprintln!("easel: unpacking");
    let unpacked = temporary.0.join("libtorch");
    unpack(&python, platform, &wheels, &unpacked)?;
    inspect(&unpacked)?;
    if home.exists() {
        fs::rename(&home, temporary.0.join("old"))?;
    }
    fs::rename(unpacked, &home)?;
    drop(temporary);
    // Once more, for what the orphaned child of a killed fetch wrote meanwhile.
    clear(cache);
    Ok(home)
}

/// A folder that is removed when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new(cache: &Path) -> io::Result<Temporary> {
        let path = cache.join(format!("{TEMPORARY}{}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Temporary(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed now is cleared by the next fetch.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what killed fetches left behind. Only the holder of the lock makes temporary folders, so
/// every one that is there is stale.
fn clear(cache: &Path) {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // Fails where an orphaned child of the killed process still writes: left to the next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Refuses to begin what cannot end for lack of space; unknown space passes.
fn room(platform: &Platform, free: Option<u64>) -> Result<()> {
    match free.filter(|&free| free < platform.space()) {
        Some(free) => Err(format!(
            "fetching libtorch takes {} MB of disk, and {} MB are free: make room, or set \
             EASEL_CACHE to a folder on another disk",
            platform.space() / 1_000_000,
            free / 1_000_000
        )
        .into()),
        None => Ok(()),
    }
}

/// Bytes free on the disk of a folder, if `df` tells.
pub fn free_space(folder: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    available(&String::from_utf8_lossy(&output.stdout))
}

/// Reads the column before the percentage: names of disks and folders may hold spaces.
fn available(df: &str) -> Option<u64> {
    let words: Vec<&str> = df.lines().nth(1)?.split_whitespace().collect();
    let percentage = words.iter().rposition(|word| word.ends_with('%'))?;
    let kibibytes: u64 = words.get(percentage.checked_sub(1)?)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Fetches one wheel with pip, which shows its progress and verifies the hash.
///
/// One call a wheel: a pip before version 21 takes one platform tag only.
fn download(python: &Python, wheel: &Wheel, temporary: &Path, to: &Path) -> Result<()> {
    let requirements = temporary.join("requirements.txt");
    let log = temporary.join("pip.log");
    let Wheel { package, version, tag, sha256, .. } = wheel;
    fs::write(&requirements, format!("{package}=={version} --hash=sha256:{sha256}\n"))?;
    let status = Command::new(python.command)
        .args(["-m", "pip", "download", "--no-deps", "--no-cache-dir"])
        .args(["--only-binary", ":all:", "--implementation", "cp"])
        .args(["--python-version", "3.12", "--platform", tag])
        .args(["--disable-pip-version-check", "--require-hashes"])
        .arg("--requirement")
        .arg(&requirements)
        .arg("--dest")
        .arg(to)
        .arg("--log")
        .arg(&log)
        // Large files go to the disk that has room for them, not to the system's temporary folder.
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()?;
    if status.success() {
        return Ok(());
    }
    let log = fs::read(&log).unwrap_or_default();
    let why = explain(&String::from_utf8_lossy(&log));
    Err(format!("pip could not fetch {package} {version}: {why}").into())
}

/// What a failed pip's log means, and what to do.
fn explain(log: &str) -> &'static str {
    let has = |signs: &[&str]| signs.iter().any(|sign| log.contains(sign));
    if has(&["DO NOT MATCH THE HASHES"]) {
        "the file differs from the one that is pinned here, so it was thrown away. Try again; if it \
         happens again, the mirror that pip is configured for serves another file"
    } else if has(&["No space left on device"]) {
        "the disk is full. Make room, or set EASEL_CACHE to a folder on another disk"
    } else if has(&[
        "Failed to establish a new connection",
        "Name or service not known",
        "name resolution",
        "nodename nor servname",
        "Connection refused",
        "Connection reset",
        "ConnectTimeoutError",
        "Read timed out",
        "ProxyError",
        "SSLError",
        "IncompleteRead",
    ]) {
        "the package registry was not reached. Check the network (pip heeds its own configuration and \
         HTTPS_PROXY) and run the command again; without a network, set LIBTORCH to the folder of a \
         libtorch that you copied here"
    } else if has(&["No matching distribution found"]) {
        "the registry that pip is configured for does not have it. Check pip's configuration (pip \
         config list), or set LIBTORCH to the folder of a libtorch"
    } else {
        "its message is above. Run the command again, or set LIBTORCH to the folder of a libtorch"
    }
}

fn unpack(python: &Python, platform: &Platform, wheels: &Path, home: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(wheels)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    files.sort();
    let status = python
        .wheels()
        .arg("extract")
        .arg(home)
        .args(platform.libraries)
        .arg("--")
        .args(files)
        .stdin(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err("libtorch could not be unpacked: see the message above".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn stale_temporaries_are_cleared_and_nothing_else() {
        let scratch = Scratch::new();
        for file in ["tmp-1/wheels/half.whl", "tmp-22/libtorch/lib/x", "data/x", "home/x"] {
            let path = scratch.path(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        clear(&scratch.path(""));
        let mut left: Vec<_> =
            fs::read_dir(scratch.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["data", "home"]);
    }

    #[test]
    fn a_temporary_folder_goes_with_its_owner() {
        let scratch = Scratch::new();
        let temporary = Temporary::new(&scratch.path("")).unwrap();
        let path = temporary.0.clone();
        fs::write(path.join("file"), "").unwrap();
        drop(temporary);
        assert!(!path.exists());
    }

    #[test]
    fn space_is_read_though_names_hold_spaces() {
        let linux = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                     /dev/vda 263112772 18133860 77304524 20% /\n";
        assert_eq!(available(linux), Some(77_304_524 * 1024));
        let mac = "Filesystem 1024-blocks Used Available Capacity  Mounted on\n\
                   map auto home 100 20 80 20% /Volumes/100% mine\n";
        assert_eq!(available(mac), None, "a name that ends in % is not guessed at");
        let spaces = "Filesystem 1024-blocks Used Available Capacity  Mounted on\n\
                      map auto home 100 20 80 20% /Volumes/My disk\n";
        assert_eq!(available(spaces), Some(80 * 1024));
        assert_eq!(available(""), None);
    }

    #[test]
    fn too_little_space_is_refused_before_the_start() {
        let platform = Platform::of("linux", "x86_64").unwrap();
        assert!(room(platform, None).is_ok());
        assert!(room(platform, Some(platform.space())).is_ok());
        let refused = room(platform, Some(platform.space() - 1)).unwrap_err();
        assert!(refused.to_string().contains("EASEL_CACHE"), "{refused}");
    }

    #[test]
    fn failures_of_pip_are_told_apart() {
        for (log, sign) in [
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "pinned"),
            ("OSError: [Errno 28] No space left on device", "disk is full"),
            ("Failed to establish a new connection: [Errno -3]\nNo matching distribution found", "not reached"),
            ("ERROR: No matching distribution found for torch", "does not have it"),
            ("Segmentation fault", "message is above"),
        ] {
            assert!(explain(log).contains(sign), "{log}");
        }
    }
}
