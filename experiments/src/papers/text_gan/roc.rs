//! Receiver operating characteristics: does a similarity tell pairs of one kind from pairs of two?

/// Points of a curve that are kept.
const POINTS: usize = 41;

/// A curve and the area under it.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    /// Shares of the pairs that differ and are taken for alike, rising from 0 to 1.
    pub false_positive: Vec<f64>,
    /// Shares of the alike pairs that are taken for alike.
    pub true_positive: Vec<f64>,
    /// The area: 0.5 is chance. Ties count half.
    pub area: f64,
}

/// The curve of `scores`, where `alike` says which pairs are of one kind; none without pairs of both.
pub fn roc(scores: &[f64], alike: &[bool]) -> Option<Roc> {
    let positives = alike.iter().filter(|a| **a).count() as f64;
    let negatives = alike.len() as f64 - positives;
    if scores.len() != alike.len() || positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut x, mut y) = (vec![0.0], vec![0.0]);
    let (mut false_count, mut true_count, mut area, mut at) = (0.0, 0.0, 0.0, 0);
    while at < order.len() {
        let (before_false, before_true) = (false_count, true_count);
        let score = scores[order[at]];
        while at < order.len() && scores[order[at]] == score {
            if alike[order[at]] {
                true_count += 1.0
            } else {
                false_count += 1.0
            }
            at += 1;
        }
        area += (false_count - before_false) * (true_count + before_true) / 2.0;
        x.push(false_count / negatives);
        y.push(true_count / positives);
    }
    let (false_positive, true_positive) =
        (0..POINTS).map(|k| k as f64 / (POINTS - 1) as f64).map(|fpr| (fpr, height(&x, &y, fpr))).unzip();
    Some(Roc { false_positive, true_positive, area: area / (positives * negatives) })
}

/// The curve at `at`, linear between its points; the upper end of a vertical piece.
fn height(x: &[f64], y: &[f64], at: f64) -> f64 {
    let after = x.partition_point(|v| *v <= at);
    if after == x.len() {
        return y[after - 1];
    }
    let (x0, x1) = (x[after - 1], x[after]);
    y[after - 1] + (y[after] - y[after - 1]) * (at - x0) / (x1 - x0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_known() {
        let alike = [true, true, false, false];
        assert_eq!(roc(&[4.0, 3.0, 2.0, 1.0], &alike).expect("both kinds").area, 1.0);
        assert_eq!(roc(&[1.0, 2.0, 3.0, 4.0], &alike).expect("both kinds").area, 0.0);
        let constant = roc(&[1.0; 4], &alike).expect("both kinds");
        assert_eq!(constant.area, 0.5);
        assert_eq!(constant.false_positive, constant.true_positive);
        assert!(roc(&[1.0], &[true]).is_none());
    }

    /// The area is the probability that an alike pair scores higher.
    #[test]
    fn the_area_is_a_probability() {
        let draw = |purpose: &str| {
            let mut values = [0.0; 60];
            easel_core::Noise::new(1).purpose(purpose).uniform(0, 0, &mut values);
            values
        };
        let (scores, kinds) = (draw("scores").map(|v| (10.0 * v).floor()), draw("kinds").map(|v| v < 0.4));
        let (mut sum, mut count) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(&kinds).filter(|(_, k)| **k) {
            for (b, _) in scores.iter().zip(&kinds).filter(|(_, k)| !**k) {
                sum += if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
                count += 1.0;
            }
        }
        let found = roc(&scores, &kinds).expect("both kinds");
        assert!((found.area - sum / count).abs() < 1e-12);
        assert!(found.true_positive.is_sorted() && found.true_positive[POINTS - 1] == 1.0);
    }
}
