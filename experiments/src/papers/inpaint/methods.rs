//! Filling and editing with a trained model.

use std::ops::Range;

use anyhow::{Context, Result};
use ddim::{StepNoise, ddim};
use easel_core::MathError;
use easel_core::sampling::{Run, Schedule, Step, falling};
use easel_train::Progress;
use inpaint::{
    Known, KnownNoise, Mask, Merge, Resampling, Start, ddim_step, repaint, replacement, sdedit, sdedit_masked,
};
use tch::{Tensor, no_grad};

use super::masks::share;
use crate::papers::ddpm::generate::{start, with_denoiser};
use crate::papers::ddpm::trained::Trained;
use crate::sampling::noise_source;

/// A chain of DDIM's family on as many of the model's times, spread as the model's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chain {
    /// Steps N.
    pub steps: usize,
    /// Share of fresh noise: 0 is deterministic, 1 is DDPM.
    pub eta: f64,
    /// Seed of the noise; row k of the pictures uses that of sample k.
    pub seed: u64,
}

/// How a hole is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The known part is replaced after every step.
    Replacement,
    /// The same, and stretches of the chain are walked several times.
    Repaint(Resampling),
}

/// RePaint's habit for a chain of N steps: ten jumps, every stretch five times.
pub fn usual_resampling(steps: usize) -> Resampling {
    Resampling { jump: (steps / 10).max(1), count: 5 }
}

impl Chain {
    /// Falling times of the chain, 0 at the end.
    ///
    /// # Errors
    /// No step, or more than the model has.
    pub fn times(&self, trained: &Trained) -> Result<Vec<f64>> {
        let (spacing, total) = (trained.config.evaluate.spacing, trained.config.model.timesteps);
        let times = spacing.times(total, self.steps).with_context(|| format!("{} steps of {total}", self.steps))?;
        Ok(falling(&times))
    }

    fn noise(&self) -> StepNoise {
        StepNoise::Eta(self.eta)
    }

    /// Fills what `mask` repaints of pictures `x0` f32 `[N, C, H, W]`; what it keeps comes back to the bit.
    ///
    /// # Errors
    /// Those of [`Chain::times`], and a resampling of 0.
    pub fn fill(&self, trained: &Trained, mask: &Mask<Tensor>, x0: &Tensor, method: Method) -> Result<Tensor> {
        let (down, up) = method.moves(self.steps)?;
        self.batches(trained, x0, down + up, |run, x0, samples| {
            let known = Known { mask: share(mask)?, x0 };
            let x = start(trained, samples, self.seed);
            let filled = match method {
                Method::Replacement => replacement(run, x, &known, Merge::After, KnownNoise::Fresh, self.noise()),
                Method::Repaint(resampling) => {
                    repaint(run, x, &known, resampling, Merge::After, ddim_step(self.noise()))?
                }
            };
            Ok(known.composite(&filled.clamp(-1.0, 1.0)))
        })
    }

    /// Edits `guides` f32 `[N, C, H, W]` from `from` on; a `mask` keeps its part of them.
    ///
    /// # Errors
    /// Those of [`Chain::times`], and a start outside [0, 1].
    pub fn edit(&self, trained: &Trained, guides: &Tensor, from: Start, mask: Option<&Mask<Tensor>>) -> Result<Tensor> {
        let calls = self.edit_calls(trained, from)?;
        self.batches(trained, guides, calls, |run, guide, _| {
            let edited = match mask {
                Some(mask) => {
                    let known = Known { mask: share(mask)?, x0: guide };
                    sdedit_masked(run, &known, from, ddim_step(self.noise()))?
                }
                None => sdedit(run, &guide, from, |run, x| ddim(run, x, self.noise()))?,
            };
            Ok(edited.clamp(-1.0, 1.0))
        })
    }

    /// Calls of the network for one edited picture.
    ///
    /// # Errors
    /// Those of [`Chain::edit`].
    pub fn edit_calls(&self, trained: &Trained, from: Start) -> Result<usize> {
        Ok(from.remaining(&self.times(trained)?, trained.process.schedule.end())?.len() - 1)
    }

    /// Samples from `pictures` in the configuration's batches, `moves` moves each.
    fn batches(
        &self,
        trained: &Trained,
        pictures: &Tensor,
        moves: usize,
        mut sample: impl FnMut(Run<'_, Tensor>, Tensor, Range<u64>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (times, count) = (self.times(trained)?, pictures.size()[0] as u64);
        let mut progress = Progress::new("sampling", count * moves as u64, "picture steps");
        let (mut done, mut first, mut parts) = (0, 0, Vec::new());
        for batch in pictures.split(trained.batch() as i64, 0) {
            let samples = first..first + batch.size()[0] as u64;
            first = samples.end;
            let each = samples.end - samples.start;
            let mut noise = noise_source(self.seed, false, samples.clone(), trained.picture().to_vec(), trained.device);
            let mut tick = |_: &Step<'_, Tensor>| {
                done += each;
                progress.at(done, String::new);
            };
            parts.push(no_grad(|| {
                with_denoiser(trained, |denoiser| {
                    let schedule = &trained.process.schedule;
                    let run = Run { denoiser, schedule, times: &times, noise: &mut *noise, observer: &mut tick };
                    sample(run, batch, samples)
                })
            })?);
        }
        progress.finish();
        Ok(Tensor::cat(&parts, 0))
    }
}

impl Method {
    /// Moves down and up on a chain of `steps`; each one down is a call of the network for each picture.
    ///
    /// # Errors
    /// No step, or a resampling of 0.
    pub fn moves(self, steps: usize) -> Result<(usize, usize), MathError> {
        let resampling = match self {
            Self::Replacement => Resampling { jump: 1, count: 1 },
            Self::Repaint(resampling) => resampling,
        };
        resampling.moves(steps)
    }
}
