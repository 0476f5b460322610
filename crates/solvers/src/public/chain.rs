//! The loop over a grid, which all classes share, and what a case of it computes.

use std::cell::Cell;
use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict, sampler_denoiser};
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, refuse};
use serde::de::DeserializeOwned;
use tch::{Kind, Tensor};

use super::options::Options;
use super::sigmas::root;

/// Timesteps and noise levels of a chain, both as long as the class makes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// What the denoiser is told at each call.
    pub timesteps: Vec<f64>,
    /// Noise levels, the last is where the chain ends.
    pub sigmas: Vec<f32>,
}

impl Grid {
    /// A grid that a chain can run through.
    ///
    /// # Errors
    /// No timesteps, some that are not finite, levels that are not positive before the last, or a first timestep that
    /// occurs again: the public classes look up their place in the chain by timestep, find the second one, skip the
    /// first step and run beyond the grid's end.
    pub fn new(timesteps: Vec<f64>, sigmas: Vec<f32>) -> Result<Self, NnError> {
        let Some(&first) = timesteps.first() else {
            return refuse("timesteps", "[]", "at least one is needed");
        };
        if let Some(t) = timesteps.iter().find(|t| !t.is_finite()) {
            return refuse("timesteps", t, "they must be finite");
        }
        if timesteps[1..].contains(&first) {
            return refuse("timesteps", first, "the first one must not occur again; take fewer steps");
        }
        let (last, before) = sigmas.split_last().map_or((&0.0, &[][..]), |(last, before)| (last, before));
        if let Some(sigma) = before.iter().chain((*last < 0.0).then_some(last)).find(|s| !s.is_finite() || **s <= 0.0) {
            return refuse("sigmas", sigma, "noise levels must be finite and above 0, the last not below 0");
        }
        Ok(Self { timesteps, sigmas })
    }

    /// The same with more levels at the end.
    pub fn extended(mut self, levels: impl IntoIterator<Item = f32>) -> Self {
        self.sigmas.extend(levels);
        self
    }

    /// The scale of unit noise at the start of a chain: the largest level, with the data's unit variance for `leading`.
    pub fn initial_scale(&self, spacing: TimestepSpacing) -> f32 {
        let largest = self.sigmas.iter().copied().fold(0.0, f32::max);
        match spacing {
            TimestepSpacing::Leading => norm(largest),
            TimestepSpacing::Linspace | TimestepSpacing::Trailing => largest,
        }
    }
}

/// $\sqrt{\sigma^2+1}$, by which the network's input is divided.
pub fn norm(sigma: f32) -> f32 {
    root(sigma * sigma + 1.0)
}

/// $\hat x_0$ from the network's output at the sample `x` = $x_0+\sigma\epsilon$ (unscaled), tensors of one shape.
pub fn denoised(prediction: PredictionType, x: &Tensor, output: &Tensor, sigma: f32) -> Tensor {
    match prediction {
        PredictionType::Epsilon => x - output * f64::from(sigma),
        PredictionType::VPrediction => output * f64::from(-sigma / norm(sigma)) + x / f64::from(sigma * sigma + 1.0),
        PredictionType::Sample => output.shallow_clone(),
    }
}

/// A chain: all samples from `x` on, `[timesteps + 1]`.
///
/// At call k the denoiser gets the sample divided by `scale(k)`, and `step(k, output, sample)` makes the next sample.
///
/// # Errors
/// Those of `step`.
pub fn run_chain(
    timesteps: &[f64],
    x: Tensor,
    scale: impl Fn(usize) -> f32,
    mut denoiser: impl FnMut(&Tensor, f64) -> Tensor,
    mut step: impl FnMut(usize, &Tensor, &Tensor) -> Result<Tensor, NnError>,
) -> Result<Vec<Tensor>, NnError> {
    let mut trajectory = vec![x];
    for (k, &t) in timesteps.iter().enumerate() {
        let x = &trajectory[k];
        let output = denoiser(&(x / f64::from(scale(k))), t);
        easel_core::tensor::check_shape("the network's output", &output, &x.size())?;
        let next = step(k, &output, x)?;
        trajectory.push(next);
    }
    Ok(trajectory)
}

/// The draws of a case, in the order in which they are asked for.
pub fn draws(case: &SamplerCase) -> impl FnMut() -> Result<Tensor, NnError> {
    let drawn = Cell::new(0);
    move || case.draw(drawn.replace(drawn.get() + 1))
}

/// The denoiser of cases.
pub fn case_denoiser(x: &Tensor, t: f64) -> Tensor {
    sampler_denoiser(x, t, false)
}

/// One argument of a method of a case, the only one that it may have.
///
/// # Errors
/// A value of another type, or another argument.
pub fn single_argument<T: DeserializeOwned>(
    scope: &'static str,
    arguments: &serde_json::Map<String, serde_json::Value>,
    key: &str,
    default: T,
) -> Result<T, NnError> {
    let mut options = Options::of_arguments(scope, arguments);
    let value = options.take(key, default)?;
    options.finish()?;
    Ok(value)
}

/// Compares what a case computed with what is expected.
///
/// # Errors
/// A trajectory that is not finite, or the errors of [`Verdict::new`].
pub fn verdict(
    folder: &Path,
    timesteps: &[f64],
    sigmas: Option<&[f32]>,
    alpha_bar: Option<&[f32]>,
    trajectory: &[Tensor],
) -> Result<Verdict, NnError> {
    let trajectory = Tensor::stack(trajectory, 0);
    if !bool::try_from(trajectory.isfinite().all()).unwrap_or(false) {
        return refuse("trajectory", "not finite", "the public class gives no numbers here either");
    }
    let mut computed = vec![("timesteps".to_owned(), Tensor::from_slice(timesteps))];
    for (name, values) in [("sigmas", sigmas), ("alphas_cumprod", alpha_bar)] {
        if let Some(values) = values {
            computed.push((name.to_owned(), Tensor::from_slice(values).to_kind(Kind::Double)));
        }
    }
    computed.push(("trajectory".to_owned(), trajectory));
    Verdict::new(folder, computed)
}
