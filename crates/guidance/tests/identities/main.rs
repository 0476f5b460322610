//! The mathematics of guidance as property tests, on data whose conditional scores are known (f64), and with the feature
//! `torch` networks, gradients and training.

mod classifier;
mod classifier_free;
#[path = "../../../core/tests/support/sampling.rs"]
mod common;
mod densities;
mod exact;
#[cfg(feature = "torch")]
mod gradients;
#[cfg(feature = "torch")]
mod learners;
#[cfg(feature = "torch")]
mod networks;
mod scales;
#[cfg(feature = "torch")]
mod tensors;
