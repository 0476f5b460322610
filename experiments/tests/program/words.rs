//! What is printed, and what is refused.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::{easel, folder, good, output, path, refusal, smoke};

#[test]
fn the_list_names_every_experiment_preset_and_figure() {
    let text = good(&["list"]);
    let json: Value = serde_json::from_str(&good(&["list", "--json"])).expect("JSON");
    let all = json.as_array().expect("an array");
    assert_eq!(all.len(), experiments::registry().len());
    let names = |value: &Value| -> Vec<String> {
        let items = value.as_array().expect("an array").iter();
        items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };
    for (entry, experiment) in all.iter().zip(experiments::registry()) {
        assert_eq!(entry["name"], experiment.name());
        assert_eq!(names(&entry["presets"]), experiment.presets().iter().map(|p| p.name).collect::<Vec<_>>());
        assert_eq!(names(&entry["figures"]), experiment.figures().iter().map(|f| f.name).collect::<Vec<_>>());
        for name in names(&entry["presets"]).iter().chain(&names(&entry["figures"])) {
            assert!(text.contains(name), "{name}");
        }
    }
}

#[test]
fn every_command_has_a_help_text() {
    for command in [
        "list", "run", "figure", "sample", "inpaint", "edit", "evaluate", "verify", "info", "data", "compare",
        "doctor", "ship",
    ] {
        let help = good(&[command, "--help"]);
        assert!(help.contains("Usage:") && help.lines().count() > 8, "{command}: {help}");
    }
    for command in ["list", "fetch", "show"] {
        assert!(good(&["data", command, "--help"]).contains("Usage:"), "data {command}");
    }
    for command in ["run", "figure", "sample", "compare", "verify", "info"] {
        assert!(good(&[command, "--help"]).contains(&format!("\n  easel {command} ")), "{command} shows no example");
    }
    assert!(good(&["--help"]).contains("easel run ddpm"));
}

#[test]
fn info_counts_the_published_networks() {
    for (preset, parameters) in [
        ("paper", 35_746_307),
        ("paper-learned", 35_749_766),
        ("paper-256", 113_673_219),
        ("paper-celeba64", 78_700_803),
    ] {
        let info: Value = serde_json::from_str(&good(&["info", "ddpm", "--preset", preset, "--json"])).expect("JSON");
        assert_eq!(info["parameters"], parameters, "{preset}");
    }
    let config = good(&["info", "ddpm", "--config", "--set", "loop.steps=7"]);
    assert!(config.contains("[model.unet]") && config.contains("steps = 7"), "{config}");
}

#[test]
fn doctor_and_data_speak_json() {
    let doctor: Value = serde_json::from_str(&good(&["doctor", "--json"])).expect("JSON");
    assert_eq!(doctor["threads"], 1);
    assert!(good(&["doctor"]).contains("threads"));
    let data: Value = serde_json::from_str(&good(&["data", "list", "--json"])).expect("JSON");
    assert!(data.as_array().is_some_and(|rows| rows.iter().any(|r| r["name"] == "digits")));
}

#[test]
fn data_sets_can_be_looked_at() {
    let folder = folder();
    let out = path(&folder, "sheet.png");
    for (name, words) in [("digits", ["--count", "3"]), ("shapes", ["--count", "2"])] {
        good(&["data", "show", name, words[0], words[1], "--out", &out]);
        assert!(image::open(&out).expect("a picture").width() > 100);
        assert!(Path::new(&path(&folder, "sheet.svg")).is_file());
    }
    assert!(refusal(&["data", "show", "nowhere"]).contains("`nowhere`"));
    assert!(refusal(&["data", "show", "digits", "--count", "0"]).contains("--count 0"));
}

#[test]
fn wrong_words_are_refused_by_name() {
    let folder = folder();
    let out = path(&folder, "run");
    let cases: &[(&[&str], &str)] = &[
        (&["paint", "ddpm"], "paint"),
        (&["run", "nowhere"], "nowhere"),
        (&["run", "ddpm", "--preset", "huge"], "huge"),
        (&["run", "ddpm", "--preset", "paper"], "not trained here"),
        (&["run", "ddpm", "--seed", "-1"], "-1"),
        (&["run", "ddpm", "--threads", "many"], "many"),
        (&["run", "ddpm", "--set", "loop.stepz=3"], "stepz"),
        (&["run", "ddpm", "--set", "lop.steps=3"], "[lop]"),
        (&["run", "ddpm", "--set", "loop.steps"], "key=value"),
        (&["run", "ddpm", "--set", "paper=gan"], "paper=gan"),
        (&["run", "ddpm", "--set", "seed=3"], "seed=3"),
        (&["run", "ddpm", "--set", "loop.steps=many"], "loop.steps"),
        (&["run", "ddpm", "--set", "loop.steps=-3"], "loop.steps"),
        (&["run", "ddpm", "--set", "loop.steps=0"], "steps = 0"),
        (&["run", "ddpm", "--set", "train.batch=0"], "train.batch = 0"),
        (&["run", "ddpm", "--set", "train.precision=f16"], "train.precision"),
        (&["run", "ddpm", "--set", "train.optim.adam.beta1=1.5"], "beta1"),
        (&["run", "ddpm", "--set", "train.optim.rate.lr=0"], "rate.lr"),
        (&["run", "ddpm", "--set", "train.optim.accumulate=0"], "accumulate"),
        (&["run", "ddpm", "--set", "model.unet.groups=7"], "groups"),
        (&["run", "ddpm", "--set", "model.unet.levels=[]"], "unet.levels"),
        (&["run", "ddpm", "--set", "model.patch=-2"], "model.patch = -2"),
        (&["run", "ddpm", "--set", "model.side=27"], "model.side = 27"),
        (&["run", "ddpm", "--set", "model.timesteps=0"], "model.timesteps = 0"),
        (&["run", "ddpm", "--set", "model.objective=hybrid"], "hybrid"),
        (&["run", "ddpm", "--set", "model.schedule={ kind = \"straight\" }"], "straight"),
        (&["run", "ddpm", "--set", "model.schedule.s=-3"], "s = -3"),
        (&["run", "ddpm", "--set", "evaluate.samples=1"], "evaluate.samples = 1"),
        (&["run", "ddpm", "--set", "evaluate.times=0"], "evaluate.times = 0"),
        (&["run", "ddpm", "--set", "evaluate.times=5000"], "evaluate.times = 5000"),
        (&["run", "ddpm", "--set", "evaluate.batch=0"], "evaluate.batch = 0"),
        (&["run", "ddpm", "--set", "evaluate.bound_stride=0"], "evaluate.bound_stride = 0"),
        (&["run", "ddpm", "--set", "evaluate.bound_pictures=0"], "evaluate.bound_pictures = 0"),
        (&["run", "ddpm", "--set", "data=nowhere"], "nowhere"),
        (&["run", "ddpm", "--set", "model.channels=3"], "1 x 28 x 28"),
        (&["info", "ddpm", "--device", "abacus"], "abacus"),
        (&["info", "ddpm", "--threads", "0"], "--threads 0"),
        (&["figure", "mona_lisa"], "mona_lisa"),
        (&["figure", "ddpm_chain", "--run", "nowhere"], "nowhere"),
        (&["evaluate", "ddpm", "--run", "nowhere"], "nowhere"),
        (&["sample", "ddpm", "--out", "x.bmp"], ".png or .safetensors"),
        (&["sample", "ddpm", "--count", "0"], "--count 0"),
        (&["sample", "ddpm", "--steps", "0"], "0 of 1000"),
        (&["sample", "classifier"], "classifier"),
        (&["data", "fetch", "cifar"], "cifar"),
        (&["ship", "ddpm", "--run", "nowhere"], "nowhere"),
    ];
    for (words, named) in cases {
        let mut words = words.to_vec();
        if words[0] == "run" {
            words.extend(["--out", &out]);
        }
        let text = refusal(&words);
        assert!(text.contains(named), "{words:?} should name {named}: {text}");
        assert!(!Path::new(&out).exists(), "{words:?} left a folder");
    }
}

#[test]
fn causes_are_said_once_and_the_exit_code_tells() {
    let text = refusal(&["verify", "nowhere"]);
    assert_eq!(text.matches("nowhere").count(), 1, "{text}");
    let folder = folder();
    let text =
        refusal(&["sample", "ddpm", "--count", "1", "--steps", "1", "--out", &path(&folder, "no/x.safetensors")]);
    assert!(text.contains("cannot write") && text.matches("os error").count() == 1, "{text}");
    assert_eq!(output(&["figure", "mona_lisa"]).status.code(), Some(1));
    assert_eq!(output(&["info", "ddpm"]).status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    let mut child = easel(&["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn an_unwritable_folder_is_named() {
    let folder = folder();
    let file = path(&folder, "file");
    std::fs::write(&file, "not a folder").expect("written");
    let out = format!("{file}/run");
    assert!(refusal(&smoke(&out, &[])).contains(&out));
    #[cfg(target_os = "linux")]
    assert!(refusal(&smoke("/proc/run", &[])).contains("/proc/run"));
}

#[test]
fn nan_stops_the_run_and_names_the_step() {
    let folder = folder();
    let out = path(&folder, "run");
    let words =
        ["--set", "train.optim.rate.lr=1e30", "--set", "train.optim.rate.warmup=0", "--set", "train.optim.clip=0"];
    let text = refusal(&smoke(&out, &words));
    assert!(text.contains("at step") && text.contains("learning rate"), "{text}");
    assert!(!Path::new(&out).join("model.safetensors").exists());
}
