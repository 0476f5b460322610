//! R-precision: does the caption of a generated picture rank first among others?

use ndarray::{Array2, ArrayView2, Axis};
use rand::{Rng, seq::index};

use crate::matrix::{check_pair, squared_norms};
use crate::{MetricError, Result};

/// Cosine of every pair of rows of `u` `[N, d]` and `v` `[M, d]`: `[N, M]` in [-1, 1]; 0 for a zero vector.
///
/// # Errors
/// [`MetricError::Shape`], [`MetricError::NotFinite`].
pub fn cosine_similarity(u: ArrayView2<f64>, v: ArrayView2<f64>) -> Result<Array2<f64>> {
    check_pair("a cosine", 0, u, v)?;
    let unit = |x: ArrayView2<f64>| {
        let norm = squared_norms(x).mapv(|s| if s > 0.0 { s.sqrt() } else { 1.0 });
        &x / &norm.insert_axis(Axis(1))
    };
    Ok(unit(u).dot(&unit(v).t()))
}

/// R-precision of each query: the share of its R relevant candidates among the R best scores, `[N]`.
///
/// `scores` and `relevant` are `[N, candidates]`. Candidates tied at the cut count with the expectation of a
/// random order, so a constant encoder scores chance, not 1.
///
/// Source: Xu et al. 2018 (AttnGAN), section 4 (R = 1 among 100 captions).
///
/// # Errors
/// [`MetricError::Shape`], [`MetricError::NotFinite`], [`MetricError::Argument`] for a query without a
/// relevant candidate.
pub fn r_precision(scores: ArrayView2<f64>, relevant: ArrayView2<bool>) -> Result<Vec<f64>> {
    if scores.dim() != relevant.dim() {
        return Err(MetricError::shape("relevant", scores.shape(), relevant.shape()));
    }
    let queries = scores.outer_iter().zip(relevant.outer_iter()).enumerate();
    let precision = queries.map(|(row, (scores, relevant))| {
        if scores.iter().any(|s| s.is_nan()) {
            return Err(MetricError::NotFinite { what: "scores", row });
        }
        let r = relevant.iter().filter(|&&flag| flag).count();
        if r == 0 {
            return Err(MetricError::argument(
                "relevant",
                "at least one candidate a query",
                format!("none in row {row}"),
            ));
        }
        let mut sorted = scores.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let cut = sorted[r - 1];
        let (mut above, mut tied, mut relevant_above, mut relevant_tied) = (0, 0, 0, 0);
        for (&score, &flag) in scores.iter().zip(relevant) {
            if score > cut {
                above += 1;
                relevant_above += usize::from(flag);
            } else if score == cut {
                tied += 1;
                relevant_tied += usize::from(flag);
            }
        }
        let expected = relevant_above as f64 + relevant_tied as f64 * (r - above) as f64 / tied as f64;
        Ok(expected / r as f64)
    });
    precision.collect()
}

/// R-precision (R = 1) of pictures against captions: each picture's own caption and random others.
///
/// `similarity` `[N, M]` of N pictures to M distinct captions, `caption[n]` the caption of picture n.
/// Candidates are `min(candidates, M)` distinct captions, drawn anew for each picture; chance is one over
/// their number. Returns the success of each picture `[N]`; [`crate::Summary`] of it gives the mean and error.
///
/// Source: Xu et al. 2018 (AttnGAN), section 4; Park et al. 2021, section 4 (CLIP-R-precision).
///
/// # Errors
/// [`MetricError::Argument`] for fewer than two candidates, [`MetricError::Shape`], [`MetricError::Label`],
/// [`MetricError::NotFinite`].
pub fn caption_r_precision(
    similarity: ArrayView2<f64>,
    caption: &[usize],
    candidates: usize,
    rng: &mut impl Rng,
) -> Result<Vec<f64>> {
    let (n, captions) = similarity.dim();
    let candidates = candidates.min(captions);
    if candidates < 2 {
        return Err(MetricError::argument("candidates", "at least 2, of at least 2 captions", candidates));
    }
    if caption.len() != n {
        return Err(MetricError::shape("caption", n, caption.len()));
    }
    if let Some(index) = caption.iter().position(|&c| c >= captions) {
        return Err(MetricError::Label { index, label: caption[index], classes: captions });
    }
    let mut scores = Array2::zeros((n, candidates));
    for (row, &own) in caption.iter().enumerate() {
        scores[[row, 0]] = similarity[[row, own]];
        // The others are drawn from the captions without the own one: indices past it move up by one.
        for (slot, other) in index::sample(rng, captions - 1, candidates - 1).iter().enumerate() {
            scores[[row, slot + 1]] = similarity[[row, other + usize::from(other >= own)]];
        }
    }
    let relevant = Array2::from_shape_fn((n, candidates), |(_, slot)| slot == 0);
    r_precision(scores.view(), relevant.view())
}
