//! The table of noise levels that the sigma-space classes are configured with.

use easel_nn::NnError;
use easel_nn::public_schedule::{
    self, BetaSchedule, PredictionType, TimestepSpacing, cumulative, refuse, rescale_zero_terminal_snr,
};
use serde::Deserialize;
use tch::{Kind, Tensor};

use super::options::Options;
use super::sigmas::{MOST_LEVELS, SigmaSpacing, log_table, sigma_at, sigma_table, sigma_to_t, timestep_grid};

/// Rule for betas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaRule {
    /// Equispaced.
    Linear,
    /// With equispaced roots.
    ScaledLinear,
    /// Cosine.
    #[serde(rename = "squaredcos_cap_v2")]
    Cosine,
    /// $\bar\alpha(u)=e^{-12u}$; `HeunDiscreteScheduler` alone knows it.
    Exp,
}

/// The options of a class that make its betas.
#[derive(Debug, Clone, PartialEq)]
pub struct BetaOptions {
    /// T.
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// Rule for the betas between.
    pub beta_schedule: BetaRule,
    /// All betas, instead of a rule.
    pub trained_betas: Option<Vec<f64>>,
}

impl BetaOptions {
    /// Takes the options from a configuration; `beta_start` and `beta_end` are the defaults of the class.
    ///
    /// # Errors
    /// A value of another type or out of range.
    pub fn take(options: &mut Options, beta_start: f64, beta_end: f64) -> Result<Self, NnError> {
        let betas = Self {
            num_train_timesteps: options.take("num_train_timesteps", 1000)?,
            beta_start: options.take("beta_start", beta_start)?,
            beta_end: options.take("beta_end", beta_end)?,
            beta_schedule: options.take("beta_schedule", BetaRule::Linear)?,
            trained_betas: options.take("trained_betas", None)?,
        };
        let steps = betas.num_train_timesteps;
        if steps == 0 || steps > MOST_LEVELS {
            return refuse("num_train_timesteps", steps, &format!("1 to {MOST_LEVELS} noise levels are possible"));
        }
        if betas.trained_betas.as_ref().is_some_and(Vec::is_empty) {
            return refuse("trained_betas", "[]", "give betas, or null");
        }
        Ok(betas)
    }

    /// Refuses the rule that one class alone knows.
    ///
    /// # Errors
    /// `exp`.
    pub fn without_exp(self) -> Result<Self, NnError> {
        match self.beta_schedule {
            BetaRule::Exp => {
                refuse("beta_schedule", "exp", "this class knows linear, scaled_linear, squaredcos_cap_v2")
            }
            _ => Ok(self),
        }
    }

    /// $\bar\alpha$ by timestep.
    pub fn alpha_bar(&self) -> Vec<f32> {
        cumulative(&self.betas())
    }

    /// The betas, f32 `[T]`.
    fn betas(&self) -> Tensor {
        let rule = match (&self.trained_betas, self.beta_schedule) {
            (Some(trained), _) => return Tensor::from_slice(trained).to_kind(Kind::Float),
            (None, BetaRule::Linear) => BetaSchedule::Linear,
            (None, BetaRule::ScaledLinear) => BetaSchedule::ScaledLinear,
            (None, BetaRule::Cosine) => BetaSchedule::Cosine,
            (None, BetaRule::Exp) => return exp_betas(self.num_train_timesteps),
        };
        public_schedule::betas(rule, self.beta_start, self.beta_end, self.num_train_timesteps)
    }
}

fn exp_betas(steps: usize) -> Tensor {
    let alpha_bar = |i: usize| (i as f64 / steps as f64 * -12.0).exp();
    let betas: Vec<f32> = (0..steps).map(|i| (1.0 - alpha_bar(i + 1) / alpha_bar(i)).min(0.999) as f32).collect();
    Tensor::from_slice(&betas)
}

/// What the network's output stands for, in a class that predicts no $x_0$.
///
/// # Errors
/// A value of another type, or `sample`.
pub fn take_noise_or_v(options: &mut Options) -> Result<PredictionType, NnError> {
    match options.take("prediction_type", PredictionType::Epsilon)? {
        PredictionType::Sample => refuse("prediction_type", "sample", "this class knows epsilon and v_prediction"),
        other => Ok(other),
    }
}

/// Noise levels by timestep.
#[derive(Debug)]
pub struct NoiseTable {
    /// T, which trained betas need not have in length.
    pub num_train_timesteps: usize,
    /// $\bar\alpha$.
    pub alpha_bar: Vec<f32>,
    /// $\sigma$.
    pub sigmas: Vec<f32>,
    /// $\ln\sigma$.
    pub log_sigmas: Vec<f32>,
}

impl NoiseTable {
    /// Computes the table; with `zero_snr`, from betas rescaled so that $\bar\alpha_T$ is zero, which then is replaced
    /// by $2^{-24}$ as in the public code.
    ///
    /// # Errors
    /// Betas that give noise levels which are not finite or not positive.
    pub fn new(options: &BetaOptions, zero_snr: bool) -> Result<Self, NnError> {
        let betas = options.betas();
        let mut alpha_bar = cumulative(&if zero_snr { rescale_zero_terminal_snr(&betas) } else { betas });
        if zero_snr && let Some(last) = alpha_bar.last_mut() {
            *last = 2f32.powi(-24);
        }
        let sigmas = sigma_table(&alpha_bar);
        if let Some(i) = sigmas.iter().position(|sigma| !sigma.is_finite() || *sigma <= 0.0) {
            let key = if options.trained_betas.is_some() { "trained_betas" } else { "beta_schedule" };
            return refuse(key, format!("sigma {} at timestep {i}", sigmas[i]), "noise levels must be finite, above 0");
        }
        let log_sigmas = log_table(&sigmas);
        Ok(Self { num_train_timesteps: options.num_train_timesteps, alpha_bar, sigmas, log_sigmas })
    }

    /// $\sigma$ at a timestep.
    pub fn sigma(&self, t: f32) -> f64 {
        sigma_at(f64::from(t), &self.sigmas)
    }

    /// The timestep of a noise level.
    pub fn timestep(&self, sigma: f64) -> f64 {
        sigma_to_t(sigma, &self.log_sigmas)
    }

    /// The timesteps of a chain of K steps; `num_train_timesteps`, if it is above 0, replaces T.
    ///
    /// # Errors
    /// Those of [`timestep_grid`], or a replaced T out of range.
    pub fn spaced(
        &self,
        spacing: TimestepSpacing,
        offset: i64,
        count: usize,
        num_train_timesteps: Option<usize>,
    ) -> Result<Vec<f32>, NnError> {
        let steps = num_train_timesteps.filter(|steps| *steps > 0).unwrap_or(self.num_train_timesteps);
        if steps > MOST_LEVELS {
            return refuse("set_timesteps.num_train_timesteps", steps, &format!("at most {MOST_LEVELS} are possible"));
        }
        timestep_grid(spacing, steps, count, offset)
    }

    /// Noise levels of timesteps, linear in $\sigma$ between entries.
    pub fn levels(&self, timesteps: &[f32]) -> Vec<f64> {
        timesteps.iter().map(|t| self.sigma(*t)).collect()
    }

    /// Timesteps and noise levels that a [`SigmaSpacing`] puts in place of those given, from `first` or the first
    /// level to `last` or the last level.
    pub fn respaced(
        &self,
        timesteps: &[f32],
        levels: Vec<f64>,
        spacing: SigmaSpacing,
        (first, last): (Option<f64>, Option<f64>),
        count: usize,
    ) -> (Vec<f64>, Vec<f64>) {
        let ends = first.or(levels.first().copied()).zip(last.or(levels.last().copied()));
        match ends.and_then(|(first, last)| spacing.levels(first, last, count)) {
            Some(spaced) => (spaced.iter().map(|sigma| self.timestep(*sigma)).collect(), spaced),
            None => (timesteps.iter().map(|t| f64::from(*t)).collect(), levels),
        }
    }
}
