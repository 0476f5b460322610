//! Solvers where the score is exact, in f64: a mixture of three Gaussians in one dimension, and one Gaussian.
//!
//! The process is [`VpLinear::PUBLISHED`] from t = 1 to [`END`] in even steps of $\lambda$; the orders that the catalogue
//! states are tested on the same (`crates/solvers/tests/identities/orders.rs`).

use easel_core::sampling::{Denoiser, Draw, NoiseLevel, NoiseSource, Run, Schedule, State, VpLinear, no_noise};
use easel_core::{GaussianMixture, Noise};
use ndarray::{Array1, Array2, array};
use solvers::Sampler;
use solvers::catalogue::find;

/// Where the chains end: at clean data every sampler's last step is of order 1.
pub const END: f64 = 1e-2;
/// Starting points.
pub const POINTS: usize = 64;
/// Steps of the reference, with the solver of the highest order.
const FINE: usize = 5000;
/// Means, deviations and weights of the mixture, for captions.
pub const MIXTURE: &str = "means -1, 0.3, 1.2, deviations 0.25, 0.3, 0.2, weights 0.3, 0.3, 0.4";

/// Falling times of `steps` even steps in $\lambda$.
fn grid(steps: usize) -> Vec<f64> {
    let schedule = VpLinear::PUBLISHED;
    let (high, low) = (schedule.level(1.0).lambda(), schedule.level(END).lambda());
    (0..=steps).map(|i| schedule.level_of_lambda(high + (low - high) * i as f64 / steps as f64).t).collect()
}

fn run<S: State>(
    sampler: Sampler,
    steps: usize,
    denoiser: &mut dyn Denoiser<S>,
    noise: &mut dyn NoiseSource<S>,
    x: S,
) -> S {
    let times = grid(steps);
    sampler.sample(Run { denoiser, schedule: &VpLinear::PUBLISHED, times: &times, noise, observer: &mut |_| {} }, x)
}

/// Errors of a solver at rising numbers of steps.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    /// Evaluations of the denoiser.
    pub evaluations: Vec<f64>,
    /// The errors.
    pub errors: Vec<f64>,
    /// Minus the slope of the straight line through the logarithms of errors and steps from [`ASYMPTOTIC`] steps on.
    pub order: f64,
}

/// Steps from which on the order of convergence is read off.
pub const ASYMPTOTIC: usize = 160;

impl Curve {
    fn new(steps: &[usize], mut point: impl FnMut(usize) -> (f64, f64)) -> Self {
        let (evaluations, errors): (Vec<f64>, Vec<f64>) = steps.iter().map(|&n| point(n)).unzip();
        let fitted = steps.iter().zip(&errors).filter(|(n, _)| **n >= ASYMPTOTIC);
        let order = -slope(&fitted.map(|(n, e)| ((*n as f64).ln(), e.ln())).collect::<Vec<_>>());
        Self { evaluations, errors, order }
    }
}

/// The slope of the least-squares line through points; NaN below two.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    mean(&|p| (p.0 - x) * (p.1 - y)) / mean(&|p| (p.0 - x).powi(2))
}

/// The mixture, [`POINTS`] normals to start from, and where the ODE leads them.
#[derive(Debug)]
pub struct Trajectories {
    mixture: GaussianMixture,
    start: Array2<f64>,
    end: Array2<f64>,
}

impl Trajectories {
    /// Solves the ODE finely.
    pub fn new() -> Self {
        let (means, deviations) = (array![[-1.0], [0.3], [1.2]], array![0.25, 0.3, 0.2]);
        let mixture = GaussianMixture::isotropic(array![0.3, 0.3, 0.4].view(), means.view(), deviations.view());
        let mut start = vec![0.0; POINTS];
        Noise::new(0).purpose("figure/trajectories").normal_f64(0, 0, &mut start);
        let start = Array2::from_shape_vec((POINTS, 1), start).expect("one column");
        let mut all = Self { mixture: mixture.expect("a mixture"), end: start.clone(), start };
        all.end = all.solve(find("unipc3").expect("it is in the catalogue").sampler, FINE).1;
        all
    }

    /// Evaluations, and where a deterministic sampler ends.
    fn solve(&self, sampler: Sampler, steps: usize) -> (usize, Array2<f64>) {
        let mut evaluations = 0;
        let mut denoiser = |x: &Array2<f64>, level: NoiseLevel| {
            evaluations += 1;
            self.mixture.estimate(x, level)
        };
        let end = run(sampler, steps, &mut denoiser, &mut no_noise, self.start.clone());
        (evaluations, end)
    }

    /// Root mean squared distance of a deterministic sampler's ends from the true ones.
    pub fn errors(&self, sampler: Sampler, steps: &[usize]) -> Curve {
        Curve::new(steps, |n| {
            let (evaluations, end) = self.solve(sampler, n);
            let squared = (end - &self.end).mapv(|d| d * d).mean().expect("there are points");
            (evaluations as f64, squared.sqrt())
        })
    }
}

/// Relative errors of the variance of a sampler's results on data N(0, 1/4), without a random number: a state is the row
/// of its coefficients of x_T and of every normal drawn, which all samplers transform linearly. One normal a step.
pub fn variance_errors(sampler: Sampler, steps: &[usize]) -> Curve {
    const DATA: f64 = 0.25;
    let total = |l: NoiseLevel| l.alpha * l.alpha * DATA + l.sigma * l.sigma;
    Curve::new(steps, |n| {
        let unit = |k: usize, size: f64| {
            let mut row = Array1::zeros(n + 1);
            row[k] = size;
            row
        };
        let mut evaluations = 0;
        let mut denoiser = |x: &Array1<f64>, l: NoiseLevel| {
            evaluations += 1;
            x * (l.alpha * DATA / total(l))
        };
        let start = unit(0, total(VpLinear::PUBLISHED.level(1.0)).sqrt());
        let end = run(sampler, n, &mut denoiser, &mut |draw: &Draw| unit(1 + draw.step, 1.0), start);
        let variance = end.dot(&end) / total(VpLinear::PUBLISHED.level(END));
        (evaluations as f64, (variance - 1.0).abs())
    })
}
