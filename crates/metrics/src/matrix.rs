//! Checks at the door, decompositions, and the row-blocked products behind every pairwise metric.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::{MetricError, Result};

/// Rows of the left factor in one task: the block of 128 x N products stays in the cache or near it.
const BLOCK_ROWS: usize = 128;
/// Far above what a symmetric matrix needs, so that only a broken input meets it.
const MAX_SWEEPS: usize = 100_000;

/// Refuses a feature array with too few rows or with a number that is not finite.
pub(crate) fn check(what: &'static str, need: usize, x: ArrayView2<f64>) -> Result<()> {
    if x.nrows() < need {
        return Err(MetricError::TooFew { what, need, got: x.nrows() });
    }
    if x.ncols() == 0 {
        return Err(MetricError::shape(what, "at least one column", x.shape()));
    }
    match x.outer_iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        Some(row) => Err(MetricError::NotFinite { what, row }),
        None => Ok(()),
    }
}

/// As [`check`] for two sets, which must have the same number of columns.
pub(crate) fn check_pair(what: &'static str, need: usize, x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<()> {
    check(what, need, x)?;
    check(what, need, y)?;
    if x.ncols() != y.ncols() {
        return Err(MetricError::shape("the second set", (y.nrows(), x.ncols()), y.shape()));
    }
    Ok(())
}

/// Eigenvalues `[d]` and eigenvectors (columns of `[d, d]`) of a finite symmetric matrix.
pub(crate) fn symmetric_eigen(a: &Array2<f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    let d = a.nrows();
    let matrix = DMatrix::from_fn(d, d, |i, j| 0.5 * (a[[i, j]] + a[[j, i]]));
    let eigen = SymmetricEigen::try_new(matrix, f64::EPSILON, MAX_SWEEPS)
        .ok_or(MetricError::Decomposition { what: "eigendecomposition" })?;
    let values = Array1::from_iter(eigen.eigenvalues.iter().copied());
    let vectors = Array2::from_shape_fn((d, d), |(i, j)| eigen.eigenvectors[(i, j)]);
    Ok((values, vectors))
}

/// Sum of the singular values of a finite matrix.
pub(crate) fn nuclear_norm(a: &Array2<f64>) -> Result<f64> {
    let matrix = DMatrix::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]]);
    let svd = matrix
        .try_svd(false, false, f64::EPSILON, MAX_SWEEPS)
        .ok_or(MetricError::Decomposition { what: "singular value decomposition" })?;
    Ok(svd.singular_values.sum())
}

/// Calls `f(first_row, block of x y^T)` for consecutive blocks of rows of `x` and returns the results in
/// order, so that sums over them do not depend on the number of threads.
pub(crate) fn map_products<T: Send>(
    x: ArrayView2<f64>,
    y: ArrayView2<f64>,
    f: impl Fn(usize, Array2<f64>) -> T + Sync,
) -> Vec<T> {
    let blocks: Vec<_> = x.axis_chunks_iter(Axis(0), BLOCK_ROWS).enumerate().collect();
    blocks.into_par_iter().map(|(b, rows)| f(b * BLOCK_ROWS, rows.dot(&y.t()))).collect()
}

/// Consecutive parts of nearly equal size, every row in one of them.
pub(crate) fn split_rows<'a>(x: ArrayView2<'a, f64>, parts: usize) -> Vec<ArrayView2<'a, f64>> {
    let bound = |p: usize| p * x.nrows() / parts;
    let part = |p: usize| x.split_at(Axis(0), bound(p + 1)).0.split_at(Axis(0), bound(p)).1;
    (0..parts).map(part).collect()
}

/// Squared Euclidean norm of every row.
pub(crate) fn squared_norms(x: ArrayView2<f64>) -> Array1<f64> {
    x.outer_iter().map(|row| row.dot(&row)).collect()
}
