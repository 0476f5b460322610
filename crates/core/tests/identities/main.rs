//! The identities of diffusion mathematics, checked on every kind of schedule.

mod bounds;
mod common;
mod gaussians;
mod mixtures;
mod parameterisations;
mod posteriors;
mod randomness;
mod schedules;
mod spacings;

#[cfg(feature = "torch")]
mod tensors;
#[cfg(feature = "torch")]
mod weights;
