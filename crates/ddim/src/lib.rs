//! Denoising diffusion implicit models.
//!
//! Song, Meng and Ermon, "Denoising Diffusion Implicit Models", ICLR 2021, arXiv:2010.02502. The paper's $\alpha_t$ is
//! written $\bar\alpha_t$ here, as in DDPM.
//!
//! | of the paper | here | test |
//! |---|---|---|
//! | eq. 7, $q_\sigma(x_{t-1}\mid x_t, x_0)$ | [`process::coefficients_of_sigma`] | `every_sigma_keeps_the_marginals` |
//! | lemma 1, its marginals | [`process::marginal_after`] | the same |
//! | theorem 1, $J_\sigma = L_\gamma + C$ | [`process::gamma`] | `gamma_is_the_weight_of_the_bound` |
//! | eq. 12, the sampler; eq. 16, $\eta$; section 5, $\hat\sigma$ | [`sample::ddim`], [`process::StepNoise`] | `eta_one_is_ddpm`, .. |
//! | section 4.2, sub-sequences | the times of a [`easel_core::sampling::Run`], chosen by [`easel_core::Spacing`] | `a_point_is_returned_by_every_sigma_and_every_sub_sequence` |
//! | eqs. 13 and 14, the ODE | `ddim` with `Eta(0.0)` | `eta_zero_is_euler_in_sigma_hat` |
//! | section 5.4, encoding and reconstruction | [`sample::encode`] | `inversion_error_falls_with_the_square_of_the_steps` |
//! | appendix D.5, interpolation | [`sample::slerp`] | `slerp_keeps_norms_and_ends` |
//!
//! The crate trains nothing: any DDPM network samples with it. Left out: the discrete (multinomial) process of appendix A.

pub mod process;
#[cfg(feature = "torch")]
pub mod public_scheduler;
pub mod sample;

pub use process::StepNoise;
pub use sample::{ddim, encode, slerp};
