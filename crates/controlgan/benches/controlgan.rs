//! The hot paths: a training step of the encoders, of the perceptual network and of the players; a picture.

use std::hint::black_box;

use controlgan::captions::{Captions, attribute_targets, attribute_words};
use controlgan::correlation::CorreMode;
use controlgan::learner::{AttributeLearner, LossWeights, MatchLearner, PlayersConfig, PlayersLearner};
use controlgan::loss::AdversarialForm;
use controlgan::{ControlGan, ControlGanConfig, Frozen, TextFeatures};
use criterion::{Criterion, criterion_group, criterion_main};
use easel_core::weights::Weights;
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::shapes::Shapes;
use easel_nn::Params;
use easel_text::Vocabulary;
use easel_train::{Learner, OptimConfig};
use tch::{Device, Kind, Tensor, no_grad};

const SCENES: u64 = 64;

fn all(c: &mut Criterion) {
    let config = ControlGanConfig::small();
    let device = Device::Cpu;
    let data = Shapes::new(config.side as usize, 0).and_then(|s| s.dataset(0..SCENES)).expect("scenes");
    let captions = data.captions().expect("captions").to_vec();
    let vocabulary = Vocabulary::from_captions(&captions, 1);
    let attributes = attribute_words(&vocabulary, &captions);
    let loader =
        |batch| Loader::new(&data, LoaderConfig { batch, ..LoaderConfig::default() }, device).expect("the scenes fit");
    let words = || Captions::new(&vocabulary, &captions, config.max_words).expect("known words");
    let optim = OptimConfig::default();
    let targets = attribute_targets(&captions, &attributes, device);

    let mut encoders =
        MatchLearner::new(&config, vocabulary.len(), optim, (loader(32), words()), (0, 1000), device).expect("valid");
    let mut network = AttributeLearner::new(&config, optim, (loader(32), targets), (0, 1000), device).expect("valid");
    let tensors = encoders.weights().into_iter().chain(network.weights()).collect();
    let weights = Weights { path: "frozen".into(), tensors, metadata: Default::default() };
    let frozen = Frozen::load(&weights, &config, vocabulary.len(), attributes.len(), device).expect("the weights fit");
    let train = PlayersConfig {
        adversarial: AdversarialForm::Code,
        corre: CorreMode::Weighted,
        penalty: 2.0,
        weights: LossWeights {
            word_discriminator: 0.5,
            damsm: 1.0,
            perceptual: 1.0,
            word_generator: 1.0,
            word_delay: 0.0,
            divergence: 1.0,
        },
        generator: optim,
        discriminator: optim,
    };
    let mut players =
        PlayersLearner::new(&config, &train, frozen, (loader(16), words()), (0, 1000), device).expect("valid");

    let mut step = 0;
    let mut bench = |name: &str, learner: &mut dyn Learner| {
        c.bench_function(&format!("training step/{name}"), |b| {
            b.iter(|| {
                step += 1;
                learner.step(step).expect("a step")[0].1.double_value(&[])
            });
        });
    };
    bench("encoders", &mut encoders);
    bench("attributes", &mut network);
    bench("players", &mut players);

    let params = Params::zeros(device);
    let model = ControlGan::new(&params.root(), &config, vocabulary.len(), attributes.len()).expect("valid");
    let text = no_grad(|| TextFeatures::of(&model.frozen.text, &words().tokens(&[0], device))).expect("known words");
    let zeros = |width| Tensor::zeros([1, width], (Kind::Float, device));
    let (z, epsilon) = (zeros(config.z), zeros(config.conditioning));
    c.bench_function("one picture", |b| b.iter(|| model.generate(black_box(&text), &z, &epsilon)));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = all
}
criterion_main!(benches);
