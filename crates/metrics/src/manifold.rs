//! Fidelity and diversity apart, by balls around nearest neighbours; and the nearest training pictures.
//!
//! All pairwise distances come from blocked products, f64; memory grows with one block of rows only.

use ndarray::{Array1, Array2, ArrayView2};

use crate::matrix::{check_pair, map_products, squared_norms};
use crate::{MetricError, Result};

/// `|x|^2 + |y|^2 - 2 x.y` is exact to this share of the norms; a point so near a sphere counts as on it.
const ROUNDING: f64 = 1e-12;

/// The k nearest rows of a base set for each query, nearest first; of equal distances the lower index first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Row of the base set `[N, k]`.
    pub index: Array2<usize>,
    /// Euclidean distance to it `[N, k]`, computed from the differences: 0 exactly for copies.
    pub distance: Array2<f64>,
}

/// The `k` nearest rows of `base` `[M, d]` for each row of `queries` `[N, d]`.
///
/// On pixels or features, with the training set as base and held-out pictures as a second set of queries
/// for comparison, this shows memorisation.
///
/// # Errors
/// [`MetricError::Argument`] unless `1 <= k <= M`, [`MetricError::Shape`], [`MetricError::NotFinite`].
pub fn nearest_neighbours(queries: ArrayView2<f64>, base: ArrayView2<f64>, k: usize) -> Result<Neighbours> {
    check_pair("a nearest neighbour", 1, queries, base)?;
    if k == 0 || k > base.nrows() {
        return Err(MetricError::argument("k", "between 1 and the size of the base set", k));
    }
    Ok(search(queries, base, k, false))
}

/// Precision, recall, density and coverage of a generated set against a real one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manifold {
    /// Share of generated samples inside a ball around a real one: fidelity.
    pub precision: f64,
    /// Share of real samples inside a ball around a generated one: diversity.
    pub recall: f64,
    /// Mean number of real balls around a generated sample over k: fidelity, can exceed 1.
    pub density: f64,
    /// Share of real balls that hold a generated sample: diversity.
    pub coverage: f64,
}

/// Precision and recall, density and coverage from balls that reach to the k-th neighbour in their own set.
///
/// `real` `[N, d]`, `fake` `[M, d]`; a ball contains its surface and its centre is not its own neighbour.
/// Usual k: 3 for precision and recall, 5 for density and coverage.
///
/// Source: Kynkaanniemi et al. 2019, eq. 1 and 2; Naeem et al. 2020, eq. 3 and 4.
///
/// # Errors
/// [`MetricError::Argument`] for k = 0, [`MetricError::TooFew`] unless both sets have more than k rows,
/// [`MetricError::Shape`], [`MetricError::NotFinite`].
pub fn precision_recall_density_coverage(real: ArrayView2<f64>, fake: ArrayView2<f64>, k: usize) -> Result<Manifold> {
    if k == 0 {
        return Err(MetricError::argument("k", "at least 1", k));
    }
    check_pair("a k-nearest-neighbour ball", k + 1, real, fake)?;
    let (n, m) = (real.nrows(), fake.nrows());
    let radius2 = |set: ArrayView2<f64>| search(set, set, k, true).distance.column(k - 1).mapv(|r| r * r);
    let (real_radius2, fake_radius2) = (radius2(real), radius2(fake));
    let (real_norm2, fake_norm2) = (squared_norms(real), squared_norms(fake));

    let blocks = map_products(fake, real, |first, products| {
        let mut tally = Tally { precise: 0, balls: 0, recalled: vec![false; n], covered: vec![false; n] };
        for (row, products) in products.outer_iter().enumerate() {
            let j = first + row;
            let mut around = 0;
            for (i, product) in products.iter().enumerate() {
                let norms = real_norm2[i] + fake_norm2[j];
                let distance2 = norms - 2.0 * product - ROUNDING * norms;
                if distance2 <= real_radius2[i] {
                    around += 1;
                    tally.covered[i] = true;
                }
                tally.recalled[i] |= distance2 <= fake_radius2[j];
            }
            tally.balls += around;
            tally.precise += usize::from(around > 0);
        }
        tally
    });

    let any = |flag: fn(&Tally) -> &Vec<bool>| (0..n).filter(|&i| blocks.iter().any(|b| flag(b)[i])).count();
    let share = |count: usize, of: usize| count as f64 / of as f64;
    Ok(Manifold {
        precision: share(blocks.iter().map(|b| b.precise).sum(), m),
        recall: share(any(|b| &b.recalled), n),
        density: share(blocks.iter().map(|b| b.balls).sum(), k * m),
        coverage: share(any(|b| &b.covered), n),
    })
}

/// What one block of generated samples contributes.
struct Tally {
    precise: usize,
    balls: usize,
    recalled: Vec<bool>,
    covered: Vec<bool>,
}

/// The k nearest rows; with `skip_self` row i of the base is no neighbour of query i.
fn search(queries: ArrayView2<f64>, base: ArrayView2<f64>, k: usize, skip_self: bool) -> Neighbours {
    let base_norm2 = squared_norms(base);
    let blocks = map_products(queries, base, |first, products| {
        let rows = products.outer_iter().enumerate();
        rows.map(|(row, products)| {
            let skip = skip_self.then_some(first + row);
            nearest_in_row(products.iter().zip(&base_norm2).map(|(p, n)| n - 2.0 * p), k, skip)
        })
        .collect::<Vec<_>>()
    });
    let mut index = Array2::zeros((queries.nrows(), k));
    let mut distance = Array2::zeros((queries.nrows(), k));
    for (q, nearest) in blocks.into_iter().flatten().enumerate() {
        let query = queries.row(q);
        let exact = |i: usize| query.iter().zip(base.row(i)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let mut pairs: Vec<(f64, usize)> = nearest.into_iter().map(|i| (exact(i), i)).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        index.row_mut(q).assign(&Array1::from_iter(pairs.iter().map(|p| p.1)));
        distance.row_mut(q).assign(&Array1::from_iter(pairs.iter().map(|p| p.0)));
    }
    Neighbours { index, distance }
}

/// Indices of the k smallest keys, unsorted beyond rounding.
fn nearest_in_row(keys: impl Iterator<Item = f64>, k: usize, skip: Option<usize>) -> Vec<usize> {
    let mut best: Vec<(f64, usize)> = Vec::with_capacity(k + 1);
    for (i, key) in keys.enumerate() {
        if Some(i) == skip || (best.len() == k && key >= best[k - 1].0) {
            continue;
        }
        let place = best.partition_point(|b| b.0 <= key);
        best.insert(place, (key, i));
        best.truncate(k);
    }
    best.into_iter().map(|b| b.1).collect()
}
