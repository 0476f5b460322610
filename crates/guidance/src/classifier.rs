//! Classifier guidance (Dhariwal and Nichol 2021, section 4).
//!
//! g = $\nabla_{x_t}\ln p(y|x_t)$ everywhere, of a classifier that knows noisy pictures. The base may be unconditional
//! (then s = 1 is the conditional model) or conditional (then s adds to the exponent 1 that is already there).

use easel_core::posterior::ModelVariance;
use easel_core::sampling::{Denoiser, NoiseLevel, Run, State};

/// $\hat\epsilon = \epsilon - s\,\sigma_t\,g$ with the marginal deviation $\sigma_t$, $\sqrt{1-\bar\alpha_t}$ in the
/// paper (section 4.2).
pub fn guided_epsilon<S: State>(epsilon: &S, gradient: &S, scale: f64, level: NoiseLevel) -> S {
    S::combine(&[(1.0, epsilon), (-scale * level.sigma, gradient)])
}

/// The same in $\hat x_0$: $\hat x_0 + s\,g\,\sigma_t^2/\alpha_t$; not finite where nothing is left of the data.
pub fn guided_x0<S: State>(x0: &S, gradient: &S, scale: f64, level: NoiseLevel) -> S {
    S::combine(&[(1.0, x0), (scale * level.sigma * level.sigma / level.alpha, gradient)])
}

/// A denoiser under classifier guidance: with DDIM's sampler the paper's Algorithm 2.
///
/// A denoiser that clips does so before the shift and the result is not clipped again, as in the released code. With
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

/// The variance $\Sigma$ of DDPM's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepVariance {
    /// $\tilde\beta$ or $\beta$ of the step.
    Fixed(ModelVariance),
    /// From the denoiser, element by element (Nichol and Dhariwal 2021, eq. 15).
    LearnedRange,
}

/// DDPM's posterior for a step of any width: mean `x0` x_0 + `x_t` x_t, variance `small` ($\tilde\beta$) to `large`
/// ($\beta$).
#[derive(Debug, Clone, Copy)]
struct Posterior {
    x0: f64,
    x_t: f64,
    small: f64,
    large: f64,
}

impl Posterior {
    fn new(from: NoiseLevel, to: NoiseLevel) -> Self {
        let kept = from.alpha / to.alpha;
        let (noise_t, noise_s) = (from.sigma * from.sigma, to.sigma * to.sigma);
        let large = noise_t - kept * kept * noise_s;
        Self { x0: to.alpha * large / noise_t, x_t: kept * noise_s / noise_t, small: large * noise_s / noise_t, large }
    }

    /// $\Sigma^p\,y$.
    fn power_times<S: State>(&self, p: f64, y: &S, variance: StepVariance, output: Option<&S>) -> S {
        let fixed = |value: f64| S::combine(&[(value.powf(p), y)]);
        match (variance, output) {
            (StepVariance::Fixed(ModelVariance::FixedSmall), _) => fixed(self.small),
            (StepVariance::Fixed(ModelVariance::FixedLarge), _) => fixed(self.large),
            (StepVariance::LearnedRange, Some(output)) => {
                // ln Sigma = (ln small + ln large) / 2 + output (ln large - ln small) / 2
                let (low, high) = (self.small.ln(), self.large.ln());
                let spread = S::combine(&[(0.5 * p * (high - low), output)]).exp();
                S::combine(&[((0.5 * p * (high + low)).exp(), &y.product(&spread))])
            }
            (StepVariance::LearnedRange, None) => panic!("the denoiser has no learned variance"),
        }
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
    run.walk(x, |run, step, x, from, to| {
        let (x0, output) = run.denoiser.x0_and_variance(x, from);
        let posterior = Posterior::new(from, to);
        let mean = S::combine(&[(posterior.x0, &x0), (posterior.x_t, x)]);
        if to.is_data() {
            return (mean, x0);
        }
        let sigma_times = |p: f64, y: &S| posterior.power_times(p, y, variance, output.as_ref());
        let noise = sigma_times(0.5, &run.normal(step, 0, from, to));
        if scale == 0.0 {
            return (S::combine(&[(1.0, &mean), (1.0, &noise)]), x0);
        }
        let shift = sigma_times(1.0, &gradient(x, from));
        (S::combine(&[(1.0, &mean), (scale, &shift), (1.0, &noise)]), x0)
    })
}
