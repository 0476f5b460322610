//! `DDIMScheduler`: the update of Song et al. 2021, eq. 12, on a grid.

use easel_nn::NnError;
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, dynamic_threshold, refuse, spaced_timesteps};
use tch::Tensor;

use super::StepOptions;
use super::config::DdimSchedulerConfig;

/// A configured scheduler.
#[derive(Debug)]
pub struct DdimScheduler {
    config: DdimSchedulerConfig,
    alpha_bar: Vec<f32>,
}

impl DdimScheduler {
    /// Computes the schedule.
    ///
    /// # Errors
    /// An option that is not supported.
    pub fn new(config: DdimSchedulerConfig) -> Result<Self, NnError> {
        config.validate()?;
        let alpha_bar = config.schedule().alpha_bar();
        Ok(Self { config, alpha_bar })
    }

    /// $\bar\alpha$ by timestep.
    pub fn alphas_cumprod(&self) -> &[f32] {
        &self.alpha_bar
    }

    /// The timesteps of a chain of K steps, falling.
    ///
    /// # Errors
    /// More steps than noise levels, none, or timesteps that are no noise levels.
    pub fn timesteps(&self, count: usize) -> Result<Vec<i64>, NnError> {
        let config = &self.config;
        checked_timesteps(
            config.timestep_spacing,
            config.num_train_timesteps,
            count,
            config.steps_offset,
            self.alpha_bar.len(),
        )
    }

    /// One step down from timestep `t`, by `gap` timesteps; below 0 is the data.
    ///
    /// `output` is the network's at `x`, both `[B, C, ..]`; `noise` is asked for a standard normal of that shape if
    /// $\eta>0$, also in the last step.
    ///
    /// # Errors
    /// A timestep that is no noise level, arithmetic that the public class lets run into infinity or NaN, an output of
    /// another shape, or those of `noise`.
    pub fn step(
        &self,
        output: &Tensor,
        t: i64,
        gap: i64,
        x: &Tensor,
        options: StepOptions,
        noise: impl FnOnce() -> Result<Tensor, NnError>,
    ) -> Result<Tensor, NnError> {
        easel_core::tensor::check_shape("the network's output", output, &x.size())?;
        let from = alpha_bar_at(&self.alpha_bar, t)?;
        let to = match t - gap {
            previous @ 0.. => alpha_bar_at(&self.alpha_bar, previous)?,
            _ if self.config.set_alpha_to_one => 1.0,
            _ => self.alpha_bar[0],
        };
        let (x0, epsilon) = split(self.config.prediction_type, output, x, from)?;
        let x0 = self.bounded(x0);
        // Infinite quotients may become finite bounds; what is no number then is none in the public class either.
        if from == 0.0 && !bool::try_from(x0.isfinite().all()).unwrap_or(false) {
            let reason = "x0 is undefined where nothing of it is left; predict v, or choose another timestep_spacing";
            return refuse("prediction_type", "epsilon", reason);
        }

        let deviation = options.eta as f32 * root((1.0 - to) / (1.0 - from) * (1.0 - from / to));
        let direction = root(1.0 - to - deviation * deviation);
        if !direction.is_finite() {
            let reason = format!("1 - alpha_bar - sigma^2 is below 0 or not a number in the step from timestep {t}");
            return refuse("step.eta", options.eta, &reason);
        }
        let epsilon = match options.use_clipped_model_output {
            true => (x - &x0 * f64::from(root(from))) / f64::from(root(1.0 - from)),
            false => epsilon,
        };
        let mean = x0 * f64::from(root(to)) + epsilon * f64::from(direction);
        if options.eta > 0.0 { Ok(mean + noise()? * f64::from(deviation)) } else { Ok(mean) }
    }

    /// The whole chain: `[steps + 1]` samples from `x` on.
    ///
    /// `denoiser` is called with the sample and the timestep, `noise` with k = 0, 1, .. for the k-th draw.
    ///
    /// # Errors
    /// Those of [`DdimScheduler::step`].
    pub fn run(
        &self,
        timesteps: &[i64],
        x: Tensor,
        mut denoiser: impl FnMut(&Tensor, i64) -> Tensor,
        options: StepOptions,
        mut noise: impl FnMut(usize) -> Result<Tensor, NnError>,
    ) -> Result<Vec<Tensor>, NnError> {
        let gap = (self.config.num_train_timesteps / timesteps.len().max(1)) as i64;
        let mut trajectory = vec![x];
        for (k, &t) in timesteps.iter().enumerate() {
            let x = &trajectory[k];
            let next = self.step(&denoiser(x, t), t, gap, x, options, || noise(k))?;
            trajectory.push(next);
        }
        Ok(trajectory)
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
}

/// $\sqrt x$ as libtorch rounds it, which is not always to the nearest f32; whether $1-\bar\alpha-\sigma^2$ falls below
/// 0 at $\eta=1$ hangs on the last bit.
pub(super) fn root(x: f32) -> f32 {
    Tensor::from(x).sqrt().double_value(&[]) as f32
}

/// $\bar\alpha$ at a timestep.
///
/// # Errors
/// A timestep that is no noise level.
pub(super) fn alpha_bar_at(alpha_bar: &[f32], t: i64) -> Result<f32, NnError> {
    match usize::try_from(t).ok().and_then(|t| alpha_bar.get(t)) {
        Some(value) => Ok(*value),
        None => refuse("timesteps", t, &format!("noise levels are 0 to {}", alpha_bar.len() as i64 - 1)),
    }
}

/// $\hat x_0$ and $\hat\epsilon$ from the network's output at noise level $\bar\alpha$, all of one shape.
///
/// # Errors
/// A level at which the public class divides by zero.
pub(super) fn split(
    prediction: PredictionType,
    output: &Tensor,
    x: &Tensor,
    alpha_bar: f32,
) -> Result<(Tensor, Tensor), NnError> {
    let (signal, noise) = (f64::from(root(alpha_bar)), f64::from(root(1.0 - alpha_bar)));
    Ok(match prediction {
        PredictionType::Sample if noise == 0.0 => {
            return refuse("prediction_type", "sample", "epsilon is undefined at no noise (set_alpha_to_one)");
        }
        PredictionType::Epsilon => ((x - output * noise) / signal, output.shallow_clone()),
        PredictionType::Sample => (output.shallow_clone(), (x - output * signal) / noise),
        PredictionType::VPrediction => (x * signal - output * noise, output * signal + x * noise),
    })
}

/// The timesteps of K steps, falling.
///
/// # Errors
/// More steps than noise levels, none, or timesteps that are not among the `levels` noise levels.
pub(super) fn checked_timesteps(
    spacing: TimestepSpacing,
    steps: usize,
    count: usize,
    offset: i64,
    levels: usize,
) -> Result<Vec<i64>, NnError> {
    if count < 1 || count > steps {
        return refuse("num_inference_steps", count, &format!("1 to {steps} steps are possible"));
    }
    let length = (steps as f64 / (steps as f64 / count as f64)).ceil() as usize;
    if spacing == TimestepSpacing::Trailing && length != count {
        return refuse("num_inference_steps", count, "with trailing, the public class adds the timestep -1 here");
    }
    let timesteps = spaced_timesteps(spacing, steps, count, offset);
    if let Some(t) = timesteps.iter().find(|t| !(0..levels as i64).contains(*t)) {
        let reason = format!("noise levels are 0 to {}; change num_inference_steps or steps_offset", levels - 1);
        return refuse("timesteps", t, &reason);
    }
    Ok(timesteps)
}
