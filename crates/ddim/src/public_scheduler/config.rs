//! The public configurations, key by key; missing keys take the public defaults.

use easel_nn::NnError;
use easel_nn::public::public_json;
use easel_nn::public_schedule::{
    BetaSchedule, PredictionType, TimestepSpacing, betas, cumulative, refuse, rescale_zero_terminal_snr,
};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// More noise levels than any schedule has; a bound on what is computed for a damaged file.
const MOST_LEVELS: usize = 1_000_000;

/// The configuration of `DDIMScheduler`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DdimSchedulerConfig {
    /// T.
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// Rule for the betas between.
    pub beta_schedule: BetaSchedule,
    /// All betas, instead of a rule.
    pub trained_betas: Option<Vec<f64>>,
    /// Whether $\hat x_0$ is clipped.
    pub clip_sample: bool,
    /// Whether $\bar\alpha$ beyond timestep 0 is 1, instead of that at timestep 0.
    pub set_alpha_to_one: bool,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
    /// What the network's output stands for.
    pub prediction_type: PredictionType,
    /// Whether $\hat x_0$ is clipped to a quantile of its own absolute values, and divided by it.
    pub thresholding: bool,
    /// That quantile's level.
    pub dynamic_thresholding_ratio: f64,
    /// Bound of `clip_sample`.
    pub clip_sample_range: f64,
    /// Upper bound of the quantile.
    pub sample_max_value: f64,
    /// Rule for timesteps.
    pub timestep_spacing: TimestepSpacing,
    /// Whether the betas are rescaled so that nothing of the data is left at T.
    pub rescale_betas_zero_snr: bool,
}

impl Default for DdimSchedulerConfig {
    /// The public defaults.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            clip_sample: true,
            set_alpha_to_one: true,
            steps_offset: 0,
            prediction_type: PredictionType::Epsilon,
            thresholding: false,
            dynamic_thresholding_ratio: 0.995,
            clip_sample_range: 1.0,
            sample_max_value: 1.0,
            timestep_spacing: TimestepSpacing::Leading,
            rescale_betas_zero_snr: false,
        }
    }
}

/// The configuration of `DDIMInverseScheduler`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DdimInverseSchedulerConfig {
    /// T.
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// Rule for the betas between.
    pub beta_schedule: BetaSchedule,
    /// All betas, instead of a rule.
    pub trained_betas: Option<Vec<f64>>,
    /// Whether $\hat x_0$ is clipped.
    pub clip_sample: bool,
    /// Whether $\bar\alpha$ before timestep 0 is 1, instead of that at timestep 0.
    pub set_alpha_to_one: bool,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
    /// What the network's output stands for.
    pub prediction_type: PredictionType,
    /// Bound of `clip_sample`.
    pub clip_sample_range: f64,
    /// Rule for timesteps, not `linspace`.
    pub timestep_spacing: TimestepSpacing,
    /// Whether the betas are rescaled so that nothing of the data is left at T.
    pub rescale_betas_zero_snr: bool,
}

impl Default for DdimInverseSchedulerConfig {
    /// The public defaults.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            clip_sample: true,
            set_alpha_to_one: true,
            steps_offset: 0,
            prediction_type: PredictionType::Epsilon,
            clip_sample_range: 1.0,
            timestep_spacing: TimestepSpacing::Leading,
            rescale_betas_zero_snr: false,
        }
    }
}

impl DdimSchedulerConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or an option that is not supported.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let config: Self = public_json(text, "DDIMScheduler")?;
        config.validate()?;
        Ok(config)
    }

    pub(super) fn validate(&self) -> Result<(), NnError> {
        if !(0.0..=1.0).contains(&self.dynamic_thresholding_ratio) {
            return refuse("dynamic_thresholding_ratio", self.dynamic_thresholding_ratio, "it must be in [0, 1]");
        }
        self.schedule().validate()
    }

    pub(super) fn schedule(&self) -> Schedule<'_> {
        Schedule {
            steps: self.num_train_timesteps,
            ends: (self.beta_start, self.beta_end),
            rule: self.beta_schedule,
            trained: self.trained_betas.as_deref(),
            zero_snr: self.rescale_betas_zero_snr,
            offset: self.steps_offset,
        }
    }
}

impl DdimInverseSchedulerConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or an option that is not supported.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let config: Self = public_json(text, "DDIMInverseScheduler")?;
        config.validate()?;
        Ok(config)
    }

    pub(super) fn validate(&self) -> Result<(), NnError> {
        if self.timestep_spacing == TimestepSpacing::Linspace {
            return refuse("timestep_spacing", "linspace", "this class knows leading and trailing");
        }
        self.schedule().validate()
    }

    pub(super) fn schedule(&self) -> Schedule<'_> {
        Schedule {
            steps: self.num_train_timesteps,
            ends: (self.beta_start, self.beta_end),
            rule: self.beta_schedule,
            trained: self.trained_betas.as_deref(),
            zero_snr: self.rescale_betas_zero_snr,
            offset: self.steps_offset,
        }
    }
}

/// The options of either class that make the schedule.
pub(super) struct Schedule<'a> {
    steps: usize,
    ends: (f64, f64),
    rule: BetaSchedule,
    trained: Option<&'a [f64]>,
    zero_snr: bool,
    offset: i64,
}

impl Schedule<'_> {
    fn validate(&self) -> Result<(), NnError> {
        if self.steps == 0 || self.steps > MOST_LEVELS {
            let range = format!("1 to {MOST_LEVELS} noise levels are possible");
            return refuse("num_train_timesteps", self.steps, &range);
        }
        if matches!(self.rule, BetaSchedule::Sigmoid | BetaSchedule::Laplace) {
            let known = "this class knows linear, scaled_linear, squaredcos_cap_v2";
            return refuse("beta_schedule", format!("{:?}", self.rule).to_lowercase(), known);
        }
        if self.trained.is_some_and(<[f64]>::is_empty) {
            return refuse("trained_betas", "[]", "give betas, or null");
        }
        if self.offset.unsigned_abs() > self.steps as u64 {
            return refuse("steps_offset", self.offset, "it leads beyond the noise levels");
        }
        Ok(())
    }

    /// $\bar\alpha$ by timestep.
    pub(super) fn alpha_bar(&self) -> Vec<f32> {
        let betas = match self.trained {
            Some(trained) => Tensor::from_slice(trained).to_kind(Kind::Float),
            None => betas(self.rule, self.ends.0, self.ends.1, self.steps),
        };
        cumulative(&if self.zero_snr { rescale_zero_terminal_snr(&betas) } else { betas })
    }
}
