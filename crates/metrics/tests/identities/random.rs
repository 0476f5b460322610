//! Random matrices and cases from a seed.

use ndarray::{Array1, Array2, Axis};
use proptest::test_runner::{Config, RngSeed};
use rand::{RngExt, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The same `n` cases in every run.
pub fn cases(n: u32) -> Config {
    Config { cases: n, rng_seed: RngSeed::Fixed(0), failure_persistence: None, ..Config::default() }
}

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn normal(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, columns), || StandardNormal.sample(rng))
}

pub fn vector(rng: &mut ChaCha8Rng, d: usize) -> Array1<f64> {
    Array1::from_shape_simple_fn(d, || StandardNormal.sample(rng))
}

/// Eigenvalues between 0.1 and 3.
pub fn spectrum(rng: &mut ChaCha8Rng, d: usize) -> Array1<f64> {
    Array1::from_shape_simple_fn(d, || rng.random_range(0.1..3.0))
}

/// Orthogonal matrix by Gram-Schmidt on normal columns.
pub fn orthogonal(rng: &mut ChaCha8Rng, d: usize) -> Array2<f64> {
    let mut q = normal(rng, d, d);
    for j in 0..d {
        let mut column = q.column(j).to_owned();
        for _ in 0..2 {
            for i in 0..j {
                let projection = q.column(i).dot(&column);
                column.scaled_add(-projection, &q.column(i));
            }
        }
        let norm = column.dot(&column).sqrt();
        q.column_mut(j).assign(&(column / norm));
    }
    q
}

/// Q diag(l) Q^T.
pub fn with_spectrum(q: &Array2<f64>, l: &Array1<f64>) -> Array2<f64> {
    (q * l).dot(&q.t())
}

pub fn shuffled(rng: &mut ChaCha8Rng, x: &Array2<f64>) -> Array2<f64> {
    x.select(Axis(0), &index::sample(rng, x.nrows(), x.nrows()).into_vec())
}
