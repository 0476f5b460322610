//! Properties that the metrics must have, whatever the features.

mod classes;
#[cfg(feature = "torch")]
mod classifier;
mod frechet;
mod kid;
mod manifold;
mod random;
mod report;
mod retrieval;
mod score;
