//! RePaint: after some steps back the state is diffused forward again, so that what is generated sees the known part of
//! its own level several times (Lugmayr et al. 2022, arXiv:2201.09865).

use ddim::process::transition_deviation;
use easel_core::MathError;
use easel_core::sampling::{NoiseLevel, Run, State, Step};

use crate::known::Known;
use crate::replacement::{KnownNoise, Merge, replacing};
use crate::update::{Update, along};

/// How often a stretch of the chain is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// j, the steps of a jump upwards.
    pub jump: usize,
    /// r, how often every stretch is walked down; 1 is plain replacement.
    pub count: usize,
}

impl Resampling {
    /// The published one, for a chain of 250 steps.
    pub const PUBLISHED: Self = Self { jump: 10, count: 10 };

    /// Levels visited in a chain of T = `steps`: from T to 0, every neighbour one above or below.
    ///
    /// Levels 1, 1 + j, 1 + 2j, .. up to T - j are left upwards r - 1 times, j levels in single steps (section 4.2
    /// and the released schedule, whose times are one less). With j = 1 this is algorithm 1.
    ///
    /// # Errors
    /// T, j or r of 0.
    // excerpt: path
    pub fn path(self, steps: usize) -> Result<Vec<usize>, MathError> {
        self.check(steps)?;
        let leaves_upwards =
            |level: usize| level >= 1 && self.jump <= steps - level && (level - 1).is_multiple_of(self.jump);
        let mut left: Vec<usize> =
            (0..=steps).map(|level| if leaves_upwards(level) { self.count - 1 } else { 0 }).collect();
        let mut level = steps;
        let mut path = vec![level];
        while level > 0 {
            level -= 1;
            path.push(level);
            if left[level] > 0 {
                left[level] -= 1;
                path.extend(level + 1..=level + self.jump);
                level += self.jump;
            }
        }
        Ok(path)
    }
    // end excerpt

    /// Moves down and up of [`Resampling::path`]: $T + j(r-1)P$ and $j(r-1)P$ with $P = \lceil(T-j)/j\rceil$.
    ///
    /// # Errors
    /// T, j or r of 0.
    pub fn moves(self, steps: usize) -> Result<(usize, usize), MathError> {
        self.check(steps)?;
        let up = steps.saturating_sub(self.jump).div_ceil(self.jump) * self.jump * (self.count - 1);
        Ok((steps + up, up))
    }

    fn check(self, steps: usize) -> Result<(), MathError> {
        if steps == 0 {
            return Err(MathError::TooFewSteps { steps, minimum: 1 });
        }
        for (name, value) in [("jump", self.jump), ("count", self.count)] {
            if value == 0 {
                return Err(MathError::Parameter { name, value: 0.0, expected: "at least 1" });
            }
        }
        Ok(())
    }
}

// excerpt: renoising
/// $q(x_t|x_s)$ from `from` = s up to `to` = t as (scale, deviation): $\sqrt{\bar\alpha_t/\bar\alpha_s}$ and
/// $\sqrt{1-\bar\alpha_t/\bar\alpha_s}$.
pub fn renoising(from: NoiseLevel, to: NoiseLevel) -> (f64, f64) {
    (to.alpha / from.alpha, transition_deviation(to, from))
}
// end excerpt

/// Samples the unknown part from `x` at the run's first time, walking its times along `resampling`'s path with `step`,
/// in the paper `ddim_step(StepNoise::Eta(1.0))`.
///
/// A level of the path counts the run's times from the end. Moves are numbered along the path: each draws from its own
/// [`easel_core::sampling::Draw::step`], those upwards part 0 of it, those down as [`replacing`] with fresh noise. The
/// observer sees every move, those upwards with the last estimate made.
/// Not for a Brownian path, since noise is added. Algorithm 1 prints the known part's noise with the variance as its
/// factor; the released code takes the deviation, as the marginal needs.
///
/// # Errors
/// Times that [`Run::check`] refuses, or a jump or count of 0.
pub fn repaint<S: State>(
    run: Run<'_, S>,
    x: S,
    known: &Known<S>,
    resampling: Resampling,
    merge: Merge,
    step: impl Update<S>,
) -> Result<S, MathError> {
    run.check()?;
    let steps = run.times.len() - 1;
    let times: Vec<f64> = resampling.path(steps)?.into_iter().map(|level| run.times[steps - level]).collect();
    let mut run = along(run, &times);
    let mut down = replacing(known, merge, KnownNoise::Fresh, step);
    let (mut x, mut estimate) = (x, None);
    for (index, pair) in run.levels().windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        if to.t < from.t {
            let (next, x0) = down(&mut run, index, &x, from, to);
            (x, estimate) = (next, Some(x0));
        } else {
            let (scale, deviation) = renoising(from, to);
            let z = run.normal(index, 0, from, to);
            x = S::combine(&[(scale, &x), (deviation, &z)]);
        }
        if let Some(x0) = &estimate {
            (run.observer)(&Step { index, level: to, x: &x, x0 });
        }
    }
    Ok(x)
}
