//! Replacement: the known part is overwritten at every step with the data at the state's noise level.
//!
//! $$x_t = m\odot(\alpha_t x_0+\sigma_t z) + (1-m)\odot x_t^{unknown}$$
//!
//! Sources: Sohl-Dickstein et al. 2015 (arXiv:1503.03585); Song et al. 2021 (arXiv:2011.13456, section 5); the released
//! code of latent diffusion. It does not sample the conditional law, however many steps it has, because the unknown part
//! is generated before it sees the known part of its own level: [`mod@crate::repaint`] is the remedy. What it gives exactly
//! are the marginals of the known part, and all of the law when the parts are independent.

use ddim::StepNoise;
use easel_core::sampling::{NoiseLevel, Run, State};

use crate::known::{Known, noised};
use crate::update::{Update, ddim_step};

/// Part of the draws for the noise of known data ([`easel_core::sampling::Draw::part`]), from the level of data to the
/// level of the state. Samplers draw parts 0 and 1, so that replacement leaves their normals as they were.
pub const KNOWN_PART: usize = 8;

/// When the known part is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Before the step, at the level that it starts from: latent diffusion's samplers, RePaint's released code. The
    /// result's known part is the network's, so [`Known::composite`] the result.
    Before,
    /// After the step, at the level that it ends at, clean at the end: algorithm 1 of RePaint.
    After,
}

/// The noise of the known part. Neither choice makes the method exact.
#[derive(Debug, Clone)]
pub enum KnownNoise<S> {
    /// A new normal for every step, [`KNOWN_PART`] of it; not from a Brownian path, whose increments its levels overlap.
    Fresh,
    /// One normal for all steps.
    Fixed(S),
}

/// The update `step` with the known part replaced before or after it.
pub fn replacing<'a, S: State>(
    known: &'a Known<S>,
    merge: Merge,
    noise: KnownNoise<S>,
    mut step: impl Update<S> + 'a,
) -> impl Update<S> + 'a {
    move |run: &mut Run<'_, S>, index: usize, x: &S, from: NoiseLevel, to: NoiseLevel| match merge {
        Merge::Before => {
            let merged = replaced(run, index, known, &noise, x, from);
            step(run, index, &merged, from, to)
        }
        Merge::After => {
            let (next, x0) = step(run, index, x, from, to);
            (replaced(run, index, known, &noise, &next, to), x0)
        }
    }
}

// excerpt: replaced
fn replaced<S: State>(
    run: &mut Run<'_, S>,
    index: usize,
    known: &Known<S>,
    noise: &KnownNoise<S>,
    x: &S,
    level: NoiseLevel,
) -> S {
    if level.is_data() {
        return known.composite(x);
    }
    let data = run.schedule.level(0.0);
    let at_level = match noise {
        KnownNoise::Fresh => noised(&known.x0, level, &run.normal(index, KNOWN_PART, data, level)),
        KnownNoise::Fixed(z) => noised(&known.x0, level, z),
    };
    known.mask.merge(&at_level, x)
}
// end excerpt

/// Samples the unknown part along the run's times from `x` at the first, with steps of DDIM's family.
pub fn replacement<S: State>(
    run: Run<'_, S>,
    x: S,
    known: &Known<S>,
    merge: Merge,
    known_noise: KnownNoise<S>,
    step_noise: StepNoise,
) -> S {
    run.walk(x, replacing(known, merge, known_noise, ddim_step(step_noise)))
}
