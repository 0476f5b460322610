//! Killed, interrupted, out of room: the run goes on and ends as if nothing had happened.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use easel_core::Noise;
use serde_json::Value;

use crate::{bytes, easel, folder, log, only_error, path, smoke, start, train_only, wait_until};

const KILLS: u64 = 20;

/// The run that is disturbed: long enough for that, saved often, its log lines not in step with its checkpoints.
fn words(out: &str) -> Vec<&str> {
    smoke(
        out,
        &["--resume", "--set", "loop.steps=160", "--set", "loop.checkpoint_every=5", "--set", "loop.log_every=7"],
    )
}

/// What the run gives when nobody disturbs it, and how long that takes.
struct Quiet {
    model: Vec<u8>,
    weak: Vec<u8>,
    log: Vec<Value>,
    time: Duration,
}

fn quiet() -> &'static Quiet {
    static QUIET: OnceLock<Quiet> = OnceLock::new();
    QUIET.get_or_init(|| {
        let folder = folder();
        let (out, started) = (path(&folder, "quiet"), Instant::now());
        train_only(&out, &words(&out));
        let time = started.elapsed();
        Quiet { time, model: bytes(&out, "model.safetensors"), weak: bytes(&out, "weak.safetensors"), log: log(&out) }
    })
}

/// Trains to the end and compares with the quiet run.
fn ends_like_the_quiet_run(out: &str) {
    train_only(out, &words(out));
    assert!(bytes(out, "model.safetensors") == quiet().model, "other weights than without the stop");
    assert!(bytes(out, "weak.safetensors") == quiet().weak, "another weak network than without the stop");
    assert_eq!(log(out), quiet().log);
}

fn trained(out: &str) -> bool {
    Path::new(out).join("model.safetensors").exists()
}

fn send(signal: &str, run: &Child) {
    assert!(Command::new("kill").args([signal, &run.id().to_string()]).status().expect("kill runs").success());
}

fn checkpoints(out: &str) -> usize {
    std::fs::read_dir(Path::new(out).join("checkpoints")).map_or(0, |entries| entries.flatten().count())
}

#[test]
fn twenty_kills_change_nothing() {
    let (folder, moments) = (folder(), Noise::new(7).purpose("test/kills"));
    let (mut kills, mut in_the_middle, mut attempt) = (0, 0, 0);
    let mut out = path(&folder, "0");
    while kills < KILLS {
        let mut run = start(&words(&out));
        // Up to a quarter of the quiet run, whatever the machine.
        let mut share = [0.0];
        moments.uniform(attempt, 0, &mut share);
        std::thread::sleep(quiet().time.mul_f64(0.25 * share[0]));
        run.kill().and_then(|()| run.wait()).expect("killed");
        attempt += 1;
        if trained(&out) {
            // Fast enough to be through before its time: that kill does not count.
            ends_like_the_quiet_run(&out);
            out = path(&folder, &attempt.to_string());
        } else {
            kills += 1;
            in_the_middle += usize::from(checkpoints(&out) > 0);
        }
    }
    assert!(in_the_middle >= 3, "only {in_the_middle} of {kills} kills came while something was saved");
    ends_like_the_quiet_run(&out);
}

#[test]
fn an_interrupt_saves_and_the_run_goes_on() {
    let folder = folder();
    let out = path(&folder, "run");
    let size = || std::fs::metadata(Path::new(&out).join("metrics.jsonl")).map_or(0, |m| m.len());
    for signal in ["-INT", "-TERM"] {
        let before = size();
        let mut run = start(&words(&out));
        wait_until(&mut run, "a log line", || size() > before);
        send(signal, &run);
        let output = run.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(1), "{signal}");
        let text = only_error(&output.stderr);
        assert!(text.contains("stopped at step") && text.contains("--resume"), "{signal}: {text}");
        let step = text.split(|c: char| !c.is_ascii_digit()).find_map(|word| word.parse::<u64>().ok()).expect("a step");
        assert!(Path::new(&out).join(format!("checkpoints/{step:08}/state.json")).is_file(), "{step} is not saved");
    }
    ends_like_the_quiet_run(&out);
}

#[test]
fn an_interrupt_while_measuring_ends_the_program_at_once() {
    let folder = folder();
    let out = path(&folder, "run");
    let mut run = start(&smoke(&out, &[]));
    wait_until(&mut run, "weights", || trained(&out));
    send("-INT", &run);
    assert_eq!(run.wait().expect("ended").code(), Some(130));
    assert!(!Path::new(&out).join("report.md").exists());
}

/// A limit on the size of files stands in for a full disk.
#[test]
fn a_full_disk_is_one_clear_error_and_the_run_goes_on() {
    let folder = folder();
    let out = path(&folder, "run");
    let mut run = start(&words(&out));
    wait_until(&mut run, "two checkpoints", || checkpoints(&out) >= 2);
    run.kill().and_then(|()| run.wait()).expect("killed");

    let script = r#"ulimit -f 40; trap '' XFSZ; exec "$0" "$@""#;
    let mut shell = Command::new("sh");
    let program = easel(&words(&out));
    shell.args(["-c", script]).arg(program.get_program()).args(program.get_args()).env("OMP_NUM_THREADS", "1");
    let output = shell.output().expect("sh runs");
    let text = only_error(&output.stderr);
    assert!(!output.status.success() && text.contains("cannot write") && text.contains(&out), "{text}");
    assert!(text.contains("has room"), "{text}");
    ends_like_the_quiet_run(&out);
}
