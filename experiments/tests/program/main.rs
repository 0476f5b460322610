//! The program as its users meet it: its output, its errors, and what is left when it is stopped.

mod controlgan;
mod inpaint;
#[cfg(unix)]
#[path = "../../../notebooks-export/tests/support/jupyter.rs"]
mod jupyter;
mod notebook;
mod pictures;
mod run;
mod samplers;
#[cfg(unix)]
mod stopped;
mod verify;
mod words;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// `easel` with these words, on one thread unless they say otherwise.
fn easel(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_easel"));
    command.args(words).env("OMP_NUM_THREADS", "1");
    if !words.contains(&"--threads") {
        command.args(["--threads", "1"]);
    }
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

/// The one error of a call that must fail.
fn refusal(words: &[&str]) -> String {
    let output = output(words);
    assert!(!output.status.success(), "{words:?} succeeded");
    only_error(&output.stderr)
}

/// The one error on standard error: it starts a line, is the last thing said, and no panic.
fn only_error(stderr: &[u8]) -> String {
    let text = String::from_utf8(stderr.to_vec()).expect("UTF-8");
    assert!(!text.contains("panicked"), "{text}");
    let errors: Vec<usize> =
        text.match_indices("error: ").map(|(at, _)| at).filter(|&at| at == 0 || text[..at].ends_with('\n')).collect();
    assert_eq!(errors.len(), 1, "{text}");
    text[errors[0]..].trim_end().to_owned()
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("UTF-8").to_owned()
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// A short smoke run into `out`; `more` are further words.
fn smoke<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["run", "ddpm", "--preset", "smoke", "--out", out, "--set", "evaluate.samples=32"];
    words.extend(["--set", "evaluate.times=3", "--set", "evaluate.bound_pictures=2"]);
    words.extend(more);
    words
}

fn start(words: &[&str]) -> Child {
    easel(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Waits until `happened`, at most two minutes; the run must not end before.
fn wait_until(run: &mut Child, what: &str, happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        let ended = run.try_wait().expect("waited").is_some() && !happened();
        assert!(!ended, "the run ended without {what}");
        assert!(started.elapsed() < Duration::from_secs(120), "no {what} after two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Trains and stops before measuring: what training leaves is complete when its weights are there.
fn train_only(out: &str, words: &[&str]) {
    let mut run = start(words);
    wait_until(&mut run, "weights", || Path::new(out).join("model.safetensors").exists());
    run.kill().and_then(|()| run.wait()).expect("killed");
}

fn bytes(folder: &str, name: &str) -> Vec<u8> {
    let file = Path::new(folder).join(name);
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn text(folder: &str, name: &str) -> String {
    String::from_utf8(bytes(folder, name)).expect("UTF-8")
}

/// The log without its clock.
fn log(folder: &str) -> Vec<Value> {
    let mut lines: Vec<Value> =
        text(folder, "metrics.jsonl").lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    for line in &mut lines {
        line.as_object_mut().expect("an object").remove("seconds");
    }
    lines
}
