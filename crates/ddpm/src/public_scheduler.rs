//! The public sampler class `DDPMScheduler`, number for number.
//!
//! Timesteps count from 0 here, as in the public code: timestep i is our time i + 1, and -1 is our time 0.
//! Schedules and scalars are rounded to f32 where the public code rounds them. That is not how [`crate::process`]
//! works, but between neighbouring times near the data the rounding of $1-\bar\alpha_t/\bar\alpha_s$ is visible in
//! samples (3e-4), and published numbers contain it.

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict, sampler_denoiser};
use easel_nn::public::public_json;
use easel_nn::public_schedule::{
    BetaSchedule, PredictionType, TimestepSpacing, betas, cumulative, dynamic_threshold, refuse,
    rescale_zero_terminal_snr, spaced_timesteps,
};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// The public configuration, key by key; missing keys take the public defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DdpmSchedulerConfig {
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
    /// $\sigma_t^2$.
    pub variance_type: VarianceType,
    /// Whether $\hat x_0$ is clipped.
    pub clip_sample: bool,
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
    /// Rule for the times of a short chain.
    pub timestep_spacing: TimestepSpacing,
    /// Added to the times of `leading`.
    pub steps_offset: i64,
    /// Whether the betas are rescaled so that nothing of the data is left at T.
    pub rescale_betas_zero_snr: bool,
}

/// $\sigma_t^2$ of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarianceType {
    /// $\tilde\beta_t$.
    FixedSmall,
    /// The same, by way of its logarithm.
    FixedSmallLog,
    /// $\beta_t$.
    FixedLarge,
    /// Known to the public class, which takes the root of a negative logarithm and gives NaN; refused.
    FixedLargeLog,
    /// The network's further channels are the variance.
    Learned,
    /// They interpolate between both logarithms (Nichol and Dhariwal 2021, eq. 15).
    LearnedRange,
}

impl Default for DdpmSchedulerConfig {
    /// The public defaults.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            variance_type: VarianceType::FixedSmall,
            clip_sample: true,
            prediction_type: PredictionType::Epsilon,
            thresholding: false,
            dynamic_thresholding_ratio: 0.995,
            clip_sample_range: 1.0,
            sample_max_value: 1.0,
            timestep_spacing: TimestepSpacing::Leading,
            steps_offset: 0,
            rescale_betas_zero_snr: false,
        }
    }
}

impl DdpmSchedulerConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or an option that is not supported.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let config: Self = public_json(text, "DDPMScheduler")?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), NnError> {
        if self.num_train_timesteps == 0 {
            return refuse("num_train_timesteps", 0, "at least one noise level is needed");
        }
        if self.variance_type == VarianceType::FixedLargeLog {
            return refuse("variance_type", "fixed_large_log", "its public formula gives NaN; use fixed_large");
        }
        if !(0.0..=1.0).contains(&self.dynamic_thresholding_ratio) {
            return refuse("dynamic_thresholding_ratio", self.dynamic_thresholding_ratio, "it must be in [0, 1]");
        }
        Ok(())
    }
}

/// A configured scheduler.
#[derive(Debug)]
pub struct DdpmScheduler {
    config: DdpmSchedulerConfig,
    alpha_bar: Vec<f32>,
}

impl DdpmScheduler {
    /// Computes the schedule.
    ///
    /// # Errors
    /// An option that is not supported, or trained betas that are none.
    pub fn new(config: DdpmSchedulerConfig) -> Result<Self, NnError> {
        config.validate()?;
        let mut betas = match &config.trained_betas {
            Some(trained) if trained.is_empty() => return refuse("trained_betas", "[]", "give betas, or null"),
            Some(trained) => Tensor::from_slice(trained).to_kind(Kind::Float),
            None => betas(config.beta_schedule, config.beta_start, config.beta_end, config.num_train_timesteps),
        };
        if config.rescale_betas_zero_snr {
            betas = rescale_zero_terminal_snr(&betas);
        }
        Ok(Self { config, alpha_bar: cumulative(&betas) })
    }

    /// $\bar\alpha$ by timestep.
    pub fn alphas_cumprod(&self) -> &[f32] {
        &self.alpha_bar
    }

    /// The timesteps of a chain of K steps, falling.
    ///
    /// # Errors
    /// More steps than noise levels, none, or an offset that leads beyond the last level.
    pub fn timesteps(&self, count: usize) -> Result<Vec<i64>, NnError> {
        let steps = self.config.num_train_timesteps;
        if count < 1 || count > steps {
            return refuse("num_inference_steps", count, &format!("1 to {steps} steps are possible"));
        }
        let offset = self.config.steps_offset;
        self.custom_timesteps(spaced_timesteps(self.config.timestep_spacing, steps, count, offset))
    }

    /// Checks timesteps that the user chose.
    ///
    /// # Errors
    /// Timesteps that do not fall strictly, or that are not noise levels.
    pub fn custom_timesteps(&self, timesteps: Vec<i64>) -> Result<Vec<i64>, NnError> {
        let levels = self.alpha_bar.len().min(self.config.num_train_timesteps) as i64;
        if timesteps.is_empty() || !timesteps.is_sorted_by(|a, b| a > b) {
            return refuse("timesteps", format!("{timesteps:?}"), "they must fall strictly");
        }
        if let Some(t) = timesteps.iter().find(|t| !(0..levels).contains(*t)) {
            return refuse("timesteps", t, &format!("noise levels are 0 to {}", levels - 1));
        }
        Ok(timesteps)
    }

    /// Whether the network has further channels for the variance.
    pub fn learns_variance(&self) -> bool {
        matches!(self.config.variance_type, VarianceType::Learned | VarianceType::LearnedRange)
    }

    /// One step from timestep `t` to `previous` (-1 is the data): the sample there.
    ///
    /// `output` is the network's `[B, C or 2C, H, W]` at `sample` `[B, C, H, W]`; `noise` is asked for a standard
    /// normal `[B, C, H, W]` unless `t` is 0. Source: Ho et al. 2020, Algorithm 2, with eq. 7.
    ///
    /// # Errors
    /// Channels that do not fit the variance type, timesteps that are not `previous` < `t` < T, or those of `noise`.
    pub fn step(
        &self,
        output: &Tensor,
        t: i64,
        previous: i64,
        sample: &Tensor,
        noise: impl FnOnce() -> Result<Tensor, NnError>,
    ) -> Result<Tensor, NnError> {
        if previous < -1 || previous >= t || t as usize >= self.alpha_bar.len() {
            let message = format!("a step from {t} to {previous} of {} levels", self.alpha_bar.len());
            return Err(NnError::Input { input: "timestep", message });
        }
        let (prediction, extra) = self.split(output, sample)?;
        let alpha_bar = self.alpha_bar[t as usize];
        let alpha_bar_previous = if previous < 0 { 1.0 } else { self.alpha_bar[previous as usize] };
        let (beta_bar, beta_bar_previous) = (1.0 - alpha_bar, 1.0 - alpha_bar_previous);
        let alpha = alpha_bar / alpha_bar_previous;
        let beta = 1.0 - alpha;

        let (signal, noise_level) = (f64::from(alpha_bar.sqrt()), f64::from(beta_bar.sqrt()));
        let x0 = match self.config.prediction_type {
            PredictionType::Epsilon => (sample - prediction * noise_level) / signal,
            PredictionType::Sample => prediction,
            PredictionType::VPrediction => sample * signal - prediction * noise_level,
        };
        let x0 = self.bounded(x0);
        let of_x0 = f64::from(alpha_bar_previous.sqrt() * beta / beta_bar);
        let of_sample = f64::from(alpha.sqrt() * beta_bar_previous / beta_bar);
        let mean = x0 * of_x0 + sample * of_sample;
        if t == 0 {
            return Ok(mean);
        }
        let small = (beta_bar_previous / beta_bar * beta).max(1e-20);
        Ok(mean + self.deviation(small, beta, extra.as_ref()) * noise()?)
    }

    /// The whole chain: `[steps + 1]` samples from `x` on, at the end the data.
    ///
    /// `denoiser` is called with the sample and the timestep, `noise` with k = 0, 1, .. for the k-th draw.
    ///
    /// # Errors
    /// Those of [`DdpmScheduler::step`].
    pub fn run(
        &self,
        timesteps: &[i64],
        x: Tensor,
        mut denoiser: impl FnMut(&Tensor, i64) -> Tensor,
        mut noise: impl FnMut(usize) -> Result<Tensor, NnError>,
    ) -> Result<Vec<Tensor>, NnError> {
        let mut trajectory = vec![x];
        for (k, &t) in timesteps.iter().enumerate() {
            let previous = timesteps.get(k + 1).copied().unwrap_or(-1);
            let x = &trajectory[k];
            let next = self.step(&denoiser(x, t), t, previous, x, || noise(k))?;
            trajectory.push(next);
        }
        Ok(trajectory)
    }

    fn split(&self, output: &Tensor, sample: &Tensor) -> Result<(Tensor, Option<Tensor>), NnError> {
        let mut expected = sample.size();
        let channels = expected[1];
        if self.learns_variance() {
            expected[1] *= 2;
        }
        easel_core::tensor::check_shape("the network's output", output, &expected)?;
        Ok(match self.learns_variance() {
            true => (output.narrow(1, 0, channels), Some(output.narrow(1, channels, channels))),
            false => (output.shallow_clone(), None),
        })
    }

    fn bounded(&self, x0: Tensor) -> Tensor {
        let config = &self.config;
        if config.thresholding {
            dynamic_threshold(&x0, config.dynamic_thresholding_ratio, config.sample_max_value)
        } else if config.clip_sample {
            x0.clamp(-config.clip_sample_range, config.clip_sample_range)
        } else {
            x0
        }
    }

    /// $\sigma$, one number or `[B, C, H, W]`.
    fn deviation(&self, small: f32, large: f32, extra: Option<&Tensor>) -> Tensor {
        let number = |sigma: f32| Tensor::from(sigma);
        match (self.config.variance_type, extra) {
            (VarianceType::FixedLarge | VarianceType::FixedLargeLog, _) => number(large.sqrt()),
            (VarianceType::FixedSmallLog, _) => number((0.5 * small.ln()).exp()),
            (VarianceType::Learned, Some(variance)) => variance.sqrt(),
            (VarianceType::LearnedRange, Some(v)) => {
                let fraction = (v + 1.0) / 2.0;
                let log = &fraction * f64::from(large.ln()) + (1f64 - &fraction) * f64::from(small.ln());
                (log * 0.5).exp()
            }
            _ => number(small.sqrt()),
        }
    }
}

/// A sampler case of `DDPMScheduler`: outputs `timesteps`, `alphas_cumprod`, `trajectory`.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = DdpmScheduler::new(DdpmSchedulerConfig::from_json(&case.config)?)?;
    if let Some((key, value)) = case.step.iter().next() {
        return refuse("step", format!("{key}: {value}"), "a step of this class has no arguments");
    }
    if let Some((key, value)) = case.set_timesteps.iter().find(|(key, _)| *key != "timesteps") {
        return refuse("set_timesteps", format!("{key}: {value}"), "this class knows `timesteps` alone");
    }
    let timesteps = match case.set_timesteps.get("timesteps") {
        None => scheduler.timesteps(case.steps)?,
        Some(value) => match serde_json::from_value::<Vec<i64>>(value.clone()) {
            Ok(chosen) => scheduler.custom_timesteps(chosen)?,
            Err(_) => return refuse("set_timesteps.timesteps", value, "a list of integers is expected"),
        },
    };
    let denoiser = |x: &Tensor, t: i64| sampler_denoiser(x, t as f64, scheduler.learns_variance());
    let trajectory = scheduler.run(&timesteps, case.x_t.shallow_clone(), denoiser, |k| case.draw(k))?;
    let computed = vec![
        ("timesteps".to_owned(), Tensor::from_slice(&timesteps).to_kind(Kind::Double)),
        ("alphas_cumprod".to_owned(), Tensor::from_slice(scheduler.alphas_cumprod()).to_kind(Kind::Double)),
        ("trajectory".to_owned(), Tensor::stack(&trajectory, 0)),
    ];
    Verdict::new(folder, computed)
}

#[cfg(test)]
mod tests {
    use easel_core::schedule::NoiseSchedule;
    use tch::Device;

    use super::*;

    fn scheduler(json: &str) -> Result<DdpmScheduler, NnError> {
        DdpmScheduler::new(DdpmSchedulerConfig::from_json(json)?)
    }

    #[test]
    fn schedules_are_those_of_the_papers_in_f32() {
        let linear = NoiseSchedule::linear(1000).unwrap();
        let cosine = (r#"{"beta_schedule": "squaredcos_cap_v2"}"#, NoiseSchedule::cosine(1000).unwrap());
        let zero = (r#"{"rescale_betas_zero_snr": true}"#, linear.rescale_zero_terminal_snr().unwrap());
        for (json, schedule) in [("{}", linear), cosine, zero] {
            let public = scheduler(json).unwrap();
            for (i, &alpha_bar) in public.alphas_cumprod().iter().enumerate() {
                assert!((f64::from(alpha_bar) - schedule.alpha_bar(i + 1)).abs() < 1e-5, "{json} at timestep {i}");
            }
        }
    }

    #[test]
    fn the_last_step_gives_the_bounded_x0_and_learned_variances_are_used() {
        let x = Tensor::from_slice(&[0.5f32, -3.0, 0.25, 0.0]).reshape([1, 1, 2, 2]);
        let one = || Ok(Tensor::ones([1, 1, 2, 2], (Kind::Float, Device::Cpu)));
        let sample = scheduler(r#"{"prediction_type": "sample"}"#).unwrap();
        let data = sample.step(&x, 0, -1, &x, || unreachable!("the last step draws no noise")).unwrap();
        assert!((data - x.clamp(-1.0, 1.0)).abs().max().double_value(&[]) < 1e-6);

        let learned = scheduler(r#"{"prediction_type": "sample", "variance_type": "learned"}"#).unwrap();
        let quarter = Tensor::full_like(&x, 0.25);
        let step = |output: &Tensor| learned.step(output, 500, 400, &x, one).unwrap();
        let more = step(&Tensor::cat(&[&x, &quarter], 1)) - step(&Tensor::cat(&[&x, &(&quarter * 0.0)], 1));
        assert!((more - 0.5).abs().max().double_value(&[]) < 1e-6);
        assert!(learned.step(&x, 500, 400, &x, one).unwrap_err().to_string().contains("[1, 1, 2, 2]"));
    }

    #[test]
    fn unsupported_options_are_refused_by_name() {
        let refused = |json: &str| scheduler(json).and_then(|s| s.timesteps(1000)).unwrap_err().to_string();
        for (json, key, value) in [
            (r#"{"variance_type": "fixed_large_log"}"#, "variance_type", "NaN"),
            (r#"{"beta_schedule": "exp"}"#, "beta_schedule", "`exp`"),
            (r#"{"set_alpha_to_one": true}"#, "set_alpha_to_one", "unknown field"),
            (r#"{"steps_offset": 1}"#, "timesteps", "1000"),
            (r#"{"num_train_timesteps": 500}"#, "num_inference_steps", "1000"),
            (r#"{"_class_name": "DDIMScheduler"}"#, "_class_name", "DDIMScheduler"),
        ] {
            let message = refused(json);
            assert!(message.contains(key) && message.contains(value), "{json} gave: {message}");
        }
        assert!(scheduler("{}").unwrap().custom_timesteps(vec![5, 5]).is_err());
    }
}
