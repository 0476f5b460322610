//! Classifier guidance (Dhariwal and Nichol 2021, section 4).
//!
//! g = $\nabla_{x_t}\ln p(y|x_t)$ everywhere, of a classifier that knows noisy pictures. The base may be unconditional
//! (then s = 1 is the conditional model) or conditional (then s adds to the exponent 1 that is already there).

use easel_core::sampling::{Denoiser, NoiseLevel, Run, State, StepVariance, ancestral};

// excerpt: guided-epsilon
/// $\hat\epsilon = \epsilon - s\,\sigma_t\,g$ with the marginal deviation $\sigma_t$, $\sqrt{1-\bar\alpha_t}$ in the
/// paper (section 4.2).
pub fn guided_epsilon<S: State>(epsilon: &S, gradient: &S, scale: f64, level: NoiseLevel) -> S {
    S::combine(&[(1.0, epsilon), (-scale * level.sigma, gradient)])
}
// end excerpt

/// The same in $\hat x_0$: $\hat x_0 + s\,g\,\sigma_t^2/\alpha_t$; not finite where nothing is left of the data.
pub fn guided_x0<S: State>(x0: &S, gradient: &S, scale: f64, level: NoiseLevel) -> S {
    S::combine(&[(1.0, x0), (scale * level.sigma * level.sigma / level.alpha, gradient)])
}

/// A denoiser under classifier guidance: with DDIM's sampler the paper's Algorithm 2.
///
/// A denoiser that clips does so before the shift and the result is not clipped again, as in the released code; where the
/// last alpha is tiny the caller had better bound it (the experiment does). With
/// scale 0 the gradient is not evaluated.
#[derive(Debug, Clone)]
pub struct ClassifierGuided<D, G> {
    /// The denoiser, of the conditional or the unconditional model.
    pub denoiser: D,
    /// The function (x_t, level) -> g.
    pub gradient: G,
    /// s.
    pub scale: f64,
}

impl<D, G> ClassifierGuided<D, G> {
    fn shift<S: State>(&mut self, x0: S, x: &S, level: NoiseLevel) -> S
    where
        G: FnMut(&S, NoiseLevel) -> S,
    {
        if self.scale == 0.0 {
            return x0;
        }
        guided_x0(&x0, &(self.gradient)(x, level), self.scale, level)
    }
}

impl<S: State, D: Denoiser<S>, G: FnMut(&S, NoiseLevel) -> S> Denoiser<S> for ClassifierGuided<D, G> {
    fn x0(&mut self, x: &S, level: NoiseLevel) -> S {
        let x0 = self.denoiser.x0(x, level);
        self.shift(x0, x, level)
    }

    fn x0_and_variance(&mut self, x: &S, level: NoiseLevel) -> (S, Option<S>) {
        let (x0, variance) = self.denoiser.x0_and_variance(x, level);
        (self.shift(x0, x, level), variance)
    }
}

/// DDPM's sampler with guided means: $x_s \sim \mathcal N(\mu + s\Sigma g, \Sigma)$ (Algorithm 1), from the state `x` at
/// the run's first time.
///
/// `gradient` is g at (x_t, level of t), as in the released code; the paper's derivation has it at $\mu$, which is the
/// same to first order; with scale 0 it is not evaluated. The step to clean data returns its mean without noise, where
/// $\Sigma$ is taken as 0.
///
/// # Panics
/// With [`StepVariance::LearnedRange`] and a denoiser without variance.
pub fn ddpm_mean_shift<S: State>(
    run: Run<'_, S>,
    x: S,
    mut gradient: impl FnMut(&S, NoiseLevel) -> S,
    scale: f64,
    variance: StepVariance,
) -> S {
    ancestral(run, x, variance, |x, level| (scale != 0.0).then(|| (scale, gradient(x, level))))
}
