//! What a sampler costs beyond its network: chains of ten evaluations against ten forward passes.

use criterion::{Criterion, criterion_group, criterion_main};
use ddpm::sample::Estimator;
use ddpm::{Ddpm, DdpmConfig};
use easel_core::sampling::{Draw, Run, falling};
use easel_core::{NoiseSchedule, Spacing};
use easel_nn::{InitScheme, Params};
use solvers::catalogue::find;
use tch::{Device, Kind, Tensor, no_grad};

const BATCH: i64 = 64;
const EVALUATIONS: usize = 10;

fn samplers(c: &mut Criterion) {
    let config = DdpmConfig::small();
    let params = Params::new(Device::Cpu, 0, InitScheme::Ddpm);
    let model = Ddpm::new(&params.root(), &config).expect("the preset is valid");
    let schedule: NoiseSchedule = config.schedule.build(config.timesteps).expect("the preset is valid");
    let times = falling(&Spacing::Trailing.times(config.timesteps, EVALUATIONS).expect("fewer than T"));
    let x = Tensor::randn([BATCH, 1, 28, 28], (Kind::Float, Device::Cpu));
    let noise = x.randn_like();
    let network = |x: &Tensor, t: f64| model.at(x, t, None);
    c.bench_function("ten forward passes", |b| {
        b.iter(|| no_grad(|| times[..EVALUATIONS].iter().map(|t| network(&x, *t)).collect::<Vec<_>>()));
    });
    for name in ["ddim", "ddpm", "dpm++2m", "dpm++3m", "dpm++2m-sde", "unipc3", "lms"] {
        let sampler = find(name).expect("it exists").sampler;
        c.bench_function(&format!("ten evaluations/{name}"), |b| {
            b.iter(|| {
                let mut denoiser = Estimator {
                    network: &network,
                    schedule: &schedule,
                    parameterisation: config.parameterisation,
                    clip: true,
                };
                let run = Run {
                    denoiser: &mut denoiser,
                    schedule: &schedule,
                    times: &times,
                    noise: &mut |_: &Draw| noise.shallow_clone(),
                    observer: &mut |_| {},
                };
                no_grad(|| sampler.sample(run, x.shallow_clone()))
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = samplers
}
criterion_main!(benches);
