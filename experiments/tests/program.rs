//! The program as its users meet it: its output, its errors, and what is left when it is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use easel_core::Noise;
use serde_json::Value;
use tempfile::TempDir;

/// `easel` with these words, on one thread.
fn easel(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_easel"));
    command.args(words).args(["--threads", "1"]).env("OMP_NUM_THREADS", "1");
    command
}

fn output(words: &[&str]) -> Output {
    easel(words).output().expect("the program starts")
}

/// Standard output of a call that must succeed.
fn good(words: &[&str]) -> String {
    let output = output(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The one error line of a call that must fail.
fn refusal(words: &[&str]) -> String {
    let output = output(words);
    assert!(!output.status.success(), "{words:?} succeeded");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error:")).collect();
    assert_eq!(errors.len(), 1, "{words:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("UTF-8").to_owned()
}

/// A short smoke run into `out`; `more` are further words.
fn smoke<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["run", "ddpm", "--preset", "smoke", "--out", out, "--set", "evaluate.samples=32"];
    words.extend(["--set", "evaluate.times=3", "--set", "evaluate.bound_pictures=2"]);
    words.extend(more);
    words
}

fn bytes(folder: &str, name: &str) -> Vec<u8> {
    let file = Path::new(folder).join(name);
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The log without its clock.
fn log(folder: &str) -> Vec<Value> {
    let text = String::from_utf8(bytes(folder, "metrics.jsonl")).expect("UTF-8");
    let mut lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    for line in &mut lines {
        line.as_object_mut().expect("an object").remove("seconds");
    }
    lines
}

#[test]
fn the_list_names_every_experiment_preset_and_figure() {
    let text = good(&["list"]);
    let json: Value = serde_json::from_str(&good(&["list", "--json"])).expect("JSON");
    let all = json.as_array().expect("an array");
    assert_eq!(all.len(), experiments::registry().len());
    for (entry, experiment) in all.iter().zip(experiments::registry()) {
        assert_eq!(entry["name"], experiment.name());
        for preset in experiment.presets() {
            assert!(text.contains(preset.name), "{}", preset.name);
        }
        for figure in experiment.figures() {
            assert!(text.contains(figure.name), "{}", figure.name);
        }
    }
}

#[test]
fn every_command_has_a_help_text() {
    for command in ["list", "run", "figure", "sample", "evaluate", "verify", "info", "data", "doctor", "ship"] {
        let help = good(&[command, "--help"]);
        assert!(help.contains("Usage:") && help.lines().count() > 8, "{command}: {help}");
    }
    assert!(good(&["run", "--help"]).contains("Examples:"));
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
}

#[test]
fn doctor_and_data_speak_json() {
    let doctor: Value = serde_json::from_str(&good(&["doctor", "--json"])).expect("JSON");
    assert_eq!(doctor["threads"], 1);
    let data: Value = serde_json::from_str(&good(&["data", "list", "--json"])).expect("JSON");
    assert!(data.as_array().is_some_and(|rows| rows.iter().any(|r| r["name"] == "digits")));
}

#[test]
fn wrong_words_are_refused_by_name() {
    let folder = TempDir::new().expect("a folder");
    let out = path(&folder, "run");
    let cases: &[(&[&str], &str)] = &[
        (&["run", "gan"], "gan"),
        (&["run", "ddpm", "--preset", "huge"], "huge"),
        (&["run", "ddpm", "--preset", "paper"], "not trained here"),
        (&["figure", "mona_lisa"], "mona_lisa"),
        (&["run", "ddpm", "--set", "loop.stepz=3"], "stepz"),
        (&["run", "ddpm", "--set", "loop.steps=many"], "loop.steps"),
        (&["run", "ddpm", "--set", "loop.steps=0"], "steps = 0"),
        (&["run", "ddpm", "--set", "train.optim.adam.beta1=1.5"], "beta1"),
        (&["run", "ddpm", "--set", "model.unet.groups=7"], "groups"),
        (&["run", "ddpm", "--set", "model.schedule={ kind = \"straight\" }"], "straight"),
        (&["run", "ddpm", "--set", "data=nowhere"], "nowhere"),
        (&["info", "ddpm", "--device", "abacus"], "abacus"),
        (&["sample", "ddpm", "--out", "x.bmp"], ".png or .safetensors"),
        (&["data", "fetch", "cifar"], "cifar"),
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
fn an_unwritable_folder_is_named() {
    let folder = TempDir::new().expect("a folder");
    let file = path(&folder, "file");
    std::fs::write(&file, "not a folder").expect("written");
    let out = format!("{file}/run");
    assert!(refusal(&smoke(&out, &[])).contains(&out));
}

#[test]
fn nan_stops_the_run_and_names_the_step() {
    let folder = TempDir::new().expect("a folder");
    let out = path(&folder, "run");
    let words =
        ["--set", "train.optim.rate.lr=1e30", "--set", "train.optim.rate.warmup=0", "--set", "train.optim.clip=0"];
    let text = refusal(&smoke(&out, &words));
    assert!(text.contains("at step") && text.contains("learning rate"), "{text}");
}

/// One run, and everything that can be asked of it.
#[test]
fn a_run_is_complete_repeatable_and_guarded() {
    let folder = TempDir::new().expect("a folder");
    let (a, b) = (path(&folder, "a"), path(&folder, "b"));
    good(&smoke(&a, &[]));
    for file in
        ["config.toml", "metrics.jsonl", "events.out.tfevents.easel", "model.safetensors", "results.json", "report.md"]
    {
        assert!(Path::new(&a).join(file).is_file(), "{file}");
    }
    for figure in experiments::experiment::find("ddpm").expect("ddpm").figures() {
        for ending in ["svg", "png"] {
            assert!(Path::new(&a).join(format!("figures/{}.{ending}", figure.name)).is_file(), "{}", figure.name);
        }
    }
    assert!(refusal(&smoke(&a, &[])).contains("--resume"));
    let other = refusal(&smoke(&a, &["--resume", "--set", "train.batch=8"]));
    assert!(other.contains("batch = 16") && other.contains("batch = 8"), "{other}");

    good(&smoke(&b, &[]));
    assert_eq!(bytes(&a, "model.safetensors"), bytes(&b, "model.safetensors"), "one seed, two results");
    let c = path(&folder, "c");
    good(&smoke(&c, &["--seed", "1"]));
    assert_ne!(bytes(&a, "model.safetensors"), bytes(&c, "model.safetensors"), "two seeds, one result");

    let sample = |count: &str, name: &str| {
        let out = path(&folder, name);
        good(&["sample", "ddpm", "--run", &a, "--count", count, "--steps", "3", "--out", &out]);
        easel_core::weights::read(Path::new(&out)).expect("a whole file").tensors["images"].shallow_clone()
    };
    let (few, many) = (sample("2", "few.safetensors"), sample("5", "many.safetensors"));
    assert_eq!(many.size(), [5, 1, 28, 28]);
    assert!((few - many.narrow(0, 0, 2)).abs().max().double_value(&[]) < 1e-5, "sample k depends on the count");

    // Weights that are damaged or another's.
    let weights = Path::new(&b).join("model.safetensors");
    let whole = std::fs::read(&weights).expect("weights");
    let evaluate = ["evaluate", "ddpm", "--run", b.as_str()];
    for (damage, why) in [
        (whole[..whole.len() / 2].to_vec(), "not a complete safetensors"),
        (whole.iter().enumerate().map(|(i, &x)| if i + 9 == whole.len() { x ^ 16 } else { x }).collect(), "damaged"),
    ] {
        std::fs::write(&weights, damage).expect("written");
        let text = refusal(&evaluate);
        assert!(text.contains("model.safetensors") && text.contains(why), "{text}");
    }
    let classifier =
        easel_core::weights::parse("classifier", experiments::papers::classifier::DIGITS).expect("built in");
    let mine = easel_core::weights::read(Path::new(&a).join("model.safetensors").as_path()).expect("whole");
    let foreign: Vec<_> = classifier.tensors.into_iter().collect();
    easel_core::weights::write(&weights, &foreign, &mine.metadata).expect("written");
    let text = refusal(&evaluate);
    assert!(text.contains("missing") && text.contains("unexpected"), "{text}");
}

#[cfg(unix)]
mod stopped {
    use super::*;

    /// The run that the tests below disturb: about a hundred steps, often saved.
    fn words(out: &str) -> Vec<&str> {
        smoke(
            out,
            &["--resume", "--set", "loop.steps=120", "--set", "loop.checkpoint_every=4", "--set", "loop.log_every=2"],
        )
    }

    fn start(out: &str) -> Child {
        easel(&words(out)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    fn same(disturbed: &str, quiet: &str) {
        assert_eq!(bytes(disturbed, "model.safetensors"), bytes(quiet, "model.safetensors"));
        assert_eq!(log(disturbed), log(quiet));
    }

    /// Waits until the run has logged something, so that it is in the middle of training.
    fn wait_for_log(out: &str) {
        let file = PathBuf::from(out).join("metrics.jsonl");
        for _ in 0..600 {
            if std::fs::metadata(&file).is_ok_and(|m| m.len() > 0) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no log after 30 seconds");
    }

    #[test]
    fn twenty_kills_change_nothing() {
        let folder = TempDir::new().expect("a folder");
        let (quiet, killed) = (path(&folder, "quiet"), path(&folder, "killed"));
        good(&words(&quiet));
        let moments = Noise::new(7).purpose("test/kills");
        for k in 0..20 {
            let mut run = start(&killed);
            std::thread::sleep(Duration::from_millis(150 + moments.below(k, 0, 1100) as u64));
            run.kill().expect("killed");
            run.wait().expect("ended");
        }
        good(&words(&killed));
        same(&killed, &quiet);
    }

    #[test]
    fn an_interrupt_saves_and_the_run_goes_on() {
        let folder = TempDir::new().expect("a folder");
        let (quiet, stopped) = (path(&folder, "quiet"), path(&folder, "stopped"));
        good(&words(&quiet));
        for signal in ["-INT", "-TERM"] {
            let mut run = start(&stopped);
            wait_for_log(&stopped);
            let sent = Command::new("kill").args([signal, &run.id().to_string()]).status().expect("kill runs");
            assert!(sent.success() || run.try_wait().expect("waited").is_some());
            run.wait().expect("ended");
            let kept = std::fs::read_dir(Path::new(&stopped).join("checkpoints")).expect("checkpoints").count();
            assert!(kept >= 1, "{signal}: nothing was saved");
        }
        good(&words(&stopped));
        same(&stopped, &quiet);
    }

    /// A limit on the size of files stands in for a full disk.
    #[test]
    fn a_full_disk_is_one_clear_error_and_the_run_goes_on() {
        let folder = TempDir::new().expect("a folder");
        let out = path(&folder, "run");
        let script = format!("ulimit -f 40; trap '' XFSZ; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_easel"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "easel"]).args(words(&out)).args(["--threads", "1"]);
        let output = shell.output().expect("sh runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains("error: cannot write"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        good(&words(&out));
    }
}
