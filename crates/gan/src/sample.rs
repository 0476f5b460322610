//! Generation.

use std::ops::Range;

use easel_core::Stream;
use easel_nn::Params;
use easel_nn::layers::with_settled_statistics;
use easel_train::Group;
use tch::{Device, Tensor, no_grad};

use crate::config::GanConfig;
use crate::model::Generator;

/// Pictures in one pass.
const BATCH: u64 = 250;
/// Batches from which the statistics of batch normalisation are estimated.
const SETTLING: u64 = 60;
/// Pictures in each of them.
const SETTLING_BATCH: u64 = 100;

/// The samples numbered `samples`, f32 `[N, C, H, W]` in [-1, 1]; each is a function of (stream, its number) alone.
pub fn sample(
    generator: &Generator,
    config: &GanConfig,
    stream: &Stream,
    samples: Range<u64>,
    device: Device,
) -> Tensor {
    let starts = samples.clone().step_by(BATCH as usize);
    let parts: Vec<Tensor> = starts
        .map(|first| {
            let range = first..samples.end.min(first + BATCH);
            pictures(generator, config, &config.prior.draw(stream, 0, range, config.latent, device))
        })
        .collect();
    Tensor::cat(&parts, 0)
}

/// The pictures of z `[B, latent]`, f32 `[B, C, H, W]` in [-1, 1].
pub fn pictures(generator: &Generator, config: &GanConfig, z: &Tensor) -> Tensor {
    no_grad(|| config.crop(&generator.forward(z, false)))
}

/// The averaged weights of a generator by name, f32 (copies), with statistics of batch normalisation that belong to them:
/// those of `passes` calls of `pass`, which runs the generator in training. The running ones of training belong to the
/// weights it had on the way. `group` trains `params`.
pub fn averaged(group: &mut Group, params: &Params, passes: u64, pass: impl FnMut(u64)) -> Vec<(String, Tensor)> {
    group.with_average(|| with_settled_statistics(params, passes, pass, || copies(params)))
}

/// All parameters and statistics by name, as they are now.
pub fn copies(params: &Params) -> Vec<(String, Tensor)> {
    params.named().iter().map(|(name, t)| (name.clone(), t.detach().copy())).collect()
}

/// Runs `f` with statistics of batch normalisation for the generator's present weights, from noise of their own: those
/// of training belong to other weights (each step's, not their moving average).
pub fn with_settled<R>(
    generator: &Generator,
    params: &Params,
    config: &GanConfig,
    stream: &Stream,
    f: impl FnOnce() -> R,
) -> R {
    // excerpt: settled
    let pass = |batch| {
        let z = config.prior.draw(stream, batch, 0..SETTLING_BATCH, config.latent, params.device());
        let _ = generator.forward(&z, true);
    };
    with_settled_statistics(params, SETTLING, pass, f)
    // end excerpt
}
