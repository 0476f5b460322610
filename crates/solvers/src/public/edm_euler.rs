//! The public sampler class `EDMEulerScheduler`: Euler's method with churn for a network in EDM's preconditioning
//! (Karras et al. 2022, arXiv:2206.00364, table 1 and Algorithm 2 without its second order).

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{PredictionType, refuse};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::chain::{Grid, case_denoiser, draws, run_chain, single_argument, verdict};
use super::euler::{Churn, FinalSigma};
use super::options::Options;
use super::sigmas::{MOST_LEVELS, linspace, root, to_f32};
use super::table::take_noise_or_v;

/// The public configuration, of what EDM's classes share.
#[derive(Debug, Clone, PartialEq)]
pub struct EdmConfig {
    /// Lowest noise level before the final one.
    pub sigma_min: f64,
    /// Highest noise level.
    pub sigma_max: f64,
    /// Standard deviation of the data.
    pub sigma_data: f64,
    /// How noise levels are spaced.
    pub sigma_schedule: EdmSpacing,
    /// Without effect on a chain.
    pub num_train_timesteps: usize,
    /// Sign of the output's factor, not `sample`: that of `v_prediction` is negative.
    pub prediction_type: PredictionType,
    /// Exponent of the Karras spacing.
    pub rho: f64,
    /// The level at the chain's end.
    pub final_sigmas_type: FinalSigma,
}

/// How EDM's noise levels are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdmSpacing {
    /// Equispaced $\sigma^{1/\rho}$.
    Karras,
    /// Equispaced $\ln\sigma$.
    Exponential,
}

impl EdmConfig {
    /// Takes the options from a configuration.
    ///
    /// # Errors
    /// A value of another type or out of range.
    pub fn take(options: &mut Options) -> Result<Self, NnError> {
        let config = Self {
            sigma_min: options.take("sigma_min", 0.002)?,
            sigma_max: options.take("sigma_max", 80.0)?,
            sigma_data: options.take("sigma_data", 0.5)?,
            sigma_schedule: options.take("sigma_schedule", EdmSpacing::Karras)?,
            num_train_timesteps: options.take("num_train_timesteps", 1000)?,
            prediction_type: take_noise_or_v(options)?,
            rho: options.take("rho", 7.0)?,
            final_sigmas_type: options.take("final_sigmas_type", FinalSigma::Zero)?,
        };
        let positive = [("sigma_min", config.sigma_min), ("sigma_max", config.sigma_max), ("rho", config.rho)];
        if let Some((key, value)) = positive.into_iter().find(|(_, value)| *value <= 0.0) {
            return refuse(key, value, "it must be above 0");
        }
        if config.num_train_timesteps == 0 {
            return refuse("num_train_timesteps", 0, "at least one noise level is needed");
        }
        Ok(config)
    }

    /// K noise levels at the places `ramp`, from 0 for the highest to 1 for the lowest; those of the exponential
    /// spacing are equispaced whatever the places are.
    pub fn levels(&self, ramp: &[f64]) -> Vec<f32> {
        match self.sigma_schedule {
            EdmSpacing::Karras => {
                let (first, last) = (self.sigma_max.powf(1.0 / self.rho), self.sigma_min.powf(1.0 / self.rho));
                ramp.iter().map(|u| (first + u * (last - first)).powf(self.rho) as f32).collect()
            }
            EdmSpacing::Exponential => {
                let (low, high, count) = (self.sigma_min.ln(), self.sigma_max.ln(), ramp.len());
                let line = Tensor::linspace(low, high, count as i64, (Kind::Float, Device::Cpu)).exp();
                to_f32(&line.flip([0]))
            }
        }
    }

    /// The grid of a chain over these places; the timesteps are $\frac14\ln\sigma$.
    ///
    /// # Errors
    /// No places, or levels that the public class cannot run through.
    pub fn grid(&self, ramp: &[f64]) -> Result<Grid, NnError> {
        if ramp.is_empty() || ramp.len() > MOST_LEVELS {
            return refuse("num_inference_steps", ramp.len(), &format!("1 to {MOST_LEVELS} steps are possible"));
        }
        let mut sigmas = self.levels(ramp);
        let timesteps = sigmas.iter().map(|sigma| f64::from(0.25 * sigma.ln())).collect();
        sigmas.push(match self.final_sigmas_type {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => sigmas[sigmas.len() - 1],
        });
        Grid::new(timesteps, sigmas)
    }

    /// $1/c_{in}$, by which the network's input is divided.
    pub fn input_norm(&self, sigma: f32) -> f32 {
        root(sigma * sigma + (self.sigma_data * self.sigma_data) as f32)
    }

    /// The scale of unit noise at the start of a chain.
    pub fn initial_scale(&self) -> f64 {
        (self.sigma_max * self.sigma_max + 1.0).sqrt()
    }

    /// $\hat x_0=c_{skip}x+c_{out}F$ at level $\sigma$ from the network's output F, tensors of one shape.
    pub fn denoised(&self, x: &Tensor, output: &Tensor, sigma: f32) -> Tensor {
        let data = (self.sigma_data * self.sigma_data) as f32;
        let variance = sigma * sigma + data;
        let of_output = sigma * self.sigma_data as f32 / root(variance);
        let sign = if self.prediction_type == PredictionType::VPrediction { -1.0 } else { 1.0 };
        x * f64::from(data / variance) + output * f64::from(sign * of_output)
    }
}

/// The whole chain of `EDMEulerScheduler`: `[steps + 1]` samples from unit noise `[B, ..]` on.
///
/// `noise` is asked for a standard normal before each step that raises the noise level.
///
/// # Errors
/// Those of `noise`, or an output of another shape.
pub fn run_edm_euler(
    config: &EdmConfig,
    grid: &Grid,
    x: &Tensor,
    denoiser: impl FnMut(&Tensor, f64) -> Tensor,
    churn: Churn,
    mut noise: impl FnMut() -> Result<Tensor, NnError>,
) -> Result<Vec<Tensor>, NnError> {
    let sigmas = &grid.sigmas;
    let scale = |k: usize| config.input_norm(sigmas[k]);
    run_chain(&grid.timesteps, x * config.initial_scale(), scale, denoiser, |k, output, x| {
        let (x, raised) = churn.raise(x, sigmas[k], sigmas.len() - 1, &mut noise)?;
        let slope = (&x - config.denoised(&x, output, raised)) / f64::from(raised);
        Ok(x + slope * f64::from(sigmas[k + 1] - raised))
    })
}

/// A sampler case of `EDMEulerScheduler`; the argument `sigmas` of its `set_timesteps` holds places between 0 and 1,
/// as the public class reads it.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let mut options = Options::of_config(&case.config, "EDMEulerScheduler")?;
    let config = EdmConfig::take(&mut options)?;
    options.finish()?;
    let places: Option<Vec<f64>> = single_argument("set_timesteps.", &case.set_timesteps, "sigmas", None)?;
    let grid = config.grid(&places.unwrap_or_else(|| linspace(0.0, 1.0, case.steps.min(MOST_LEVELS + 1))))?;
    let churn = Churn::from_arguments(&case.step)?;
    let trajectory = run_edm_euler(&config, &grid, &case.x_t, case_denoiser, churn, draws(&case))?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), None, &trajectory)
}
