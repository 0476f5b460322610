//! The public sampler class `EulerAncestralDiscreteScheduler`: Euler's method to a lower level than the next, and
//! fresh noise up to it.

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, refuse};
use tch::Tensor;

use super::chain::{Grid, case_denoiser, denoised, draws, norm, run_chain, verdict};
use super::options::Options;
use super::sigmas::root;
use super::table::{BetaOptions, NoiseTable, take_noise_or_v};

/// The public configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct EulerAncestralConfig {
    /// Options of the betas.
    pub betas: BetaOptions,
    /// What the network's output stands for, not `sample`.
    pub prediction_type: PredictionType,
    /// Rule for timesteps.
    pub timestep_spacing: TimestepSpacing,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
    /// Whether the betas are rescaled so that next to nothing of the data is left at T.
    pub rescale_betas_zero_snr: bool,
}

impl EulerAncestralConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or an option that is not supported.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut options = Options::of_config(text, "EulerAncestralDiscreteScheduler")?;
        let config = Self {
            betas: BetaOptions::take(&mut options, 0.0001, 0.02)?.without_exp()?,
            prediction_type: take_noise_or_v(&mut options)?,
            timestep_spacing: options.take("timestep_spacing", TimestepSpacing::Linspace)?,
            steps_offset: options.take("steps_offset", 0)?,
            rescale_betas_zero_snr: options.take("rescale_betas_zero_snr", false)?,
        };
        options.finish()?;
        Ok(config)
    }
}

/// A configured scheduler.
#[derive(Debug)]
pub struct EulerAncestralDiscrete {
    config: EulerAncestralConfig,
    table: NoiseTable,
}

/// Why a step is refused of which rounding leaves nothing but fresh noise, or less.
pub(super) const TOO_FAR: &str = "the step from here is so far that f32 has no level below fresh noise";

/// A step from level $\sigma$ to $\sigma'$ in two parts: $(\sigma_{down}, \sigma_{up})$ with
/// $\sigma_{down}^2+\sigma_{up}^2=\sigma'^2$ and $\sigma_{up}^2=\sigma'^2(\sigma^2-\sigma'^2)/\sigma^2$, in f32.
pub fn ancestral_levels(sigma: f32, next: f32) -> (f32, f32) {
    let (from, to) = (sigma * sigma, next * next);
    let up = root(to * (from - to) / from);
    (root(to - up * up), up)
}

impl EulerAncestralDiscrete {
    /// Computes the table of noise levels.
    ///
    /// # Errors
    /// Betas that give no noise levels.
    pub fn new(config: EulerAncestralConfig) -> Result<Self, NnError> {
        let table = NoiseTable::new(&config.betas, config.rescale_betas_zero_snr)?;
        Ok(Self { config, table })
    }

    /// The grid of a chain of K steps.
    ///
    /// # Errors
    /// No steps, or a grid that the public class cannot run through.
    pub fn grid(&self, count: usize) -> Result<Grid, NnError> {
        let timesteps = self.table.spaced(self.config.timestep_spacing, self.config.steps_offset, count, None)?;
        let levels = self.table.levels(&timesteps).into_iter().map(|sigma| sigma as f32);
        Grid::new(timesteps.iter().map(|t| f64::from(*t)).collect(), levels.chain([0.0]).collect())
    }

    /// The whole chain: `[steps + 1]` samples from unit noise `[B, ..]` on.
    ///
    /// `noise` is asked for a standard normal in every step, also in the last, where its factor is 0.
    ///
    /// # Errors
    /// Those of `noise`, an output of another shape, or a step so far that rounding leaves no lower level.
    pub fn run(
        &self,
        grid: &Grid,
        x: &Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
        mut noise: impl FnMut() -> Result<Tensor, NnError>,
    ) -> Result<Vec<Tensor>, NnError> {
        let sigmas = &grid.sigmas;
        let x = x * f64::from(grid.initial_scale(self.config.timestep_spacing));
        let scale = |k: usize| norm(sigmas[k]);
        run_chain(&grid.timesteps, x, scale, denoiser, |k, output, x| {
            let sigma = sigmas[k];
            let (down, up) = ancestral_levels(sigma, sigmas[k + 1]);
            if !down.is_finite() {
                return refuse("sigmas", sigma, TOO_FAR);
            }
            let slope = (x - denoised(self.config.prediction_type, x, output, sigma)) / f64::from(sigma);
            Ok(x + slope * f64::from(down - sigma) + noise()? * f64::from(up))
        })
    }
}

/// A sampler case of this class.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = EulerAncestralDiscrete::new(EulerAncestralConfig::from_json(&case.config)?)?;
    Options::of_arguments("set_timesteps.", &case.set_timesteps).finish()?;
    Options::of_arguments("step.", &case.step).finish()?;
    let grid = scheduler.grid(case.steps)?;
    let trajectory = scheduler.run(&grid, &case.x_t, case_denoiser, draws(&case))?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}
