//! `easel info` and `easel evaluate`.

use std::path::Path;

use anyhow::Result;
use tch::Device;

use crate::experiment::{configure, find};

/// Prints size and cost of a preset, or its configuration.
pub fn info(paper: &str, preset: Option<String>, set: &[String], config: bool, json: bool) -> Result<()> {
    let experiment = find(paper)?;
    let preset = preset.unwrap_or_else(|| experiment.presets()[0].name.to_string());
    let table = configure(experiment, &preset, 0, set)?;
    if config {
        print!("{}", toml::to_string(&table)?);
        return Ok(());
    }
    let info = experiment.info(&table)?;
    if json {
        println!("{}", serde_json::to_string(&info)?);
        return Ok(());
    }
    let mib = |bytes: i64| bytes as f64 / (1 << 20) as f64;
    println!("{paper}, preset {preset}");
    println!("  parameters       {:>14}", info.parameters);
    if let Some(n) = info.multiply_adds {
        println!("  multiply-adds    {n:>14} a forward pass of one picture");
    }
    println!("  weights          {:>14.1} MiB in f32", mib(info.weight_bytes));
    println!("  training state   {:>14.1} MiB without activations", mib(info.training_bytes));
    Ok(())
}

/// Measures a model and prints the table.
pub fn evaluate(paper: &str, run: Option<&Path>, json: bool, device: Device) -> Result<()> {
    let evaluation = find(paper)?.evaluate(run, device)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&evaluation.metrics)?);
    } else {
        println!("{}", evaluation.markdown);
    }
    Ok(())
}
