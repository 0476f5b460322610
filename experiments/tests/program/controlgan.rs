//! ControlGAN: a run from end to end, its samples and its figures.

use std::path::Path;

use easel_core::weights;
use serde_json::Value;
use tch::Tensor;

use crate::{bytes, easel, folder, good, only_error, path, refusal, text};

/// A short run into `out`.
fn run<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "controlgan", "--preset", "smoke", "--out", out][..], more].concat()
}

#[test]
fn a_run_trains_measures_and_draws() {
    let folder = folder();
    let out = path(&folder, "run");
    let words = ["--set", "ablations=[\"word_level\"]"];
    let said = good(&run(&out, &words));
    assert!(said.contains("report.md"), "{said}");
    let results: Value = serde_json::from_str(&text(&out, "results.json")).expect("JSON");
    let metrics = &results["metrics"];
    for name in ["ground as asked", "r-precision (DAMSM)", "fd-attributes/real", "edit ground: judged"] {
        assert!(!metrics[name].is_null(), "{name}: {metrics}");
        assert!(!metrics["ablations"]["word_level"][name].is_null(), "ablation, {name}");
    }
    // Rules read real pictures without fault.
    assert_eq!(metrics["ground as asked/real"], 1.0);
    for name in ["arch", "wordlevel", "locality", "edits", "stages", "training", "ablation"] {
        assert!(Path::new(&out).join(format!("figures/controlgan_{name}.png")).is_file(), "{name}");
    }

    // Without the players, the run trains them again, to the same bytes.
    let before = bytes(&out, "controlgan.safetensors");
    std::fs::remove_file(Path::new(&out).join("players/weights.safetensors")).expect("removed");
    std::fs::remove_dir_all(Path::new(&out).join("players/checkpoints/00000006")).expect("removed");
    good(&run(&out, &[&words[..], &["--resume"]].concat()));
    assert_eq!(before, bytes(&out, "controlgan.safetensors"));

    samples_follow_prompt_and_seed(&out, &path(&folder, "x.safetensors"));
}

#[test]
fn weights_that_are_not_here_are_asked_for_before_anything_is_trained() {
    let folder = folder();
    let out = path(&folder, "run");
    let mut command = easel(&run(&out, &["--set", "perceptual=vgg"]));
    let output = command.env("EASEL_CACHE", path(&folder, "cache")).output().expect("started");
    let message = only_error(&output.stderr);
    assert!(message.contains("easel data fetch hed"), "{message}");
    assert!(!Path::new(&out).join("damsm").exists());
}

#[test]
fn emoji_are_drawn_and_compared() {
    let folder = folder();
    let (out, table) = (path(&folder, "run"), path(&folder, "compare"));
    good(&run(&out, &["--set", "data.set=emoji"]));
    let results: Value = serde_json::from_str(&text(&out, "results.json")).expect("JSON");
    let metrics = &results["metrics"];
    assert!(metrics["r-precision (scorer)/real"].as_f64() > metrics["r-precision (scorer)"].as_f64(), "{metrics}");
    assert!(metrics["ground as asked"].is_null() && metrics["edit colour: locality"].is_null(), "{metrics}");
    for figure in ["controlgan_edits", "controlgan_ablation"] {
        let message = refusal(&["figure", figure, "--run", &out, "--out", &table]);
        assert!(message.contains("trained on emoji"), "{message}");
    }

    let own = format!("controlgan={out}");
    let said = good(&["compare", "--data", "emoji", "--run", &own, "--count", "16", "--out", &table]);
    assert!(said.contains("| controlgan (") && said.contains("| real pictures |"), "{said}");
    let message = refusal(&["compare", "--data", "emoji", "--run", &own, "--count", "15", "--out", &table]);
    assert!(message.contains("--count 15: at least 16"), "{message}");
    let message = refusal(&["compare", "--data", "sprite-scenes", "--run", &own, "--out", &table]);
    assert!(message.contains("trained on emoji, not on sprite-scenes"), "{message}");
}

fn samples_follow_prompt_and_seed(run: &str, file: &str) {
    let draw = |prompt: &str, seed: &str| -> Tensor {
        let words =
            ["sample", "controlgan", "--run", run, "--count", "2", "--seed", seed, "--prompt", prompt, "--out", file];
        good(&words);
        weights::read(Path::new(file)).expect("readable").tensors.remove("images").expect("images")
    };
    let equal = |a: &Tensor, b: &Tensor| a.size() == b.size() && (a - b).abs().max().double_value(&[]) == 0.0;
    let [red, again] = [0, 1].map(|_| draw("a red apple at the top on a white ground", "3"));
    assert!(equal(&red, &again));
    assert!(!equal(&red, &draw("a blue apple at the top on a white ground", "3")));
    assert!(!equal(&red, &draw("a red apple at the top on a white ground", "4")));
    let message =
        refusal(&["sample", "controlgan", "--run", run, "--prompt", "a red zebra on a white moon", "--out", file]);
    assert!(message.contains("zebra") && message.contains("moon") && message.contains("known words: "), "{message}");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let folder = folder();
    let out = path(&folder, "run");
    let cases = [
        ("model.width=7", "model.width = 7"),
        ("model.side=20", "model.side = 20"),
        ("model.encoder=[8]", "model.encoder"),
        ("players.train.corre=paper_sum", "paper_sum"),
        ("players.train.weights.damsm=-1", "weights.damsm"),
        ("players.batch=1", "players.batch = 1"),
        ("model.normalised=true", "players.train.penalty = 2"),
        ("perceptual=lpips", "perceptual"),
        ("data.set=birds", "data.set = \"birds\""),
        ("data.objects=9", "data.objects = 9"),
        ("ablation=everything", "ablation"),
    ];
    for (setting, named) in cases {
        let message = refusal(&run(&out, &["--set", setting]));
        assert!(message.contains(named), "{setting}: {message}");
        assert!(!Path::new(&out).exists(), "{setting} left a folder");
    }
}
