//! The hot paths: a training step, the U-Net's forward pass, a sampling step with and without the network.

use criterion::{Criterion, criterion_group, criterion_main};
use ddpm::learner::{Precision, TimeSampling, TrainConfig};
use ddpm::sample::Ancestral;
use ddpm::{Ddpm, DdpmConfig, DdpmLearner};
use easel_data::Split;
use easel_data::loader::{Loader, LoaderConfig};
use easel_nn::{InitScheme, Params};
use easel_train::{Learner, OptimConfig};
use std::hint::black_box;
use tch::{Device, Kind, Tensor, no_grad};

const BATCH: usize = 64;

fn training_step(c: &mut Criterion) {
    let data = easel_data::digits::digits(Split::Train).expect("the digits are built in");
    for (name, precision) in [("f32", Precision::F32), ("bf16", Precision::Bf16)] {
        let config = TrainConfig {
            batch: BATCH as i64,
            times: TimeSampling::Stratified,
            precision,
            drop_labels: 0.0,
            optim: OptimConfig::default(),
        };
        let loader = Loader::new(&data, LoaderConfig { batch: BATCH, ..LoaderConfig::default() }, Device::Cpu);
        let loader = loader.expect("the digits fit");
        let model = DdpmConfig::small();
        let mut learner =
            DdpmLearner::new(&model, &config, loader, None, 0, 1000, Device::Cpu).expect("the preset is valid");
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
    let config = DdpmConfig::small();
    let params = Params::new(Device::Cpu, 0, InitScheme::Ddpm);
    let model = Ddpm::new(&params.root(), &config).expect("the preset is valid");
    let schedule = config.schedule.build(config.timesteps).expect("the preset is valid");
    let x = Tensor::zeros([BATCH as i64, 1, 28, 28], (Kind::Float, Device::Cpu));
    c.bench_function("u-net forward", |b| b.iter(|| no_grad(|| model.at(black_box(&x), 500.0, None))));
    let times = [500, 501];
    let sampler = Ancestral {
        schedule: &schedule,
        times: &times,
        parameterisation: config.parameterisation,
        variance: model.step_variance(),
        clip: true,
    };
    let noise = x.randn_like();
    let run = |network: &dyn Fn(&Tensor, f64) -> Tensor| {
        sampler.run(&|x: &Tensor, t: f64| network(x, t), x.shallow_clone(), |_| noise.shallow_clone(), |_| {})
    };
    c.bench_function("two sampling steps", |b| b.iter(|| run(&|x: &Tensor, t: f64| model.at(x, t, None))));
    c.bench_function("two sampling steps/without network", |b| b.iter(|| run(&|x, _| x.shallow_clone())));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = training_step, sampling
}
criterion_main!(benches);
