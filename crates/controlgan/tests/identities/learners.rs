//! Training: resumed runs, and what a caption may say.

use controlgan::captions::{Captions, attribute_targets, attribute_words, encode};
use controlgan::correlation::CorreMode;
use controlgan::learner::{AttributeLearner, LossWeights, MatchLearner, PlayersConfig, PlayersLearner};
use controlgan::loss::AdversarialForm;
use controlgan::perceptual::Vgg;
use controlgan::{ControlGan, ControlGanConfig, Frozen};
use easel_core::weights::Weights;
use easel_data::Dataset;
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::shapes::Shapes;
use easel_nn::Params;
use easel_text::Vocabulary;
use easel_train::{Ema, Learner, OptimConfig, TrainError};
use tch::{Device, Kind, Tensor};

use crate::common::{distance, vgg_file};

const SCENES: u64 = 24;

struct World {
    data: Dataset,
    captions: Vec<String>,
    vocabulary: Vocabulary,
    attributes: Vec<String>,
    config: ControlGanConfig,
}

impl World {
    fn new() -> Self {
        tch::set_num_threads(1);
        let config = ControlGanConfig::smoke();
        let data =
            Shapes::new(config.side as usize, 0).unwrap().with_objects(1..=1).unwrap().dataset(0..SCENES).unwrap();
        let captions = data.captions().unwrap().to_vec();
        let vocabulary = Vocabulary::from_captions(&captions, 1);
        let attributes = attribute_words(&vocabulary, &captions);
        Self { data, captions, vocabulary, attributes, config }
    }

    fn loader(&self) -> Loader {
        Loader::new(&self.data, LoaderConfig { batch: 6, ..LoaderConfig::default() }, Device::Cpu).unwrap()
    }

    fn captions(&self) -> Captions {
        Captions::new(&self.vocabulary, &self.captions, self.config.max_words).unwrap()
    }

    fn matching(&self) -> MatchLearner {
        let data = (self.loader(), self.captions());
        MatchLearner::new(&self.config, self.vocabulary.len(), OptimConfig::default(), data, (1, 8), Device::Cpu)
            .unwrap()
    }

    fn attributes(&self) -> AttributeLearner {
        let targets = attribute_targets(&self.captions, &self.attributes, Device::Cpu);
        AttributeLearner::new(&self.config, OptimConfig::default(), (self.loader(), targets), (1, 8), Device::Cpu)
            .unwrap()
    }

    fn frozen_weights(&self) -> Weights {
        let tensors = self.matching().weights().into_iter().chain(self.attributes().weights()).collect();
        Weights { path: "frozen".into(), tensors, metadata: Default::default() }
    }

    fn players(&self) -> PlayersLearner {
        self.players_of(&self.config, &players()).unwrap()
    }

    fn players_of(&self, model: &ControlGanConfig, config: &PlayersConfig) -> Result<PlayersLearner, TrainError> {
        let (words, attributes) = (self.vocabulary.len(), self.attributes.len());
        let frozen = Frozen::load(&self.frozen_weights(), &self.config, words, attributes, Device::Cpu).unwrap();
        PlayersLearner::new(model, config, frozen, (self.loader(), self.captions()), (1, 8), Device::Cpu)
    }
}

fn players() -> PlayersConfig {
    PlayersConfig {
        adversarial: AdversarialForm::Code,
        corre: CorreMode::Weighted,
        penalty: 2.0,
        weights: LossWeights {
            word_discriminator: 0.5,
            damsm: 1.0,
            perceptual: 1.0,
            word_generator: 1.0,
            word_delay: 0.25,
            divergence: 1.0,
        },
        generator: OptimConfig { clip: 0.0, ..OptimConfig::default() },
        discriminator: OptimConfig { clip: 0.0, ..OptimConfig::default() },
    }
}

/// Eight steps against four, saved, and four of another learner.
fn resumes<L: Learner>(fresh: impl Fn() -> L, weights: impl Fn(&mut L) -> Vec<(String, Tensor)>) {
    let mut whole = fresh();
    (0..8).for_each(|step| drop(whole.step(step).unwrap()));
    let (mut first, folder) = (fresh(), tempfile::tempdir().unwrap());
    (0..4).for_each(|step| drop(first.step(step).unwrap()));
    for group in first.groups() {
        group.save(folder.path(), &Default::default()).unwrap();
    }
    first.save_extra(folder.path()).unwrap();
    let mut second = fresh();
    for group in second.groups() {
        group.load(folder.path()).unwrap();
    }
    second.load_extra(folder.path()).unwrap();
    (4..8).for_each(|step| drop(second.step(step).unwrap()));
    for ((name, a), (_, b)) in weights(&mut whole).iter().zip(weights(&mut second)) {
        assert_eq!(distance(a, &b), 0.0, "{name}");
    }
    for (a, b) in whole.groups().iter().zip(second.groups()) {
        assert_eq!(distance(a.params.master(), b.params.master()), 0.0, "{}", a.name());
    }
}

#[test]
fn resumed_runs_end_in_the_same_weights() {
    let world = World::new();
    resumes(|| world.matching(), |l| l.weights());
    resumes(|| world.attributes(), |l| l.weights());
    resumes(|| world.players(), |l| l.weights().unwrap());
    let (model, config) = as_in_the_paper(&world);
    resumes(|| world.players_of(&model, &config).unwrap(), |l| l.weights().unwrap());
}

/// Discriminators with batch normalisation, without the penalty.
fn as_in_the_paper(world: &World) -> (ControlGanConfig, PlayersConfig) {
    let model = ControlGanConfig { normalised: true, ..world.config.clone() };
    (model, PlayersConfig { penalty: 0.0, ..players() })
}

#[test]
fn the_penalty_moves_the_discriminators_and_wants_scores_of_single_pictures() {
    let world = World::new();
    let after_a_step = |penalty: f64| {
        let mut learner = world.players_of(&world.config, &PlayersConfig { penalty, ..players() }).unwrap();
        let _ = learner.step(0).unwrap();
        learner.groups()[1].params.master().copy()
    };
    let without = after_a_step(0.0);
    assert_eq!(distance(&without, &after_a_step(0.0)), 0.0);
    assert!(distance(&without, &after_a_step(2.0)) > 1e-6);
    let (model, _) = as_in_the_paper(&world);
    let refused = world.players_of(&model, &players()).unwrap_err().to_string();
    assert!(refused.contains("penalty") && refused.contains("model.normalised = false"), "{refused}");
}

#[test]
fn a_vgg_takes_the_place_of_the_attribute_network() {
    let world = World::new();
    let perceptual = |mut learner: PlayersLearner| {
        let scalars = learner.step(0).unwrap();
        scalars.iter().find(|(name, _)| *name == "g/perceptual").unwrap().1.double_value(&[])
    };
    let vgg = Vgg::load(&vgg_file(), Device::Cpu).unwrap();
    let (ours, theirs) = (perceptual(world.players()), perceptual(world.players().with_vgg(vgg)));
    // Features of about unit size, of a picture of chance and a real one.
    assert!(ours != theirs && (0.1..10.0).contains(&theirs), "{ours} {theirs}");
}

#[test]
fn encoders_learn_and_the_frozen_stay_as_they_are() {
    let world = World::new();
    let mut learner = world.matching();
    let losses: Vec<f64> = (0..40).map(|step| learner.step(step).unwrap()[0].1.double_value(&[])).collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&losses[30..]) < 0.9 * mean(&losses[..10]), "{losses:?}");

    let before = world.frozen_weights();
    let mut players = world.players();
    let all = players.weights().unwrap();
    (0..3).for_each(|step| drop(players.step(step).unwrap()));
    assert!(players.weights().unwrap().iter().zip(&all).any(|((_, a), (_, b))| distance(a, b) > 0.0));
    // What was trained and what was frozen fill a whole model, nothing missing and nothing over.
    let tensors = before.tensors.into_iter().chain(players.weights().unwrap()).collect();
    let params = Params::zeros(Device::Cpu);
    ControlGan::new(&params.root(), &world.config, world.vocabulary.len(), world.attributes.len()).unwrap();
    params.load(&Weights { path: "all".into(), tensors, metadata: Default::default() }).unwrap();
}

#[test]
fn every_part_that_is_left_out_leaves_its_scalar_out() {
    let world = World::new();
    let frozen = || {
        let (words, attributes) = (world.vocabulary.len(), world.attributes.len());
        Frozen::load(&world.frozen_weights(), &world.config, words, attributes, Device::Cpu).unwrap()
    };
    let names = |config: &PlayersConfig, model: &ControlGanConfig| -> Vec<&'static str> {
        let data = (world.loader(), world.captions());
        let mut learner = PlayersLearner::new(model, config, frozen(), data, (1, 8), Device::Cpu).unwrap();
        learner.step(4).unwrap().into_iter().map(|(name, _)| name).collect()
    };
    let all = names(&players(), &world.config);
    for name in ["g/word", "d/word", "g/damsm", "g/perceptual", "g/divergence"] {
        assert!(all.contains(&name), "{name}");
    }
    let mut none = players();
    (none.weights.word_discriminator, none.weights.word_generator) = (0.0, 0.0);
    (none.weights.damsm, none.weights.perceptual) = (0.0, 0.0);
    let plain = ControlGanConfig { channel_attention: false, ..world.config.clone() };
    let rest = names(&none, &plain);
    assert!(!rest.iter().any(|n| ["g/word", "d/word", "g/damsm", "g/perceptual"].contains(n)), "{rest:?}");
    for corre in [CorreMode::Product, CorreMode::OfficialCode] {
        assert!(names(&PlayersConfig { corre, ..players() }, &world.config).contains(&"g/word"));
    }
    let refused = PlayersConfig { corre: CorreMode::PaperSum, ..players() }.validate().unwrap_err().to_string();
    assert!(refused.contains("paper_sum") && refused.contains("exceeds 1"), "{refused}");
}

#[test]
fn an_unknown_word_is_named_with_the_known_ones() {
    let world = World::new();
    let message = encode(&world.vocabulary, "a zebra and a gnu", 24).unwrap_err().to_string();
    assert!(message.contains("zebra, ") && message.contains("gnu") && message.contains("known words: "), "{message}");
    assert!(message.contains("circle") && !message.contains("unknown words: a,"), "{message}");
    assert!(encode(&world.vocabulary, "  ", 24).is_err());
    assert_eq!(encode(&world.vocabulary, &world.captions[0], 2).unwrap().len(), 2);
}

#[test]
fn equal_captions_are_found() {
    let vocabulary = Vocabulary::from_captions(["a red star", "a blue star"], 1);
    let captions = ["a red star", "a blue star", "A  red star"].map(str::to_owned);
    let own = Captions::new(&vocabulary, &captions, 9).unwrap();
    let others = |indices: &[usize]| Vec::<i64>::try_from(own.others(indices, Device::Cpu)).unwrap();
    assert_eq!(others(&[0, 2, 1]), [2, 2, 0], "the next may have the same caption");
    assert_eq!(others(&[0, 2]), [1, 0], "there is no other");
    let same = own.same(&[0, 1, 2], Device::Cpu);
    let expected = Tensor::from_slice(&[1i64, 0, 1, 0, 1, 0, 1, 0, 1]).view([3, 3]);
    assert_eq!(distance(&same.to_kind(Kind::Int64), &expected), 0.0);
    assert_eq!(attribute_words(&vocabulary, &captions), ["blue", "red"]);
    let targets = attribute_targets(&captions, &["blue".to_owned()], Device::Cpu);
    assert_eq!(Vec::<f32>::try_from(targets.view([-1])).unwrap(), [0.0, 1.0, 0.0]);
}

#[test]
fn the_average_of_constant_weights_closes_in_geometrically() {
    let start = Tensor::from_slice(&[2.0f64]);
    let theta = Tensor::from_slice(&[5.0f64]);
    let mut ema = Ema::new(&start, 0.999, false);
    for n in 0..100 {
        ema.update(&theta, n);
    }
    assert!((ema.average.double_value(&[0]) - (5.0 - 3.0 * 0.999f64.powi(100))).abs() < 1e-12);
}
