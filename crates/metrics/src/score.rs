//! Inception-style score: how sure the classifier is of each picture, and how varied its answers are.
//!
//! Source: Salimans et al. 2016, section 4. With a local classifier the score is comparable only with
//! itself; memorised training pictures score perfectly.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::{Rng, RngExt};

use crate::matrix::split_rows;
use crate::{MetricError, Result, Summary};

/// How far the probabilities of a row may sum from 1: f32 softmax over many classes stays well inside.
const SUM_TOLERANCE: f64 = 1e-3;

/// Log-softmax along each row of logits `[N, C]`, without the underflow of `log(softmax)`.
pub fn log_softmax(logits: ArrayView2<f64>) -> Array2<f64> {
    let mut out = logits.to_owned();
    for mut row in out.outer_iter_mut() {
        let max = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let log_sum = row.iter().map(|v| (v - max).exp()).sum::<f64>().ln() + max;
        row.mapv_inplace(|v| v - log_sum);
    }
    out
}

/// Entropy in nats of each row of log-probabilities `[N, C]`; `0 log 0 = 0`.
pub fn entropy(log_p: ArrayView2<f64>) -> Array1<f64> {
    log_p.outer_iter().map(|row| -row.iter().map(|&l| times_log(l.exp(), l)).sum::<f64>()).collect()
}

fn times_log(p: f64, log_p: f64) -> f64 {
    if p > 0.0 { p * log_p } else { 0.0 }
}

/// Inception score `exp(H(E_x p(y|x)) - E_x H(p(y|x)))`, between 1 and C.
///
/// `log_p`: log-probabilities `[N, C]`. `ln IS` is too low by about `sum_c Var(p_c) / (2 N p_c)`: compare
/// only at the same N, and prefer one split with [`inception_score_bootstrap`] below some thousand pictures.
///
/// Source: Salimans et al. 2016, section 4; Barratt and Sharma 2018, eq. 1.
///
/// # Errors
/// [`MetricError::TooFew`] without rows, [`MetricError::NotLogProbabilities`].
pub fn inception_score(log_p: ArrayView2<f64>) -> Result<f64> {
    check_log_probabilities(log_p)?;
    Ok(score(&log_p.mapv(f64::exp), &entropy(log_p), 0..log_p.nrows()))
}

/// Inception score of `splits` consecutive parts, as mean and deviation: the published convention (10).
///
/// # Errors
/// [`MetricError::Argument`] unless `1 <= splits <= N`, and those of [`inception_score`].
pub fn inception_score_splits(log_p: ArrayView2<f64>, splits: usize) -> Result<Summary> {
    let n = log_p.nrows();
    if splits == 0 || splits > n {
        return Err(MetricError::argument("splits", "between 1 and the number of pictures", splits));
    }
    let scores = split_rows(log_p, splits).into_iter().map(inception_score).collect::<Result<Vec<_>>>()?;
    Summary::of(&scores)
}

/// Inception score of all pictures, and its standard error over `resamples` bootstrap draws.
///
/// # Errors
/// [`MetricError::Argument`] for fewer than two resamples, and those of [`inception_score`].
pub fn inception_score_bootstrap(log_p: ArrayView2<f64>, resamples: usize, rng: &mut impl Rng) -> Result<(f64, f64)> {
    if resamples < 2 {
        return Err(MetricError::argument("resamples", "at least 2", resamples));
    }
    let value = inception_score(log_p)?;
    let (p, h, n) = (log_p.mapv(f64::exp), entropy(log_p), log_p.nrows());
    let draws: Vec<f64> =
        (0..resamples).map(|_| score(&p, &h, (0..n).map(|_| rng.random_range(0..n)).collect::<Vec<_>>())).collect();
    Ok((value, Summary::of(&draws)?.deviation))
}

/// The score of the chosen rows of probabilities `p` `[N, C]` with entropies `h` `[N]`.
fn score(p: &Array2<f64>, h: &Array1<f64>, rows: impl IntoIterator<Item = usize>) -> f64 {
    let mut marginal = Array1::<f64>::zeros(p.ncols());
    let (mut conditional, mut n) = (0.0, 0.0);
    for row in rows {
        marginal += &p.index_axis(Axis(0), row);
        conditional += h[row];
        n += 1.0;
    }
    marginal /= n;
    let marginal_entropy = -marginal.iter().map(|&q| times_log(q, q.ln())).sum::<f64>();
    (marginal_entropy - conditional / n).exp()
}

/// Refuses rows whose exponentials do not sum to 1.
pub(crate) fn check_log_probabilities(log_p: ArrayView2<f64>) -> Result<()> {
    if log_p.nrows() == 0 {
        return Err(MetricError::TooFew { what: "a classifier score", need: 1, got: 0 });
    }
    for (row, values) in log_p.outer_iter().enumerate() {
        let sum = values.iter().map(|l| l.exp()).sum::<f64>();
        if sum.is_nan() || (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(MetricError::NotLogProbabilities { row, sum });
        }
    }
    Ok(())
}
