//! Denoising diffusion probabilistic models.
//!
//! Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020, arXiv:2006.11239; with the learned
//! variance, the cosine schedule, the hybrid objective and strided sampling of Nichol and Dhariwal, "Improved Denoising
//! Diffusion Probabilistic Models", ICML 2021, arXiv:2102.09672.
//!
//! | of the papers | here |
//! |---|---|
//! | eq. 4, q(x_t given x_0) | [`Process::q_sample`] |
//! | eqs. 6, 7, posterior of the forward process | [`Process::posterior_mean`], `easel_core::posterior` |
//! | eq. 5, the bound | [`bound::evaluate`]; its terms [`loss::vlb_term`], [`loss::prior_kl`] |
//! | eq. 13, discretised decoder | [`loss::discretised_log_likelihood`] |
//! | eq. 14, L_simple | [`loss::l_simple`] |
//! | Algorithm 1, training | [`DdpmLearner`] |
//! | Algorithm 2, sampling | [`sample::Ancestral`], `easel_core::sampling::ancestral`; a network for any other sampler [`sample::Estimator`] |
//! | section 4.3, lossy coding | [`bound::Bound::rate_distortion`] |
//! | figures 8 and 9, interpolation | [`interpolate::mix`] |
//! | appendix B, network | [`config::DdpmConfig::paper`], [`Ddpm`] |
//! | IDDPM eq. 15, learned variance | [`Process::learned_range_log_variance`] |
//! | IDDPM eq. 16, L_hybrid | [`DdpmLearner`], [`config::Objective::Hybrid`] |
//! | IDDPM section 3.3, importance sampling of t | [`importance`] |
//! | IDDPM section 4, strided sampling | [`sample::Ancestral::times`] |
//!
//! Left out: IDDPM's own U-Net (its blocks are in `easel-nn`), and the learned diagonal variance of DDPM's table 2,
//! which its authors found unstable.

pub mod bound;
pub mod config;
mod cost;
pub mod importance;
pub mod interpolate;
pub mod learner;
pub mod loss;
pub mod model;
pub mod process;
pub mod public_scheduler;
pub mod sample;

pub use config::DdpmConfig;
pub use learner::{DdpmLearner, TrainConfig};
pub use model::Ddpm;
pub use process::Process;
