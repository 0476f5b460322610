//! The hot paths: a training step of both stages, and sampling.

use align_draw::learner::{TrainConfig, epsilon};
use align_draw::sample::sample;
use align_draw::sharpen_learner::SharpenTraining;
use align_draw::source::Pictures;
use align_draw::{AlignDraw, AlignDrawConfig, AlignDrawLearner, SharpenLearner};
use criterion::{Criterion, criterion_group, criterion_main};
use easel_core::Noise;
use easel_data::Split;
use easel_data::captioned_digits::{CaptionedDigits, WORDS};
use easel_nn::{InitScheme, Params};
use easel_text::Vocabulary;
use easel_train::{Learner, LoopConfig, OptimConfig};
use tch::Device;

const BATCH: usize = 64;

fn network(config: &AlignDrawConfig) -> AlignDraw {
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    AlignDraw::new(&params.root(), config).expect("the preset is valid")
}

fn steps(c: &mut Criterion) {
    let (config, vocabulary) = (AlignDrawConfig::small(), Vocabulary::from_captions(WORDS, 1));
    let scenes = |split| {
        Pictures::Scenes(CaptionedDigits::new(config.side as usize, 0, split).expect("the digits are built in"))
    };
    let pictures = [scenes(Split::Train), scenes(Split::Test)];
    let train = TrainConfig {
        batch: BATCH,
        parts: 1,
        init: InitScheme::Public,
        window: 0.5,
        kl_warmup: 0,
        optim: OptimConfig::default(),
    };
    let mut learner = AlignDrawLearner::new(&config, train, vocabulary.clone(), pictures, 0, 1000, Device::Cpu)
        .expect("the preset is valid");
    let training =
        SharpenTraining { features: 16, batch: 32, steps: LoopConfig::default(), optim: OptimConfig::default() };
    let mut sharpener =
        SharpenLearner::new(network(&config), training, vocabulary.clone(), scenes(Split::Train), 0, Device::Cpu)
            .expect("the preset is valid");
    let mut step = 0;
    c.bench_function("training step", |b| {
        b.iter(|| {
            step += 1;
            learner.step(step).expect("a step")[0].1.double_value(&[])
        });
    });
    c.bench_function("sharpening step", |b| {
        b.iter(|| {
            step += 1;
            sharpener.step(step).expect("a step")[0].1.double_value(&[])
        });
    });
    let model = network(&config);
    let captions = vocabulary.encode_batch(&vec!["the digit three is at the top left of the image ."; BATCH], 30);
    let noise = epsilon(&Noise::new(0).purpose("bench"), 0, 0..BATCH as u64, &config, Device::Cpu);
    c.bench_function("64 samples", |b| b.iter(|| sample(&model, &captions, &noise, |_| {}).expect("known words")));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = steps
}
criterion_main!(benches);
