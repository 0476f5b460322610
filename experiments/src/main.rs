//! The `easel` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // `easel list | head` ends quietly, as other programs do.
    sigpipe::reset();
    match experiments::commands::run(experiments::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {}", message(&e));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes on one line; most errors quote their cause themselves, and it is not said twice.
fn message(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .reduce(|said, cause| if said.contains(&cause) { said } else { format!("{said}: {cause}") })
        .unwrap_or_default()
}
