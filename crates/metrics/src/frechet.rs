//! Frechet distance between Gaussians fitted to features, its small-sample bias, and the limit N to infinity.
//!
//! With reference Inception weights this is the FID of Heusel et al. 2017; with any other features it is
//! another number and must be named after them (`fd-digits`). Statistics and square roots are f64 throughout.
//! The general matrix square root of `Sigma_1 Sigma_2` is not used: it turns complex or fails on singular
//! covariances, which every dead ReLU feature and every set of fewer than `d` pictures produces.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::{Rng, seq::index};

use crate::matrix::{check, check_pair, nuclear_norm, symmetric_eigen};
use crate::{MetricError, Result};

/// Running mean and scatter of feature vectors, mergeable across batches and shards.
///
/// Source: Welford 1962; Chan, Golub and LeVeque 1983 (pairwise update).
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    n: usize,
    mean: Array1<f64>,
    scatter: Array2<f64>,
}

impl Moments {
    /// No samples yet of `d`-dimensional features.
    pub fn new(d: usize) -> Self {
        Self { n: 0, mean: Array1::zeros(d), scatter: Array2::zeros((d, d)) }
    }

    /// Adds a batch of features `[B, d]`.
    ///
    /// # Errors
    /// [`MetricError::Shape`] for another `d`, [`MetricError::NotFinite`]; the state is then unchanged.
    pub fn push(&mut self, batch: ArrayView2<f64>) -> Result<()> {
        check("features", 0, batch)?;
        let Some(mean) = batch.mean_axis(Axis(0)) else { return Ok(()) };
        let centred = &batch - &mean;
        self.merge(&Self { n: batch.nrows(), mean, scatter: centred.t().dot(&centred) })
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Errors
    /// [`MetricError::Shape`] when the dimensions differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.mean.len() != other.mean.len() {
            return Err(MetricError::shape("features", self.mean.shape(), other.mean.shape()));
        }
        let n = self.n + other.n;
        if other.n == 0 {
            return Ok(());
        }
        let delta = &other.mean - &self.mean;
        let weight = other.n as f64 / n as f64;
        self.mean.scaled_add(weight, &delta);
        let column = delta.insert_axis(Axis(1));
        self.scatter += &other.scatter;
        self.scatter.scaled_add(self.n as f64 * weight, &column.dot(&column.t()));
        self.n = n;
        Ok(())
    }

    /// Number of samples seen.
    pub fn count(&self) -> usize {
        self.n
    }

    /// The fitted Gaussian, covariance with divisor N - 1.
    ///
    /// # Errors
    /// [`MetricError::TooFew`] below two samples.
    pub fn gaussian(&self) -> Result<Gaussian> {
        if self.n < 2 {
            return Err(MetricError::TooFew { what: "a covariance", need: 2, got: self.n });
        }
        Gaussian::new(self.mean.clone(), &self.scatter / (self.n - 1) as f64)
    }
}

/// Mean `[d]` and covariance `[d, d]` of features; finite and symmetric by construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: Array1<f64>,
    covariance: Array2<f64>,
}

impl Gaussian {
    /// A Gaussian from its moments; the covariance is symmetrised.
    ///
    /// # Errors
    /// [`MetricError::Shape`] unless `mean` is `[d]` and `covariance` `[d, d]`, [`MetricError::NotFinite`].
    pub fn new(mean: Array1<f64>, covariance: Array2<f64>) -> Result<Self> {
        let d = mean.len();
        if covariance.dim() != (d, d) {
            return Err(MetricError::shape("covariance", (d, d), covariance.shape()));
        }
        check("mean", 0, mean.view().insert_axis(Axis(0)))?;
        check("covariance", 0, covariance.view())?;
        let covariance = (&covariance + &covariance.t()) * 0.5;
        Ok(Self { mean, covariance })
    }

    /// Fitted to features `[N, d]`, divisor N - 1.
    ///
    /// # Errors
    /// [`MetricError::TooFew`] below two rows, [`MetricError::NotFinite`].
    pub fn fit(features: ArrayView2<f64>) -> Result<Self> {
        let mut moments = Moments::new(features.ncols());
        moments.push(features)?;
        moments.gaussian()
    }

    /// Mean `[d]`.
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// Covariance `[d, d]`.
    pub fn covariance(&self) -> &Array2<f64> {
        &self.covariance
    }

    /// Eigenvalues `[d]` of the covariance, negative rounding clipped to 0.
    ///
    /// # Errors
    /// [`MetricError::Decomposition`].
    pub fn spectrum(&self) -> Result<Array1<f64>> {
        Ok(symmetric_eigen(&self.covariance)?.0.mapv(|l| l.max(0.0)))
    }

    /// Symmetric square root of the covariance, `Q diag(sqrt(lambda)) Q^T`.
    fn root(&self) -> Result<Array2<f64>> {
        let (values, q) = symmetric_eigen(&self.covariance)?;
        Ok((&q * &values.mapv(|l| l.max(0.0).sqrt())).dot(&q.t()))
    }
}

/// Frechet distance `|mu_1 - mu_2|^2 + Tr Sigma_1 + Tr Sigma_2 - 2 Tr (Sigma_1 Sigma_2)^{1/2}`.
///
/// The last trace is that of `(R Sigma_2 R)^{1/2}` with `R` the symmetric root of `Sigma_1`, real by
/// construction. Not clamped: rounding may leave about `-1e-6 Tr Sigma` for singular covariances.
///
/// Source: Dowson and Landau 1982; Heusel et al. 2017, eq. 6.
///
/// # Errors
/// [`MetricError::Shape`] when the dimensions differ, [`MetricError::Decomposition`].
pub fn frechet_distance(a: &Gaussian, b: &Gaussian) -> Result<f64> {
    same_dimension(a, b)?;
    let root = a.root()?;
    let (values, _) = symmetric_eigen(&root.dot(&b.covariance).dot(&root))?;
    Ok(assemble(a, b, values.iter().map(|l| l.max(0.0).sqrt()).sum()))
}

/// Frechet distance between feature sets `[N, d]` and `[M, d]`.
///
/// With no more samples than features on a side its covariance is singular; the trace is then the nuclear
/// norm `|L_1 L_2^T|_*` of any factors `Sigma = L^T L`, here the centred samples over `sqrt(N - 1)`, which
/// loses no digits to the zero eigenvalues. Otherwise [`frechet_distance`].
///
/// # Errors
/// [`MetricError::TooFew`], [`MetricError::Shape`], [`MetricError::NotFinite`], [`MetricError::Decomposition`].
pub fn frechet_distance_of_features(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<f64> {
    check_pair("a Frechet distance", 2, x, y)?;
    let (a, b) = (Gaussian::fit(x)?, Gaussian::fit(y)?);
    let d = x.ncols();
    if x.nrows() > d && y.nrows() > d {
        return frechet_distance(&a, &b);
    }
    let factor = |features: ArrayView2<f64>, fit: &Gaussian| {
        if features.nrows() > d {
            return fit.root();
        }
        Ok((&features - &fit.mean) / ((features.nrows() - 1) as f64).sqrt())
    };
    let trace = nuclear_norm(&factor(x, &a)?.dot(&factor(y, &b)?.t()))?;
    Ok(assemble(&a, &b, trace))
}

fn same_dimension(a: &Gaussian, b: &Gaussian) -> Result<()> {
    if a.mean.len() != b.mean.len() {
        return Err(MetricError::shape("the second Gaussian", a.mean.shape(), b.mean.shape()));
    }
    Ok(())
}

fn assemble(a: &Gaussian, b: &Gaussian, trace_root: f64) -> f64 {
    let shift = &a.mean - &b.mean;
    shift.dot(&shift) + a.covariance.diag().sum() + b.covariance.diag().sum() - 2.0 * trace_root
}

/// Expected Frechet distance of `n` samples of a distribution to that distribution itself.
///
/// `sum_i l_i / N + 1/(2(N-1)) sum_ij l_i l_j (1 + delta_ij) / (l_i + l_j)` for covariance eigenvalues `l`:
/// the second-order expansion for Gaussian features with an exact reference. For `Sigma = I` it is
/// `d/N + d(d+1)/(4(N-1))`. When both sides are estimated, add the term of the other N.
///
/// # Errors
/// [`MetricError::TooFew`] for `n < 2`, [`MetricError::Argument`] for a negative or non-finite eigenvalue.
pub fn small_sample_bias(spectrum: &[f64], n: usize) -> Result<f64> {
    if n < 2 {
        return Err(MetricError::TooFew { what: "the bias formula", need: 2, got: n });
    }
    if let Some(l) = spectrum.iter().find(|l| !(l.is_finite() && **l >= 0.0)) {
        return Err(MetricError::argument("an eigenvalue", "finite and >= 0", l));
    }
    let mut pairs = 0.0;
    for (i, &a) in spectrum.iter().enumerate() {
        for (j, &b) in spectrum.iter().enumerate() {
            if a > 0.0 && b > 0.0 {
                pairs += a * b * if i == j { 2.0 } else { 1.0 } / (a + b);
            }
        }
    }
    Ok(spectrum.iter().sum::<f64>() / n as f64 + pairs / (2.0 * (n - 1) as f64))
}

/// A score at several sample sizes and the line through it over 1/N.
#[derive(Debug, Clone, PartialEq)]
pub struct Extrapolation {
    /// Value at 1/N = 0.
    pub intercept: f64,
    /// Change per unit of 1/N.
    pub slope: f64,
    /// Share of the variance that the line explains, 1 when the values do not vary.
    pub r_squared: f64,
    /// The points (N, value) behind the line.
    pub points: Vec<(usize, f64)>,
}

/// Ordinary least squares of a score against 1/N.
///
/// Source: Chong and Forsyth 2020, section 3 (FID and IS are linear in 1/N to first order).
///
/// # Errors
/// [`MetricError::Argument`] with fewer than two different sizes or a size of 0.
pub fn extrapolate(points: Vec<(usize, f64)>) -> Result<Extrapolation> {
    if points.iter().all(|p| p.0 == points[0].0) || points.iter().any(|p| p.0 == 0) {
        return Err(MetricError::argument("sizes", "two or more different positive sizes", format!("{points:?}")));
    }
    let k = points.len() as f64;
    let mean_u = points.iter().map(|p| 1.0 / p.0 as f64).sum::<f64>() / k;
    let mean_v = points.iter().map(|p| p.1).sum::<f64>() / k;
    let (mut uu, mut uv, mut vv) = (0.0, 0.0, 0.0);
    for &(n, value) in &points {
        let (u, v) = (1.0 / n as f64 - mean_u, value - mean_v);
        uu += u * u;
        uv += u * v;
        vv += v * v;
    }
    let slope = uv / uu;
    let r_squared = if vv > 0.0 { slope * uv / vv } else { 1.0 };
    Ok(Extrapolation { intercept: mean_v - slope * mean_u, slope, r_squared, points })
}

/// Number of sample sizes in [`frechet_infinity`], as in the paper.
const SIZES: usize = 15;

/// Frechet distance extrapolated to infinitely many generated samples, `FD_infinity`.
///
/// Distances to `reference` at 15 sizes equally spaced from `smallest` to N, each the mean over `shuffles`
/// random subsets without replacement, then [`extrapolate`]. The bias of the reference itself remains.
/// Choose `smallest` well above `d`: the relation is linear in 1/N only there.
///
/// Source: Chong and Forsyth 2020, algorithm 1.
///
/// # Errors
/// [`MetricError::Argument`] unless `2 <= smallest`, `smallest + 14 <= N` and `shuffles >= 1`; those of
/// [`frechet_distance`].
pub fn frechet_infinity(
    reference: &Gaussian,
    features: ArrayView2<f64>,
    smallest: usize,
    shuffles: usize,
    rng: &mut impl Rng,
) -> Result<Extrapolation> {
    let n = features.nrows();
    if smallest < 2 || smallest + SIZES > n + 1 {
        return Err(MetricError::argument("smallest", "between 2 and N - 14", smallest));
    }
    if shuffles == 0 {
        return Err(MetricError::argument("shuffles", "at least 1", shuffles));
    }
    let mut points = Vec::with_capacity(SIZES);
    for k in 0..SIZES {
        let size = smallest + k * (n - smallest) / (SIZES - 1);
        let mut sum = 0.0;
        for _ in 0..shuffles {
            let rows = index::sample(rng, n, size).into_vec();
            sum += frechet_distance(reference, &Gaussian::fit(features.select(Axis(0), &rows).view())?)?;
        }
        points.push((size, sum / shuffles as f64));
    }
    extrapolate(points)
}
