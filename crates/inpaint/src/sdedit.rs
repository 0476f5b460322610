//! SDEdit and picture-to-picture: a guide is noised part of the way and denoised again (Meng et al. 2022,
//! arXiv:2108.01073).

use easel_core::MathError;
use easel_core::sampling::{Run, State};

use crate::known::{Known, noised};
use crate::replacement::{KnownNoise, Merge, replacing};
use crate::update::{Update, along};

/// Part of the draw for the guide's noise, at step 0 of the remaining chain, from the level of data to the start.
pub const GUIDE_PART: usize = 9;

/// How far up the guide is noised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Strength s in [0, 1]: the last int(s N) of N steps are done, as in picture-to-picture pipelines.
    ///
    /// The product is cut as they cut it, in floating point: 0.29 of 100 steps are 28.
    /// Strength 1 still starts from the guide, of which $\sqrt{\bar\alpha_T}$ is left.
    Strength(f64),
    /// $t_0$ in [0, 1], a share of the schedule's end: starts at that very time and does the steps below it, N t_0 of N
    /// even ones (published: 0.5 of 500; faithful and realistic in 0.3..0.6).
    Time(f64),
}

/// int(s N), at most N.
///
/// # Errors
/// A strength outside [0, 1].
pub fn steps_of_strength(strength: f64, steps: usize) -> Result<usize, MathError> {
    within_unit("strength", strength)?;
    Ok(((strength * steps as f64) as usize).min(steps))
}

impl Start {
    /// What is left of falling `times`, from the start on; one time when no step is left. `end` is the schedule's.
    ///
    /// # Errors
    /// A strength or $t_0$ outside [0, 1], or a start above the first of the times.
    pub fn remaining(self, times: &[f64], end: f64) -> Result<Vec<f64>, MathError> {
        let Some((&last, before)) = times.split_last() else {
            return Err(MathError::TooFewSteps { steps: 0, minimum: 1 });
        };
        match self {
            Self::Strength(strength) => {
                let steps = steps_of_strength(strength, before.len())?;
                Ok(times[before.len() - steps..].to_vec())
            }
            Self::Time(share) => {
                within_unit("t_0", share)?;
                let start = share * end;
                if start <= last {
                    return Ok(vec![last]);
                }
                if start > times[0] {
                    let expected = "at most the first time's share of the schedule";
                    return Err(MathError::Parameter { name: "t_0", value: share, expected });
                }
                Ok(std::iter::once(start).chain(times.iter().copied().filter(|&t| t < start)).collect())
            }
        }
    }
}

/// Noises `guide` to the start and samples the rest of the run's times with `sampler`.
///
/// With no step left it returns the guide. To edit several times over, call it so with other noise.
///
/// # Errors
/// Times that [`Run::check`] refuses, or those of [`Start::remaining`].
pub fn sdedit<S: State>(
    run: Run<'_, S>,
    guide: &S,
    start: Start,
    sampler: impl FnOnce(Run<'_, S>, S) -> S,
) -> Result<S, MathError> {
    from_guide(run, guide, start, |run, x, _| sampler(run, x))
}

/// The same, keeping what is known: after every update `step` it is replaced by the guide with the noise that the start
/// had, and by the guide itself at the end (the released code's masked editing).
///
/// # Errors
/// As for [`sdedit`].
pub fn sdedit_masked<S: State>(
    run: Run<'_, S>,
    guide: &Known<S>,
    start: Start,
    step: impl Update<S>,
) -> Result<S, MathError> {
    from_guide(run, &guide.x0, start, |run, x, z| {
        run.walk(x, replacing(guide, Merge::After, KnownNoise::Fixed(z), step))
    })
}

// excerpt: from-guide
/// Hands `sampler` the remaining run, the noised guide and its noise.
fn from_guide<S: State>(
    run: Run<'_, S>,
    guide: &S,
    start: Start,
    sampler: impl FnOnce(Run<'_, S>, S, S) -> S,
) -> Result<S, MathError> {
    run.check()?;
    let times = start.remaining(run.times, run.schedule.end())?;
    if times.len() < 2 {
        return Ok(S::combine(&[(1.0, guide)]));
    }
    let mut run = along(run, &times);
    let (data, level) = (run.schedule.level(0.0), run.schedule.level(times[0]));
    let z = run.normal(0, GUIDE_PART, data, level);
    let x = noised(guide, level, &z);
    Ok(sampler(run, x, z))
}
// end excerpt

fn within_unit(name: &'static str, value: f64) -> Result<(), MathError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(MathError::Parameter { name, value, expected: "within 0..=1" })
}
