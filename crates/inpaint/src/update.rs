//! One-step updates, and runs along other times.

use ddim::StepNoise;
use ddim::process::coefficients;
use easel_core::sampling::{NoiseLevel, Run, State, epsilon};

/// An update `(run, step, x, from, to) -> (state, x0)` that sees nothing but the state: what [`Run::walk`] takes.
///
/// Multistep solvers are none: their history speaks of states that have since been replaced.
pub trait Update<S>: FnMut(&mut Run<'_, S>, usize, &S, NoiseLevel, NoiseLevel) -> (S, S) {}

impl<S, F: FnMut(&mut Run<'_, S>, usize, &S, NoiseLevel, NoiseLevel) -> (S, S)> Update<S> for F {}

/// A step of [`ddim::ddim`]: deterministic with `Eta(0.0)`, ancestral (DDPM with $\tilde\beta$) with `Eta(1.0)`.
///
/// Draws part 0 of its step where the step's noise is not 0.
pub fn ddim_step<S: State>(noise: StepNoise) -> impl Update<S> {
    move |run: &mut Run<'_, S>, step: usize, x: &S, from: NoiseLevel, to: NoiseLevel| {
        let x0 = run.x0(x, from);
        let c = coefficients(noise, from, to);
        let direction = epsilon(x, &x0, from);
        if c.noise == 0.0 {
            return (S::combine(&[(c.x0, &x0), (c.epsilon, &direction)]), x0);
        }
        let z = run.normal(step, 0, from, to);
        (S::combine(&[(c.x0, &x0), (c.epsilon, &direction), (c.noise, &z)]), x0)
    }
}

/// The same run along `times`, which need not fall.
pub(crate) fn along<'a: 'b, 'b, S>(run: Run<'a, S>, times: &'b [f64]) -> Run<'b, S> {
    // Field by field: the lifetimes of mutable references are shortened one at a time only.
    Run { denoiser: run.denoiser, schedule: run.schedule, times, noise: run.noise, observer: run.observer }
}
