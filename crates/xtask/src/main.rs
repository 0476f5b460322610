//! `cargo easel`: finds or fetches libtorch, then hands over to cargo and to the `easel` program.
//!
//! It has no dependencies, so that it is built in a second and works when nothing else does.

#[cfg(not(unix))]
compile_error!("Easel runs on Linux and macOS; on Windows, use the Linux subsystem");

mod doctor;
mod fetch;
mod json;
mod libtorch;
mod manifest;
mod platform;
mod program;
mod python;
#[cfg(test)]
mod scratch;
mod setup;
mod stages;
mod workspace;

use std::{env, process::ExitCode};

use workspace::{Result, cargo};

const HELP: &str = "\
Easel rebuilds the papers on text-to-image models, trained from scratch.

First steps:
  cargo easel list               papers, experiments, figures and presets
  cargo easel run ddpm           train the small model, sample it, draw its figures
  cargo easel doctor             what was found on this machine, and what is wrong

Set-up (the first command does it by itself):
  cargo easel setup [--force]    find or fetch libtorch; --force fetches it anew
  cargo easel doctor [--json]    toolchain, libtorch, cache, and the program's own view
  cargo easel test [--only STAGE] [-- ARGUMENTS OF CARGO TEST]
                                 everything that must hold: format, core, clippy, test, doc
  cargo easel bench [ARGUMENTS OF CARGO BENCH]

Variables: LIBTORCH names a libtorch folder to use; LIBTORCH_USE_PYTORCH=1 uses the torch that
Python imports; EASEL_CACHE names the folder to keep a fetched libtorch in.
";

fn run(arguments: &[String]) -> Result<ExitCode> {
    let (first, rest) = match arguments {
        [] => ("help", &[][..]),
        [first, rest @ ..] => (first.as_str(), rest),
    };
    match (first, rest) {
        ("help" | "--help" | "-h", []) => {
            print!("{HELP}");
            match program::help() {
                Some(text) => println!("\nThe program's commands:\n\n{text}"),
                None => println!("\nThe program's own commands are listed here once it is built."),
            }
            Ok(ExitCode::SUCCESS)
        }
        ("setup" | "doctor" | "test", [help]) if help == "--help" || help == "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        ("setup", rest) => {
            let force = flag("setup", "--force", rest)?;
            let found = setup::ensure(force)?;
            println!(
                "libtorch {} ({}) in {}, by {}; .libtorch stands for it",
                libtorch::VERSION,
                found.variant(),
                found.home.display(),
                found.source
            );
            if found.source == libtorch::Source::Link {
                println!("(remove .libtorch to have one chosen anew)");
            }
            Ok(ExitCode::SUCCESS)
        }
        ("doctor", rest) => doctor::run(flag("doctor", "--json", rest)?),
        ("test", rest) => {
            let options = stages::Options::parse(rest)?;
            if options.libtorch() {
                setup::ensure(false)?;
            }
            stages::run(&options)
        }
        ("bench", rest) => {
            setup::ensure(false)?;
            // The profile of the tests, so that the libtorch binding is not built again.
            let mut command = cargo(["bench", "--profile", "dev"]);
            command.args(rest);
            program::become_command(command)
        }
        _ => {
            setup::ensure(false)?;
            program::become_command(program::command(env::args_os().skip(1), false))
        }
    }
}

/// Whether the one flag of a command is given.
fn flag(command: &str, name: &str, arguments: &[String]) -> Result<bool> {
    match arguments {
        [] => Ok(false),
        [given] if given == name => Ok(true),
        _ => {
            let given = arguments.join(" ");
            Err(format!("`cargo easel {command}` takes {name} only, not `{given}`").into())
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("easel: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_takes_its_flag_only() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(!flag("setup", "--force", &[]).unwrap());
        assert!(flag("setup", "--force", &words("--force")).unwrap());
        let refused = flag("setup", "--force", &words("--forse")).unwrap_err();
        assert!(refused.to_string().contains("--forse"), "{refused}");
    }
}
