//! `cargo easel doctor`: what was found on this machine, and what to do about what is wrong.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    fetch::{self, free_space},
    json,
    libtorch::{self, inspect},
    manifest, program,
    python::Python,
    setup,
    workspace::{Result, cache, first_line, link},
};

/// What to do about files that are not what was fetched.
const REPAIR: &str = "fetch them anew: cargo easel setup --force";

/// One file of libtorch, as its hash was found.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    state: String,
    path: String,
}

/// What was found.
struct Report {
    cargo: Option<String>,
    rustc: Option<String>,
    compiler: Option<String>,
    python: Option<Python>,
    pip: Option<String>,
    libtorch: Option<Found>,
    cache: Option<PathBuf>,
    cache_bytes: u64,
    free_bytes: Option<u64>,
    /// What is wrong, and what to do.
    problems: Vec<String>,
}

/// The libtorch in use.
struct Found {
    home: PathBuf,
    source: String,
    version: String,
    variant: &'static str,
    /// Every file's state, where there is a list of hashes.
    files: Option<Vec<Checked>>,
}

impl Found {
    /// Its files that are not as they were.
    fn bad(&self) -> impl Iterator<Item = &Checked> {
        let files = self.files.iter().flatten();
        files.filter(|file| file.state != "ok")
    }
}

/// Compares every file with its hash; none where there is no list or no Python to read it.
fn check(home: &Path, python: Option<&Python>) -> Option<Vec<Checked>> {
    if !home.join(manifest::NAME).is_file() {
        return None;
    }
    let output = python?.wheels().arg("check").arg(home).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| checked(&text))
}

fn checked(text: &str) -> Vec<Checked> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(state, path)| Checked { state: state.to_owned(), path: path.to_owned() }).collect()
}

/// Bytes that a folder's files take.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let meta = entry.metadata().ok()?;
        Some(if meta.is_dir() { size(&entry.path()) } else { meta.len() })
    });
    sizes.sum()
}

impl Report {
    fn gather() -> Report {
        let version = |name: &str| first_line(Command::new(name).arg("--version"));
        let python = Python::with_pip().ok().or_else(Python::any);
        let pip = python.as_ref().and_then(Python::pip);
        let cache = cache().ok();
        let mut report = Report {
            cargo: version("cargo"),
            rustc: version("rustc"),
            compiler: setup::compiler(),
            libtorch: None,
            cache_bytes: cache.as_deref().map_or(0, size),
            free_bytes: cache.as_deref().and_then(existing).and_then(free_space),
            cache,
            python,
            pip,
            problems: Vec::new(),
        };
        report.look_at_libtorch();
        if report.compiler.is_none() {
            let problem = "no C++ compiler, which the libtorch binding needs: install g++ or clang";
            report.problems.push(problem.to_owned());
        }
        report
    }

    fn look_at_libtorch(&mut self) {
        match setup::find() {
            Ok(Some(found)) => {
                let home = libtorch::linked(&found.home);
                let found = Found {
                    files: check(&home, self.python.as_ref()),
                    source: found.source.to_string(),
                    version: libtorch::version(&found.home).unwrap_or_default(),
                    variant: found.variant(),
                    home,
                };
                let bad: Vec<&str> = found.bad().map(|file| file.path.as_str()).collect();
                if !bad.is_empty() {
                    let some = bad[..bad.len().min(5)].join(", ");
                    self.problems
                        .push(format!("{} of libtorch's files are damaged or missing ({some}): {REPAIR}", bad.len()));
                }
                self.libtorch = Some(found);
            }
            Ok(None) => {
                self.problems.push("libtorch is not set up: cargo easel setup".to_owned());
                let homes = [Some(link()), self.cache.as_deref().map(fetch::home)];
                for home in homes.into_iter().flatten().filter(|home| home.exists()) {
                    if let Err(fault) = inspect(&home) {
                        let home = home.display();
                        self.problems.push(format!("{home} cannot be used: {fault}"));
                    }
                }
                if self.pip.is_none() {
                    let problem = "no Python with pip, which libtorch is fetched with: install it, \
                                   or set LIBTORCH to the folder of a libtorch";
                    self.problems.push(problem.to_owned());
                }
            }
            Err(error) => self.problems.push(error.to_string()),
        }
    }

    fn text(&self) -> String {
        let or_none = |found: &Option<String>| found.clone().unwrap_or_else(|| "none".to_owned());
        let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
        let python = self.python.as_ref().map(|python| {
            let pip = or_none(&self.pip);
            format!("{} {}, pip {pip}", python.command, python.version)
        });
        let (libtorch, files) = match &self.libtorch {
            None => ("none".to_owned(), "-".to_owned()),
            Some(found) => (
                format!("{} ({}) in {}, by {}", found.version, found.variant, found.home.display(), found.source),
                match &found.files {
                    None => "not checked: no list of hashes, so not fetched by Easel".to_owned(),
                    Some(files) => {
                        format!("{} of {} are as they were fetched", files.len() - found.bad().count(), files.len())
                    }
                },
            ),
        };
        let cache = self.cache.as_ref().map(|cache| {
            let free = self.free_bytes.map_or("unknown".to_owned(), megabytes);
            let used = megabytes(self.cache_bytes);
            format!("{}: {used}, {free} free on its disk", cache.display())
        });
        let mut text = String::from("Set-up\n");
        for (name, value) in [
            ("cargo", or_none(&self.cargo)),
            ("rustc", or_none(&self.rustc)),
            ("C++", or_none(&self.compiler)),
            ("Python", or_none(&python)),
            ("libtorch", libtorch),
            ("files", files),
            ("cache", or_none(&cache)),
        ] {
            text += &format!("  {name:<9} {value}\n");
        }
        if let Some(found) = &self.libtorch {
            for Checked { state, path } in found.files.iter().flatten() {
                if path.starts_with("lib/") || state != "ok" {
                    text += &format!("  {:<9} {state:<8} {path}\n", "");
                }
            }
        }
        for problem in &self.problems {
            text += &format!("  problem   {problem}\n");
        }
        text
    }

    fn json(&self) -> String {
        let number = |bytes: Option<u64>| bytes.map_or("null".to_owned(), |b| b.to_string());
        let path = |path: &Path| json::string(&path.display().to_string());
        let libtorch = self.libtorch.as_ref().map(|found| {
            let libraries = found.files.as_ref().map(|files| {
                let shown = files.iter().filter(|file| file.path.starts_with("lib/") || file.state != "ok");
                json::array(shown.map(|file| {
                    json::object(&[("path", json::string(&file.path)), ("state", json::string(&file.state))])
                }))
            });
            json::object(&[
                ("path", path(&found.home)),
                ("source", json::string(&found.source)),
                ("version", json::string(&found.version)),
                ("variant", json::string(found.variant)),
                ("files", libraries.unwrap_or_else(|| "null".to_owned())),
            ])
        });
        let python = self.python.as_ref();
        json::object(&[
            ("cargo", json::maybe(self.cargo.as_deref())),
            ("rustc", json::maybe(self.rustc.as_deref())),
            ("cxx", json::maybe(self.compiler.as_deref())),
            ("python", json::maybe(python.map(|python| python.version.as_str()))),
            ("pip", json::maybe(self.pip.as_deref())),
            ("libtorch", libtorch.unwrap_or_else(|| "null".to_owned())),
            ("cache", self.cache.as_deref().map_or("null".to_owned(), path)),
            ("cache_bytes", self.cache_bytes.to_string()),
            ("free_bytes", number(self.free_bytes)),
            ("problems", json::array(self.problems.iter().map(|problem| json::string(problem)))),
        ])
    }
}

/// The folder itself or the nearest one above it that exists.
fn existing(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|folder| folder.exists())
}

/// Prints the set-up, then what the program says of itself. With `json`, one object:
/// `{"setup": {...}, "runtime": {...}}`, where `runtime` is null if the program cannot be run.
///
/// # Errors
/// When cargo cannot be run.
pub fn run(json: bool) -> Result<ExitCode> {
    let mut report = Report::gather();
    if !json {
        print!("{}", report.text());
    }
    let usable = report.libtorch.is_some();
    if usable {
        setup::ensure(false)?;
    }
    let mut healthy = report.problems.is_empty();
    let mut runtime = None;
    if usable && program::build()? {
        let mut command = program::command(["doctor"], true);
        if json {
            let output = command.arg("--json").stderr(std::process::Stdio::inherit()).output()?;
            healthy &= output.status.success();
            runtime = object(&String::from_utf8_lossy(&output.stdout));
        } else {
            healthy &= command.status()?.success();
        }
    } else if usable {
        let problem = "the program cannot be built: see the messages of cargo build";
        report.problems.push(problem.to_owned());
        healthy = false;
        if !json {
            println!("  problem   {problem}");
        }
    }
    if json {
        let runtime = runtime.unwrap_or_else(|| "null".to_owned());
        println!("{}", json::object(&[("setup", report.json()), ("runtime", runtime)]));
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the program printed, if it is an object.
fn object(output: &str) -> Option<String> {
    let text = output.trim();
    (text.starts_with('{') && text.ends_with('}')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn with_a_damaged_library() -> Report {
        Report {
            cargo: Some("cargo 1.95.0".to_owned()),
            rustc: None,
            compiler: None,
            python: None,
            pip: None,
            libtorch: Some(Found {
                home: "/cache/lib\"torch".into(),
                source: "the cache".to_owned(),
                version: "2.13.0".to_owned(),
                variant: "cpu",
                files: Some(checked("damaged lib/libc10.so\nok lib/a.so\nok include/b.h\n")),
            }),
            cache: Some("/cache".into()),
            cache_bytes: 5_000_000,
            free_bytes: None,
            problems: vec![REPAIR.to_owned()],
        }
    }

    #[test]
    fn the_text_names_the_damaged_library_and_the_repair() {
        let text = with_a_damaged_library().text();
        assert!(text.contains("damaged  lib/libc10.so"), "{text}");
        assert!(text.contains("2 of 3 are as they were fetched"), "{text}");
        assert!(text.contains("problem   fetch them anew: cargo easel setup --force"), "{text}");
        assert!(!text.contains("include/b.h"), "{text}");
    }

    #[test]
    fn the_json_holds_the_same() {
        let expected = "{\"cargo\":\"cargo 1.95.0\",\"rustc\":null,\"cxx\":null,\"python\":null,\
            \"pip\":null,\"libtorch\":{\"path\":\"/cache/lib\\\"torch\",\"source\":\"the cache\",\
            \"version\":\"2.13.0\",\"variant\":\"cpu\",\"files\":[\
            {\"path\":\"lib/libc10.so\",\"state\":\"damaged\"},\
            {\"path\":\"lib/a.so\",\"state\":\"ok\"}]},\"cache\":\"/cache\",\
            \"cache_bytes\":5000000,\"free_bytes\":null,\
            \"problems\":[\"fetch them anew: cargo easel setup --force\"]}";
        assert_eq!(with_a_damaged_library().json(), expected);
    }

    #[test]
    fn hashes_find_a_flipped_byte_and_a_lost_file() {
        let Some(python) = Python::any() else {
            panic!("the set-up needs Python, and so does its test");
        };
        let scratch = Scratch::new();
        let home = scratch.path("");
        // SHA-256 of "abc", the first example of FIPS 180-2.
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let list = format!("{hash} 3 lib/a\n{hash} 3 lib/b c\n{hash} 3 lib/d\n");
        fs::create_dir(home.join("lib")).unwrap();
        fs::write(home.join("lib/a"), "abc").unwrap();
        fs::write(home.join("lib/b c"), "abd").unwrap();
        assert_eq!(check(&home, Some(&python)), None, "there is no list");
        fs::write(home.join(manifest::NAME), list).unwrap();
        let expected = checked("ok lib/a\ndamaged lib/b c\nmissing lib/d\n");
        assert_eq!(check(&home, Some(&python)), Some(expected));
        assert_eq!(check(&home, None), None);
    }

    #[test]
    fn only_an_object_is_taken_from_the_program() {
        assert_eq!(object(" {\"a\": 1}\n").as_deref(), Some("{\"a\": 1}"));
        assert_eq!(object(""), None);
        assert_eq!(object("threads 2"), None);
    }
}
