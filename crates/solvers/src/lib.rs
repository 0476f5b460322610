//! Solvers of the diffusion ODE and SDE.
//!
//! | paper | subject | here |
//! |---|---|---|
//! | Song et al. 2021, arXiv:2011.13456 | probability-flow ODE | every deterministic sampler; [`easel_core::sampling::VpLinear`] |
//! | Karras et al. 2022, arXiv:2206.00364, algorithms 1 and 2 | Heun, churn | [`euler::heun`] |
//! | the same, table 1 | preconditioning, training levels | [`edm`] |
//! | the same, eq. 5 | $\rho$ spacing | [`spacing::karras`] |
//! | k-diffusion | Euler ancestral, DPM2, LMS, stochastic 2S | [`euler::euler_ancestral`], [`euler::dpm_2`], [`lms`], [`singlestep::stochastic_2s`] |
//! | Lu et al. 2022a, arXiv:2206.00927 | DPM-Solver-1, 2, 3 | [`singlestep`](singlestep::singlestep), [`multistep`] |
//! | Lu et al. 2022b, arXiv:2211.01095 | DPM-Solver++, its SDE | [`multistep`], [`singlestep`](singlestep::singlestep) |
//! | Liu et al. 2022, arXiv:2202.09778 | PNDM, PLMS | [`pndm`] |
//! | Zhang and Chen 2023, arXiv:2204.13902 | DEIS in $\rho$ | [`lms`], the same formula |
//! | Zhao et al. 2023, arXiv:2302.04867 | UniPC | [`unipc`] |
//! | Lin et al. 2024, arXiv:2305.08891 | zero terminal SNR | `easel_core::NoiseSchedule::rescale_zero_terminal_snr` |
//! | Hang et al. 2023, arXiv:2303.09556 | min-SNR weights | [`weighting::min_snr`] |
//! | Saharia et al. 2022, arXiv:2205.11487 | dynamic thresholding | [`threshold`] |
//!
//! The third-order multistep solvers exist in two forms: as published, where they converge with order 2 (and the
//! stochastic one with order 1), and corrected, which is the default ([`multistep::ThirdOrder`]); the tests
//! `published_third_order_converges_with_order_two` and `published_stochastic_third_order_converges_with_order_one`
//! measure both. Left out: DPM-Solver's adaptive steps and its budget of mixed orders.

pub mod catalogue;
pub mod edm;
pub mod euler;
pub mod exponential;
pub mod lms;
pub mod multistep;
pub mod pndm;
#[cfg(feature = "torch")]
pub mod public;
pub mod singlestep;
pub mod spacing;
pub mod threshold;
pub mod unipc;
pub mod weighting;

pub use catalogue::Sampler;
