//! Stopping and going on: the same weights, state and log as without the stop.

use std::fs;

use easel_train::{LoopConfig, TrainError};
use tch::Kind;

use crate::common::{Toy, log, newest, rhythm, run, saved_bits, single_threaded};

/// Trains `steps` at once, and in pieces that end at `stops`, in folders of their own; compares everything kept.
fn stops_change_nothing(names: &[&'static str], kind: Kind, steps: u64, stops: &[u64]) {
    single_threaded();
    let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outcome = run(&mut Toy::new(names, kind, steps), whole.path(), rhythm(steps), false).unwrap();
    assert!(outcome.complete && outcome.step == steps);
    for (i, &stop) in stops.iter().chain([&steps]).enumerate() {
        // A new learner each time, as in a new process.
        let outcome = run(&mut Toy::new(names, kind, steps), pieces.path(), rhythm(stop), i > 0).unwrap();
        assert_eq!(outcome.step, stop);
    }
    for name in names {
        assert_eq!(saved_bits(whole.path(), name), saved_bits(pieces.path(), name), "state of `{name}`");
        assert!(saved_bits(whole.path(), name).len() == 8);
    }
    assert_eq!(log(whole.path()), log(pieces.path()));
    assert!(log(whole.path()).len() as u64 >= steps / 4);
}

#[test]
fn training_twice_n_is_training_n_and_resuming() {
    stops_change_nothing(&["one"], Kind::Float, 40, &[20]);
    stops_change_nothing(&["one"], Kind::Float, 35, &[5, 10, 30]);
    stops_change_nothing(&["one"], Kind::BFloat16, 40, &[20]);
}

#[test]
fn two_optimisers_resume_like_one() {
    stops_change_nothing(&["one", "other"], Kind::Float, 40, &[20]);
}

#[test]
fn the_same_run_twice_is_the_same() {
    single_threaded();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(20), false).unwrap();
    }
    assert_eq!(saved_bits(folders[0].path(), "one"), saved_bits(folders[1].path(), "one"));
    let lines = log(folders[0].path());
    assert!(lines.last().unwrap()["loss"].as_f64() < lines[0]["loss"].as_f64(), "the toy does not learn");
}

#[test]
fn a_finished_run_resumes_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(20), false).unwrap();
    let before = (saved_bits(folder.path(), "one"), log(folder.path()));
    let outcome = run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(20), true).unwrap();
    assert!(outcome.complete && outcome.step == 20);
    assert_eq!((saved_bits(folder.path(), "one"), log(folder.path())), before);
}

#[test]
fn a_nan_stops_at_its_step_and_keeps_the_last_good_checkpoint() {
    single_threaded();
    let (sick, well) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (nan_at, named, kept) in [(12, "step 13", "step 10"), (9, "step 10", "step 5"), (1, "step 2", "none")] {
        let root = sick.path().join(named);
        let mut toy = Toy::new(&["one"], Kind::Float, 30);
        toy.nan_at = Some(nan_at);
        let error = run(&mut toy, &root, rhythm(30), false).unwrap_err();
        let TrainError::NotFinite { ref name, step, .. } = error else { panic!("{error}") };
        assert_eq!((name.as_str(), step), ("loss", nan_at + 1));
        let message = error.to_string();
        assert!(message.contains(named) && message.contains(kept), "{message}");
        assert!(log(&root).iter().all(|l| l["step"].as_u64() <= Some(nan_at)));

        // Without the cause, the run goes on to where it would have come.
        run(&mut Toy::new(&["one"], Kind::Float, 30), &root, rhythm(30), true).unwrap();
        if nan_at == 12 {
            run(&mut Toy::new(&["one"], Kind::Float, 30), well.path(), rhythm(30), false).unwrap();
        }
        assert_eq!(saved_bits(&root, "one"), saved_bits(well.path(), "one"));
        assert_eq!(log(&root), log(well.path()));
    }
}

#[test]
fn an_evaluation_that_is_nan_saves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut toy = Toy::new(&["one"], Kind::Float, 30);
    toy.measure = |step| Some(if step == 15 { f64::NAN } else { 1.0 });
    let message = run(&mut toy, folder.path(), rhythm(30), false).unwrap_err().to_string();
    assert!(message.contains("evaluation became NaN at step 15") && message.contains("step 10"), "{message}");
    assert!(newest(folder.path()).ends_with("00000010"));
}

#[test]
fn a_loop_that_would_never_write_is_refused() {
    for (key, config) in [
        ("steps", LoopConfig { steps: 0, ..rhythm(1) }),
        ("log_every", LoopConfig { log_every: 0, ..rhythm(1) }),
        ("checkpoint_every", LoopConfig { checkpoint_every: 0, ..rhythm(1) }),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let message =
            run(&mut Toy::new(&["one"], Kind::Float, 1), folder.path(), config, false).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{key} = 0")), "{message}");
        assert_eq!(fs::read_dir(folder.path().join("checkpoints")).unwrap().count(), 0);
    }
}
