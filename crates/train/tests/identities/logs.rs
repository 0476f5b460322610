//! The run's folder: log, event file, lock, and places that cannot be written.

use std::fs;
use std::path::{Path, PathBuf};

use easel_train::RunDir;
use easel_train::events::{EventWriter, read_scalars};
use easel_train::run_dir::read_metrics;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tch::Kind;

use crate::common::{Toy, log, rhythm, run};

fn trained(steps: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(steps), false).unwrap();
    folder
}

fn events_file(root: &Path) -> PathBuf {
    let all = fs::read_dir(root).unwrap().flatten().map(|e| e.path());
    let mut found = all.filter(|p| p.to_string_lossy().contains("tfevents"));
    found.next().expect("an event file")
}

#[test]
fn a_last_line_cut_short_is_left_out_and_computed_again() {
    let (whole, hurt) = (trained(20), trained(10));
    let path = hurt.path().join("metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines = read_metrics(&path).unwrap().len();
    fs::write(&path, &text[..text.len() - 9]).unwrap();
    assert_eq!(read_metrics(&path).unwrap().len(), lines - 1);
    fs::write(&path, text + "{\"step\": 11, \"lo\u{fffd}").unwrap();
    assert_eq!(read_metrics(&path).unwrap().len(), lines);
    run(&mut Toy::new(&["one"], Kind::Float, 20), hurt.path(), rhythm(20), true).unwrap();
    assert_eq!(log(hurt.path()), log(whole.path()));
}

#[test]
fn a_damaged_line_in_the_middle_is_refused_with_its_number() {
    let folder = trained(20);
    let path = folder.path().join("metrics.jsonl");
    let good = fs::read(&path).unwrap();
    let mut lines: Vec<Vec<u8>> = good.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    for damage in [b"{\"step\": 8, \"loss\n".to_vec(), b"[8]\n".to_vec(), vec![0xff, 0xfe, b'\n']] {
        lines[1] = damage;
        fs::write(&path, lines.concat()).unwrap();
        for message in [
            read_metrics(&path).unwrap_err().to_string(),
            run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(20), true).unwrap_err().to_string(),
        ] {
            assert!(message.contains("metrics.jsonl") && message.contains("line 2"), "{message}");
        }
    }
    assert_eq!(read_metrics(&folder.path().join("none.jsonl")).unwrap(), []);
}

#[test]
fn the_event_file_holds_the_log() {
    let folder = trained(10);
    // Also after a resumption, which builds it anew.
    run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(20), true).unwrap();
    let mut expected = Vec::new();
    for line in log(folder.path()) {
        let step = line["step"].as_u64().unwrap();
        expected.extend(
            line.iter().filter(|(k, _)| *k != "step").map(|(k, v)| (step, k.clone(), v.as_f64().unwrap() as f32)),
        );
    }
    assert!(expected.iter().any(|(_, tag, _)| tag == "lr/one"));
    assert_eq!(read_scalars(&events_file(folder.path())).unwrap(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn scalars_of_any_size_survive_the_event_file(
        lines in prop::collection::vec((any::<u32>(), prop::collection::vec(("[a-z/]{1,200}", -1e9f32..1e9), 0..4)), 0..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path()).unwrap();
        let mut expected = Vec::new();
        for (step, scalars) in &lines {
            let mut line = Map::from_iter([("step".to_string(), json!(step)), ("seconds".into(), json!(1.5))]);
            line.extend(scalars.iter().map(|(k, v)| (k.clone(), json!(v))));
            writer.scalars(&line).unwrap();
            let known = line.iter().filter(|(k, _)| !matches!(k.as_str(), "step" | "seconds"));
            expected.extend(known.map(|(k, v)| (u64::from(*step), k.clone(), v.as_f64().unwrap() as f32)));
        }
        prop_assert_eq!(read_scalars(&events_file(folder.path())).unwrap(), expected);
    }

    #[test]
    fn a_damaged_event_file_is_an_error_and_not_a_crash(at in 0.0..1.0, bit in 0u8..8) {
        let folder = tempfile::tempdir().unwrap();
        let line = json!({"step": 300, "seconds": 2.0, "loss": 0.25, "lr/model": 1e-3});
        EventWriter::create(folder.path()).unwrap().scalars(line.as_object().unwrap()).unwrap();
        let path = events_file(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        let at = (at * bytes.len() as f64) as usize;
        bytes[at] ^= 1 << bit;
        fs::write(&path, &bytes).unwrap();
        prop_assert!(read_scalars(&path).unwrap_err().to_string().contains("tfevents"));
        fs::write(&path, &bytes[..at]).unwrap();
        let cut = read_scalars(&path);
        prop_assert!(cut.is_err() || cut.unwrap().len() < 2);
    }
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let held = RunDir::open(folder.path(), "a = 1\n", false).unwrap();
    let message = RunDir::open(folder.path(), "a = 1\n", true).unwrap_err().to_string();
    assert!(message.contains("in use") && message.contains(&folder.path().display().to_string()), "{message}");
    drop(held);
    RunDir::open(folder.path(), "a = 1\n", true).unwrap();
}

#[test]
fn a_folder_with_a_run_is_not_written_over() {
    let folder = trained(10);
    let before: Vec<Vec<u8>> =
        ["config.toml", "metrics.jsonl"].iter().map(|f| fs::read(folder.path().join(f)).unwrap()).collect();
    let events = fs::read(events_file(folder.path())).unwrap();
    let message = RunDir::open(folder.path(), "a = 1\n", false).unwrap_err().to_string();
    assert!(message.contains("--resume") && message.contains("--out"), "{message}");
    let message = RunDir::open(folder.path(), "a = 2\n", true).unwrap_err().to_string();
    assert!(message.contains("`a = 1`") && message.contains("`a = 2`"), "{message}");
    let after: Vec<Vec<u8>> =
        ["config.toml", "metrics.jsonl"].iter().map(|f| fs::read(folder.path().join(f)).unwrap()).collect();
    assert_eq!((before, events), (after, fs::read(events_file(folder.path())).unwrap()));
}

#[test]
fn checkpoints_without_their_configuration_are_not_continued() {
    let folder = trained(10);
    fs::remove_file(folder.path().join("config.toml")).unwrap();
    let message = RunDir::open(folder.path(), "a = 2\n", true).unwrap_err().to_string();
    assert!(message.contains("config.toml") && message.contains("checkpoints"), "{message}");
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("run");
    let message = RunDir::open(&below, "a = 1\n", false).unwrap_err().to_string();
    assert!(message.contains(&below.display().to_string()), "{message}");
    #[cfg(target_os = "linux")]
    {
        let message = RunDir::open(Path::new("/proc/run"), "a = 1\n", false).unwrap_err().to_string();
        assert!(message.contains("/proc/run"), "{message}");
    }
}

/// `/dev/full` answers every write with "no space left".
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_error() {
    let folder = trained(10);
    let events = events_file(folder.path());
    fs::remove_file(&events).unwrap();
    std::os::unix::fs::symlink("/dev/full", &events).unwrap();
    let toy = || Toy::new(&["one"], Kind::Float, 20);
    let message = run(&mut toy(), folder.path(), rhythm(20), true).unwrap_err().to_string();
    assert!(message.contains(&events.display().to_string()) && message.contains("space"), "{message}");
    fs::remove_file(&events).unwrap();
    assert_eq!(
        run(&mut toy(), folder.path(), rhythm(20), true).unwrap().step,
        20,
        "the run goes on when there is room"
    );
    let whole = trained(20);
    assert_eq!(log(folder.path()), log(whole.path()));
}

#[test]
fn lines_are_json_objects_with_step_and_seconds() {
    let folder = trained(10);
    let text = fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
    let steps: Vec<u64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [4, 5, 8, 10]);
}
