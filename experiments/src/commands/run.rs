//! `easel run`.

use std::path::PathBuf;

use anyhow::Result;
use tch::Device;

use crate::experiment::{RunRequest, configure, find};

/// Trains, measures and draws.
pub fn run(
    paper: &str,
    preset: Option<String>,
    seed: u64,
    set: &[String],
    out: Option<PathBuf>,
    resume: bool,
    device: Device,
) -> Result<()> {
    let experiment = find(paper)?;
    let preset = preset.unwrap_or_else(|| experiment.presets()[0].name.to_string());
    let config = configure(experiment, &preset, seed, set)?;
    let trains = experiment.presets().iter().any(|p| p.name == preset && p.trains);
    anyhow::ensure!(
        trains,
        "the preset `{preset}` is for `easel info` and for loading weights; it is not trained here"
    );
    let out = out.unwrap_or_else(|| PathBuf::from("runs").join(format!("{paper}-{preset}-{seed}")));
    easel_train::interrupt::install();
    eprintln!("{paper}, preset {preset}, seed {seed}: {}", out.display());
    experiment.run(&RunRequest { config, out, resume, device })
}
