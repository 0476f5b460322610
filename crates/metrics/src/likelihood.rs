//! Likelihoods in bits per dimension.

use std::f64::consts::LN_2;

use crate::{MetricError, Result, Summary};

/// Negative log-likelihood of a whole picture in nats as bits per dimension, `nats / (D ln 2)`.
///
/// `dimensions` is C x H x W of the picture. A density over pixels scaled from 0..=255 to [-1, 1] needs
/// `+ log2(127.5)` bits a dimension to be a density over grey levels; discretised likelihoods need nothing.
///
/// Source: Ho et al. 2020, section 3.3 and table 1 (lossless codelength).
pub fn bits_per_dimension(nats: f64, dimensions: usize) -> f64 {
    nats / (dimensions as f64 * LN_2)
}

/// Inverse of [`bits_per_dimension`]: nats of a whole picture.
pub fn nats(bits_per_dimension: f64, dimensions: usize) -> f64 {
    bits_per_dimension * dimensions as f64 * LN_2
}

/// Mean bits per dimension over pictures, with its standard error.
///
/// `nats` holds the negative log-likelihood (or its bound) of each picture, all of the same size.
///
/// # Errors
/// [`MetricError::TooFew`] for an empty list, [`MetricError::NotFinite`], [`MetricError::Argument`] for
/// `dimensions = 0`.
pub fn mean_bits_per_dimension(nats: &[f64], dimensions: usize) -> Result<Summary> {
    if dimensions == 0 {
        return Err(MetricError::argument("dimensions", "at least 1", dimensions));
    }
    let bits: Vec<f64> = nats.iter().map(|&v| bits_per_dimension(v, dimensions)).collect();
    Summary::of(&bits)
}
