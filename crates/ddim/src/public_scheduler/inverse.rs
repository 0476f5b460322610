//! `DDIMInverseScheduler`: the update without noise run upwards, from data to noise.

use easel_nn::NnError;
use easel_nn::public_schedule::refuse;
use tch::Tensor;

use super::config::DdimInverseSchedulerConfig;
use super::step::{alpha_bar_at, checked_timesteps, root, split};

/// A configured scheduler.
#[derive(Debug)]
pub struct DdimInverseScheduler {
    config: DdimInverseSchedulerConfig,
    alpha_bar: Vec<f32>,
}

impl DdimInverseScheduler {
    /// Computes the schedule.
    ///
    /// # Errors
    /// An option that is not supported.
    pub fn new(config: DdimInverseSchedulerConfig) -> Result<Self, NnError> {
        config.validate()?;
        let alpha_bar = config.schedule().alpha_bar();
        Ok(Self { config, alpha_bar })
    }

    /// $\bar\alpha$ by timestep.
    pub fn alphas_cumprod(&self) -> &[f32] {
        &self.alpha_bar
    }

    /// The timesteps of a chain of K steps, rising.
    ///
    /// # Errors
    /// More steps than noise levels, none, or timesteps that are no noise levels.
    pub fn timesteps(&self, count: usize) -> Result<Vec<i64>, NnError> {
        let config = &self.config;
        let mut timesteps = checked_timesteps(
            config.timestep_spacing,
            config.num_train_timesteps,
            count,
            config.steps_offset,
            self.alpha_bar.len(),
        )?;
        timesteps.reverse();
        Ok(timesteps)
    }

    /// One step up to timestep `t`, from `gap` timesteps below; below 0 is the data.
    ///
    /// `output` is the network's at `x` and `t`, both `[B, C, ..]`.
    ///
    /// # Errors
    /// A timestep that is no noise level, a division by zero of the public class, or an output of another shape.
    pub fn step(&self, output: &Tensor, t: i64, gap: i64, x: &Tensor) -> Result<Tensor, NnError> {
        easel_core::tensor::check_shape("the network's output", output, &x.size())?;
        let to = alpha_bar_at(&self.alpha_bar, t)?;
        let from = match (t - gap).min(self.config.num_train_timesteps as i64 - 1) {
            start @ 0.. => alpha_bar_at(&self.alpha_bar, start)?,
            _ if self.config.set_alpha_to_one => 1.0,
            _ => self.alpha_bar[0],
        };
        let (x0, epsilon) = split(self.config.prediction_type, output, x, from)?;
        let bound = self.config.clip_sample_range;
        let x0 = if self.config.clip_sample { x0.clamp(-bound, bound) } else { x0 };
        Ok(x0 * f64::from(root(to)) + epsilon * f64::from(root(1.0 - to)))
    }

    /// The whole chain: `[steps + 1]` samples from the data `x` on.
    ///
    /// # Errors
    /// Those of [`DdimInverseScheduler::step`], or no timesteps.
    pub fn run(
        &self,
        timesteps: &[i64],
        x: Tensor,
        mut denoiser: impl FnMut(&Tensor, i64) -> Tensor,
    ) -> Result<Vec<Tensor>, NnError> {
        if timesteps.is_empty() {
            return refuse("timesteps", "[]", "at least one is needed");
        }
        let gap = (self.config.num_train_timesteps / timesteps.len()) as i64;
        let mut trajectory = vec![x];
        for (k, &t) in timesteps.iter().enumerate() {
            let x = &trajectory[k];
            let next = self.step(&denoiser(x, t), t, gap, x)?;
            trajectory.push(next);
        }
        Ok(trajectory)
    }
}
