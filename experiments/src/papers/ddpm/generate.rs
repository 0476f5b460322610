//! Generation, with the model's ancestral chain or any sampler; sample k depends on the seed and k alone.

use std::ops::Range;

use anyhow::Result;
use ddpm::sample::{Ancestral, Estimator, Step};
use easel_core::Noise;
use easel_core::sampling::Denoiser;
use easel_core::tensor::normal_tensor;
use easel_train::Progress;
use tch::Tensor;

use super::trained::Trained;
use crate::sampling::Plan;

/// How to generate.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Times to visit, ascending.
    pub times: Vec<usize>,
    /// Seed of the noise.
    pub seed: u64,
    /// Scale of autoguidance; 1 is the model alone.
    pub scale: f64,
}

impl Chain {
    /// The plan that the model's configuration names, or one of `steps` steps with the same spacing.
    pub fn of(trained: &Trained, steps: Option<usize>, seed: u64) -> Result<Self> {
        let (evaluate, total) = (&trained.config.evaluate, trained.config.model.timesteps);
        Ok(Self {
            times: evaluate.spacing.times(total, steps.unwrap_or(evaluate.times))?,
            seed,
            scale: trained.config.scale(),
        })
    }

    /// The model alone on `times`.
    pub fn plain(times: Vec<usize>, seed: u64) -> Self {
        Self { times, seed, scale: 1.0 }
    }

    /// The model alone on all T times.
    pub fn full(trained: &Trained, seed: u64) -> Self {
        Self::plain((1..=trained.config.model.timesteps).collect(), seed)
    }
}

/// x_T of the samples numbered `samples`.
pub fn start(trained: &Trained, samples: Range<u64>, seed: u64) -> Tensor {
    normal_tensor(&Noise::new(seed).purpose("sample/start"), 0, samples, &trained.picture(), trained.device)
}

/// The model's ancestral sampler on `times`.
pub fn sampler<'a>(trained: &'a Trained, times: &'a [usize]) -> Ancestral<'a> {
    Ancestral {
        schedule: &trained.process.schedule,
        times,
        parameterisation: trained.config.model.parameterisation,
        variance: trained.model.step_variance(),
        clip: true,
    }
}

/// Runs the chain from `x` at the plan's last time; row i of `x` uses the step noise of sample `samples.start + i`.
pub fn continue_chain(
    trained: &Trained,
    plan: &Chain,
    x: Tensor,
    samples: Range<u64>,
    observe: impl FnMut(Step<'_>),
) -> Tensor {
    let stream = Noise::new(plan.seed).purpose("sample/steps");
    let (picture, last) = (trained.picture(), plan.times.len());
    // Noise is numbered by the steps that remain, so that a shorter chain ends like a longer one.
    let noise = |k: u64| normal_tensor(&stream, last as u64 - k, samples.clone(), &picture, trained.device);
    sampler(trained, &plan.times).run(&|x: &Tensor, t: f64| trained.output(x, t, plan.scale), x, noise, observe)
}

/// Generates `count` pictures, f32 `[count, C, H, W]`, not clipped.
pub fn generate(trained: &Trained, plan: &Chain, count: usize) -> Result<Tensor> {
    in_batches(trained, count, plan.times.len(), |samples, tick| {
        let x = start(trained, samples.clone(), plan.seed);
        continue_chain(trained, plan, x, samples, |_| tick())
    })
}

/// Generates `count` pictures with any sampler and this scale of autoguidance, without labels; as [`generate`].
pub fn generate_with(trained: &Trained, plan: &Plan, scale: f64, count: usize) -> Result<Tensor> {
    in_batches(trained, count, plan.times.len() - 1, |samples, tick| {
        let x = start(trained, samples.clone(), plan.seed);
        with_guided(trained, scale, |d| plan.run(d, &trained.process.schedule, x, samples, &mut |_| tick()))
    })
}

/// Calls `f` with the model alone as a denoiser without labels.
pub fn with_denoiser<R>(trained: &Trained, f: impl FnOnce(&mut dyn Denoiser<Tensor>) -> R) -> R {
    with_guided(trained, 1.0, f)
}

/// Calls `f` with the model under autoguidance as a denoiser without labels.
fn with_guided<R>(trained: &Trained, scale: f64, f: impl FnOnce(&mut dyn Denoiser<Tensor>) -> R) -> R {
    f(&mut Estimator {
        network: &|x: &Tensor, t: f64| trained.output(x, t, scale),
        schedule: &trained.process.schedule,
        parameterisation: trained.config.model.parameterisation,
        clip: true,
    })
}

/// Samples 0..`count` in the configuration's batches, with a bar that moves at every `tick` (a step of a batch).
pub fn in_batches(
    trained: &Trained,
    count: usize,
    steps: usize,
    mut batch: impl FnMut(Range<u64>, &mut dyn FnMut()) -> Tensor,
) -> Result<Tensor> {
    let size = trained.batch();
    let mut progress = Progress::new("sampling", (count * steps) as u64, "picture steps");
    let (mut done, mut parts) = (0u64, Vec::new());
    for first in (0..count).step_by(size) {
        let samples = first as u64..count.min(first + size) as u64;
        let each = samples.end - samples.start;
        parts.push(batch(samples, &mut || {
            done += each;
            progress.at(done, || format!("{first} of {count} pictures"));
        }));
    }
    progress.finish();
    Ok(Tensor::cat(&parts, 0))
}
