//! The scorer learns, resumes and is what its file says.

use easel_core::weights;
use easel_data::Split;
use easel_train::run_dir::read_metrics;
use tch::{Device, Kind};

use super::learner::equal_keys;
use super::measure::shown;
use super::pairs::Pairs;
use super::*;
use crate::experiment::configure;

/// A run on shapes, a set that needs no file.
fn run(out: &Path, settings: &[&str], resume: bool) {
    let settings: Vec<String> = ["data=shapes"].iter().chain(settings).map(|s| s.to_string()).collect();
    let config = configure(&ScorerExperiment, "smoke", 0, &settings).expect("valid settings");
    let request = RunRequest { config, out: out.to_owned(), resume, device: Device::Cpu };
    ScorerExperiment.run(&request).expect("a run");
}

#[test]
fn a_stopped_run_goes_on_to_the_same_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["whole", "pieces"].map(|name| folder.path().join(name));
    let train = |out: &Path, steps: u64, resume: bool| {
        let mut config = ScorerConfig::preset("smoke", 0);
        // The rate must not depend on where the first piece ends.
        config.optim.rate.decay = easel_train::Decay::Constant;
        (config.steps.steps, config.steps.checkpoint_every) = (steps, 4);
        let pairs = || Pairs::open("shapes", Split::Test).expect("made on demand");
        let mut learner = ScorerLearner::new(&config, "shapes", pairs(), pairs(), Device::Cpu).expect("valid");
        let mut dir = RunDir::open(out, "same", resume).expect("a folder");
        train_to_end(&mut learner, &config.steps, &mut dir, "x").expect("trained");
        learner.weights().0
    };
    let whole = train(&paths[0], 8, false);
    train(&paths[1], 4, false);
    let pieces = train(&paths[1], 8, true);
    for ((name, a), (_, b)) in whole.iter().zip(&pieces) {
        assert_eq!(a, b, "{name}");
    }
}

#[test]
fn the_smoke_run_works_from_end_to_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    run(&out, &["loop.steps=40", "batch=64"], false);
    let lines = read_metrics(&out.join("shapes/metrics.jsonl")).expect("a log");
    let loss = |i: usize| lines[i]["loss"].as_f64().expect("a number");
    assert!(loss(lines.len() - 1) < loss(0), "{} {}", loss(0), loss(lines.len() - 1));
    let results = std::fs::read_to_string(out.join("results.json")).expect("results");
    let metrics = crate::experiment::metrics_of(&results).expect("metrics");
    for name in ["R-precision", "R-precision of other captions", "R-precision among near misses", "candidates"] {
        assert!(metrics.contains_key(&format!("shapes/{name}")), "{name}");
    }
    assert!((metrics["shapes/R-precision of other captions"].as_f64().expect("a number") - 0.01).abs() < 0.02);
    // A finished run resumes to itself.
    run(&out, &["loop.steps=40", "batch=64"], true);

    let judge = judge("shapes", Some(&out), Device::Cpu).expect("the weights");
    let pairs = Pairs::open("shapes", Split::Test).expect("made on demand");
    let (images, own, all) = shown(&pairs, 20, 0);
    let scores = judge.scorer.score(&images, &all).expect("scores");
    assert_eq!(scores.dim(), (20, all.len()));
    assert!(scores.iter().all(|c| c.abs() <= 1.0 + 1e-6));
    // A picture's numbers are its own, and bytes and floats are the same picture.
    let (alone, both) = (images.narrow(0, 3, 1), images.to_kind(Kind::Float) / 127.5 - 1.0);
    let (a, b) = (judge.scorer.features(&alone).expect("features"), judge.scorer.features(&both).expect("features"));
    assert!((&a.row(0) - &b.row(3)).iter().all(|d| d.abs() < 1e-5));
    assert!(judge.scorer.styles(&images).expect("no styles").is_none());
    assert!(judge.r_precision(&images, &own, 0).expect("known captions").n == 20);
    let error = judge.r_precision(&images, &vec!["no such caption".to_owned(); 20], 0).expect_err("unknown");
    assert!(error.to_string().contains("no such caption"));
    let file = weights::read(&out.join("shapes.safetensors")).expect("weights");
    let size: usize = file.tensors.values().map(|t| t.numel()).sum();
    assert!(2 * size < 700_000, "{size} numbers");
    assert!(figures::matches(&judge.scorer).expect("a figure").to_svg().is_ok());
}

#[test]
fn equal_captions_are_no_negatives() {
    let keys = ["a", "b", "a", "b", "c"].map(String::from);
    let masked = equal_keys(&keys, 3);
    let expected = [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 0]];
    assert_eq!(masked.to_kind(Kind::Int64), Tensor::from_slice2(&expected.map(|row| row.map(i64::from))));
}

#[test]
fn wrong_settings_are_named() {
    let error = |setting: &str| {
        let table = configure(&ScorerExperiment, "smoke", 0, &[setting.to_owned()]).expect("a known key");
        ScorerConfig::read(&table).expect_err(setting).to_string()
    };
    for (setting, named) in
        [("batch=1", "batch = 1"), ("data=[]", "at least one set"), ("noise=-1", "noise"), ("max_words=0", "max_words")]
    {
        assert!(error(setting).contains(named), "{setting}: {}", error(setting));
    }
    for set in SETS {
        assert_eq!(shipped(set, Device::Cpu).expect("built in").scorer.name(), set);
    }
    let error = shipped("no such set", Device::Cpu).expect_err("unknown").to_string();
    assert!(error.contains("no such set"), "{error}");
}
