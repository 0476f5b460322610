//! Generation: a network as a denoiser, and the ancestral chain, full and strided.

use easel_core::parameterisation::Parameterisation;
use easel_core::sampling::{
    Denoiser, Draw, NoiseLevel, Run, State, Step as CoreStep, StepVariance, ancestral, falling,
};
use easel_core::schedule::NoiseSchedule;
use tch::{Tensor, no_grad};

/// What samplers need of a network: its output at x_t (f32 `[B, C, H, W]`) and time t in 0..=T, whole or fractional.
///
/// With a learned variance the output has 2C channels: the prediction, then the variance.
pub trait Network {
    /// The network's output.
    fn output(&self, x_t: &Tensor, t: f64) -> Tensor;
}

impl<F: Fn(&Tensor, f64) -> Tensor> Network for F {
    fn output(&self, x_t: &Tensor, t: f64) -> Tensor {
        self(x_t, t)
    }
}

/// A network as a [`Denoiser`] for any sampler.
#[derive(Debug)]
pub struct Estimator<'a, N> {
    /// The network.
    pub network: &'a N,
    /// The schedule that it was trained with.
    pub schedule: &'a NoiseSchedule,
    /// What its output stands for.
    pub parameterisation: Parameterisation,
    /// Clip $\hat x_0$ to [-1, 1], as the released samplers do.
    pub clip: bool,
}

impl<N: Network> Estimator<'_, N> {
    fn x0_hat(&self, x: &Tensor, prediction: &Tensor, level: NoiseLevel) -> Tensor {
        let alpha_bar = level.alpha_bar();
        // A mean speaks of the step to t - 1 that the network was trained with, wherever the chain goes next.
        let below = match self.parameterisation {
            Parameterisation::Mean => self.schedule.alpha_bar((level.t.ceil() as usize).max(1) - 1),
            _ => alpha_bar,
        };
        let map = self.parameterisation.to_x0(alpha_bar, below);
        let mut x0_hat = Tensor::combine(&[(map.x_t, x), (map.other, prediction)]);
        if self.clip { x0_hat.clamp_(-1.0, 1.0) } else { x0_hat }
    }
}

impl<N: Network> Denoiser<Tensor> for Estimator<'_, N> {
    fn x0(&mut self, x: &Tensor, level: NoiseLevel) -> Tensor {
        self.x0_and_variance(x, level).0
    }

    fn x0_and_variance(&mut self, x: &Tensor, level: NoiseLevel) -> (Tensor, Option<Tensor>) {
        let (output, channels) = (self.network.output(x, level.t), x.size()[1]);
        if output.size()[1] == channels {
            return (self.x0_hat(x, &output, level), None);
        }
        let variance = output.narrow(1, channels, channels);
        (self.x0_hat(x, &output.narrow(1, 0, channels), level), Some(variance))
    }
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

/// The settings of [`ancestral()`] for a network.
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
        network: &impl Network,
        x: Tensor,
        mut noise: impl FnMut(u64) -> Tensor,
        mut observe: impl FnMut(Step<'_>),
    ) -> Tensor {
        let mut denoiser =
            Estimator { network, schedule: self.schedule, parameterisation: self.parameterisation, clip: self.clip };
        let run = Run {
            denoiser: &mut denoiser,
            schedule: self.schedule,
            times: &falling(self.times),
            noise: &mut |draw: &Draw| noise(draw.step as u64),
            observer: &mut |step: &CoreStep<'_, Tensor>| {
                observe(Step { t: step.level.t as usize, x: step.x, x0_hat: step.x0 });
            },
        };
        no_grad(|| ancestral(run, x, self.variance, |_, _| None))
    }
}
