//! The public sampler classes of the solvers, number for number.
//!
//! Timesteps count from 0 here, as in the public code, and numbers are rounded to f32 where the public code rounds
//! them.
//!
//! | module | holds |
//! |---|---|
//! | [`options`] | configurations and arguments, key by key |
//! | [`sigmas`] | noise levels: spacings, and between them and timesteps |
//! | [`table`] | betas, and the table of noise levels that they make |
//! | [`chain`] | the loop over a grid, and what a case of it computes |
//! | [`euler`], [`euler_ancestral`], [`heun`], [`kdpm2`], [`lms`] | sigma-space solvers (Karras et al. 2022) |
//! | [`pndm`] | pseudo numerical methods (Liu et al. 2022) |
//! | [`edm_euler`], [`edm_dpm`] | solvers for EDM's preconditioned networks |
//! | [`dpm_updates`], [`vp_solver`] | what the exponential integrators share |
//! | [`dpm_multistep`], [`dpm_singlestep`], [`unipc`], [`deis`] | exponential integrators |

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::Verdict;

pub mod chain;
pub mod deis;
pub mod dpm_multistep;
pub mod dpm_singlestep;
pub mod dpm_updates;
pub mod edm_dpm;
pub mod edm_euler;
pub mod euler;
pub mod euler_ancestral;
pub mod heun;
pub mod kdpm2;
pub mod lms;
pub mod options;
pub mod pndm;
pub mod sigmas;
pub mod table;
pub mod unipc;
pub mod vp_solver;

/// The classes that [`verify_sampler_case`] knows.
pub const CLASSES: &[&str] = &[
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "EDMEulerScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EDMDPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
    "DEISMultistepScheduler",
];

/// A sampler case of the class named; `None` for a class that is not in [`CLASSES`].
///
/// Outputs are `timesteps`, `trajectory`, and what the class has of `alphas_cumprod` and `sigmas`.
pub fn verify_sampler_case(class: &str, folder: &Path) -> Option<Result<Verdict, NnError>> {
    Some(match class {
        "EulerDiscreteScheduler" => euler::verify_sampler_case(folder),
        "EulerAncestralDiscreteScheduler" => euler_ancestral::verify_sampler_case(folder),
        "HeunDiscreteScheduler" => heun::verify_sampler_case(folder),
        "KDPM2DiscreteScheduler" | "KDPM2AncestralDiscreteScheduler" => kdpm2::verify_sampler_case(class, folder),
        "LMSDiscreteScheduler" => lms::verify_sampler_case(folder),
        "PNDMScheduler" => pndm::verify_sampler_case(folder),
        "EDMEulerScheduler" => edm_euler::verify_sampler_case(folder),
        "DPMSolverMultistepScheduler" => dpm_multistep::verify_sampler_case(folder),
        "DPMSolverSinglestepScheduler" => dpm_singlestep::verify_sampler_case(folder),
        "EDMDPMSolverMultistepScheduler" => edm_dpm::verify_sampler_case(folder),
        "UniPCMultistepScheduler" => unipc::verify_sampler_case(folder),
        "DEISMultistepScheduler" => deis::verify_sampler_case(folder),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
