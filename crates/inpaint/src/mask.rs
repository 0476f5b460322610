//! Masks that say what their ones mean.
//!
//! Released code disagrees: 1 is "keep" in latent diffusion's samplers, RePaint, GLIDE and SDEdit, and "repaint" in latent
//! diffusion's inpainting script and in the common pipelines for it. A bare array is therefore never taken for a mask.

use easel_core::MathError;
use easel_core::sampling::State;
use ndarray::{Array, Dimension};

/// What the ones of a mask mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    /// What is known and stays.
    Keep,
    /// What is generated: the hole.
    Repaint,
}

/// A hard mask: every element is kept or repainted.
///
/// Its shape is that of the states, with size 1 where all are alike: `[1, 1, H, W]` for pictures `[B, C, H, W]`.
#[derive(Debug, Clone)]
pub struct Mask<S> {
    keep: S,
    repaint: S,
}

impl<S: State> Mask<S> {
    /// A mask of zeros and ones, the ones marking `ones`.
    ///
    /// A soft mask would merge two independent noises into one of too low a variance: [`threshold`] it for sampling and
    /// blur at most the last composite.
    ///
    /// # Errors
    /// An element other than 0 and 1.
    pub fn new(mask: S, ones: Polarity) -> Result<Self, MathError> {
        let between = S::combine(&[(1.0, &mask.product(&mask)), (-1.0, &mask)]);
        let distance = between.dot(&between);
        if distance != 0.0 {
            let name = "the sum of (m^2 - m)^2 over a mask m";
            return Err(MathError::Parameter { name, value: distance, expected: "0: every element 0 or 1" });
        }
        let all = S::combine(&[(0.0, &mask)]).exp();
        let rest = S::combine(&[(1.0, &all), (-1.0, &mask)]);
        Ok(match ones {
            Polarity::Keep => Self { keep: mask, repaint: rest },
            Polarity::Repaint => Self { keep: rest, repaint: mask },
        })
    }

    /// The mask whose ones mark `ones`.
    pub fn ones(&self, ones: Polarity) -> &S {
        match ones {
            Polarity::Keep => &self.keep,
            Polarity::Repaint => &self.repaint,
        }
    }

    /// $m\odot$ `known` $+\ (1-m)\odot$ `unknown` with m = 1 on what is kept.
    ///
    /// # Panics
    /// On states whose shapes do not fit.
    pub fn merge(&self, known: &S, unknown: &S) -> S {
        S::combine(&[(1.0, &known.product(&self.keep)), (1.0, &unknown.product(&self.repaint))])
    }
}

/// 1 where `soft` is at least `at` (usually 0.5), else 0.
pub fn threshold<D: Dimension>(soft: &Array<f64, D>, at: f64) -> Array<f64, D> {
    soft.mapv(|m| f64::from(m >= at))
}
