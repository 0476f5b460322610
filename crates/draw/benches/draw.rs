//! The hot paths: a training step with and without attention, generation, the filterbanks.

use criterion::{Criterion, criterion_group, criterion_main};
use draw::bound::{probabilities, test_pictures};
use draw::learner::TrainConfig;
use draw::{BoundLearner, Draw, DrawConfig};
use easel_core::Noise;
use easel_data::Split;
use easel_data::digits::digits;
use easel_nn::{InitScheme, Params};
use easel_train::{Learner, OptimConfig};
use tch::Device;

const BATCH: usize = 64;

fn learner(config: &DrawConfig) -> BoundLearner<Draw> {
    tch::set_num_threads(1);
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let model = Draw::new(&params.root(), config).expect("the preset is valid");
    let pictures = probabilities(&digits(Split::Train).expect("the digits are built in"));
    let test = test_pictures(&digits(Split::Test).expect("the digits are built in"), Device::Cpu);
    let train = TrainConfig { batch: BATCH, optim: OptimConfig::default() };
    BoundLearner::new(model, &params, &train, pictures, test, 0, 1000).expect("the preset is valid")
}

fn steps(c: &mut Criterion) {
    for (name, attention) in [("with attention", true), ("without attention", false)] {
        let mut learner = learner(&DrawConfig { attention, ..DrawConfig::small() });
        let mut step = 0;
        c.bench_function(&format!("training step/{name}"), |b| {
            b.iter(|| {
                step += 1;
                learner.step(step).expect("a step")[0].1.double_value(&[])
            });
        });
        let noise = Noise::new(0).purpose("sample");
        c.bench_function(&format!("64 samples/{name}"), |b| {
            b.iter(|| learner.model.generate(&noise, 0..BATCH as u64).expect("samples"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = steps
}
criterion_main!(benches);
