//! Kernel distance: the squared maximum mean discrepancy with a cubic kernel.
//!
//! Source: Binkowski et al. 2018, section 4 (KID); Gretton et al. 2012, lemma 6 (unbiased and biased
//! estimators). The kernel sees moments up to the third only: sets that agree in these have distance 0.

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::matrix::{check_pair, map_products, split_rows, squared_norms};
use crate::{MetricError, Result};

/// A kernel distance with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelDistance {
    /// Unbiased MMD^2 of all samples; may be negative.
    pub value: f64,
    /// Standard error of `value`, from the delete-one-block jackknife.
    pub standard_error: f64,
}

/// Cubic kernel `k(x, y) = (x . y / d + 1)^3` of two features `[d]`.
///
/// Source: Binkowski et al. 2018, section 4.
pub fn cubic_kernel(x: ArrayView1<f64>, y: ArrayView1<f64>) -> f64 {
    cube(x.dot(&y) / x.len() as f64)
}

fn cube(scaled: f64) -> f64 {
    let base = scaled + 1.0;
    base * base * base
}

/// Unbiased MMD^2 of features `[m, d]` and `[n, d]` with the cubic kernel; can be negative.
///
/// `sum_{i != j} k(x_i, x_j) / m(m-1) + sum_{i != j} k(y_i, y_j) / n(n-1) - 2 sum_ij k(x_i, y_j) / mn`.
/// Not 0 but slightly negative when both sets are the same array.
///
/// # Errors
/// [`MetricError::TooFew`] below two rows, [`MetricError::Shape`], [`MetricError::NotFinite`].
pub fn mmd2_unbiased(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<f64> {
    check_pair("a kernel distance", 2, x, y)?;
    Ok(Sums::of(x, y).unbiased())
}

/// Biased MMD^2 (V-statistic): the diagonal terms count too. Never negative, 0 for identical arrays.
///
/// # Errors
/// [`MetricError::TooFew`] without rows, [`MetricError::Shape`], [`MetricError::NotFinite`].
pub fn mmd2_biased(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<f64> {
    check_pair("a kernel distance", 1, x, y)?;
    let s = Sums::of(x, y);
    Ok(s.xx / (s.m * s.m) + s.yy / (s.n * s.n) - 2.0 * s.xy / (s.m * s.n))
}

/// Kernel distance of features `[m, d]` and `[n, d]` with a standard error over `blocks` blocks.
///
/// The rows of each set are cut into `blocks` consecutive parts; leaving out one part of both sets at a
/// time gives the jackknife variance `(B-1)/B sum_b (D_(b) - mean)^2`. Rows must be in random order. Near
/// D = 0 the estimator is degenerate and the error is overestimated (by a factor about sqrt 2). The usual
/// spread over overlapping random subsets is not an error of the mean and is not offered.
///
/// Source: Kunsch 1989 (block jackknife).
///
/// # Errors
/// [`MetricError::Argument`] for fewer than two blocks, [`MetricError::TooFew`] unless both sets have two
/// rows a block, [`MetricError::Shape`], [`MetricError::NotFinite`].
pub fn kernel_distance(x: ArrayView2<f64>, y: ArrayView2<f64>, blocks: usize) -> Result<KernelDistance> {
    if blocks < 2 {
        return Err(MetricError::argument("blocks", "at least 2", blocks));
    }
    check_pair("a kernel distance with its error", 2 * blocks, x, y)?;
    let (xs, ys) = (split_rows(x, blocks), split_rows(y, blocks));
    let cells = Array2::from_shape_fn((blocks, blocks), |(a, b)| Sums {
        // k is symmetric: only the cells on and above the diagonal are computed within one set.
        xx: if a <= b { kernel_sum(xs[a], xs[b]) } else { 0.0 },
        yy: if a <= b { kernel_sum(ys[a], ys[b]) } else { 0.0 },
        xy: kernel_sum(xs[a], ys[b]),
        ..Sums::default()
    });
    let total = |keep: &dyn Fn(usize) -> bool| {
        let mut s = Sums::default();
        for a in (0..blocks).filter(|&a| keep(a)) {
            s.m += xs[a].nrows() as f64;
            s.n += ys[a].nrows() as f64;
            s.xx_diagonal += diagonal_sum(xs[a]);
            s.yy_diagonal += diagonal_sum(ys[a]);
            for b in (0..blocks).filter(|&b| keep(b)) {
                let cell = &cells[[a.min(b), a.max(b)]];
                s.xx += cell.xx;
                s.yy += cell.yy;
                s.xy += cells[[a, b]].xy;
            }
        }
        s.unbiased()
    };
    let left_out: Vec<f64> = (0..blocks).map(|dropped| total(&|a| a != dropped)).collect();
    let mean = left_out.iter().sum::<f64>() / blocks as f64;
    let squares: f64 = left_out.iter().map(|v| (v - mean).powi(2)).sum();
    let variance = squares * (blocks - 1) as f64 / blocks as f64;
    Ok(KernelDistance { value: total(&|_| true), standard_error: variance.sqrt() })
}

/// Sums of kernel values over all pairs (diagonals included), and the set sizes.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    m: f64,
    n: f64,
    xx: f64,
    yy: f64,
    xy: f64,
    xx_diagonal: f64,
    yy_diagonal: f64,
}

impl Sums {
    fn of(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Self {
        Self {
            m: x.nrows() as f64,
            n: y.nrows() as f64,
            xx: kernel_sum(x, x),
            yy: kernel_sum(y, y),
            xy: kernel_sum(x, y),
            xx_diagonal: diagonal_sum(x),
            yy_diagonal: diagonal_sum(y),
        }
    }

    fn unbiased(&self) -> f64 {
        (self.xx - self.xx_diagonal) / (self.m * (self.m - 1.0))
            + (self.yy - self.yy_diagonal) / (self.n * (self.n - 1.0))
            - 2.0 * self.xy / (self.m * self.n)
    }
}

fn kernel_sum(x: ArrayView2<f64>, y: ArrayView2<f64>) -> f64 {
    let d = x.ncols() as f64;
    let row_blocks = map_products(x, y, |_, products| {
        products.outer_iter().map(|row| row.iter().map(|p| cube(p / d)).sum::<f64>()).sum::<f64>()
    });
    row_blocks.iter().sum()
}

fn diagonal_sum(x: ArrayView2<f64>) -> f64 {
    squared_norms(x).iter().map(|s| cube(s / x.ncols() as f64)).sum()
}
