//! A smoke run from end to end, and what can be asked of it.

use std::path::Path;

use gan::GanConfig;
use serde_json::Value;
use tch::{Device, Tensor};

use super::GanExperiment;
use super::measure::Eye;
use super::settings::RunConfig;
use super::trained::Trained;
use crate::experiment::{Experiment, RunRequest, SampleRequest, configure};
use crate::sampling::{GuidanceOptions, SamplerOptions};

fn request(out: &Path, set: &[&str]) -> RunRequest {
    let set: Vec<String> = ["loop.steps=10", "loop.checkpoint_every=5", "evaluate.samples=40", "evaluate.parzen=20"]
        .iter()
        .chain(set)
        .map(|s| s.to_string())
        .collect();
    let config = configure(&GanExperiment, "smoke", 3, &set).expect("valid");
    RunRequest { config, out: out.to_path_buf(), resume: false, device: Device::Cpu }
}

fn samples(run: &Path, count: usize) -> Tensor {
    let request = SampleRequest {
        run: Some(run.to_path_buf()),
        count,
        seed: 0,
        prompts: vec![],
        sampler: SamplerOptions::default(),
        guidance: GuidanceOptions::default(),
        device: Device::Cpu,
    };
    GanExperiment.sample(&request).expect("sampled")
}

#[test]
fn a_smoke_run_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    GanExperiment.run(&request(&run, &[])).expect("trained");
    let text = |file: &str| std::fs::read_to_string(run.join(file)).expect("written");
    let results: Value = serde_json::from_str(&text("results.json")).expect("JSON");
    for metric in
        ["fd-digits", "fd-digits/floor", "smallest class share", "recall", "precision", "recognised", "parzen"]
    {
        assert!(results["metrics"][metric].is_number(), "{metric}");
    }
    for figure in GanExperiment.figures() {
        assert!(run.join("figures").join(format!("{}.svg", figure.name)).is_file(), "{}", figure.name);
    }
    // What tells collapse from progress is in the log, at each checkpoint.
    let log: Vec<Value> = text("metrics.jsonl").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let looked: Vec<_> = log.iter().filter(|l| l["fd"].is_number()).map(|l| l["step"].as_u64()).collect();
    assert_eq!(looked, [Some(5), Some(10)]);
    for key in ["classes", "smallest_share", "recall", "d_real", "d_fake", "g_grad", "d_grad"] {
        assert!(log[log.len() - 1][key].is_number(), "{key}");
    }
    // Sample k depends on its number alone.
    let (few, many) = (samples(&run, 3), samples(&run, 300));
    assert_eq!(many.size(), [300, 1, 28, 28]);
    assert!((few - many.narrow(0, 0, 3)).abs().max().double_value(&[]) < 1e-5);
    let trained = Trained::load(Some(&run), Device::Cpu).expect("its weights");
    assert_eq!(trained.config.seed, 3);
    assert!(GanExperiment.run(&request(&run, &[])).is_err(), "a folder that holds a run is not overwritten");
}

#[test]
fn presets_count_their_parameters() {
    for preset in GanExperiment.presets() {
        let config = GanExperiment.config(preset.name, 0).expect("a preset");
        assert!(GanExperiment.info(&config).expect("counted").parameters > 0);
    }
    // Statistics of batch normalisation are 2 numbers a channel.
    let config = GanExperiment.config("paper", 0).expect("a preset");
    let statistics = 2 * (512 + 256 + 128 + 64) + 2 * (128 + 256 + 512);
    assert_eq!(GanExperiment.info(&config).expect("counted").parameters, 3_576_704 + 2_765_568 + statistics);
}

/// Without a classifier, pixels are compared.
#[test]
fn other_pictures_are_judged_by_their_pixels() {
    let mut config = RunConfig::preset("smoke", 0).expect("a preset");
    config.data = "shapes".into();
    (config.model, config.evaluate.samples) = (GanConfig { channels: 3, ..config.model }, 40);
    let eye = Eye::of(&config, Device::Cpu).expect("pictures");
    assert!(matches!(eye, Eye::Pixels { .. }));
    let noise = Tensor::zeros([40, 3, 28, 28], (tch::Kind::Float, Device::Cpu));
    let reading = eye.glance(&noise).expect("read");
    assert!(reading.classes.is_none() && reading.scalars.iter().any(|(name, _)| *name == "recall"));
    config.evaluate.classifier = "nowhere".into();
    assert!(Eye::of(&config, Device::Cpu).is_err());
}
