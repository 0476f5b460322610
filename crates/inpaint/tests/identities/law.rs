//! Exact laws of samplers on Gaussian data, without random numbers.
//!
//! Every sampler here is linear in its start and its normals, so a state can be the rows of coefficients of a constant
//! and of independent standard normals; the law of two pixels is read off them. Between the moves of a chain only the
//! state is carried, so that after each move the normals it has met can be folded into two of the same covariance.

use std::cell::RefCell;

use ddim::process::StepNoise;
use easel_core::sampling::{Draw, NoiseLevel, Run, Schedule, State, Step};
use inpaint::replacement::KNOWN_PART;
use inpaint::sdedit::GUIDE_PART;
use inpaint::{Known, Mask, Polarity};
use ndarray::{Array2, array};

/// Columns: the constant, two normals that last, two of the past, two of the step, two of the known data.
const CONSTANT: usize = 0;
const LASTING: usize = 1;
const PAST: usize = 3;
const STEP: usize = 5;
const DATA: usize = 7;
const COLUMNS: usize = 9;

/// Two pixels as coefficients `[2, COLUMNS]`.
#[derive(Debug, Clone)]
pub struct Law(RefCell<Array2<f64>>);

impl Law {
    fn of(rows: Array2<f64>) -> Self {
        Self(RefCell::new(rows))
    }

    /// A constant.
    pub fn constant(values: [f64; 2]) -> Self {
        let mut rows = Array2::zeros((2, COLUMNS));
        (rows[[0, CONSTANT]], rows[[1, CONSTANT]]) = (values[0], values[1]);
        Self::of(rows)
    }

    fn unit(column: usize) -> Self {
        let mut rows = Array2::zeros((2, COLUMNS));
        (rows[[0, column]], rows[[1, column + 1]]) = (1.0, 1.0);
        Self::of(rows)
    }

    /// Standard normals for the start of a chain.
    pub fn start() -> Self {
        Self::unit(PAST)
    }

    /// Standard normals that a chain may use more than once.
    pub fn lasting() -> Self {
        Self::unit(LASTING)
    }

    /// The mean of a pixel.
    pub fn mean(&self, pixel: usize) -> f64 {
        self.0.borrow()[[pixel, CONSTANT]]
    }

    /// The covariance of two pixels.
    pub fn covariance(&self, a: usize, b: usize) -> f64 {
        let rows = self.0.borrow();
        (LASTING..COLUMNS).map(|k| rows[[a, k]] * rows[[b, k]]).sum()
    }

    /// The variance of a pixel.
    pub fn variance(&self, pixel: usize) -> f64 {
        self.covariance(pixel, pixel)
    }

    /// Largest difference of a pixel's coefficients.
    pub fn difference(&self, other: &Self, pixel: usize) -> f64 {
        let (a, b) = (self.0.borrow(), other.0.borrow());
        (0..COLUMNS).map(|k| (a[[pixel, k]] - b[[pixel, k]]).abs()).fold(0.0, f64::max)
    }

    /// The image under a matrix.
    pub fn map(&self, matrix: &Array2<f64>) -> Self {
        Self::of(matrix.dot(&*self.0.borrow()))
    }

    /// Folds all normals but the lasting ones into those of the past.
    fn fold(&self) {
        let mut rows = self.0.borrow_mut();
        let product = |a: usize, b: usize| (PAST..COLUMNS).map(|k| rows[[a, k]] * rows[[b, k]]).sum::<f64>();
        let factor = cholesky(&array![[product(0, 0), product(0, 1)], [product(1, 0), product(1, 1)]]);
        for pixel in 0..2 {
            for column in PAST..COLUMNS {
                rows[[pixel, column]] = if column < STEP { factor[[pixel, column - PAST]] } else { 0.0 };
            }
        }
    }
}

/// The lower triangular root of a covariance that may be singular.
pub fn cholesky(covariance: &Array2<f64>) -> Array2<f64> {
    let first = covariance[[0, 0]].max(0.0).sqrt();
    let below = if first > 0.0 { covariance[[1, 0]] / first } else { 0.0 };
    array![[first, 0.0], [below, (covariance[[1, 1]] - below * below).max(0.0).sqrt()]]
}

impl State for Law {
    fn combine(terms: &[(f64, &Self)]) -> Self {
        let borrowed: Vec<_> = terms.iter().map(|(c, x)| (*c, x.0.borrow())).collect();
        Self::of(Array2::combine(&borrowed.iter().map(|(c, x)| (*c, &**x)).collect::<Vec<_>>()))
    }

    fn product(&self, other: &Self) -> Self {
        Self::of(State::product(&*self.0.borrow(), &other.0.borrow()))
    }

    fn exp(&self) -> Self {
        Self::of(State::exp(&*self.0.borrow()))
    }

    fn clamp(&self, _: f64, _: f64) -> Self {
        unreachable!("a bound is not linear")
    }

    fn dot(&self, other: &Self) -> f64 {
        State::dot(&*self.0.borrow(), &other.0.borrow())
    }
}

/// The normals of a move.
pub fn normals(draw: &Draw) -> Law {
    match draw.part {
        0 => Law::unit(STEP),
        KNOWN_PART => Law::unit(DATA),
        GUIDE_PART => Law::lasting(),
        part => panic!("no sampler here draws part {part}"),
    }
}

/// Data N(mean, covariance) of two pixels.
#[derive(Debug, Clone)]
pub struct Gaussian {
    pub mean: [f64; 2],
    pub covariance: Array2<f64>,
}

impl Gaussian {
    /// The data of table 1.1: zero means, unit variances, covariance 0.9.
    pub fn correlated() -> Self {
        Self { mean: [0.0; 2], covariance: array![[1.0, 0.9], [0.9, 1.0]] }
    }

    /// Independent pixels of one mean and variance.
    pub fn independent(mean: f64, variance: f64) -> Self {
        Self { mean: [mean; 2], covariance: array![[variance, 0.0], [0.0, variance]] }
    }

    /// The matrix K of $E[x_0|x_t] = \mu + K(x_t-\alpha\mu)$.
    fn gain(&self, level: NoiseLevel) -> Array2<f64> {
        let (a, s) = (level.alpha, level.sigma * level.sigma);
        let c = &self.covariance;
        let (p, q, r) = (a * a * c[[0, 0]] + s, a * a * c[[0, 1]], a * a * c[[1, 1]] + s);
        let inverse = array![[r, -q], [-q, p]] / (p * r - q * q);
        c.dot(&inverse) * a
    }

    /// $E[x_0|x_t]$.
    pub fn estimate(&self, x: &Law, level: NoiseLevel) -> Law {
        let mean = Law::constant(self.mean);
        let centred = Law::combine(&[(1.0, x), (-level.alpha, &mean)]);
        Law::combine(&[(1.0, &mean), (1.0, &centred.map(&self.gain(level)))])
    }

    /// The covariance of x_0 given x_t.
    pub fn uncertainty(&self, level: NoiseLevel) -> Array2<f64> {
        &self.covariance - &self.gain(level).dot(&self.covariance) * level.alpha
    }
}

/// Keeps the first pixel, known to be `value`, or as `keep` says.
pub fn known(keep: [f64; 2], value: f64) -> Known<Law> {
    let mask = Mask::new(Law::of(array![[keep[0]], [keep[1]]]), Polarity::Keep).expect("zeros and ones");
    Known { mask, x0: Law::constant([value, value]) }
}

/// Runs `sampler` with the exact denoiser of `data`; `see` is told the input of every evaluation and its level.
pub fn watched<R>(
    data: &Gaussian,
    schedule: &dyn Schedule,
    times: &[f64],
    mut see: impl FnMut(&Law, NoiseLevel),
    sampler: impl FnOnce(Run<'_, Law>) -> R,
) -> R {
    let mut denoiser = |x: &Law, level: NoiseLevel| {
        see(x, level);
        data.estimate(x, level)
    };
    let mut observer = |step: &Step<Law>| step.x.fold();
    sampler(Run { denoiser: &mut denoiser, schedule, times, noise: &mut normals, observer: &mut observer })
}

/// The same unwatched.
pub fn exactly<R>(
    data: &Gaussian,
    schedule: &dyn Schedule,
    times: &[f64],
    sampler: impl FnOnce(Run<'_, Law>) -> R,
) -> R {
    watched(data, schedule, times, |_, _| {}, sampler)
}

/// $\eta$ = 0, between, 1, and the larger variance.
pub const STEP_NOISES: [StepNoise; 4] =
    [StepNoise::Eta(0.0), StepNoise::Eta(0.5), StepNoise::Eta(1.0), StepNoise::SigmaHat];
