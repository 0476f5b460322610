//! The hot paths: a training step of the default networks, and sampling.

use criterion::{Criterion, criterion_group, criterion_main};
use easel_core::Noise;
use easel_data::Split;
use easel_data::loader::{Loader, LoaderConfig};
use easel_nn::Params;
use easel_train::{Learner, OptimConfig};
use gan::augment::Augment;
use gan::{GanConfig, GanLearner, Generator, Loss, TrainConfig, UpdateRule, sample};
use tch::Device;

const BATCH: usize = 64;

fn training_step(c: &mut Criterion) {
    let data = easel_data::digits::digits(Split::Train).expect("the digits are built in");
    for (name, config) in [("dcgan", GanConfig::small()), ("mlp", GanConfig::small_mlp())] {
        let train = TrainConfig {
            batch: BATCH,
            augment: Augment::OFF,
            loss: Loss::NonSaturating {},
            rule: UpdateRule::Alternating { k: 1 },
            generator: OptimConfig::default(),
            discriminator: OptimConfig::default(),
            patience: 0,
        };
        let loader = Loader::new(&data, LoaderConfig { batch: BATCH, ..LoaderConfig::default() }, Device::Cpu);
        let loader = loader.expect("the digits fit");
        let mut learner =
            GanLearner::new(&config, &train, loader, None, 0, 1000, Device::Cpu).expect("the preset is valid");
        let mut step = 0;
        c.bench_function(&format!("training step/{name}"), |b| {
            b.iter(|| {
                step += 1;
                learner.step(step).expect("a step")[0].1.double_value(&[])
            });
        });
    }
}

fn sampling(c: &mut Criterion) {
    let config = GanConfig::small();
    let params = Params::new(Device::Cpu, 0, config.init());
    let generator = Generator::new(&params.root(), &config).expect("the preset is valid");
    let stream = Noise::new(0).purpose("sample");
    c.bench_function("250 samples", |b| b.iter(|| sample::sample(&generator, &config, &stream, 0..250, Device::Cpu)));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = training_step, sampling
}
criterion_main!(benches);
