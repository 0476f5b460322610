//! One run, and everything that can be asked of it.

use std::path::Path;

use easel_core::weights;
use serde_json::Value;
use tch::Tensor;

use crate::{bytes, folder, good, log, path, refusal, smoke, start, text, train_only, wait_until};

#[test]
fn a_run_is_complete_and_guarded() {
    let folder = folder();
    let run = path(&folder, "run");
    let words = smoke(&run, &["--seed", "5"]);

    // The first attempt is killed while it measures, and its folder is its own until then.
    let mut first = start(&words);
    wait_until(&mut first, "weights", || Path::new(&run).join("model.safetensors").exists());
    let resumed = smoke(&run, &["--seed", "5", "--resume"]);
    assert!(refusal(&resumed).contains("in use"));
    assert!(refusal(&["figure", "ddpm_chain", "--run", &path(&folder, "none")]).contains("none"));
    first.kill().and_then(|()| first.wait()).expect("killed");

    let said = good(&resumed);
    assert!(said.contains("report.md"), "{said}");
    holds_everything(&run, &said);

    assert!(refusal(&words).contains("--resume"));
    let other = refusal(&smoke(&run, &["--seed", "5", "--resume", "--set", "train.batch=8"]));
    assert!(other.contains("batch = 16") && other.contains("batch = 8"), "{other}");
    let other = refusal(&smoke(&run, &["--seed", "6", "--resume"]));
    assert!(other.contains("seed = 5") && other.contains("seed = 6"), "{other}");

    samples_depend_on_their_number_alone(&run, &folder);
    figures_are_drawn_from_a_run(&run, &folder);
    damaged_weights_are_found(&run, &path(&folder, "copy"));
}

fn holds_everything(run: &str, said: &str) {
    for file in ["events.out.tfevents.easel", "samples/samples.safetensors", "samples/grid.png"] {
        assert!(Path::new(run).join(file).is_file(), "{file}");
    }
    let config: toml::Table = text(run, "config.toml").parse().expect("TOML");
    assert_eq!((config["seed"].as_integer(), config["evaluate"]["samples"].as_integer()), (Some(5), Some(32)));
    assert_eq!(log(run).last().expect("lines")["step"].as_i64(), config["loop"]["steps"].as_integer());
    let results: Value = serde_json::from_str(&text(run, "results.json")).expect("JSON");
    for metric in ["fd-digits", "fd-digits/floor", "recognised", "alone/recognised", "bits/dim", "training_seconds"] {
        assert!(results["metrics"][metric].is_number(), "{metric}");
    }
    assert!(text(run, "report.md").contains("| fd-digits |"));
    for figure in experiments::experiment::find("ddpm").expect("ddpm").figures() {
        for ending in ["svg", "png"] {
            let file = format!("{}.{ending}", figure.name);
            assert!(Path::new(run).join("figures").join(&file).is_file() && said.contains(&file), "{file}");
        }
    }
    let left = std::fs::read_dir(run).expect("a folder").flatten().map(|e| e.file_name().into_string().expect("UTF-8"));
    assert_eq!(left.filter(|name| name.ends_with(".tmp")).count(), 0, "a temporary file is left");
}

fn samples_depend_on_their_number_alone(run: &str, folder: &tempfile::TempDir) {
    let sample = |count: &str, seed: &str| -> Tensor {
        let out = path(folder, "images.safetensors");
        good(&["sample", "ddpm", "--run", run, "--count", count, "--seed", seed, "--steps", "3", "--out", &out]);
        let file = weights::read(Path::new(&out)).expect("a whole file");
        assert_eq!(file.metadata["paper"], "ddpm");
        file.tensors["images"].shallow_clone()
    };
    let (few, many, other) = (sample("2", "0"), sample("70", "0"), sample("2", "1"));
    assert_eq!(many.size(), [70, 1, 28, 28]);
    let difference = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
    assert!(difference(&few, &many.narrow(0, 0, 2)) < 1e-5, "sample k depends on the count");
    assert!(difference(&few, &other) > 0.1, "the seed does nothing");
    let alone = path(folder, "alone.safetensors");
    let words = ["sample", "ddpm", "--run", run, "--count", "2", "--steps", "3", "--out", &alone];
    good(&[&words[..], &["--autoguidance", "1"]].concat());
    let alone = weights::read(Path::new(&alone)).expect("a whole file").tensors["images"].shallow_clone();
    assert!(difference(&few, &alone) > 1e-4, "autoguidance does nothing");
    assert!(refusal(&[&words[..], &["--autoguidance", "-1"]].concat()).contains("0 or above"));
    let labelled = refusal(&[&words[..], &["--autoguidance", "2", "--label", "3"]].concat());
    assert!(labelled.contains("without labels"), "{labelled}");
    let grid = path(folder, "grid.png");
    good(&["sample", "ddpm", "--run", run, "--count", "4", "--steps", "2", "--out", &grid]);
    assert!(image::open(&grid).expect("a picture").width() >= 2 * 28);
}

fn figures_are_drawn_from_a_run(run: &str, folder: &tempfile::TempDir) {
    let out = path(folder, "figures");
    good(&["figure", "ddpm_chain", "--run", run, "--out", &out]);
    assert_eq!(bytes(&out, "ddpm_chain.svg"), bytes(run, "figures/ddpm_chain.svg"), "drawn twice, not the same");
    assert!(text(&out, "ddpm_chain.svg").contains("seed 5"), "the caption does not name the run");
}

fn damaged_weights_are_found(run: &str, copy: &str) {
    std::fs::create_dir(copy).expect("a folder");
    let (weights, whole) = (Path::new(copy).join("model.safetensors"), bytes(run, "model.safetensors"));
    let middle = whole.len() / 2;
    let flipped = |at: usize| whole.iter().enumerate().map(|(i, &x)| if i == at { x ^ 16 } else { x }).collect();
    let evaluate = ["evaluate", "ddpm", "--run", copy];
    for (damage, why) in [
        (whole[..middle].to_vec(), "not a complete safetensors"),
        (vec![], "not a complete safetensors"),
        (flipped(middle), "damaged"),
        (flipped(whole.len() - 1), "damaged"),
    ] {
        std::fs::write(&weights, damage).expect("written");
        let text = refusal(&evaluate);
        assert!(text.contains("model.safetensors") && text.contains(why), "{text}");
    }
    // Another network's weights, under this one's configuration, and with none.
    let foreign = weights::parse("classifier", experiments::papers::classifier::DIGITS).expect("built in");
    let foreign: Vec<_> = foreign.tensors.into_iter().collect();
    let metadata = weights::read(&Path::new(run).join("model.safetensors")).expect("whole").metadata;
    weights::write(&weights, &foreign, &metadata).expect("written");
    let text = refusal(&evaluate);
    assert!(text.contains("missing") && text.contains("unexpected"), "{text}");
    weights::write(&weights, &foreign, &Default::default()).expect("written");
    let text = refusal(&evaluate);
    assert!(text.contains("model.safetensors") && text.contains("no configuration"), "{text}");
    // The model is whole, its weak network is not there, or is another.
    std::fs::write(&weights, &whole).expect("written");
    assert!(refusal(&evaluate).contains("weak.safetensors"));
    std::fs::write(Path::new(copy).join("weak.safetensors"), &whole).expect("written");
    assert!(refusal(&evaluate).contains("not the weak network"));
}

#[test]
fn the_seed_decides_everything() {
    let folder = folder();
    let train = |name: &str, seed: &str| {
        let out = path(&folder, name);
        train_only(&out, &smoke(&out, &["--seed", seed]));
        (bytes(&out, "model.safetensors"), log(&out))
    };
    let (first, second, other) = (train("a", "3"), train("b", "3"), train("c", "4"));
    assert!(first == second, "one seed, two results");
    assert!(first.0 != other.0 && first.1 != other.1, "two seeds, one result");
}
