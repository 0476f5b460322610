//! Training: the bound falls, and a resumed run is the same run.

use std::collections::BTreeMap;

use align_draw::learner::TrainConfig;
use align_draw::sharpen_learner::SharpenTraining;
use align_draw::source::Pictures;
use align_draw::{AlignDrawConfig, AlignDrawLearner, SharpenLearner};
use easel_data::{Dataset, Split};
use easel_nn::InitScheme;
use easel_train::{Learner, LoopConfig, OptimConfig};
use tch::{Device, Kind};

use crate::common::{network, scenes, vocabulary};

fn optim(lr: f64) -> OptimConfig {
    let mut optim = OptimConfig { clip: 10.0, ema: 0.5, ..OptimConfig::default() };
    (optim.rate.lr, optim.rate.warmup) = (lr, 0);
    optim
}

fn learner(steps: u64) -> AlignDrawLearner {
    learner_on(AlignDrawConfig::smoke(), 3e-3, steps)
}

fn learner_on(model: AlignDrawConfig, lr: f64, steps: u64) -> AlignDrawLearner {
    tch::set_num_threads(1);
    let pictures = [Split::Train, Split::Test].map(|split| Pictures::Scenes(scenes(split)));
    let train =
        TrainConfig { batch: 6, parts: 2, init: InitScheme::Public, window: 0.5, kl_warmup: 4, optim: optim(lr) };
    AlignDrawLearner::new(&model, train, vocabulary(), pictures, 0, steps, Device::Cpu).unwrap()
}

fn sharpener() -> SharpenLearner {
    tch::set_num_threads(1);
    let config = SharpenTraining {
        features: 3,
        batch: 4,
        steps: LoopConfig { steps: 8, ..LoopConfig::default() },
        optim: optim(1e-3),
    };
    let pictures = Pictures::Scenes(scenes(Split::Train));
    SharpenLearner::new(network(0, &AlignDrawConfig::smoke()), config, vocabulary(), pictures, 0, Device::Cpu).unwrap()
}

fn scalars(learner: &mut dyn Learner, step: u64) -> Vec<f64> {
    learner.step(step).unwrap().iter().map(|(_, v)| v.to_kind(Kind::Double).double_value(&[])).collect()
}

fn masters(learner: &mut dyn Learner) -> Vec<tch::Tensor> {
    learner.groups().iter().map(|g| g.params.master().copy()).collect()
}

/// Four steps, a save and four more, against eight.
fn resumes(mut make: impl FnMut() -> Box<dyn Learner>) {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = make();
    (0..4).for_each(|step| drop(scalars(whole.as_mut(), step)));
    for group in whole.groups() {
        group.save(folder.path(), &BTreeMap::new()).unwrap();
    }
    whole.save_extra(folder.path()).unwrap();
    let mut resumed = make();
    for group in resumed.groups() {
        group.load(folder.path()).unwrap();
    }
    resumed.load_extra(folder.path()).unwrap();
    for step in 4..8 {
        assert_eq!(scalars(whole.as_mut(), step), scalars(resumed.as_mut(), step), "step {step}");
    }
    assert_eq!(masters(whole.as_mut()), masters(resumed.as_mut()));
}

#[test]
fn a_resumed_run_is_the_same_run() {
    resumes(|| Box::new(learner(8)));
    resumes(|| Box::new(sharpener()));
}

#[test]
fn training_lowers_the_bound() {
    // From a grey canvas, as a black one leaves little to learn in so few steps.
    let mut learner = learner_on(AlignDrawConfig { canvas: 0.0, ..AlignDrawConfig::smoke() }, 2e-2, 60);
    let before = learner.evaluate(0).unwrap().unwrap();
    (0..60).for_each(|step| drop(scalars(&mut learner, step)));
    let after = learner.evaluate(60).unwrap().unwrap();
    assert!(after < 0.8 * before, "{before} to {after}");
}

#[test]
fn the_discriminator_learns_to_tell() {
    let mut learner = sharpener();
    let losses: Vec<f64> = (0..30).map(|step| scalars(&mut learner, step)[1]).collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&losses[25..]) < mean(&losses[..5]), "{losses:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let train =
        TrainConfig { batch: 6, parts: 2, init: InitScheme::Public, window: 0.5, kl_warmup: 0, optim: optim(1e-3) };
    let make = |model: AlignDrawConfig, train: TrainConfig| {
        let pictures = [Split::Train, Split::Test].map(|split| Pictures::Scenes(scenes(split)));
        AlignDrawLearner::new(&model, train, vocabulary(), pictures, 0, 8, Device::Cpu).unwrap_err().to_string()
    };
    let model = AlignDrawConfig::smoke();
    assert!(make(AlignDrawConfig { side: 40, ..model }, train).contains("40"));
    assert!(make(AlignDrawConfig { words: 7, ..model }, train).contains("model.words = 7"));
    assert!(make(model, TrainConfig { batch: 0, ..train }).contains("train.batch"));
    let silent = Dataset::new("silent", [1, 1, 2, 2], vec![0; 4]).unwrap();
    assert!(Pictures::listed(silent, 0).unwrap_err().to_string().contains("no captions"));
}
