//! Inputs and small models that several tests use.

use ddpm::config::{Objective, UNetConfig, VarianceConfig};
use ddpm::{Ddpm, DdpmConfig, Process};
use easel_core::tensor::normal_tensor;
use easel_core::{Noise, NoiseSchedule, Parameterisation, ScheduleConfig};
use easel_nn::{InitScheme, Params};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tch::{Device, Kind, Tensor, no_grad};

/// Property tests of `cases` inputs, the same in every run.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() }
}

/// Schedules of several kinds and lengths.
pub fn schedules() -> impl Strategy<Value = NoiseSchedule> {
    let kinds = vec![
        ScheduleConfig::Linear {},
        ScheduleConfig::ScaledLinear { beta_first: 0.00085, beta_last: 0.012 },
        ScheduleConfig::Cosine { s: 0.008, beta_cap: 0.999 },
        ScheduleConfig::Sigmoid { beta_first: 1e-4, beta_last: 0.02 },
    ];
    (prop::sample::select(kinds), 21usize..300)
        .prop_map(|(kind, steps)| kind.build(steps).expect("every kind exists from 21 steps on"))
}

/// A schedule and a rising list of some of its times.
pub fn schedule_and_times() -> impl Strategy<Value = (NoiseSchedule, Vec<usize>)> {
    schedules().prop_flat_map(|schedule| {
        let all: Vec<usize> = (1..=schedule.steps()).collect();
        (Just(schedule), prop::sample::subsequence(all, 1..12))
    })
}

pub fn process(schedule: &NoiseSchedule, parameterisation: Parameterisation) -> Process {
    tch::set_num_threads(1);
    Process::new(schedule.clone(), parameterisation, Device::Cpu)
}

/// Standard normals, f32.
pub fn normal(seed: u64, shape: &[i64]) -> Tensor {
    tch::set_num_threads(1);
    normal_tensor(&Noise::new(seed).purpose("test"), 0, 0..shape[0] as u64, &shape[1..], Device::Cpu)
}

/// Pictures whose values are 8-bit levels in [-1, 1], both ends among them; f32.
pub fn levels(seed: u64, shape: &[i64]) -> Tensor {
    ((normal(seed, shape) * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0).round() / 127.5 - 1.0
}

pub fn times(t: &[usize]) -> Tensor {
    Tensor::from_slice(&t.iter().map(|&t| t as i64).collect::<Vec<_>>())
}

pub fn values(x: &Tensor) -> Vec<f64> {
    Vec::try_from(x.detach().to_kind(Kind::Double).reshape([-1])).expect("a tensor on the processor")
}

pub fn scalar(value: f64, like: &Tensor) -> Tensor {
    Tensor::full_like(&like.to_kind(Kind::Double), value)
}

/// The largest |a - b|.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}

/// A model of 4 x 4 pictures that costs next to nothing.
pub fn tiny(timesteps: usize, variance: VarianceConfig) -> DdpmConfig {
    DdpmConfig {
        channels: 1,
        side: 4,
        patch: 1,
        timesteps,
        parameterisation: Parameterisation::V,
        variance,
        objective: Objective::Simple,
        classes: None,
        schedule: ScheduleConfig::Linear {},
        unet: UNetConfig { levels: vec![4], attention: vec![false], blocks: 1, groups: 2, dropout: 0.0 },
    }
}

/// A network whose last layer is `bias` alone: its output is that constant, channel by channel before any gathering.
pub fn constant_network(config: &DdpmConfig, bias: &[f32]) -> Ddpm {
    tch::set_num_threads(1);
    let params = Params::new(Device::Cpu, 0, InitScheme::Ddpm);
    let network = Ddpm::new(&params.root(), config).expect("the configuration is valid");
    let mut target = params.get("conv_out.bias").expect("the public name of the last bias");
    no_grad(|| target.copy_(&Tensor::from_slice(bias)));
    network
}
