//! The public sampler classes `DDIMScheduler` and `DDIMInverseScheduler`, number for number.
//!
//! Timesteps count from 0 here, as in the public code: timestep i is our time i + 1. Both classes step by
//! $\lfloor T/K\rfloor$ whatever the spacing of their timesteps is, so that with `linspace` or `trailing` a step may
//! end beside the next timestep.

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict, sampler_denoiser};
use easel_nn::public_schedule::refuse;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

mod config;
mod inverse;
mod step;

pub use config::{DdimInverseSchedulerConfig, DdimSchedulerConfig};
pub use inverse::DdimInverseScheduler;
pub use step::DdimScheduler;

/// The classes that [`verify_sampler_case`] knows.
pub const CLASSES: [&str; 2] = ["DDIMScheduler", "DDIMInverseScheduler"];

/// The arguments of a step of `DDIMScheduler`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepOptions {
    /// $\eta$: noise, as a fraction of that of an ancestral step.
    pub eta: f64,
    /// Whether $\hat\epsilon$ is computed again from the bounded $\hat x_0$.
    pub use_clipped_model_output: bool,
}

impl StepOptions {
    /// Reads the arguments of a case.
    ///
    /// # Errors
    /// A value of another type, or another argument.
    pub fn from_arguments(arguments: &Map<String, Value>) -> Result<Self, NnError> {
        let mut options = Self::default();
        for (key, value) in arguments {
            match (key.as_str(), value.as_f64(), value.as_bool()) {
                ("eta", Some(eta), _) => options.eta = eta,
                ("use_clipped_model_output", _, Some(clipped)) => options.use_clipped_model_output = clipped,
                _ => {
                    let reason = "a step knows the number eta and the boolean use_clipped_model_output";
                    return refuse("step", format!("{key}: {value}"), reason);
                }
            }
        }
        Ok(options)
    }
}

fn no_arguments(method: &'static str, arguments: &Map<String, Value>) -> Result<(), NnError> {
    match arguments.iter().next() {
        None => Ok(()),
        Some((key, value)) => refuse(method, format!("{key}: {value}"), "this class knows no arguments here"),
    }
}

/// A sampler case of one of [`CLASSES`]: outputs `timesteps`, `alphas_cumprod`, `trajectory`; `None` for other classes.
pub fn verify_sampler_case(class: &str, folder: &Path) -> Option<Result<Verdict, NnError>> {
    match class {
        "DDIMScheduler" => Some(verify_ddim(folder)),
        "DDIMInverseScheduler" => Some(verify_inverse(folder)),
        _ => None,
    }
}

fn verify_ddim(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = DdimScheduler::new(DdimSchedulerConfig::from_json(&case.config)?)?;
    no_arguments("set_timesteps", &case.set_timesteps)?;
    let options = StepOptions::from_arguments(&case.step)?;
    let timesteps = scheduler.timesteps(case.steps)?;
    let (x, denoiser) = (case.x_t.shallow_clone(), |x: &Tensor, t: i64| sampler_denoiser(x, t as f64, false));
    let trajectory = scheduler.run(&timesteps, x, denoiser, options, |k| case.draw(k))?;
    verdict(folder, &timesteps, scheduler.alphas_cumprod(), &trajectory)
}

fn verify_inverse(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = DdimInverseScheduler::new(DdimInverseSchedulerConfig::from_json(&case.config)?)?;
    no_arguments("set_timesteps", &case.set_timesteps)?;
    no_arguments("step", &case.step)?;
    let timesteps = scheduler.timesteps(case.steps)?;
    let (x, denoiser) = (case.x_t.shallow_clone(), |x: &Tensor, t: i64| sampler_denoiser(x, t as f64, false));
    let trajectory = scheduler.run(&timesteps, x, denoiser)?;
    verdict(folder, &timesteps, scheduler.alphas_cumprod(), &trajectory)
}

fn verdict(folder: &Path, timesteps: &[i64], alpha_bar: &[f32], trajectory: &[Tensor]) -> Result<Verdict, NnError> {
    let computed = vec![
        ("timesteps".to_owned(), Tensor::from_slice(timesteps).to_kind(Kind::Double)),
        ("alphas_cumprod".to_owned(), Tensor::from_slice(alpha_bar).to_kind(Kind::Double)),
        ("trajectory".to_owned(), Tensor::stack(trajectory, 0)),
    ];
    Verdict::new(folder, computed)
}

#[cfg(test)]
mod tests;
