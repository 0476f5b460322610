//! Which of the T times a short sampler visits.
//!
//! Every function returns rising times within 1..=T, ready for [`NoiseSchedule::respace`]; samplers walk them
//! backwards. Public code counts timesteps from 0: its timestep is [`timestep`] of our time. Formulas below are stated
//! in timesteps.
//!
//! [`NoiseSchedule::respace`]: crate::schedule::NoiseSchedule::respace

use serde::{Deserialize, Serialize};

use crate::error::MathError;
use crate::schedule::linspace as equispaced;

/// The zero-based timestep of time t >= 1, as networks and public code count.
pub fn timestep(t: usize) -> usize {
    t - 1
}

/// The time of a zero-based timestep.
pub fn time(timestep: usize) -> usize {
    timestep + 1
}

/// A rule for choosing K of T times, as config files name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// [`leading`] without offset.
    Leading,
    /// [`trailing`].
    Trailing,
    /// [`linspace`].
    Linspace,
    /// [`quadratic`].
    Quadratic,
    /// [`even`].
    Even,
    /// [`stride`].
    Stride,
}

impl Spacing {
    /// The times of `count` (K) sampling steps out of `steps` (T).
    ///
    /// # Errors
    /// Those of the rule's function.
    pub fn times(self, steps: usize, count: usize) -> Result<Vec<usize>, MathError> {
        match self {
            Self::Leading => leading(steps, count, 0),
            Self::Trailing => trailing(steps, count),
            Self::Linspace => linspace(steps, count),
            Self::Quadratic => quadratic(steps, count),
            Self::Even => even(steps, count),
            Self::Stride => stride(steps, count),
        }
    }
}

/// Timesteps i floor(T/K) + `offset` for i in 0..K; offset 1 is latent diffusion's habit.
///
/// Source: the released code of Rombach et al. 2022; named in Lin et al. 2024, table 2.
///
/// # Errors
/// K outside 1..=T, or an offset that passes T.
pub fn leading(steps: usize, count: usize, offset: usize) -> Result<Vec<usize>, MathError> {
    check(steps, count)?;
    let stride = steps / count;
    if (count - 1) * stride + offset >= steps {
        return Err(MathError::Spacing { count, steps, reason: "the offset moves the last time beyond T" });
    }
    Ok((0..count).map(|i| time(i * stride + offset)).collect())
}

/// Timesteps round(T - i T/K) - 1 for i in 0..K, halves to even: always ends at T.
///
/// Source: Lin et al. 2024, table 2 and section 3.3.
///
/// # Errors
/// K outside 1..=T.
pub fn trailing(steps: usize, count: usize) -> Result<Vec<usize>, MathError> {
    check(steps, count)?;
    let (last, gap) = (steps as f64, steps as f64 / count as f64);
    let times = (0..count).rev().map(|i| (last - i as f64 * gap).round_ties_even() as usize).collect();
    Ok(rising(times))
}

/// Timesteps round(i (T-1)/(K-1)) for i in 0..K, halves to even; 0 alone when K = 1.
///
/// Source: Lin et al. 2024, table 2.
///
/// # Errors
/// K outside 1..=T.
pub fn linspace(steps: usize, count: usize) -> Result<Vec<usize>, MathError> {
    check(steps, count)?;
    let grid = equispaced(0.0, (steps - 1) as f64, count);
    Ok(rising(grid.iter().map(|u| time(u.round_ties_even() as usize)).collect()))
}

/// Timesteps floor(u^2) for K equispaced u in [0, sqrt(0.8 T)]; ends at 0.8 T.
///
/// Equal neighbours at the small end merge, so large K gives fewer times.
/// Source: Song, Meng and Ermon 2021, appendix D.2 and released code.
///
/// # Errors
/// K outside 1..=T.
pub fn quadratic(steps: usize, count: usize) -> Result<Vec<usize>, MathError> {
    check(steps, count)?;
    let grid = equispaced(0.0, (steps as f64 * 0.8).sqrt(), count);
    let last = steps - 1; // for T below 5, where 0.8 T could pass it
    Ok(rising(grid.iter().map(|u| time(((u * u) as usize).min(last))).collect()))
}

/// K timesteps spread evenly with both ends, 0 and T - 1, halves to even; 0 alone when K = 1.
///
/// Source: Nichol and Dhariwal 2021, section 4: T = 1000 and K = 10 give 0, 111, .., 999.
///
/// # Errors
/// K outside 1..=T.
pub fn even(steps: usize, count: usize) -> Result<Vec<usize>, MathError> {
    even_sections(steps, &[count])
}

/// Splits 0..T into equal sections (the first ones longer by one) and spreads `counts[i]` timesteps evenly in section i.
///
/// Source: the released code of Nichol and Dhariwal 2021; GLIDE's fast upsampler uses 10, 10, 3, 2, 2.
///
/// # Errors
/// No sections, or a count outside 1..=(length of its section).
pub fn even_sections(steps: usize, counts: &[usize]) -> Result<Vec<usize>, MathError> {
    let sections = counts.len();
    if sections == 0 {
        return Err(MathError::Spacing { count: 0, steps, reason: "there are no sections" });
    }
    let mut times = Vec::new();
    let mut start = 0;
    for (i, &count) in counts.iter().enumerate() {
        let length = steps / sections + usize::from(i < steps % sections);
        check(length, count)?;
        let gap = (length - 1) as f64 / (count.max(2) - 1) as f64;
        // Added up as the released code does: halves must round the same way.
        let mut position = 0.0f64;
        for _ in 0..count {
            times.push(time(start + position.round_ties_even() as usize));
            position += gap;
        }
        start += length;
    }
    Ok(rising(times))
}

/// Timesteps 0, c, 2c, .. with the smallest integer stride c that gives exactly K ("ddimK").
///
/// Source: the released code of Nichol and Dhariwal 2021.
///
/// # Errors
/// No integer stride gives K times.
pub fn stride(steps: usize, count: usize) -> Result<Vec<usize>, MathError> {
    check(steps, count)?;
    let stride = (1..=steps).find(|c| steps.div_ceil(*c) == count);
    let reason = "no integer stride gives that many; choose a divisor of T";
    let stride = stride.ok_or(MathError::Spacing { count, steps, reason })?;
    Ok((0..steps).step_by(stride).map(time).collect())
}

fn check(steps: usize, count: usize) -> Result<(), MathError> {
    if count >= 1 && count <= steps {
        return Ok(());
    }
    Err(MathError::Spacing { count, steps, reason: "the count must be between 1 and the number of times" })
}

/// Merges equal neighbours, which rounding can produce.
fn rising(mut times: Vec<usize>) -> Vec<usize> {
    times.dedup();
    times
}
