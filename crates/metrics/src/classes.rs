//! Scores from labels: accuracy, confusion, IoU, confidence, and which classes a generator covers.

use ndarray::{Array2, ArrayView2};

use crate::score::check_log_probabilities;
use crate::{MetricError, Result};

/// Index of the largest entry of each row of `[N, C]`; of equal entries the first wins.
///
/// # Errors
/// [`MetricError::Shape`] for C = 0, [`MetricError::NotFinite`] for a row with a NaN.
pub fn argmax(scores: ArrayView2<f64>) -> Result<Vec<usize>> {
    if scores.ncols() == 0 {
        return Err(MetricError::shape("scores", "at least one class", scores.shape()));
    }
    let rows = scores.outer_iter().enumerate().map(|(row, values)| {
        if values.iter().any(|v| v.is_nan()) {
            return Err(MetricError::NotFinite { what: "scores", row });
        }
        Ok((1..values.len()).fold(0, |best, c| if values[c] > values[best] { c } else { best }))
    });
    rows.collect()
}

/// Counts of (true class, predicted class); rows are the truth. Adds up over batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    counts: Array2<u64>,
}

impl Confusion {
    /// No counts yet over `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { counts: Array2::zeros((classes, classes)) }
    }

    /// Counts of a list of labels or of the pixels of masks.
    ///
    /// # Errors
    /// As [`Confusion::add`].
    pub fn of(truth: &[usize], predicted: &[usize], classes: usize) -> Result<Self> {
        let mut confusion = Self::new(classes);
        confusion.add(truth, predicted)?;
        Ok(confusion)
    }

    /// Adds pairs of labels.
    ///
    /// # Errors
    /// [`MetricError::Shape`] for lists of different length, [`MetricError::Label`]; nothing is then added.
    pub fn add(&mut self, truth: &[usize], predicted: &[usize]) -> Result<()> {
        if truth.len() != predicted.len() {
            return Err(MetricError::shape("predicted labels", truth.len(), predicted.len()));
        }
        check_labels(truth, self.classes())?;
        check_labels(predicted, self.classes())?;
        for (&t, &p) in truth.iter().zip(predicted) {
            self.counts[[t, p]] += 1;
        }
        Ok(())
    }

    /// Adds the counts of another batch.
    ///
    /// # Errors
    /// [`MetricError::Shape`] for another number of classes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.counts.dim() != other.counts.dim() {
            return Err(MetricError::shape("confusion matrix", self.counts.shape(), other.counts.shape()));
        }
        self.counts += &other.counts;
        Ok(())
    }

    /// Number of classes C.
    pub fn classes(&self) -> usize {
        self.counts.nrows()
    }

    /// The counts `[C, C]`, truth by prediction.
    pub fn counts(&self) -> &Array2<u64> {
        &self.counts
    }

    /// Number of pairs counted.
    pub fn total(&self) -> u64 {
        self.counts.sum()
    }

    /// Share of pairs on the diagonal.
    ///
    /// # Errors
    /// [`MetricError::TooFew`] when nothing was counted.
    pub fn accuracy(&self) -> Result<f64> {
        match self.total() {
            0 => Err(MetricError::TooFew { what: "an accuracy", need: 1, got: 0 }),
            total => Ok(self.counts.diag().sum() as f64 / total as f64),
        }
    }

    /// Intersection over union of each class, `TP / (TP + FP + FN)`; `None` for a class that is nowhere.
    ///
    /// Source: Everingham et al. 2010, section 4.2 (VOC segmentation).
    pub fn iou(&self) -> Vec<Option<f64>> {
        self.ratios(|tp, errors| tp / (tp + errors))
    }

    /// F1 of each class, `2 TP / (2 TP + FP + FN)`; `None` for a class that is nowhere.
    pub fn f1(&self) -> Vec<Option<f64>> {
        self.ratios(|tp, errors| 2.0 * tp / (2.0 * tp + errors))
    }

    fn ratios(&self, ratio: impl Fn(f64, f64) -> f64) -> Vec<Option<f64>> {
        let class = |c: usize| {
            let (tp, union) = (self.counts[[c, c]], self.truth_count(c) + self.counts.column(c).sum());
            (union > 0).then(|| ratio(tp as f64, (union - 2 * tp) as f64))
        };
        (0..self.classes()).map(class).collect()
    }

    fn truth_count(&self, c: usize) -> u64 {
        self.counts.row(c).sum()
    }

    /// Mean IoU over the classes present in the ground truth, background included if it has a label.
    ///
    /// Over the whole data set when the counts are; not the mean of the pictures' own values.
    ///
    /// # Errors
    /// [`MetricError::TooFew`] when nothing was counted.
    pub fn mean_iou(&self) -> Result<f64> {
        let iou = self.iou();
        let present: Vec<f64> =
            (0..self.classes()).filter(|&c| self.truth_count(c) > 0).filter_map(|c| iou[c]).collect();
        if present.is_empty() {
            return Err(MetricError::TooFew { what: "a mean IoU", need: 1, got: 0 });
        }
        Ok(present.iter().sum::<f64>() / present.len() as f64)
    }
}

fn check_labels(labels: &[usize], classes: usize) -> Result<()> {
    match labels.iter().position(|&l| l >= classes) {
        Some(index) => Err(MetricError::Label { index, label: labels[index], classes }),
        None => Ok(()),
    }
}

/// Share of pictures whose largest class probability is above `threshold`.
///
/// `log_p`: log-probabilities `[N, C]`; `threshold` in [0, 1).
///
/// # Errors
/// [`MetricError::Argument`], [`MetricError::TooFew`], [`MetricError::NotLogProbabilities`].
pub fn confident_share(log_p: ArrayView2<f64>, threshold: f64) -> Result<f64> {
    if !(0.0..1.0).contains(&threshold) {
        return Err(MetricError::argument("threshold", "in [0, 1)", threshold));
    }
    check_log_probabilities(log_p)?;
    let confident = log_p.outer_iter().filter(|row| row.iter().any(|l| l.exp() > threshold)).count();
    Ok(confident as f64 / log_p.nrows() as f64)
}

/// How the classes of a set compare with their expected shares.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCoverage {
    /// Share of the set in each class `[C]`.
    pub share: Vec<f64>,
    /// `share / expected` `[C]`; `None` where nothing is expected.
    pub ratio: Vec<Option<f64>>,
    /// Smallest ratio: 1 for a perfect match, 0 when a class is missing.
    pub smallest_ratio: f64,
}

/// Shares of the classes among `labels` against the `expected` shares `[C]`, which sum to 1.
///
/// # Errors
/// [`MetricError::TooFew`] for no labels, [`MetricError::Label`], [`MetricError::Argument`] unless `expected`
/// is a probability vector.
pub fn class_coverage(labels: &[usize], expected: &[f64]) -> Result<ClassCoverage> {
    let sum: f64 = expected.iter().sum();
    if !((sum - 1.0).abs() <= 1e-9 && expected.iter().all(|&e| e >= 0.0)) {
        return Err(MetricError::argument("expected", "shares >= 0 that sum to 1", format!("{expected:?}")));
    }
    if labels.is_empty() {
        return Err(MetricError::TooFew { what: "a class coverage", need: 1, got: 0 });
    }
    check_labels(labels, expected.len())?;
    let mut share = vec![0.0; expected.len()];
    for &label in labels {
        share[label] += 1.0 / labels.len() as f64;
    }
    let ratio: Vec<_> = share.iter().zip(expected).map(|(s, e)| (*e > 0.0).then(|| s / e)).collect();
    let smallest_ratio = ratio.iter().flatten().fold(f64::INFINITY, |a, &b| a.min(b));
    Ok(ClassCoverage { share, ratio, smallest_ratio })
}

/// Wilson score interval of a proportion: `z` = 1.96 for 95 %.
///
/// Source: Wilson 1927; Brown, Cai and DasGupta 2001, eq. 4.
///
/// # Errors
/// [`MetricError::Argument`] unless `successes <= n`, `n >= 1` and `z >= 0`.
pub fn wilson_interval(successes: usize, n: usize, z: f64) -> Result<(f64, f64)> {
    if n == 0 || successes > n {
        return Err(MetricError::argument("successes", "at most n, with n at least 1", format!("{successes} of {n}")));
    }
    if !(z.is_finite() && z >= 0.0) {
        return Err(MetricError::argument("z", "finite and >= 0", z));
    }
    let (p, n, zz) = (successes as f64 / n as f64, n as f64, z * z);
    let centre = (p + zz / (2.0 * n)) / (1.0 + zz / n);
    let half = z / (1.0 + zz / n) * (p * (1.0 - p) / n + zz / (4.0 * n * n)).sqrt();
    Ok(((centre - half).max(0.0), (centre + half).min(1.0)))
}
