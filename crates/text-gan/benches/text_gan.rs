//! The hot paths: a training step of the smallest and the largest variant, and generation.

use criterion::{Criterion, criterion_group, criterion_main};
use easel_core::{Noise, tensor::normal_tensor};
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::shapes::Shapes;
use easel_nn::{InitScheme, Params};
use easel_train::{Learner, OptimConfig};
use gan::augment::Augment;
use std::hint::black_box;
use tch::{Device, no_grad};
use text_gan::{Generator, Pairs, TextGanConfig, TextGanLearner, TrainConfig, Variant};

const BATCH: usize = 64;
const TEXTS: usize = 96;

fn pairs(model: &TextGanConfig) -> Pairs {
    let shapes = Shapes::new(model.side as usize, 0).and_then(|s| s.with_objects(1..=1)).expect("valid");
    let data = shapes.dataset(0..512).expect("made on demand");
    let loading = LoaderConfig { batch: BATCH, ..LoaderConfig::default() };
    Pairs {
        loader: Loader::new(&data, loading, Device::Cpu).expect("the pictures fit"),
        classes: data.labels().expect("one object a scene").to_vec(),
        captions: (0..data.len()).map(|i| vec![i % TEXTS]).collect(),
        texts: normal_tensor(&Noise::new(0).purpose("texts"), 0, 0..TEXTS as u64, &[model.text], Device::Cpu),
    }
}

fn training_step(c: &mut Criterion) {
    let model = TextGanConfig::small();
    let optim = OptimConfig { clip: 0.0, ..OptimConfig::default() };
    for variant in [Variant::Gan, Variant::IntCls] {
        let train = TrainConfig {
            batch: BATCH as i64,
            interpolated: 1.0,
            penalty: 2.0,
            augment: Augment::OFF,
            generator: optim,
            discriminator: optim,
        };
        let mut learner = TextGanLearner::new(variant, &model, &train, pairs(&model), 0, 1000).expect("valid");
        let mut step = 0;
        c.bench_function(&format!("training step/{}", variant.key()), |b| {
            b.iter(|| {
                step += 1;
                learner.step(step).expect("a step")[0].1.double_value(&[])
            });
        });
    }
}

fn generation(c: &mut Criterion) {
    let model = TextGanConfig::small();
    let params = Params::new(Device::Cpu, 0, InitScheme::Dcgan);
    let generator = Generator::new(&params.root(), &model).expect("fresh names");
    let stream = Noise::new(0).purpose("inputs");
    let draw = |step, width| normal_tensor(&stream, step, 0..BATCH as u64, &[width], Device::Cpu);
    let (z, texts) = (draw(0, model.noise), draw(1, model.text));
    c.bench_function("64 pictures", |b| b.iter(|| no_grad(|| generator.forward(black_box(&z), &texts, false))));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = training_step, generation
}
criterion_main!(benches);
