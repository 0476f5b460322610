//! Prints milliseconds of a training step, a forward pass and a sampling step, for comparison with other programs.
//!
//! `step_time LEVELS ATTENTION PATCH PRECISION BATCH STEPS`, for example `step_time 16,32,32 0,0,1 1 bf16 64 30`.

use ddpm::config::{DdpmConfig, UNetConfig};
use ddpm::learner::{Precision, TimeSampling, TrainConfig};
use ddpm::{Ddpm, DdpmLearner};
use easel_data::Split;
use easel_data::loader::{Loader, LoaderConfig};
use easel_nn::{InitScheme, Params};
use easel_train::timing::minimum_and_median;
use easel_train::{Learner, OptimConfig, TrainError};
use tch::{Device, Kind, Tensor, no_grad};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [levels, attention, patch, precision, batch, steps] = arguments.as_slice() else {
        return Err("usage: step_time LEVELS ATTENTION PATCH f32|bf16 BATCH STEPS".into());
    };
    let levels: Vec<i64> = levels.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let attention: Vec<bool> = attention.split(',').map(|a| a == "1").collect();
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let (batch, steps): (usize, u64) = (batch.parse()?, steps.parse()?);
    let unet = UNetConfig { levels, attention, blocks: 1, groups: 8, dropout: 0.0 };
    let config = DdpmConfig { patch: patch.parse()?, unet, ..DdpmConfig::small() };
    let train = TrainConfig {
        batch: batch as i64,
        times: TimeSampling::Uniform,
        precision,
        drop_labels: 0.0,
        optim: OptimConfig::default(),
    };
    let loader = |_| {
        let data = easel_data::digits::digits(Split::Train).map_err(|e| e.to_string())?;
        Loader::new(&data, LoaderConfig { batch, ..LoaderConfig::default() }, Device::Cpu).map_err(|e| e.to_string())
    };
    let mut learner = DdpmLearner::new(&config, &train, loader(())?, None, 0, steps, Device::Cpu)?;
    let training = minimum_and_median(steps, |step| learner.step(step).map(|scalars| scalars[0].1.double_value(&[])))?;
    let params = Params::new(Device::Cpu, 0, InitScheme::Ddpm);
    let model = Ddpm::new(&params.root(), &config)?;
    let x = Tensor::zeros([batch as i64, 1, 28, 28], (Kind::Float, Device::Cpu));
    let forward = minimum_and_median(steps, |_| Ok::<_, TrainError>(no_grad(|| model.at(&x, 500.0, None))))?;
    println!(
        "parameters {} train {:.1} {:.1} forward {:.1} {:.1}",
        params.count(),
        training.0,
        training.1,
        forward.0,
        forward.1
    );
    Ok(())
}
