//! Training on the digits.

use std::collections::BTreeMap;

use draw::bound::{Bounded, probabilities, test_pictures};
use draw::learner::TrainConfig;
use draw::{BoundLearner, Draw, DrawConfig, Vae, VaeConfig};
use easel_data::{Split, digits};
use easel_nn::{InitScheme, Params};
use easel_train::{AdamConfig, Decay, Learner, OptimConfig, RateConfig};
use tch::{Device, Tensor};

const STEPS: u64 = 260;

fn train_config() -> TrainConfig {
    let rate = RateConfig { lr: 5e-3, final_lr: 5e-4, warmup: 2, decay: Decay::Constant };
    let adam = AdamConfig { weight_decay: 1e-3, ..AdamConfig::default() };
    TrainConfig { batch: 32, optim: OptimConfig { rate, adam, clip: 100.0, ema: 0.9, ..OptimConfig::default() } }
}

fn learner<M: Bounded>(seed: u64, model: impl Fn(&Params) -> M) -> BoundLearner<M> {
    tch::set_num_threads(1);
    let params = Params::new(Device::Cpu, seed, InitScheme::Ddpm);
    let pictures = probabilities(&digits::digits(Split::Train).expect("the digits are built in"));
    let test = test_pictures(&digits::digits(Split::Test).expect("the digits are built in"), Device::Cpu);
    let validation = test.narrow(0, 0, 50);
    BoundLearner::new(model(&params), &params, &train_config(), pictures, validation, seed, STEPS).expect("valid")
}

fn draw_learner(seed: u64, attention: bool) -> BoundLearner<Draw> {
    let config = DrawConfig { attention, glimpses: 4, hidden: 48, latent: 8, ..DrawConfig::smoke() };
    learner(seed, |params| Draw::new(&params.root(), &config).expect("the sizes fit"))
}

fn vae_learner(seed: u64) -> BoundLearner<Vae> {
    let config = VaeConfig { pixels: 784, hidden: 16, latent: 4 };
    learner(seed, |params| Vae::new(&params.root(), &config).expect("the sizes fit"))
}

fn scalars<M: Bounded>(learner: &mut BoundLearner<M>, step: u64) -> Vec<(&'static str, f64)> {
    learner.step(step).expect("a step").into_iter().map(|(name, value)| (name, value.double_value(&[]))).collect()
}

fn master<M: Bounded>(learner: &mut BoundLearner<M>) -> Tensor {
    learner.groups()[0].params.master().copy()
}

fn resumes<M: Bounded>(make: impl Fn() -> BoundLearner<M>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut whole = make();
    (0..4).for_each(|step| drop(scalars(&mut whole, step)));
    whole.groups()[0].save(folder.path(), &BTreeMap::new()).expect("saved");
    let mut resumed = make();
    resumed.groups()[0].load(folder.path()).expect("loaded");
    tch::manual_seed(3); // libtorch's generator does not matter
    for step in 4..8 {
        assert_eq!(scalars(&mut whole, step), scalars(&mut resumed, step), "step {step}");
    }
    assert_eq!(master(&mut whole), master(&mut resumed));
    assert_eq!(whole.average(), resumed.average());
    assert_eq!(whole.evaluate(8).expect("a bound"), resumed.evaluate(8).expect("a bound"));
}

#[test]
fn a_resumed_run_takes_the_same_steps() {
    resumes(|| draw_learner(6, true));
    resumes(|| draw_learner(6, false));
    resumes(|| vae_learner(6));
}

#[test]
fn a_seed_decides_everything() {
    let (mut a, mut b, mut c) = (draw_learner(1, true), draw_learner(1, true), draw_learner(2, true));
    let (a, b, c) = (scalars(&mut a, 0), scalars(&mut b, 0), scalars(&mut c, 0));
    assert_eq!(a.iter().map(|s| s.0).collect::<Vec<_>>(), ["bound", "reconstruction", "kl", "grad_norm"]);
    assert_eq!(a, b);
    assert_ne!(a, c);
}

#[test]
fn training_lowers_the_bound() {
    fn falls<M: Bounded>(mut learner: BoundLearner<M>) {
        let first = learner.evaluate(0).expect("a bound").expect("a bound");
        (0..STEPS).for_each(|step| drop(scalars(&mut learner, step)));
        let last = learner.evaluate(STEPS).expect("a bound").expect("a bound");
        // At first the pixels have the means of the training pictures.
        assert!((first - 207.0).abs() < 15.0 && last < first - 8.0, "{first} {last}");
    }
    falls(draw_learner(0, true));
    falls(draw_learner(0, false));
    falls(vae_learner(3));
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let params = Params::new(Device::Cpu, 0, InitScheme::Ddpm);
    let draw = Draw::new(&params.root(), &DrawConfig::smoke()).expect("the sizes fit");
    let pictures = Tensor::zeros([0, 784], (tch::Kind::Float, Device::Cpu));
    let error =
        BoundLearner::new(draw, &params, &train_config(), pictures.copy(), pictures, 0, 1).expect_err("nothing");
    assert!(error.to_string().contains("0 pictures"), "{error}");
}
