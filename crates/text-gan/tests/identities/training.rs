//! Training: it learns, resumes bit for bit, and leaves alone what it should.

use std::path::Path;

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_core::weights::Weights;
use easel_data::Dataset;
use easel_data::loader::{Loader, LoaderConfig};
use easel_nn::{InitScheme, Params};
use easel_train::{Learner, LoopConfig, OptimConfig, Progress, RunDir, train};
use gan::augment::Augment;
use tch::{Device, Tensor};
use text_gan::{Generator, Pairs, StyleLearner, TextGanConfig, TextGanLearner, TrainConfig, Variant};

const PICTURES: usize = 24;
const CLASSES: usize = 3;

/// Plain pictures, of one colour a class, and a text a class.
fn pairs(batch: usize) -> Pairs {
    let config = TextGanConfig::smoke();
    let (side, plane) = (config.side as usize, (config.side * config.side) as usize);
    let class = |i: usize| i % CLASSES;
    let images: Vec<u8> = (0..PICTURES)
        .flat_map(|i| (0..3).flat_map(move |c| vec![if c == class(i) { 200 + i as u8 } else { 30 }; plane]))
        .collect();
    let data = Dataset::new("plain", [PICTURES, 3, side, side], images).expect("the bytes fit");
    Pairs {
        loader: Loader::new(&data, LoaderConfig { batch, ..LoaderConfig::default() }, Device::Cpu).expect("pictures"),
        classes: (0..PICTURES).map(|i| class(i) as i64).collect(),
        captions: (0..PICTURES).map(|i| vec![class(i), class(i) + CLASSES]).collect(),
        texts: normal_tensor(&Noise::new(2).purpose("texts"), 0, 0..2 * CLASSES as u64, &[config.text], Device::Cpu),
    }
}

fn config() -> TrainConfig {
    let mut optim = OptimConfig { clip: 0.0, ema: 0.9, ..OptimConfig::default() };
    (optim.rate.lr, optim.rate.warmup, optim.adam.beta1) = (2e-3, 0, 0.5);
    let mut slower = optim;
    slower.rate.lr = 5e-4;
    let augment = Augment { shift: 0.1, scale: 0.1, cut: 0.2, brightness: 0.1, noise: 0.05 };
    TrainConfig { batch: 8, interpolated: 1.0, penalty: 2.0, augment, generator: optim, discriminator: slower }
}

fn learner(variant: Variant, steps: u64) -> TextGanLearner {
    TextGanLearner::new(variant, &TextGanConfig::smoke(), &config(), pairs(8), 5, steps).expect("a valid configuration")
}

fn bits(named: &[(String, Tensor)]) -> Vec<u32> {
    let all = named.iter().map(|(_, t)| t.detach().flatten(0, -1)).collect::<Vec<_>>();
    Vec::<f32>::try_from(Tensor::cat(&all, 0)).expect("f32").into_iter().map(f32::to_bits).collect()
}

/// Trains `learner` in `folder` for `steps`.
fn go(learner: &mut dyn Learner, folder: &Path, steps: u64) {
    let config = LoopConfig { steps, log_every: 2, checkpoint_every: 4, keep: 1 };
    let mut run = RunDir::open(folder, "", folder.exists()).expect("a folder");
    train(learner, &config, &mut run, Progress::silent()).expect("trains");
}

#[test]
fn a_resumed_run_ends_in_the_same_bits() {
    tch::set_num_threads(1);
    // As the paper has it, too: D normalises, has statistics of its own and no penalty.
    for (variant, normalised) in [(Variant::Gan, false), (Variant::IntCls, false), (Variant::IntCls, true)] {
        let model = TextGanConfig { normalised, ..TextGanConfig::smoke() };
        let train = TrainConfig { penalty: if normalised { 0.0 } else { 2.0 }, ..config() };
        let fresh = || TextGanLearner::new(variant, &model, &train, pairs(8), 5, 8).expect("a valid configuration");
        let folder = tempfile::TempDir::new().expect("a folder");
        let mut whole = fresh();
        go(&mut whole, &folder.path().join("whole"), 8);
        let parts = folder.path().join("parts");
        go(&mut fresh(), &parts, 4);
        let mut second = fresh();
        go(&mut second, &parts, 8);
        assert!(bits(&whole.averaged_generator()) == bits(&second.averaged_generator()), "{variant:?} {normalised}");
        let of = |l: &mut TextGanLearner| l.groups().iter().flat_map(|g| bits(&g.average())).collect::<Vec<_>>();
        assert!(of(&mut whole) == of(&mut second), "{variant:?} {normalised}");
    }
}

#[test]
fn style_training_resumes_too_and_leaves_the_generator_alone() {
    tch::set_num_threads(1);
    let config = TextGanConfig::smoke();
    let params = Params::new(Device::Cpu, 1, InitScheme::Dcgan);
    let generator = Generator::new(&params.root(), &config).expect("fresh names");
    let texts = pairs(8).texts;
    let before = bits(&params.named());
    let fresh = || {
        let optim = super::training::config().generator;
        StyleLearner::new(&config, optim, &generator, &texts, 8, 3, 8).expect("a valid configuration")
    };
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut whole = fresh();
    go(&mut whole, &folder.path().join("whole"), 8);
    let parts = folder.path().join("parts");
    go(&mut fresh(), &parts, 4);
    let mut second = fresh();
    go(&mut second, &parts, 8);
    assert!(bits(&whole.weights()) == bits(&second.weights()));
    assert!(before == bits(&params.named()), "the generator changed");
    let (_, pictures) = whole.pictures(0);
    assert!(!pictures.requires_grad());
}

/// Before any update all variants see the same pictures, so that what differs is the objective alone.
#[test]
fn variants_differ_by_their_objectives_alone() {
    tch::set_num_threads(1);
    let scalars = |variant| -> Vec<f64> {
        let values = learner(variant, 4).step(0).expect("a step");
        values.iter().take(5).map(|(_, v)| v.double_value(&[])).collect()
    };
    let [gan, cls] = [Variant::Gan, Variant::Cls].map(scalars);
    assert!(gan[0] != cls[0], "the wrong pairs do not count");
    assert!((2..5).all(|k| gan[k] == cls[k]), "s_r, s_w, s_f of the first step: {gan:?} {cls:?}");
}

#[test]
fn wrong_texts_belong_to_other_classes() {
    let learner = learner(Variant::Cls, 4);
    let indices: Vec<usize> = (0..8).collect();
    for step in 0..50 {
        let (right, wrong) = learner.texts(step, &indices);
        for (i, (r, w)) in indices.iter().zip(right.iter().zip(&wrong)) {
            assert_eq!(*r as usize % CLASSES, i % CLASSES);
            assert_ne!(*w as usize % CLASSES, i % CLASSES);
        }
    }
}

/// After 450 steps on three plain colours the generator's pictures have the colour of their text.
#[test]
fn the_generator_follows_its_text() {
    tch::set_num_threads(1);
    let steps = 450;
    let calm = TrainConfig { batch: 16, augment: Augment::OFF, ..config() };
    let fresh = TextGanLearner::new(Variant::Cls, &TextGanConfig::smoke(), &calm, pairs(16), 5, steps);
    let mut learner = fresh.expect("a valid configuration");
    for step in 0..steps {
        learner.step(step).expect("a step");
    }
    let config = TextGanConfig::smoke();
    let weights = learner.averaged_generator();
    let params = Params::zeros(Device::Cpu);
    let generator = Generator::new(&params.root().sub("generator"), &config).expect("fresh names");
    let file =
        Weights { path: "averaged".into(), tensors: weights.into_iter().collect(), metadata: Default::default() };
    params.load(&file).expect("all weights and statistics, and no others");
    let texts = pairs(8).texts.narrow(0, 0, CLASSES as i64);
    let z = normal_tensor(&Noise::new(9).purpose("z"), 0, 0..CLASSES as u64, &[config.noise], Device::Cpu);
    let pictures = tch::no_grad(|| generator.forward(&z, &texts, false));
    let brightest = Vec::<i64>::try_from(pictures.mean_dim([2i64, 3].as_slice(), false, None).argmax(1, false));
    assert_eq!(brightest.expect("classes"), [0, 1, 2]);
}

#[test]
fn pairs_that_do_not_fit_are_refused() {
    let refused = |change: &dyn Fn(&mut Pairs)| {
        let mut pairs = pairs(8);
        change(&mut pairs);
        let made = TextGanLearner::new(Variant::Gan, &TextGanConfig::smoke(), &config(), pairs, 0, 4);
        made.map(|_| ()).expect_err("refused").to_string()
    };
    assert!(refused(&|p| p.captions[3].clear()).contains("picture 3"));
    assert!(refused(&|p| p.captions[3] = vec![99]).contains("[99]"));
    assert!(refused(&|p| p.classes = vec![0; PICTURES]).contains("two classes"));
    assert!(refused(&|p| p.texts = p.texts.narrow(1, 0, 4)).contains("model.text = 16"));
    let odd = TrainConfig { batch: 7, ..config() };
    let made = TextGanLearner::new(Variant::Gan, &TextGanConfig::smoke(), &odd, pairs(7), 0, 4);
    assert!(made.map(|_| ()).expect_err("refused").to_string().contains("train.batch = 7"));
    let normalised = TextGanConfig { normalised: true, ..TextGanConfig::smoke() };
    let made = TextGanLearner::new(Variant::Gan, &normalised, &config(), pairs(8), 0, 4);
    assert!(made.map(|_| ()).expect_err("refused").to_string().contains("train.penalty = 2"));
}
