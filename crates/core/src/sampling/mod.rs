//! The contract between denoisers and samplers.
//!
//! A sampler is a function of a [`Denoiser`], a [`Schedule`], a falling list of times, a [`NoiseSource`] and an observer,
//! gathered in a [`Run`]. It knows no network, and no network knows a sampler. States are anything that can be added and
//! scaled ([`State`]): f64 numbers and arrays, and with the feature `torch` tensors.
//!
//! All samplers work on pairs $(\alpha_t, \sigma_t)$ in $x_t = \alpha_t x_0 + \sigma_t\epsilon$. A variance-preserving
//! process has $\alpha^2+\sigma^2 = 1$; in the coordinates of EDM $\alpha = 1$ and $\sigma$ is the noise level itself.
//! To go from one to the other divide the state by $\alpha$: $x_t/\alpha_t = x_0 + \hat\sigma_t\epsilon$ with
//! $\hat\sigma = \sigma/\alpha$ ([`NoiseLevel::sigma_hat`], [`Schedule::time_of_sigma_hat`], [`Rescaled`]).
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`Run`], [`Step`], [`Denoiser`], [`NoiseSource`] |
//! | [`level`] | [`NoiseLevel`], [`Schedule`] and its implementations |
//! | [`state`] | [`State`] for numbers, arrays, tensors |
//! | [`brownian`] | a source of noise that gives the same path at any number of steps |

pub mod ancestral;
pub mod brownian;
pub mod level;
pub mod state;

pub use ancestral::{StepVariance, ancestral};
pub use brownian::BrownianPath;
pub use level::{Edm, NoiseLevel, Schedule, VpLinear};
pub use state::State;

use crate::error::MathError;
use crate::parameterisation::Parameterisation;

/// The estimate $\hat x_0$ of the data behind a noisy state; any closure `(x_t, level) -> x0` is one.
///
/// $\hat\epsilon$, the score and v follow from it ([`epsilon`]), so a sampler needs nothing else.
pub trait Denoiser<S> {
    /// $\hat x_0$ at `x` = $x_t$.
    fn x0(&mut self, x: &S, level: NoiseLevel) -> S;

    /// $\hat x_0$, and of a network with learned variance its interpolation output in [-1, 1]
    /// (Nichol and Dhariwal 2021, eq. 15).
    fn x0_and_variance(&mut self, x: &S, level: NoiseLevel) -> (S, Option<S>) {
        (self.x0(x, level), None)
    }
}

impl<S, F: FnMut(&S, NoiseLevel) -> S> Denoiser<S> for F {
    fn x0(&mut self, x: &S, level: NoiseLevel) -> S {
        self(x, level)
    }
}

/// A denoiser from a network's `output` (x, t) in this parameterisation; `clip` bounds $\hat x_0$ to [-clip, clip].
pub fn from_output<S: State>(
    parameterisation: Parameterisation,
    clip: Option<f64>,
    mut output: impl FnMut(&S, f64) -> S,
) -> impl FnMut(&S, NoiseLevel) -> S {
    move |x, level| {
        let x0 = output_to_x0(parameterisation, x, &output(x, level.t), level);
        match clip {
            Some(bound) => x0.clamp(-bound, bound),
            None => x0,
        }
    }
}

/// $\hat x_0$ from x_t and a network's output.
///
/// # Panics
/// For [`Parameterisation::Mean`], whose output belongs to one step and not to one level.
pub fn output_to_x0<S: State>(parameterisation: Parameterisation, x: &S, output: &S, level: NoiseLevel) -> S {
    assert!(parameterisation != Parameterisation::Mean, "a posterior mean belongs to a step, not to a noise level");
    let NoiseLevel { alpha, sigma, .. } = level;
    let (of_x, of_output) = match parameterisation {
        Parameterisation::Epsilon => (1.0 / alpha, -sigma / alpha),
        Parameterisation::V => (alpha, -sigma),
        Parameterisation::Score => (1.0 / alpha, sigma * sigma / alpha),
        Parameterisation::X0 | Parameterisation::Mean => (0.0, 1.0),
    };
    S::combine(&[(of_x, x), (of_output, output)])
}

/// $\hat\epsilon = (x_t - \alpha_t\hat x_0)/\sigma_t$.
pub fn epsilon<S: State>(x: &S, x0: &S, level: NoiseLevel) -> S {
    S::combine(&[(1.0 / level.sigma, x), (-level.alpha / level.sigma, x0)])
}

/// The denoiser of one process for states of another: `x / alpha * alpha'` at equal $\hat\sigma$.
///
/// `Rescaled { inner, schedule }` takes states of any process, such as EDM's, and asks a denoiser that knows `schedule`.
#[derive(Debug)]
pub struct Rescaled<'a, D, P: ?Sized> {
    /// The denoiser.
    pub inner: D,
    /// The process that it knows.
    pub schedule: &'a P,
}

impl<S: State, D: Denoiser<S>, P: Schedule + ?Sized> Denoiser<S> for Rescaled<'_, D, P> {
    fn x0(&mut self, x: &S, level: NoiseLevel) -> S {
        let own = self.schedule.level(self.schedule.time_of_sigma_hat(level.sigma_hat()));
        self.inner.x0(&S::combine(&[(own.alpha / level.alpha, x)]), own)
    }
}

/// Which standard normal a sampler asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// The step, from 0.
    pub step: usize,
    /// Steps from this one to the end, this one included: chains of different length end with the same draws.
    pub remaining: usize,
    /// 0, 1, .. within the step.
    pub part: usize,
    /// The interval that the noise covers: from this level ..
    pub from: NoiseLevel,
    /// .. to this one. Disjoint intervals get independent normals.
    pub to: NoiseLevel,
}

/// Where standard normals come from; any closure `(&Draw) -> z` is one, and [`BrownianPath`].
pub trait NoiseSource<S> {
    /// A standard normal of the state's shape.
    fn normal(&mut self, draw: &Draw) -> S;
}

impl<S, F: FnMut(&Draw) -> S> NoiseSource<S> for F {
    fn normal(&mut self, draw: &Draw) -> S {
        self(draw)
    }
}

/// The source of noise of a deterministic sampler.
///
/// # Panics
/// When a normal is asked for.
pub fn no_noise<S>(draw: &Draw) -> S {
    panic!("step {} of a deterministic sampler asked for noise", draw.step)
}

/// One step of a chain, as an observer sees it.
#[derive(Debug)]
pub struct Step<'a, S> {
    /// The step, from 0.
    pub index: usize,
    /// Level of `x`.
    pub level: NoiseLevel,
    /// The state after the step.
    pub x: &'a S,
    /// The (first) estimate of x_0 that the step used.
    pub x0: &'a S,
}

/// What a sampler is a function of, besides the state it starts from.
pub struct Run<'a, S> {
    /// The denoiser.
    pub denoiser: &'a mut dyn Denoiser<S>,
    /// The process.
    pub schedule: &'a dyn Schedule,
    /// Times to visit, strictly falling: the first is that of the starting state, the last (usually 0) that of the result.
    pub times: &'a [f64],
    /// The noise.
    pub noise: &'a mut dyn NoiseSource<S>,
    /// Sees every state after its step.
    pub observer: &'a mut dyn FnMut(&Step<S>),
}

impl<S> std::fmt::Debug for Run<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run(times = {:?})", self.times)
    }
}

impl<S: State> Run<'_, S> {
    /// Levels of the times.
    pub fn levels(&self) -> Vec<NoiseLevel> {
        self.times.iter().map(|&t| self.schedule.level(t)).collect()
    }

    /// Checks the times.
    ///
    /// # Errors
    /// Fewer than two times, times that do not fall strictly, or lie outside the schedule.
    pub fn check(&self) -> Result<(), MathError> {
        check_times(self.times, self.schedule)
    }

    /// $\hat x_0$ at `x`.
    pub fn x0(&mut self, x: &S, level: NoiseLevel) -> S {
        self.denoiser.x0(x, level)
    }

    /// A standard normal for part `part` of step `step`, over the interval from `from` to `to`.
    pub fn normal(&mut self, step: usize, part: usize, from: NoiseLevel, to: NoiseLevel) -> S {
        let remaining = self.times.len() - 1 - step;
        self.noise.normal(&Draw { step, remaining, part, from, to })
    }

    /// Walks the chain with `next(run, step, x, from, to) -> (state, x0)` and returns the last state.
    pub fn walk(mut self, x: S, mut next: impl FnMut(&mut Self, usize, &S, NoiseLevel, NoiseLevel) -> (S, S)) -> S {
        let levels = self.levels();
        let mut x = x;
        for (index, pair) in levels.windows(2).enumerate() {
            let (state, x0) = next(&mut self, index, &x, pair[0], pair[1]);
            x = state;
            (self.observer)(&Step { index, level: pair[1], x: &x, x0: &x0 });
        }
        x
    }
}

/// Checks a list of times against a schedule.
///
/// # Errors
/// Fewer than two times, times that do not fall strictly, or lie outside the schedule.
pub fn check_times(times: &[f64], schedule: &dyn Schedule) -> Result<(), MathError> {
    if times.len() < 2 {
        return Err(MathError::TooFewSteps { steps: times.len().saturating_sub(1), minimum: 1 });
    }
    if let Some(pair) = times.windows(2).find(|w| w[0].partial_cmp(&w[1]) != Some(std::cmp::Ordering::Greater)) {
        return Err(MathError::Parameter { name: "times", value: pair[1], expected: "strictly below the one before" });
    }
    let (first, last) = (times[0], times[times.len() - 1]);
    if !(first <= schedule.end() && last >= 0.0) {
        let value = if last >= 0.0 { first } else { last };
        return Err(MathError::Parameter { name: "times", value, expected: "within the schedule" });
    }
    Ok(())
}

/// Rising times in 1..=T, as [`crate::Spacing`] gives them, as a falling list that ends at 0.
pub fn falling(times: &[usize]) -> Vec<f64> {
    times.iter().rev().map(|&t| t as f64).chain(std::iter::once(0.0)).collect()
}
