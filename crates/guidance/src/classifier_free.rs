//! Classifier-free guidance (Ho and Salimans 2022), its interval and its rescaling.

use easel_core::Parameterisation;
use easel_core::sampling::{Denoiser, NoiseLevel, State, output_to_x0};
use serde::{Deserialize, Serialize};

use crate::per_sample::PerSample;
use crate::scale::GuidanceScale;

// excerpt: combine
/// $(1-s)\,o_\varnothing + s\,o_y$ of two network outputs (Ho and Salimans 2022, eq. 6).
///
/// The coefficients sum to 1, so that epsilon, v, score and x_0 are all combined alike. s = 0 and s = 1 return their
/// output exactly.
pub fn combine<S: State>(unconditional: &S, conditional: &S, scale: GuidanceScale) -> S {
    let s = scale.s();
    S::combine(&[(1.0 - s, unconditional), (s, conditional)])
}
// end excerpt

// excerpt: rescale
/// `phi` of the guided output with each sample's standard deviation set to the conditional output's, the rest as it is
/// (Lin et al. 2024, arXiv:2305.08891, section 3.4). The mean of a sample is scaled with it.
pub fn rescale<S: PerSample>(guided: S, conditional: &S, phi: f64) -> S {
    if phi == 0.0 {
        return guided;
    }
    S::combine(&[(phi, &guided.with_deviation_of(conditional)), (1.0 - phi, &guided)])
}
// end excerpt

/// Noise levels `low` < $\hat\sigma$ <= `high` at which guidance acts (Kynkäänniemi et al. 2024, arXiv:2404.07724).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The highest $\hat\sigma = \sigma/\alpha$ that is too low.
    pub low: f64,
    /// The highest $\hat\sigma$ with guidance, possibly infinite.
    pub high: f64,
}

impl Interval {
    /// Every noise level.
    pub const ALWAYS: Self = Self { low: 0.0, high: f64::INFINITY };

    /// Whether guidance acts at this level.
    pub fn contains(self, level: NoiseLevel) -> bool {
        let sigma_hat = level.sigma_hat();
        self.low < sigma_hat && sigma_hat <= self.high
    }
}

/// A network that knows a condition and its absence. Outputs are in any one parameterisation.
pub trait ConditionalModel<S> {
    /// The output under the condition, $o_\theta(x_t, y)$.
    fn conditional(&mut self, x: &S, level: NoiseLevel) -> S;

    /// The outputs without and with the condition, in this order; best in one pass over a doubled batch.
    fn both(&mut self, x: &S, level: NoiseLevel) -> (S, S);

    /// With a learned variance, its interpolation output under the condition at the latest call.
    fn variance(&self) -> Option<S> {
        None
    }
}

impl<S, M: ConditionalModel<S> + ?Sized> ConditionalModel<S> for &mut M {
    fn conditional(&mut self, x: &S, level: NoiseLevel) -> S {
        (**self).conditional(x, level)
    }

    fn both(&mut self, x: &S, level: NoiseLevel) -> (S, S) {
        (**self).both(x, level)
    }

    fn variance(&self) -> Option<S> {
        (**self).variance()
    }
}

/// A [`ConditionalModel`] under classifier-free guidance: a denoiser.
///
/// The order is that of the released codes: combine, rescale, convert to $\hat x_0$, clip.
#[derive(Debug, Clone)]
pub struct ClassifierFree<M> {
    /// The network.
    pub model: M,
    /// What its outputs stand for.
    pub parameterisation: Parameterisation,
    /// The scale.
    pub scale: GuidanceScale,
    /// Where guidance acts; elsewhere only the conditional output is evaluated.
    pub interval: Interval,
    /// $\phi$ of [`rescale`], 0 for none.
    pub rescale: f64,
    /// Bound of $\hat x_0$, of either sign.
    pub clip: Option<f64>,
}

impl<M> ClassifierFree<M> {
    /// Guidance at every noise level, neither rescaled nor clipped.
    pub fn new(model: M, parameterisation: Parameterisation, scale: GuidanceScale) -> Self {
        Self { model, parameterisation, scale, interval: Interval::ALWAYS, rescale: 0.0, clip: None }
    }

    /// The guided output at `x` = x_t.
    pub fn output<S: PerSample>(&mut self, x: &S, level: NoiseLevel) -> S
    where
        M: ConditionalModel<S>,
    {
        if self.scale == GuidanceScale::CONDITIONAL || !self.interval.contains(level) {
            return self.model.conditional(x, level);
        }
        let (unconditional, conditional) = self.model.both(x, level);
        rescale(combine(&unconditional, &conditional, self.scale), &conditional, self.rescale)
    }
}

impl<S: PerSample, M: ConditionalModel<S>> Denoiser<S> for ClassifierFree<M> {
    fn x0(&mut self, x: &S, level: NoiseLevel) -> S {
        let output = self.output(x, level);
        let x0 = output_to_x0(self.parameterisation, x, &output, level);
        match self.clip {
            Some(bound) => x0.clamp(-bound, bound),
            None => x0,
        }
    }

    fn x0_and_variance(&mut self, x: &S, level: NoiseLevel) -> (S, Option<S>) {
        (self.x0(x, level), self.model.variance())
    }
}
