//! Training the classifier of noisy pictures.

use std::collections::BTreeMap;

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Split, digits};
use easel_train::{AdamConfig, Decay, Learner, OptimConfig, RateConfig};
use guidance::noisy_classifier::accuracy_by_time;
use guidance::{ClassifierLearner, NoisyClassifierConfig};
use tch::{Device, Kind, Tensor};

use crate::tensors::normal;

const BATCH: usize = 32;
const SEED: u64 = 6;

fn loader(split: Split) -> Loader {
    let data = digits::digits(split).unwrap();
    Loader::new(&data, LoaderConfig { batch: BATCH, ..LoaderConfig::default() }, Device::Cpu).unwrap()
}

fn optim() -> OptimConfig {
    let rate = RateConfig { lr: 4e-3, final_lr: 0.0, warmup: 20, decay: Decay::Constant };
    let adam = AdamConfig { weight_decay: 0.05, ..AdamConfig::default() };
    OptimConfig { rate, adam, ema: 0.9, ..OptimConfig::default() }
}

fn learner_of(config: &NoisyClassifierConfig, optim: OptimConfig) -> ClassifierLearner {
    tch::set_num_threads(1);
    let validation = Some(loader(Split::Test));
    ClassifierLearner::new(config, optim, loader(Split::Train), validation, SEED, 200, Device::Cpu).unwrap()
}

fn learner() -> ClassifierLearner {
    learner_of(&NoisyClassifierConfig::smoke(), optim())
}

fn master(learner: &mut ClassifierLearner) -> Tensor {
    learner.groups()[0].params.master().copy()
}

fn scalars(learner: &mut ClassifierLearner, step: u64) -> Vec<(&'static str, f64)> {
    learner.step(step).unwrap().into_iter().map(|(name, value)| (name, value.double_value(&[]))).collect()
}

#[test]
fn one_seed_gives_one_run() {
    let (mut a, mut b) = (learner(), learner());
    for step in 0..3 {
        let line = scalars(&mut a, step);
        assert_eq!(line.iter().map(|s| s.0).collect::<Vec<_>>(), ["loss", "accuracy", "grad_norm"]);
        tch::manual_seed(step as i64); // libtorch's generator does not matter
        assert_eq!(line, scalars(&mut b, step));
    }
    assert_eq!(master(&mut a), master(&mut b));
}

#[test]
fn a_resumed_run_takes_the_same_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = learner();
    (0..4).for_each(|step| drop(scalars(&mut whole, step)));
    whole.groups()[0].save(folder.path(), &BTreeMap::new()).unwrap();
    let mut resumed = learner();
    resumed.groups()[0].load(folder.path()).unwrap();
    for step in 4..8 {
        assert_eq!(scalars(&mut whole, step), scalars(&mut resumed, step), "step {step}");
    }
    assert_eq!(master(&mut whole), master(&mut resumed));
    assert_eq!(whole.average(), resumed.average());
    assert_eq!(whole.evaluate(8).unwrap(), resumed.evaluate(8).unwrap());
}

/// The first loss is that of the network's own logits on noisy pictures of the first batch, at one time in each stretch.
#[test]
fn the_loss_is_the_cross_entropy_of_noisy_pictures() {
    let mut learner = learner();
    let steps = learner.process.schedule.steps();
    let batch = loader(Split::Train).batch(0);
    let noise = Noise::new(SEED);
    let epsilon = normal_tensor(&noise.purpose("classifier/epsilon"), 0, 0..BATCH as u64, &[1, 28, 28], Device::Cpu);
    let uniform = |i: usize| {
        let mut u = [0.0];
        noise.purpose("classifier/times").uniform(0, i as u64, &mut u);
        u[0]
    };
    let u: Vec<f64> = (0..BATCH).map(uniform).collect();
    let stretch = steps as f64 / BATCH as f64;
    let times: Vec<i64> = u.iter().enumerate().map(|(i, u)| 1 + ((i as f64 + u) * stretch) as i64).collect();
    assert!(times.windows(2).all(|w| w[0] <= w[1]) && times[0] >= 1 && times[BATCH - 1] <= steps as i64);
    let t = Tensor::from_slice(&times);
    let logits = tch::no_grad(|| learner.model.forward(&learner.process.q_sample(&batch.images, &t, &epsilon), &t));
    let labels = batch.labels.unwrap();
    let log_p = logits.log_softmax(-1, Kind::Double).gather(1, &labels.unsqueeze(1), false);
    let expected = -log_p.mean(Kind::Double).double_value(&[]);
    let correct = logits.argmax(-1, false).eq_tensor(&labels).to_kind(Kind::Double).mean(Kind::Double);
    let line = scalars(&mut learner, 0);
    assert!((line[0].1 / expected - 1.0).abs() < 1e-5, "{line:?}, expected {expected}");
    assert!((line[1].1 - correct.double_value(&[])).abs() < 1e-6);
}

#[test]
fn training_lowers_the_loss() {
    let mut learner = learner();
    let before = learner.evaluate(0).unwrap().unwrap();
    let losses: Vec<f64> = (0..60).map(|step| scalars(&mut learner, step)[0].1).collect();
    let after = learner.evaluate(60).unwrap().unwrap();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[55..]));
    assert!(last < 0.9 * first && after < 0.9 * before, "{first} to {last}, {before} to {after}");
}

/// Nearly clean pictures are told apart, pure noise is not.
#[test]
fn accuracy_falls_with_noise() {
    let mut learner = learner();
    (0..150).for_each(|step| drop(scalars(&mut learner, step)));
    let test = Loader::new(
        &digits::digits(Split::Test).unwrap(),
        LoaderConfig { batch: 200, ..LoaderConfig::default() },
        Device::Cpu,
    )
    .unwrap();
    let batch = test.batch(0);
    let labels = batch.labels.unwrap();
    let found = learner.with_average(|model, process| {
        accuracy_by_time(model, process, &batch.images, &labels, &[1, 20, 100], |_| normal(9, &[200, 1, 28, 28]))
    });
    assert_eq!(found.len(), 3);
    assert!(found[0] > 0.6 && found[1] > 0.5, "{found:?}");
    assert!(found[2] < 0.25, "{found:?}");
}

#[test]
fn accumulated_batches_are_one_update() {
    let config = NoisyClassifierConfig::smoke();
    let mut twice = learner_of(&config, OptimConfig { accumulate: 2, ..optim() });
    let rate = RateConfig { lr: 1e-30, ..optim().rate };
    let mut still = learner_of(&config, OptimConfig { rate, ..optim() });
    let losses: Vec<f64> = (0..2).map(|step| scalars(&mut still, step)[0].1).collect();
    let found = scalars(&mut twice, 0)[0].1;
    assert!((found - (losses[0] + losses[1]) / 2.0).abs() < 1e-5, "{found}, {losses:?}");
}

#[test]
fn pictures_that_do_not_fit_are_refused() {
    let refused = |config: NoisyClassifierConfig| {
        let result = ClassifierLearner::new(&config, optim(), loader(Split::Train), None, SEED, 10, Device::Cpu);
        result.expect_err("an error").to_string()
    };
    let smoke = NoisyClassifierConfig::smoke;
    assert!(refused(NoisyClassifierConfig { channels: 3, ..smoke() }).contains("[3, 28, 28]"));
    assert!(refused(NoisyClassifierConfig { classes: 4, ..smoke() }).contains("labels 0 to 3"));
    assert!(refused(NoisyClassifierConfig { blocks: 0, ..smoke() }).contains("classifier.blocks"));
    assert!(refused(NoisyClassifierConfig { timesteps: 0, ..smoke() }).contains("timesteps"));
}
