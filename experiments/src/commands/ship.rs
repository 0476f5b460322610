//! `easel ship`: takes a finished run's weights and results into the project.

use std::path::Path;

use anyhow::{Context, Result};
use easel_core::files::write_atomic;
use easel_core::weights;
use easel_train::run_dir::read_metrics;
use serde_json::{Map, Value, json};
use tch::Kind;
use toml::Table;

use crate::experiment::{Experiment, find};

/// Lines of the training log that go with the weights.
const LOG_LINES: usize = 300;

/// Writes the weights in half precision, and `NAME.json` with provenance, metrics and the thinned log, into `out`.
pub fn ship(paper: &str, run: &Path, out: &Path) -> Result<()> {
    let experiment = find(paper)?;
    let results = std::fs::read_to_string(run.join("results.json"))
        .with_context(|| format!("{} holds no results.json: finish the run first", run.display()))?;
    let mut results: Value = serde_json::from_str(&results)?;
    let preset = results["preset"].as_str().context("results.json names no preset")?.to_string();
    let name = experiment.shipped_file();
    let files = experiment.weight_files();
    for file in files {
        let weights = weights::read(&run.join(format!("{file}.safetensors")))?;
        let halves: Vec<_> = weights.tensors.iter().map(|(name, t)| (name.clone(), t.to_kind(Kind::Half))).collect();
        let shipped = if files.len() == 1 { name.to_string() } else { format!("{paper}-{file}") };
        let path = out.join(format!("{shipped}.safetensors"));
        weights::write(&path, &halves, &weights.metadata)?;
        println!("{}", path.display());
    }
    let log = run.join("metrics.jsonl");
    let lines = if log.exists() { read_metrics(&log)? } else { vec![] };
    let every = lines.len().div_ceil(LOG_LINES).max(1);
    let log: Vec<Map<String, Value>> = lines.chunks(every).map(mean_line).collect();
    let config = std::fs::read_to_string(run.join("config.toml")).context("the run has no config.toml")?;
    results["command"] = json!(command(experiment, &preset, &config.parse()?)?);
    results["config_blake3"] = json!(blake3::hash(config.as_bytes()).to_hex().as_str());
    results["data_blake3"] = json!(experiment.data_hash(&config)?);
    results["log"] = json!(log);
    write_atomic(&out.join(format!("{name}.json")), format!("{}\n", serde_json::to_string(&results)?).as_bytes())?;
    println!("{}", out.join(format!("{name}.json")).display());
    Ok(())
}

/// The command that trains with this configuration.
fn command(experiment: &dyn Experiment, preset: &str, config: &Table) -> Result<String> {
    let seed = config.get("seed").and_then(toml::Value::as_integer).unwrap_or(0);
    let plain = experiment.config(preset, u64::try_from(seed).context("the run's seed is negative")?)?;
    let mut command = format!("cargo easel run {} --preset {preset}", experiment.name());
    if seed != 0 {
        command += &format!(" --seed {seed}");
    }
    for (key, value) in differences(&plain, config, "") {
        let assignment = format!("{key}={value}");
        let quoted = assignment.contains([' ', '"', '\'', '[', '{']);
        command += &if quoted { format!(" --set '{assignment}'") } else { format!(" --set {assignment}") };
    }
    Ok(command)
}

/// Keys of `config`, with dots, whose values are not those of `plain`.
fn differences(plain: &Table, config: &Table, above: &str) -> Vec<(String, toml::Value)> {
    let own = |(key, value): (&String, &toml::Value)| match (plain.get(key), value) {
        (Some(toml::Value::Table(plain)), toml::Value::Table(table)) => {
            differences(plain, table, &format!("{above}{key}."))
        }
        (Some(plain), value) if plain == value => vec![],
        _ => vec![(format!("{above}{key}"), value.clone())],
    };
    config.iter().flat_map(own).collect()
}

/// A stretch of the log as one line: its last step, and the means of all that is measured in it.
fn mean_line(lines: &[Map<String, Value>]) -> Map<String, Value> {
    let mut mean = Map::from_iter([("step".to_string(), lines[lines.len() - 1]["step"].clone())]);
    // Some numbers stand in a few lines only.
    let names: std::collections::BTreeSet<&String> = lines.iter().flat_map(Map::keys).collect();
    let measured = names.into_iter().filter(|k| !matches!(k.as_str(), "step" | "seconds") && !k.starts_with("lr/"));
    for key in measured {
        let values: Vec<f64> = lines.iter().filter_map(|l| l.get(key)?.as_f64()).collect();
        let value = values.iter().sum::<f64>() / values.len() as f64;
        mean.insert(key.clone(), json!((value * 1e6).round() / 1e6));
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::configure;

    #[test]
    fn the_command_names_what_was_changed() {
        let experiment = find("draw").expect("known");
        let said = |sets: &[&str], seed| {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            command(experiment, "small", &configure(experiment, "small", seed, &sets).expect("known keys"))
                .expect("said")
        };
        assert_eq!(said(&[], 0), "cargo easel run draw --preset small");
        let text = said(&["parts=1", "vae.loop.steps=5", "data=a b"], 3);
        assert!(text.starts_with("cargo easel run draw --preset small --seed 3 --set "), "{text}");
        for part in [" --set parts=1", " --set vae.loop.steps=5", " --set 'data=\"a b\"'"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
