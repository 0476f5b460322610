//! The `easel` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match experiments::commands::run(experiments::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
