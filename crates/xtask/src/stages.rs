//! `cargo easel test`: everything that must hold before a change lands.

use std::{
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

use crate::workspace::{Result, cargo, root, variable};

/// One step of the test sequence.
struct Stage {
    name: &'static str,
    what: &'static str,
    command: fn(&Path, &[String]) -> Command,
}

const STAGES: [Stage; 5] = [
    Stage { name: "format", what: "the source is formatted", command: |_, _| cargo(["fmt", "--all", "--check"]) },
    Stage {
        name: "core",
        what: "the mathematics builds and holds without libtorch",
        command: |root, _| {
            let mut command = cargo(["test", "--package", "easel-core", "--no-default-features"]);
            command
                .arg("--target-dir")
                .arg(root.join("target/no-libtorch"))
                // A build script that looks for libtorch would fail here.
                .env("LIBTORCH", root.join("no-libtorch"));
            command
        },
    },
    Stage {
        name: "clippy",
        what: "no lint complains",
        command: |_, _| {
            let all = ["--workspace", "--all-targets"];
            let mut command = cargo(["clippy"]);
            command.args(all).args(["--", "--deny", "warnings"]);
            command
        },
    },
    Stage {
        name: "test",
        what: "unit, property, parity and command-line tests",
        command: |_, extra| {
            let mut command = cargo(["test"]);
            if !names_packages(extra) {
                command.arg("--workspace");
            }
            command.args(extra);
            command
        },
    },
    Stage {
        name: "doc",
        what: "the documentation builds without a warning",
        command: |_, _| {
            let mut command = cargo(["doc", "--workspace", "--no-deps"]);
            command.env("RUSTDOCFLAGS", "--deny warnings");
            command
        },
    },
];

/// What the user wants of the test sequence.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    only: Option<&'static str>,
    /// Arguments for `cargo test`.
    extra: Vec<String>,
}

impl Options {
    /// Reads `[--only STAGE] [-- ARGUMENTS OF CARGO TEST]`.
    ///
    /// # Errors
    /// Another option, or a stage that does not exist.
    pub fn parse(arguments: &[String]) -> Result<Options> {
        let split = arguments.iter().position(|argument| argument == "--");
        let own = &arguments[..split.unwrap_or(arguments.len())];
        let extra = split.map_or(&[][..], |split| &arguments[split + 1..]).to_vec();
        let only = match own {
            [] => None,
            [option, stage] if option == "--only" => {
                let found = STAGES.iter().find(|known| known.name == stage.as_str());
                let names = STAGES.map(|stage| stage.name).join(", ");
                Some(found.ok_or(format!("no stage is called `{stage}`: there are {names}"))?.name)
            }
            _ => {
                let given = own.join(" ");
                return Err(format!(
                    "`cargo easel test` takes [--only STAGE] [-- ARGUMENTS OF CARGO TEST], not `{given}`"
                )
                .into());
            }
        };
        Ok(Options { only, extra })
    }

    /// Whether a stage needs libtorch.
    pub fn libtorch(&self) -> bool {
        !matches!(self.only, Some("format" | "core"))
    }
}

fn names_packages(extra: &[String]) -> bool {
    let own = extra.iter().take_while(|argument| *argument != "--");
    own.into_iter()
        .any(|argument| argument.starts_with("-p") || argument == "--package" || argument.starts_with("--package="))
}

/// Runs the stages in turn, and stops at the first that fails.
///
/// # Errors
/// When cargo cannot be run.
pub fn run(options: &Options) -> Result<ExitCode> {
    let root = root();
    let mut passed = 0;
    for stage in &STAGES {
        if options.only.is_some_and(|only| only != stage.name) {
            continue;
        }
        let Stage { name, what, command } = stage;
        eprintln!("easel: {name}: {what}");
        let start = Instant::now();
        let mut command = command(&root, &options.extra);
        command.current_dir(&root);
        // Two tests side by side, one thread of libtorch each: its thread pools get in each
        // other's way, and on one thread its sums are the same at every run.
        for (key, value) in [("RUST_TEST_THREADS", "2"), ("OMP_NUM_THREADS", "1")] {
            if variable(key).is_none() {
                command.env(key, value);
            }
        }
        let ok = command.status()?.success();
        let seconds = start.elapsed().as_secs();
        if !ok {
            eprintln!("easel: {name}: FAILED after {seconds} s; again: cargo easel test --only {name}");
            println!("stages: {passed} passed, 1 failed");
            return Ok(ExitCode::FAILURE);
        }
        eprintln!("easel: {name}: passed in {seconds} s");
        passed += 1;
    }
    println!("stages: {passed} passed, 0 failed");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read() {
        let all = Options::parse(&[]).unwrap();
        assert_eq!((all.only, all.libtorch()), (None, true));
        let some = Options::parse(&words("--only core -- --quiet")).unwrap();
        assert_eq!((some.only, some.libtorch()), (Some("core"), false));
        assert_eq!(some.extra, ["--quiet"]);
        let bad = Options::parse(&words("--only nothing")).unwrap_err().to_string();
        assert!(bad.contains("format, core, clippy, test, doc"), "{bad}");
        assert!(Options::parse(&words("ddpm")).is_err());
    }

    #[test]
    fn packages_that_are_named_replace_the_whole_workspace() {
        let arguments = |text| {
            let command = (STAGES[3].command)(Path::new("/"), &words(text));
            let found = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
            found.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(arguments(""), "test --workspace");
        assert_eq!(arguments("-p ddpm chain"), "test -p ddpm chain");
        assert_eq!(arguments("--package=ddpm"), "test --package=ddpm");
        assert_eq!(arguments("-- -p"), "test --workspace -- -p");
    }
}
