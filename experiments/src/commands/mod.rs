//! The commands.

pub mod compare;
mod data;
mod doctor;
pub mod export;
mod figure;
mod info;
mod inpaint;
mod list;
mod run;
mod sample;
mod ship;
mod verify;

use anyhow::Result;
use easel_core::parse_device;

use crate::cli::{Cli, Command};
use crate::experiment::SampleRequest;

/// Runs one command line.
pub fn run(cli: Cli) -> Result<()> {
    if let Some(threads) = cli.threads {
        anyhow::ensure!(threads >= 1, "--threads {threads}: at least 1");
        tch::set_num_threads(threads);
    }
    let device = parse_device(&cli.device)?;
    match cli.command {
        Command::List { samplers: true, json } => list::samplers(json),
        Command::List { json, .. } => list::list(json),
        Command::Run { paper, preset, seed, set, out, resume } => {
            run::run(&paper, preset, seed, &set, out, resume, device)
        }
        Command::Figure { name, run, out } => figure::figure(&name, run.as_deref(), &out, device),
        Command::Sample { paper, count, seed, prompts, sampler, guidance, run, out } => {
            let request = SampleRequest { run, count, seed, prompts, sampler, guidance, device };
            sample::sample(&paper, request, &out)
        }
        Command::Inpaint(options) => inpaint::inpaint(&options, device),
        Command::Edit(options) => inpaint::edit(&options, device),
        Command::Evaluate { paper, run, json } => info::evaluate(&paper, run.as_deref(), json, device),
        Command::Verify { cases, tolerance, save, json } => {
            verify::verify(&cases, tolerance, save.as_deref(), json, device)
        }
        Command::Info { paper, preset, set, config, json } => info::info(&paper, preset, &set, config, json),
        Command::Data { command } => data::data(command),
        Command::Ship { paper, run, out } => ship::ship(&paper, &run, &out),
        Command::Compare(options) => compare::compare(&options, device),
        Command::Export(options) => export::export(&options, device),
        Command::Doctor { json } => doctor::doctor(json),
    }
}
