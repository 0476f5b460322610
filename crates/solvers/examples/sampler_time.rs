//! Prints milliseconds of sampling and of the bare network's forward passes, in alternation, and their ratio.
//!
//! `sampler_time LEVELS ATTENTION PATCH BATCH STEPS ROUNDS [SAMPLER..]`, for example
//! `sampler_time 32,64 0,1 2 64 20 5 ddim dpm++2m`. Chains start from the same noise on trailing times.

use std::time::Instant;

use ddpm::Ddpm;
use ddpm::config::{DdpmConfig, UNetConfig};
use ddpm::sample::Estimator;
use easel_core::sampling::{Run, falling};
use easel_core::tensor::normal_tensor;
use easel_core::{Noise, Spacing};
use easel_nn::{InitScheme, Params};
use solvers::catalogue::find;
use tch::{Device, Tensor, no_grad};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [levels, attention, patch, batch, steps, rounds, samplers @ ..] = arguments.as_slice() else {
        return Err("usage: sampler_time LEVELS ATTENTION PATCH BATCH STEPS ROUNDS [SAMPLER..]".into());
    };
    let levels: Vec<i64> = levels.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let attention: Vec<bool> = attention.split(',').map(|a| a == "1").collect();
    let (batch, steps, rounds): (u64, usize, usize) = (batch.parse()?, steps.parse()?, rounds.parse()?);
    let unet = UNetConfig { levels, attention, blocks: 1, groups: 8, dropout: 0.0 };
    let config = DdpmConfig { patch: patch.parse()?, unet, ..DdpmConfig::small() };
    let params = Params::new(Device::Cpu, 0, InitScheme::Ddpm);
    let model = Ddpm::new(&params.root(), &config)?;
    let schedule = config.schedule.build(config.timesteps)?;
    let times = falling(&Spacing::Trailing.times(config.timesteps, steps)?);
    let stream = Noise::new(0).purpose("time");
    let normal = |k: u64| normal_tensor(&stream, k, 0..batch, &[1, 28, 28], Device::Cpu);
    let network = |x: &Tensor, t: f64| model.at(x, t, None);
    let x = normal(0);
    let bare = || {
        let started = Instant::now();
        no_grad(|| times[..steps].iter().for_each(|t| drop(network(&x, *t))));
        1e3 * started.elapsed().as_secs_f64()
    };
    let names = if samplers.is_empty() { vec!["ddim".into(), "dpm++2m".into()] } else { samplers.to_vec() };
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    bare();
    for name in names {
        let sampler = find(&name).ok_or_else(|| format!("no sampler is called {name}"))?.sampler;
        let (mut chain, mut network_alone, mut ratios) = (vec![], vec![], vec![]);
        for _ in 0..rounds {
            let started = Instant::now();
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
                noise: &mut |d: &easel_core::sampling::Draw| normal(1 + d.step as u64),
                observer: &mut |_| {},
            };
            drop(no_grad(|| sampler.sample(run, x.shallow_clone())));
            let own = 1e3 * started.elapsed().as_secs_f64();
            let alone = bare() * sampler.evaluations(steps) as f64 / steps as f64;
            ratios.push(own / alone);
            chain.push(own);
            network_alone.push(alone);
        }
        println!(
            "{name} sampling {:.1} network {:.1} ratio {:.3}",
            median(&mut chain),
            median(&mut network_alone),
            median(&mut ratios)
        );
    }
    Ok(())
}
