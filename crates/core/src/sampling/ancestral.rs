//! DDPM's sampler on noise levels, with room for a shift of its means.

use crate::posterior::ModelVariance;
use crate::sampling::{NoiseLevel, Run, State};

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

/// The ancestral chain $x_s \sim \mathcal N(\mu + \Sigma\,a, \Sigma)$ along the run's times from `x` at the first, with
/// `pull` giving (s, g) of $a = s\,g$ at (x_t, level of t), or nothing.
///
/// Without a pull it is DDPM's sampler (Ho et al. 2020, Algorithm 2; on a sub-sequence, Nichol and Dhariwal 2021,
/// section 4). The step to clean data returns its mean, where $\Sigma$ is taken as 0.
///
/// # Panics
/// With [`StepVariance::LearnedRange`] and a denoiser without variance.
// excerpt: ancestral
pub fn ancestral<S: State>(
    run: Run<'_, S>,
    x: S,
    variance: StepVariance,
    mut pull: impl FnMut(&S, NoiseLevel) -> Option<(f64, S)>,
) -> S {
    run.walk(x, |run, step, x, from, to| {
        let (x0, output) = run.denoiser.x0_and_variance(x, from);
        let posterior = Posterior::new(from, to);
        let mean = [(posterior.x0, &x0), (posterior.x_t, x)];
        if to.is_data() {
            return (S::combine(&mean), x0);
        }
        let sigma_times = |p: f64, y: &S| posterior.power_times(p, y, variance, output.as_ref());
        let noise = sigma_times(0.5, &run.normal(step, 0, from, to));
        let next = match pull(x, from) {
            None => S::combine(&[mean[0], mean[1], (1.0, &noise)]),
            Some((scale, g)) => S::combine(&[mean[0], mean[1], (scale, &sigma_times(1.0, &g)), (1.0, &noise)]),
        };
        (next, x0)
    })
}
// end excerpt
