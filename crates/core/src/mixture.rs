//! Gaussian mixtures, whose diffusion, score and denoiser are known exactly: truth to test samplers and networks against.
//!
//! If x_0 is a mixture of N(mu_k, Sigma_k), then a x_0 + sqrt(v) n is a mixture of N(a mu_k, a^2 Sigma_k + v I).
//! The variance-preserving diffusion has $a=\sqrt{\bar\alpha}, v=1-\bar\alpha$; that of Karras et al. 2022 has
//! $a=1, v=\sigma^2$. Points are rows: arrays are f64 `[N, D]`. Methods panic on points of another dimension and on
//! noise levels outside their range (alpha_bar in [0, 1], sigma finite), as indexing does.

use std::f64::consts::PI;

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis};

use crate::error::MathError;
use crate::noise::Stream;
use crate::sampling::NoiseLevel;

/// A mixture of K Gaussians with full covariances in D dimensions.
#[derive(Debug, Clone)]
pub struct GaussianMixture {
    components: Vec<Component>,
}

#[derive(Debug, Clone)]
struct Component {
    weight: f64,
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
    factor: Cholesky<f64, Dyn>,
}

/// The channel x = `scale` x_0 + N(0, `variance` I).
#[derive(Clone, Copy)]
struct Channel {
    scale: f64,
    variance: f64,
}

impl Channel {
    fn variance_preserving(alpha_bar: f64) -> Self {
        assert!((0.0..=1.0).contains(&alpha_bar), "alpha_bar = {alpha_bar} is outside [0, 1]");
        Self { scale: alpha_bar.sqrt(), variance: 1.0 - alpha_bar }
    }
}

impl GaussianMixture {
    /// A mixture of `weights` `[K]` (scaled to sum to 1), `means` `[K, D]` and `covariances` `[K, D, D]`.
    ///
    /// # Errors
    /// Shapes that do not agree, no components, a weight that is not positive and finite, or a covariance that is not
    /// symmetric positive definite.
    pub fn new(
        weights: ArrayView1<f64>,
        means: ArrayView2<f64>,
        covariances: ArrayView3<f64>,
    ) -> Result<Self, MathError> {
        let (k, d) = means.dim();
        let shape =
            |what, expected: String, found: &[usize]| MathError::Shape { what, expected, found: found.to_vec() };
        if k == 0 || d == 0 {
            return Err(shape("means", "[K, D] with K and D at least 1".to_owned(), means.shape()));
        }
        if weights.len() != k {
            return Err(shape("weights", format!("[{k}]"), weights.shape()));
        }
        if covariances.dim() != (k, d, d) {
            return Err(shape("covariances", format!("[{k}, {d}, {d}]"), covariances.shape()));
        }
        if let Some(&value) = weights.iter().find(|w| !(**w > 0.0 && w.is_finite())) {
            return Err(MathError::Parameter { name: "weight", value, expected: "positive and finite" });
        }
        if let Some(&value) = means.iter().find(|m| !m.is_finite()) {
            return Err(MathError::Parameter { name: "mean", value, expected: "finite" });
        }
        let total = weights.sum();
        let component = |i: usize| {
            let mean = DVector::from_fn(d, |r, _| means[[i, r]]);
            let covariance = DMatrix::from_fn(d, d, |r, c| covariances[[i, r, c]]);
            Component::new(weights[i] / total, mean, covariance).ok_or(MathError::NotPositiveDefinite { component: i })
        };
        Ok(Self { components: (0..k).map(component).collect::<Result<_, _>>()? })
    }

    /// A mixture of isotropic Gaussians with standard deviations `stds` `[K]`; otherwise as [`Self::new`].
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn isotropic(
        weights: ArrayView1<f64>,
        means: ArrayView2<f64>,
        stds: ArrayView1<f64>,
    ) -> Result<Self, MathError> {
        let (k, d) = means.dim();
        if stds.len() != k {
            let (expected, found) = (format!("[{k}]"), stds.shape().to_vec());
            return Err(MathError::Shape { what: "stds", expected, found });
        }
        let entry = |(i, r, c): (usize, usize, usize)| if r == c { stds[i] * stds[i] } else { 0.0 };
        Self::new(weights, means, Array3::from_shape_fn((k, d, d), entry).view())
    }

    /// D.
    pub fn dimension(&self) -> usize {
        self.components[0].mean.len()
    }

    /// The mean, `[D]`.
    pub fn mean(&self) -> Array1<f64> {
        to_array(self.components.iter().fold(DVector::zeros(self.dimension()), |m, c| m + &c.mean * c.weight))
    }

    /// The covariance, `[D, D]`.
    pub fn covariance(&self) -> Array2<f64> {
        let d = self.dimension();
        let mean = DVector::from_column_slice(&self.mean().to_vec());
        let total = self.components.iter().fold(DMatrix::zeros(d, d), |sum, c| {
            let offset = &c.mean - &mean;
            sum + (&c.covariance + &offset * offset.transpose()) * c.weight
        });
        Array2::from_shape_fn((d, d), |(r, c)| total[(r, c)])
    }

    /// The log density at the rows of `x`, `[N]`.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        self.check(&x);
        x.axis_iter(Axis(0)).map(|row| log_sum_exp(&self.log_joint(&to_vector(row)))).collect()
    }

    /// The density at the rows of `x`, `[N]`.
    pub fn density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        self.log_density(x).mapv(f64::exp)
    }

    /// The probability of each component given the rows of `x`, `[N, K]`.
    pub fn responsibilities(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.check(&x);
        let rows: Vec<Vec<f64>> =
            x.axis_iter(Axis(0)).map(|row| responsibilities(&self.log_joint(&to_vector(row)))).collect();
        Array2::from_shape_fn((rows.len(), self.components.len()), |(n, k)| rows[n][k])
    }

    /// `count` points `[count, D]`; point i is a function of (stream, step, `first_sample` + i) alone.
    pub fn sample(&self, stream: &Stream, step: u64, first_sample: u64, count: usize) -> Array2<f64> {
        let d = self.dimension();
        let mut points = Array2::zeros((count, d));
        for (i, mut row) in points.axis_iter_mut(Axis(0)).enumerate() {
            let sample = first_sample + i as u64;
            let component = &self.components[self.sample_component(stream, step, sample)];
            let mut z = vec![0.0; d];
            stream.normal_f64(step, sample, &mut z);
            let point = &component.mean + component.factor.l() * DVector::from_vec(z);
            row.iter_mut().zip(point.iter()).for_each(|(out, value)| *out = *value);
        }
        points
    }

    /// The component that [`Self::sample`] draws this sample from: its class label.
    pub fn sample_component(&self, stream: &Stream, step: u64, sample: u64) -> usize {
        let mut u = [0.0];
        stream.uniform(step, sample, &mut u);
        let mut left = u[0];
        let passed = self.components.iter().take_while(|c| {
            left -= c.weight;
            left >= 0.0
        });
        passed.count().min(self.components.len() - 1)
    }

    /// The exact q(x_t) of the variance-preserving diffusion (Ho et al. 2020, eq. 4, integrated over x_0).
    pub fn diffuse(&self, alpha_bar: f64) -> Self {
        self.through(Channel::variance_preserving(alpha_bar))
    }

    /// The exact distribution of x_0 + sigma n (Karras et al. 2022, section 2).
    pub fn add_noise(&self, sigma: f64) -> Self {
        self.through(Channel { scale: 1.0, variance: sigma * sigma })
    }

    /// $\nabla\ln q(x_t)$ at the rows of `x` `[N, D]`.
    pub fn score(&self, x: ArrayView2<f64>, alpha_bar: f64) -> Array2<f64> {
        self.check(&x);
        let noisy = self.diffuse(alpha_bar);
        map_rows(x, |row| {
            let parts = noisy.components.iter().map(|c| -c.precision_times(&row));
            weighted_sum(&responsibilities(&noisy.log_joint(&row)), parts)
        })
    }

    /// E[x_0 | x_t] at the rows of `x` `[N, D]`: the optimal x_0 prediction.
    pub fn posterior_mean(&self, x: ArrayView2<f64>, alpha_bar: f64) -> Array2<f64> {
        self.denoise_through(x, Channel::variance_preserving(alpha_bar))
    }

    /// E[epsilon | x_t] at the rows of `x` `[N, D]`: the optimal epsilon prediction, alpha_bar < 1.
    pub fn epsilon(&self, x: ArrayView2<f64>, alpha_bar: f64) -> Array2<f64> {
        // By the score: (x_t - sqrt(alpha_bar) E[x_0]) / sqrt(1 - alpha_bar) cancels at small noise.
        self.score(x, alpha_bar) * -(1.0 - alpha_bar).sqrt()
    }

    /// E[x_0 | x_0 + sigma n] at the rows of `x` `[N, D]`: the ideal D(x; sigma) (Karras et al. 2022, eq. 3).
    pub fn denoise(&self, x: ArrayView2<f64>, sigma: f64) -> Array2<f64> {
        self.denoise_through(x, Channel { scale: 1.0, variance: sigma * sigma })
    }

    /// The exact $\hat x_0$ at points `[N, D]` of any noise level: a denoiser for [`crate::sampling`].
    pub fn estimate(&self, x: &Array2<f64>, level: NoiseLevel) -> Array2<f64> {
        let norm = level.alpha.hypot(level.sigma);
        self.posterior_mean((x / norm).view(), level.alpha_bar())
    }

    fn denoise_through(&self, x: ArrayView2<f64>, channel: Channel) -> Array2<f64> {
        self.check(&x);
        let noisy = self.through(channel);
        map_rows(x, |row| {
            let parts = self.components.iter().zip(&noisy.components);
            let parts = parts
                .map(|(clean, noisy)| &clean.mean + &clean.covariance * noisy.precision_times(&row) * channel.scale);
            weighted_sum(&responsibilities(&noisy.log_joint(&row)), parts)
        })
    }

    fn through(&self, channel: Channel) -> Self {
        let Channel { scale, variance } = channel;
        let components = self.components.iter().map(|c| {
            let d = c.mean.len();
            let covariance = &c.covariance * (scale * scale) + DMatrix::identity(d, d) * variance;
            // Positive definite plus non-negative identity stays positive definite for 0 <= alpha_bar <= 1.
            Component::new(c.weight, &c.mean * scale, covariance)
        });
        let components = components.collect::<Option<_>>();
        Self { components: components.expect("the noise level must be finite, with alpha_bar inside [0, 1]") }
    }

    fn check(&self, x: &ArrayView2<f64>) {
        let d = self.dimension();
        assert!(x.ncols() == d, "points have {} columns, the mixture has dimension {d}", x.ncols());
    }

    /// ln(weight_k N(x; k)) for every component.
    fn log_joint(&self, x: &DVector<f64>) -> Vec<f64> {
        self.components.iter().map(|c| c.weight.ln() + c.log_density(x)).collect()
    }
}

impl Component {
    fn new(weight: f64, mean: DVector<f64>, covariance: DMatrix<f64>) -> Option<Self> {
        // Cholesky reads the lower triangle only, so symmetry is checked here.
        let symmetric = (&covariance - covariance.transpose()).amax() <= 1e-12 * covariance.amax();
        let factor = Cholesky::new(covariance.clone()).filter(|_| symmetric)?;
        Some(Self { weight, mean, covariance, factor })
    }

    fn log_density(&self, x: &DVector<f64>) -> f64 {
        let offset = x - &self.mean;
        let log_det = 2.0 * self.factor.l_dirty().diagonal().map(f64::ln).sum();
        -0.5 * (offset.len() as f64 * (2.0 * PI).ln() + log_det + offset.dot(&self.factor.solve(&offset)))
    }

    /// Sigma^-1 (x - mu).
    fn precision_times(&self, x: &DVector<f64>) -> DVector<f64> {
        self.factor.solve(&(x - &self.mean))
    }
}

fn log_sum_exp(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + terms.iter().map(|t| (t - top).exp()).sum::<f64>().ln()
}

fn responsibilities(log_joint: &[f64]) -> Vec<f64> {
    let total = log_sum_exp(log_joint);
    log_joint.iter().map(|t| (t - total).exp()).collect()
}

fn weighted_sum(weights: &[f64], parts: impl Iterator<Item = DVector<f64>>) -> DVector<f64> {
    let terms = weights.iter().zip(parts).map(|(w, part)| part * *w);
    terms.reduce(|sum, term| sum + term).unwrap_or_default()
}

fn map_rows(x: ArrayView2<f64>, f: impl Fn(DVector<f64>) -> DVector<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(x.dim());
    for (row, mut target) in x.axis_iter(Axis(0)).zip(out.axis_iter_mut(Axis(0))) {
        target.assign(&to_array(f(to_vector(row))));
    }
    out
}

fn to_vector(row: ArrayView1<f64>) -> DVector<f64> {
    DVector::from_iterator(row.len(), row.iter().copied())
}

fn to_array(vector: DVector<f64>) -> Array1<f64> {
    vector.iter().copied().collect()
}
