//! What is on disk: exact, strict, pruned, and honest about damage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use easel_train::checkpoint::State;
use easel_train::{Checkpoints, Group, Scalars, TrainError};
use tch::{Kind, Tensor};

use crate::common::{Toy, bits, leaf, log, newest, optim, rhythm, run, saved_bits, single_threaded, values};

fn group(names: &[(&str, Tensor)]) -> Group {
    let named = names.iter().map(|(name, t)| (name.to_string(), t.shallow_clone())).collect();
    Group::new("g", named, Kind::Float, optim(), 50).unwrap()
}

#[test]
fn a_group_comes_back_bit_for_bit() {
    single_threaded();
    let folder = tempfile::tempdir().unwrap();
    let step = |group: &mut Group, w: &Tensor| group.update(&w.sin().sum(Kind::Float)).unwrap();
    let (w, fresh) = (leaf(&[0.1, -0.7, 2.3]), leaf(&[9.0; 3]));
    let (mut first, mut second) = (group(&[("w", w.shallow_clone())]), group(&[("w", fresh.shallow_clone())]));
    (0..7).for_each(|_| drop(step(&mut first, &w)));
    first.save(folder.path(), &BTreeMap::new()).unwrap();
    second.load(folder.path()).unwrap();
    assert_eq!(second.learning_rate(), first.learning_rate());
    // Equal now, and after more updates, so the moments and the average are the same too.
    for _ in 0..5 {
        assert_eq!(bits(&w), bits(&fresh));
        assert_eq!(bits(&first.average()[0].1), bits(&second.average()[0].1));
        assert_eq!(bits(&step(&mut first, &w)), bits(&step(&mut second, &fresh)));
    }
}

#[test]
fn a_checkpoint_of_another_model_is_refused_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    group(&[("same", leaf(&[1.0])), ("old", leaf(&[1.0])), ("wide", leaf(&[1.0, 2.0]))])
        .save(folder.path(), &BTreeMap::new())
        .unwrap();
    let (same, new, wide) = (leaf(&[5.0]), leaf(&[6.0]), leaf(&[7.0, 8.0, 9.0]));
    let tensors = [("same", same), ("new", new), ("wide", wide)];
    let mut other = group(&tensors);
    let message = other.load(folder.path()).unwrap_err().to_string();
    for part in
        ["g.weights.safetensors", "1 missing", "new", "1 unexpected", "old", "1 mismatched", "wide", "[2]", "[3]"]
    {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let [same, new, wide] = tensors.map(|(_, t)| values(&t));
    assert_eq!((same, new, wide), (vec![5.0], vec![6.0], vec![7.0, 8.0, 9.0]));
    assert_eq!(values(&other.average()[2].1), [7.0, 8.0, 9.0]);
}

#[test]
fn a_later_file_that_does_not_fit_leaves_the_earlier_ones_unused() {
    let folder = tempfile::tempdir().unwrap();
    group(&[("w", leaf(&[1.0]))]).save(folder.path(), &BTreeMap::new()).unwrap();
    let path = folder.path().join("g.adam_v.safetensors");
    let metadata = easel_core::weights::read(&path).unwrap().metadata;
    easel_core::weights::write(&path, &[("w".into(), Tensor::from_slice(&[1f64]))], &metadata).unwrap();
    let w = leaf(&[4.0]);
    let message = group(&[("w", w.shallow_clone())]).load(folder.path()).unwrap_err().to_string();
    assert!(message.contains("g.adam_v.safetensors") && message.contains("Double"), "{message}");
    assert_eq!(values(&w), [4.0]);
}

#[test]
fn files_of_two_steps_are_not_mixed() {
    let (folder, w) = (tempfile::tempdir().unwrap(), leaf(&[1.0]));
    let mut group = group(&[("w", w.shallow_clone())]);
    group.save(folder.path(), &BTreeMap::new()).unwrap();
    let old = fs::read(folder.path().join("g.adam_m.safetensors")).unwrap();
    let _ = group.update(&w.sum(Kind::Float)).unwrap();
    group.save(folder.path(), &BTreeMap::new()).unwrap();
    fs::write(folder.path().join("g.adam_m.safetensors"), old).unwrap();
    let message = group.load(folder.path()).unwrap_err().to_string();
    assert!(message.contains("g.adam_m.safetensors") && message.contains("another step"), "{message}");
}

#[test]
fn the_last_ones_and_the_best_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut toy = Toy::new(&["one"], Kind::Float, 40);
    toy.measure = |step| Some(if step == 15 { 0.5 } else { step as f64 });
    run(&mut toy, folder.path(), rhythm(40), false).unwrap();
    let checkpoints = Checkpoints::new(&folder.path().join("checkpoints"), 2);
    assert_eq!(checkpoints.steps().unwrap(), [15, 35, 40]);
    let (_, state) = checkpoints.latest().unwrap().unwrap();
    assert_eq!((state.best, state.best_step, state.step), (Some(0.5), Some(15), 40));

    let folder = tempfile::tempdir().unwrap();
    run(&mut Toy::new(&["one"], Kind::Float, 40), folder.path(), rhythm(40), false).unwrap();
    assert_eq!(Checkpoints::new(&folder.path().join("checkpoints"), 2).steps().unwrap(), [35, 40]);
}

#[test]
fn what_a_killed_writer_left_is_passed_over_and_cleared() {
    let folder = tempfile::tempdir().unwrap();
    run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(10), false).unwrap();
    let root = folder.path().join("checkpoints");
    for left in ["00000015.tmp", "00000005.old.tmp", "00000012"] {
        fs::create_dir_all(root.join(left)).unwrap();
        fs::write(root.join(left).join("one.weights.safetensors"), "half").unwrap();
    }
    run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(20), true).unwrap();
    assert_eq!(Checkpoints::new(&root, 2).steps().unwrap(), [15, 20]);
    let left = fs::read_dir(&root).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().ends_with(".tmp"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_failed_save_leaves_the_old_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path(), 1);
    let state = |step| State { step, ..State::default() };
    let write = |text: &'static str| {
        move |to: &Path| {
            fs::write(to.join("x"), text).unwrap();
            Ok::<(), TrainError>(())
        }
    };
    checkpoints.save(&state(1), write("1")).unwrap();
    let error = checkpoints.save(&state(2), |_| Err(TrainError::Run("no room".into()))).unwrap_err();
    assert_eq!(error.to_string(), "no room");
    assert_eq!(checkpoints.steps().unwrap(), [1]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the temporary folder is gone");
    // The same step again replaces what is there.
    checkpoints.save(&state(1), write("2")).unwrap();
    assert_eq!(fs::read_to_string(checkpoints.read(1).unwrap().0.join("x")).unwrap(), "2");
}

/// Damages one file of the newest checkpoint; the error names it and says what to do; doing so, the run ends as if
/// nothing had happened.
fn damage_is_named_and_curable(file: &str, damage: impl Fn(&Path)) {
    single_threaded();
    let (hurt, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let toy = || Toy::new(&["one"], Kind::Float, 20);
    run(&mut toy(), whole.path(), rhythm(20), false).unwrap();
    run(&mut toy(), hurt.path(), rhythm(10), false).unwrap();
    let folder = newest(hurt.path());
    damage(&folder.join(file));
    let message = run(&mut toy(), hurt.path(), rhythm(20), true).unwrap_err().to_string();
    let advice = format!("cannot resume from {}", folder.display());
    assert!(message.contains(file) && message.contains(&advice) && message.contains("delete that folder"), "{message}");
    fs::remove_dir_all(&folder).unwrap();
    run(&mut toy(), hurt.path(), rhythm(20), true).unwrap();
    assert_eq!(saved_bits(hurt.path(), "one"), saved_bits(whole.path(), "one"));
    assert_eq!(log(hurt.path()), log(whole.path()));
}

fn flip(path: &Path, from_end: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() - from_end;
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn damaged_checkpoints_are_found() {
    damage_is_named_and_curable("one.weights.safetensors", |path| flip(path, 3));
    damage_is_named_and_curable("one.average.safetensors", cut);
    damage_is_named_and_curable("one.adam_m.safetensors", |path| fs::remove_file(path).unwrap());
    damage_is_named_and_curable("one.adam_v.safetensors", |path| fs::write(path, "").unwrap());
    damage_is_named_and_curable("one.adam_v.safetensors", |path| flip(path, fs::read(path).unwrap().len() - 40));
    damage_is_named_and_curable("state.json", cut);
    damage_is_named_and_curable("state.json", |path| fs::write(path, "{\"step\": 3}").unwrap());
}

#[test]
fn a_run_of_another_model_is_not_told_to_delete_anything() {
    let folder = tempfile::tempdir().unwrap();
    run(&mut Toy::new(&["one"], Kind::Float, 20), folder.path(), rhythm(10), false).unwrap();
    let mut other = Toy::new(&["one"], Kind::Float, 20);
    other.groups[0] = Group::new("one", vec![("gain".into(), leaf(&[1.0]))], Kind::Float, optim(), 20).unwrap();
    let message = run(&mut other, folder.path(), rhythm(20), true).unwrap_err().to_string();
    assert!(message.contains("another model") && !message.contains("delete"), "{message}");
    assert!(message.contains("gain") && message.contains("weight") && message.contains("bias"), "{message}");
}

/// A learner whose names of scalars change from step to step, as with a penalty that is not paid at every step.
#[test]
fn scalars_may_come_and_go() {
    use easel_train::window::Window;
    let scalar = |v: f64| Tensor::from(v);
    let steps: [Scalars; 3] = [
        vec![("loss", scalar(1.0)), ("penalty", scalar(5.0))],
        vec![("loss", scalar(2.0))],
        vec![("loss", scalar(6.0)), ("penalty", scalar(7.0))],
    ];
    let mut window = Window::default();
    let mut interrupted = Window::default();
    for (step, scalars) in (1..).zip(steps) {
        let again = scalars.iter().map(|(n, t)| (*n, t.shallow_clone())).collect();
        window.push(step, scalars);
        interrupted.push(step, again);
        let state = State { window: interrupted.fetch(None).unwrap().clone(), ..State::default() };
        let text = serde_json::to_string(&state).unwrap();
        interrupted = Window::resume(serde_json::from_str::<State>(&text).unwrap().window);
    }
    let means = window.close(None).unwrap();
    assert_eq!(means, [("loss".to_string(), 3.0), ("penalty".to_string(), 6.0)]);
    assert_eq!(interrupted.close(None).unwrap(), means, "a window survives interruptions");
    assert!(window.close(None).unwrap().is_empty());
}
