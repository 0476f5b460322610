//! The public sampler class `HeunDiscreteScheduler`: Heun's method in $\sigma$ (Karras et al. 2022,
//! arXiv:2206.00364, Algorithm 1).
//!
//! A step is two calls of the network, the last step one; all of them count as timesteps.

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, refuse};
use tch::Tensor;

use super::chain::{Grid, case_denoiser, denoised, norm, run_chain, verdict};
use super::options::Options;
use super::sigmas::SigmaSpacing;
use super::table::{BetaOptions, NoiseTable};

/// The public configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct HeunConfig {
    /// Options of the betas.
    pub betas: BetaOptions,
    /// What the network's output stands for.
    pub prediction_type: PredictionType,
    /// How noise levels are spaced.
    pub sigma_spacing: SigmaSpacing,
    /// Bound of $|\hat x_0|$, from `clip_sample` and `clip_sample_range`.
    pub clip: Option<f64>,
    /// Rule for timesteps.
    pub timestep_spacing: TimestepSpacing,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
}

impl HeunConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that exclude one another.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut options = Options::of_config(text, "HeunDiscreteScheduler")?;
        let config = Self {
            betas: BetaOptions::take(&mut options, 0.00085, 0.012)?,
            prediction_type: options.take("prediction_type", PredictionType::Epsilon)?,
            sigma_spacing: SigmaSpacing::take(&mut options)?,
            clip: {
                let (clip, range) = (options.take("clip_sample", false)?, options.take("clip_sample_range", 1.0)?);
                clip.then_some(range)
            },
            timestep_spacing: options.take("timestep_spacing", TimestepSpacing::Linspace)?,
            steps_offset: options.take("steps_offset", 0)?,
        };
        options.finish()?;
        Ok(config)
    }
}

/// A configured scheduler.
#[derive(Debug)]
pub struct HeunDiscrete {
    config: HeunConfig,
    table: NoiseTable,
}

impl HeunDiscrete {
    /// Computes the table of noise levels.
    ///
    /// # Errors
    /// Betas that give no noise levels.
    pub fn new(config: HeunConfig) -> Result<Self, NnError> {
        let table = NoiseTable::new(&config.betas, false)?;
        Ok(Self { config, table })
    }

    /// The grid of a chain of K steps: 2K - 1 timesteps and 2K levels; `num_train_timesteps` replaces T in it.
    ///
    /// # Errors
    /// No steps, or a grid that the public class cannot run through.
    pub fn grid(&self, count: usize, num_train_timesteps: Option<usize>) -> Result<Grid, NnError> {
        let (spacing, offset) = (self.config.timestep_spacing, self.config.steps_offset);
        self.doubled(&self.table.spaced(spacing, offset, count, num_train_timesteps)?, count)
    }

    /// The grid of timesteps that the user chose.
    ///
    /// # Errors
    /// Options that choose noise levels too, or a grid that the public class cannot run through.
    pub fn grid_of_timesteps(&self, timesteps: &[f32]) -> Result<Grid, NnError> {
        match self.config.sigma_spacing.option() {
            Some(key) => refuse(key, true, "it excludes timesteps of one's own"),
            None => self.doubled(timesteps, timesteps.len()),
        }
    }

    fn doubled(&self, timesteps: &[f32], count: usize) -> Result<Grid, NnError> {
        let levels = self.table.levels(timesteps);
        let (timesteps, levels) =
            self.table.respaced(timesteps, levels, self.config.sigma_spacing, (None, None), count);
        let twice = |values: Vec<f64>| {
            let calls = values.into_iter().enumerate().flat_map(|(i, v)| std::iter::repeat_n(v as f32, 1 + i.min(1)));
            calls.collect::<Vec<f32>>()
        };
        let mut sigmas = twice(levels);
        sigmas.push(0.0);
        Grid::new(twice(timesteps).into_iter().map(f64::from).collect(), sigmas)
    }

    /// The whole chain: `[2K]` samples from unit noise `[B, ..]` on, every other one the guess of Euler's method.
    ///
    /// # Errors
    /// An output of another shape.
    pub fn run(
        &self,
        grid: &Grid,
        x: &Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
    ) -> Result<Vec<Tensor>, NnError> {
        let sigmas = &grid.sigmas;
        let x = x * f64::from(grid.initial_scale(self.config.timestep_spacing));
        let scale = |k: usize| norm(sigmas[k]);
        let mut start: Option<(Tensor, Tensor, f32)> = None;
        run_chain(&grid.timesteps, x, scale, denoiser, |k, output, x| {
            let x0 = denoised(self.config.prediction_type, x, output, sigmas[k]);
            let x0 = self.config.clip.map_or(x0.shallow_clone(), |bound| x0.clamp(-bound, bound));
            let slope = (x - x0) / f64::from(sigmas[k]);
            Ok(match start.take() {
                None => {
                    let gap = sigmas[k + 1] - sigmas[k];
                    let next = x + &slope * f64::from(gap);
                    start = Some((x.shallow_clone(), slope, gap));
                    next
                }
                Some((x, first_slope, gap)) => x + (first_slope + slope) / 2.0 * f64::from(gap),
            })
        })
    }
}

/// A sampler case of this class.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = HeunDiscrete::new(HeunConfig::from_json(&case.config)?)?;
    let mut arguments = Options::of_arguments("set_timesteps.", &case.set_timesteps);
    let timesteps: Option<Vec<f32>> = arguments.take("timesteps", None)?;
    let num_train_timesteps = arguments.take("num_train_timesteps", None)?;
    arguments.finish()?;
    Options::of_arguments("step.", &case.step).finish()?;
    let grid = match timesteps {
        Some(timesteps) => scheduler.grid_of_timesteps(&timesteps)?,
        None => scheduler.grid(case.steps, num_train_timesteps)?,
    };
    let trajectory = scheduler.run(&grid, &case.x_t, case_denoiser)?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}
