//! Distances between sets of pictures, and scores of one set.
//!
//! Plain f64 mathematics on feature arrays `[N, d]`, log-probabilities `[N, C]` and labels:
//!
//! | module | quantity | source |
//! |---|---|---|
//! | [`frechet`] | Frechet distance, its bias, its limit for N to infinity | Heusel et al. 2017; Chong and Forsyth 2020 |
//! | [`kid`] | squared maximum mean discrepancy, cubic kernel | Binkowski et al. 2018 |
//! | [`score`] | Inception-style score | Salimans et al. 2016 |
//! | [`classes`] | accuracy, confusion, IoU, class coverage, Wilson interval | Everingham et al. 2010; Wilson 1927 |
//! | [`manifold`] | precision, recall, density, coverage; nearest neighbours | Kynkaanniemi et al. 2019; Naeem et al. 2020 |
//! | [`likelihood`] | bits per dimension | Ho et al. 2020 |
//! | [`retrieval`] | R-precision | Xu et al. 2018; Park et al. 2021 |
//! | [`report`] | a table of measurements | |
//! | `classifier`, `extractor` (feature `torch`) | the network that reads pictures, and its features | |
//!
//! A number depends on the features it was computed with, on N, and on the pictures' preparation. Names
//! therefore carry the features (`fd-digits`, never "FID"), a measurement carries N, and every picture, real
//! or generated, goes through the same preparation (`classifier::prepare`).

pub mod classes;
#[cfg(feature = "torch")]
pub mod classifier;
mod error;
#[cfg(feature = "torch")]
pub mod extractor;
pub mod frechet;
pub mod kid;
pub mod likelihood;
pub mod manifold;
mod matrix;
pub mod report;
pub mod retrieval;
pub mod score;
mod summary;

pub use error::{MetricError, Result};
pub use summary::Summary;
