//! The window of selective attention as pure mathematics in f64 (Gregor et al. 2015, section 3.2).
//!
//! Positions $g$ and $\mu$ count pixels from 1, as the paper does: the centre of A pixels is (A + 1) / 2.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Centre, stride, width and gain of an N x N grid of Gaussian filters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// $g_X$, the centre along a row, in pixels from 1.
    pub g_x: f64,
    /// $g_Y$, the centre along a column, in pixels from 1.
    pub g_y: f64,
    /// $\delta$, pixels between neighbouring filters.
    pub delta: f64,
    /// $\sigma$, standard deviation of a filter in pixels.
    pub sigma: f64,
    /// $\gamma$, the gain.
    pub gamma: f64,
}

impl Window {
    // excerpt: five-numbers
    /// From the layer's five outputs $(\tilde g_X, \tilde g_Y, \log\sigma^2, \log\tilde\delta, \log\gamma)$ for pictures
    /// of (rows B, columns A) and N >= 2 filters a side (eqs. 21 to 24).
    pub fn from_outputs(outputs: [f64; 5], (rows, columns): (usize, usize), n: usize) -> Self {
        let [g_x, g_y, log_variance, log_delta, log_gamma] = outputs;
        Self {
            g_x: 0.5 * (columns + 1) as f64 * (g_x + 1.0),
            g_y: 0.5 * (rows + 1) as f64 * (g_y + 1.0),
            delta: (rows.max(columns) - 1) as f64 / (n - 1) as f64 * log_delta.exp(),
            sigma: (0.5 * log_variance).exp(),
            gamma: log_gamma.exp(),
        }
    }
    // end excerpt

    /// $F_Y$ `[N, B]` and $F_X$ `[N, A]` for pictures of (rows B, columns A) (eqs. 19, 20, 25, 26).
    pub fn filters(&self, (rows, columns): (usize, usize), n: usize) -> (Array2<f64>, Array2<f64>) {
        let bank = |g, length| filterbank(centres(g, self.delta, n).view(), self.sigma, length);
        (bank(self.g_y, rows), bank(self.g_x, columns))
    }

    /// Left, top, right and bottom of the square through the outermost filters, in pixels from 1.
    pub fn bounds(&self, n: usize) -> [f64; 4] {
        let half = 0.5 * (n - 1) as f64 * self.delta;
        [self.g_x - half, self.g_y - half, self.g_x + half, self.g_y + half]
    }
}

// excerpt: filterbank
/// $\mu^i = g + (i - N/2 - 1/2)\,\delta$ for i = 1..=N, in pixels from 1 (eqs. 19, 20; the division is one of reals).
pub fn centres(g: f64, delta: f64, n: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| g + ((i + 1) as f64 - 0.5 * n as f64 - 0.5) * delta)
}

/// `[N, length]`: row i is a Gaussian of standard deviation `sigma` around `centres[i]` at the pixels 1..=length,
/// normalised to sum 1 (eqs. 25, 26).
///
/// The exponents are shifted by their largest before exp, so that a row whose window lies far outside keeps its sum.
pub fn filterbank(centres: ArrayView1<f64>, sigma: f64, length: usize) -> Array2<f64> {
    let mut bank = Array2::from_shape_fn((centres.len(), length), |(i, a)| {
        let distance = ((a + 1) as f64 - centres[i]) / sigma;
        -0.5 * distance * distance
    });
    for mut row in bank.rows_mut() {
        let largest = row.fold(f64::NEG_INFINITY, |m, v| m.max(*v));
        row.mapv_inplace(|v| (v - largest).exp());
        let total = row.sum();
        row /= total;
    }
    bank
}
// end excerpt

// excerpt: read-write
/// $\gamma F_Y x F_X^\top$ `[N, N]` of a picture `[B, A]` (eq. 27).
pub fn read(x: ArrayView2<f64>, f_y: ArrayView2<f64>, f_x: ArrayView2<f64>, gamma: f64) -> Array2<f64> {
    f_y.dot(&x).dot(&f_x.t()) * gamma
}

/// $\frac1{\hat\gamma}\hat F_Y^\top w \hat F_X$ `[B, A]` of a patch `[N, N]` (eq. 29).
pub fn write(w: ArrayView2<f64>, f_y: ArrayView2<f64>, f_x: ArrayView2<f64>, gamma: f64) -> Array2<f64> {
    f_y.t().dot(&w).dot(&f_x) / gamma
}
// end excerpt
