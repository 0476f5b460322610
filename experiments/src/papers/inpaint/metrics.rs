//! What a filled hole is judged by.

use anyhow::{Context, Result};
use easel_metrics::classes::argmax;
use inpaint::{Mask, Polarity};
use tch::{Kind, Tensor};

use crate::judge::Judge;

/// Mean squared error in the hole, for pictures in [-1, 1].
pub fn hole_error(images: &Tensor, originals: &Tensor, mask: &Mask<Tensor>) -> f64 {
    mean_where(&(images - originals).square(), &mask.ones(Polarity::Repaint).expand_as(images))
}

/// Boundary discontinuity: the mean difference of neighbours across the mask's edge over that of neighbours in the hole.
///
/// # Errors
/// A mask without neighbours of both kinds, or holes of one value.
pub fn discontinuity(images: &Tensor, mask: &Mask<Tensor>) -> Result<f64> {
    let hole = mask.ones(Polarity::Repaint).expand_as(images);
    let (mut across, mut inside) = ((0.0, 0.0), (0.0, 0.0));
    for dim in [2, 3] {
        let last = images.size()[dim as usize] - 1;
        let pair = |x: &Tensor| (x.narrow(dim, 0, last), x.narrow(dim, 1, last));
        let ((a, b), (p, q)) = (pair(images), pair(&hole));
        let difference = (a - b).abs();
        for (sum, pairs) in [(&mut across, (&p - &q).abs()), (&mut inside, &p * &q)] {
            sum.0 += total(&(&difference * &pairs));
            sum.1 += total(&pairs);
        }
    }
    let ratio = (across.0 / across.1) / (inside.0 / inside.1);
    Some(ratio).filter(|r| r.is_finite()).context("the mask has no edge, or its hole is flat")
}

/// Share of pictures that the classifier takes for their class.
///
/// # Errors
/// Pictures that the classifier refuses.
pub fn agreement(judge: &Judge, images: &Tensor, labels: &[usize]) -> Result<f64> {
    let seen = argmax(judge.extractor.extract(images)?.log_probabilities.view())?;
    Ok(seen.iter().zip(labels).filter(|(a, b)| a == b).count() as f64 / labels.len() as f64)
}

/// Root mean squared difference a pixel.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).square().mean(Kind::Double).sqrt().double_value(&[])
}

fn total(x: &Tensor) -> f64 {
    x.sum(Kind::Double).double_value(&[])
}

fn mean_where(x: &Tensor, weights: &Tensor) -> f64 {
    total(&(x * weights)) / total(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns 0, 1 known and 2, 3 repainted, with values along the columns.
    fn pictures(values: [f32; 4]) -> (Tensor, Mask<Tensor>) {
        let mask = Tensor::from_slice(&[1f32, 1.0, 0.0, 0.0]).reshape([1, 1, 1, 4]).expand([1, 1, 2, 4], false);
        let image = Tensor::from_slice(&values).reshape([1, 1, 1, 4]).expand([1, 1, 2, 4], false);
        (image, Mask::new(mask, Polarity::Keep).expect("zeros and ones"))
    }

    #[test]
    fn only_the_hole_counts() {
        let ((a, mask), (b, _)) = (pictures([0.0, 0.0, 0.5, 1.0]), pictures([9.0, 9.0, 0.5, 0.0]));
        assert_eq!(hole_error(&a, &b, &mask), 0.5);
    }

    #[test]
    fn a_jump_at_the_edge_is_seen_against_those_inside() {
        // Across: 0.6 in each of 2 rows. Inside: 0.2 in each row, and 0 between the rows twice.
        let (image, mask) = pictures([0.0, 0.0, 0.6, 0.8]);
        let expected = 0.6 / (0.4 / 4.0);
        assert!((discontinuity(&image, &mask).expect("an edge") - expected).abs() < 1e-6);
        let (flat, mask) = pictures([0.0; 4]);
        assert!(discontinuity(&flat, &mask).is_err());
    }
}
