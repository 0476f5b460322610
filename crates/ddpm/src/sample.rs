//! Generation: the ancestral chain, full and strided.

use easel_core::parameterisation::Parameterisation;
use easel_core::posterior::ModelVariance;
use easel_core::schedule::NoiseSchedule;
use tch::{Tensor, no_grad};

/// What a sampler needs of a network: its output at x_t (f32 `[B, C, H, W]`) and time t in 1..=T.
///
/// With a learned variance the output has 2C channels: the prediction, then the variance.
pub trait Denoiser {
    /// The network's output.
    fn output(&self, x_t: &Tensor, t: usize) -> Tensor;
}

impl<F: Fn(&Tensor, usize) -> Tensor> Denoiser for F {
    fn output(&self, x_t: &Tensor, t: usize) -> Tensor {
        self(x_t, t)
    }
}

/// Variance of the reverse steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepVariance {
    /// $\tilde\beta$ or $\beta$ of the step.
    Fixed(ModelVariance),
    /// From the network (Nichol and Dhariwal 2021, eq. 15).
    LearnedRange,
}

/// One state of the chain, as an observer sees it.
#[derive(Debug)]
pub struct Step<'a> {
    /// The time of `x`, 0 at the end.
    pub t: usize,
    /// x_t after the step.
    pub x: &'a Tensor,
    /// The model's estimate of x_0 that the step used.
    pub x0_hat: &'a Tensor,
}

/// The ancestral sampler (Ho et al. 2020, Algorithm 2) on any ascending list of times.
#[derive(Debug)]
pub struct Ancestral<'a> {
    /// The schedule the network was trained with.
    pub schedule: &'a NoiseSchedule,
    /// Times to visit, ascending, in 1..=T; all of them for the full chain (Nichol and Dhariwal 2021, section 4).
    pub times: &'a [usize],
    /// What the network's output stands for.
    pub parameterisation: Parameterisation,
    /// Variance of the steps.
    pub variance: StepVariance,
    /// Clip $\hat x_0$ to [-1, 1], as the released samplers do.
    pub clip: bool,
}

impl Ancestral<'_> {
    /// Runs the chain from `x` at the last time down to 0 and returns x_0.
    ///
    /// `noise` gives the k-th standard normal, shaped like `x` (k counts from 0); the last step asks for none.
    /// `observe` sees every state after its step.
    pub fn run(
        &self,
        denoiser: &impl Denoiser,
        x: Tensor,
        mut noise: impl FnMut(u64) -> Tensor,
        mut observe: impl FnMut(Step<'_>),
    ) -> Tensor {
        no_grad(|| {
            let mut x = x;
            for (k, i) in (0..self.times.len()).rev().enumerate() {
                let (t, s) = (self.times[i], if i == 0 { 0 } else { self.times[i - 1] });
                let (prediction, extra) = self.split(&denoiser.output(&x, t), x.size()[1]);
                let x0_hat = self.x0_hat(&x, &prediction, t);
                let posterior = self.schedule.posterior(s, t);
                let mut next = &x0_hat * posterior.x0 + &x * posterior.x_t;
                if s > 0 {
                    next += noise(k as u64) * self.deviation(s, t, extra.as_ref());
                }
                x = next;
                observe(Step { t: s, x: &x, x0_hat: &x0_hat });
            }
            x
        })
    }

    fn split(&self, output: &Tensor, channels: i64) -> (Tensor, Option<Tensor>) {
        match self.variance {
            StepVariance::Fixed(_) => (output.shallow_clone(), None),
            StepVariance::LearnedRange => (output.narrow(1, 0, channels), Some(output.narrow(1, channels, channels))),
        }
    }

    fn x0_hat(&self, x: &Tensor, prediction: &Tensor, t: usize) -> Tensor {
        // The network speaks of the step to t - 1 that it was trained with, wherever this chain goes next.
        let map = self.parameterisation.to_x0(self.schedule.alpha_bar(t), self.schedule.alpha_bar(t - 1));
        let x0_hat = x * map.x_t + prediction * map.other;
        if self.clip { x0_hat.clamp(-1.0, 1.0) } else { x0_hat }
    }

    /// $\sigma$ of the step from t to s: a number, or one a pixel.
    fn deviation(&self, s: usize, t: usize, extra: Option<&Tensor>) -> Tensor {
        let small = self.schedule.posterior(s, t).variance;
        let large = self.schedule.transition(s, t).variance;
        match (self.variance, extra) {
            (StepVariance::LearnedRange, Some(output)) => {
                let (low, high) = (small.ln(), large.ln());
                ((output + 1.0) * (0.25 * (high - low)) + 0.5 * low).exp()
            }
            (StepVariance::Fixed(ModelVariance::FixedLarge), _) => Tensor::from(large.sqrt() as f32),
            _ => Tensor::from(small.sqrt() as f32),
        }
    }
}
