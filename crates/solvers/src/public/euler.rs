//! The public sampler class `EulerDiscreteScheduler`: Euler's method in $\sigma$, with churn
//! (Karras et al. 2022, arXiv:2206.00364, Algorithm 2 without its second order).

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, refuse};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::chain::{Grid, case_denoiser, denoised, draws, norm, run_chain, verdict};
use super::options::Options;
use super::sigmas::{SigmaSpacing, root, to_f32};
use super::table::{BetaOptions, NoiseTable};

/// The public configuration; `sigma_min` and `sigma_max` only matter with a [`SigmaSpacing`] of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct EulerConfig {
    /// Options of the betas.
    pub betas: BetaOptions,
    /// What the network's output stands for; `original_sample` is another public name of `sample`.
    pub prediction_type: PredictionType,
    /// How noise levels follow from the table.
    pub interpolation_type: Interpolation,
    /// How noise levels are spaced.
    pub sigma_spacing: SigmaSpacing,
    /// Last level before the final one, instead of the table's.
    pub sigma_min: Option<f64>,
    /// First level, instead of the table's.
    pub sigma_max: Option<f64>,
    /// Rule for timesteps.
    pub timestep_spacing: TimestepSpacing,
    /// What the network is told.
    pub timestep_type: TimestepType,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
    /// Whether the betas are rescaled so that next to nothing of the data is left at T.
    pub rescale_betas_zero_snr: bool,
    /// The level at the chain's end.
    pub final_sigmas_type: FinalSigma,
}

/// How noise levels follow from the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Linear in $\sigma$ at the timesteps.
    Linear,
    /// Equispaced in $\ln\sigma$ over the whole table, one level more than there are timesteps.
    LogLinear,
}

/// What the network is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepType {
    /// The timestep.
    Discrete,
    /// $\frac14\ln\sigma$, where v is predicted; the timestep otherwise.
    Continuous,
}

/// The level at a chain's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalSigma {
    /// No noise.
    Zero,
    /// The lowest level of the table.
    SigmaMin,
}

/// Noise that is added before each step (Karras et al. 2022, Algorithm 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Churn {
    /// $S_{churn}$.
    pub s_churn: f64,
    /// $S_{tmin}$.
    pub s_tmin: f64,
    /// $S_{tmax}$.
    pub s_tmax: f64,
    /// $S_{noise}$.
    pub s_noise: f64,
}

impl Churn {
    /// The arguments of a step.
    ///
    /// # Errors
    /// A value of another type, or another argument.
    pub fn from_arguments(arguments: &serde_json::Map<String, serde_json::Value>) -> Result<Self, NnError> {
        let mut options = Options::of_arguments("step.", arguments);
        let churn = Self {
            s_churn: options.take("s_churn", 0.0)?,
            s_tmin: options.take("s_tmin", 0.0)?,
            s_tmax: options.take("s_tmax", f64::INFINITY)?,
            s_noise: options.take("s_noise", 1.0)?,
        };
        options.finish()?;
        Ok(churn)
    }

    /// The raised level $\hat\sigma$, and the sample there: noise is drawn if $\hat\sigma>\sigma$.
    ///
    /// `levels` is how many levels the grid has without the final one.
    ///
    /// # Errors
    /// Those of `noise`.
    pub fn raise(
        &self,
        x: &Tensor,
        sigma: f32,
        levels: usize,
        mut noise: impl FnMut() -> Result<Tensor, NnError>,
    ) -> Result<(Tensor, f32), NnError> {
        let inside = (self.s_tmin as f32..=self.s_tmax as f32).contains(&sigma);
        let gamma = if inside { (self.s_churn / levels as f64).min(2f64.sqrt() - 1.0) } else { 0.0 };
        let raised = sigma * (gamma + 1.0) as f32;
        if gamma <= 0.0 {
            return Ok((x.shallow_clone(), raised));
        }
        let deviation = root(raised * raised - sigma * sigma);
        Ok((x + noise()? * self.s_noise * f64::from(deviation), raised))
    }
}

impl EulerConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that exclude one another.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut options = Options::of_config(text, "EulerDiscreteScheduler")?;
        let config = Self {
            betas: BetaOptions::take(&mut options, 0.0001, 0.02)?.without_exp()?,
            prediction_type: take_prediction(&mut options)?,
            interpolation_type: options.take("interpolation_type", Interpolation::Linear)?,
            sigma_spacing: SigmaSpacing::take(&mut options)?,
            sigma_min: options.take("sigma_min", None)?,
            sigma_max: options.take("sigma_max", None)?,
            timestep_spacing: options.take("timestep_spacing", TimestepSpacing::Linspace)?,
            timestep_type: options.take("timestep_type", TimestepType::Discrete)?,
            steps_offset: options.take("steps_offset", 0)?,
            rescale_betas_zero_snr: options.take("rescale_betas_zero_snr", false)?,
            final_sigmas_type: options.take("final_sigmas_type", FinalSigma::Zero)?,
        };
        options.finish()?;
        for (key, level) in [("sigma_min", config.sigma_min), ("sigma_max", config.sigma_max)] {
            if let Some(level) = level.filter(|level| *level <= 0.0) {
                return refuse(key, level, "noise levels are above 0");
            }
        }
        Ok(config)
    }

    fn tells_sigma(&self) -> bool {
        self.timestep_type == TimestepType::Continuous && self.prediction_type == PredictionType::VPrediction
    }
}

fn take_prediction(options: &mut Options) -> Result<PredictionType, NnError> {
    /// The public names.
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Name {
        Epsilon,
        #[serde(alias = "original_sample")]
        Sample,
        VPrediction,
    }
    Ok(match options.take("prediction_type", Name::Epsilon)? {
        Name::Epsilon => PredictionType::Epsilon,
        Name::Sample => PredictionType::Sample,
        Name::VPrediction => PredictionType::VPrediction,
    })
}

/// A configured scheduler.
#[derive(Debug)]
pub struct EulerDiscrete {
    config: EulerConfig,
    table: NoiseTable,
}

impl EulerDiscrete {
    /// Computes the table of noise levels.
    ///
    /// # Errors
    /// Betas that give no noise levels.
    pub fn new(config: EulerConfig) -> Result<Self, NnError> {
        let table = NoiseTable::new(&config.betas, config.rescale_betas_zero_snr)?;
        Ok(Self { config, table })
    }

    /// The grid of a chain of K steps.
    ///
    /// # Errors
    /// No steps, or a grid that the public class cannot run through.
    pub fn grid(&self, count: usize) -> Result<Grid, NnError> {
        let timesteps = self.table.spaced(self.config.timestep_spacing, self.config.steps_offset, count, None)?;
        self.finished(&timesteps, count)
    }

    /// The grid of timesteps that the user chose.
    ///
    /// # Errors
    /// Options that choose noise levels too, or a grid that the public class cannot run through.
    pub fn grid_of_timesteps(&self, timesteps: &[f32]) -> Result<Grid, NnError> {
        if let Some(key) = self.config.sigma_spacing.option() {
            return refuse(key, true, "it excludes timesteps of one's own");
        }
        if self.config.tells_sigma() {
            return refuse("timestep_type", "continuous", "with v_prediction it excludes timesteps of one's own");
        }
        self.finished(timesteps, timesteps.len())
    }

    /// The grid of noise levels that the user chose, with the final one; options of the spacing have no effect.
    ///
    /// # Errors
    /// Fewer than two, or a grid that the public class cannot run through.
    pub fn grid_of_sigmas(&self, sigmas: Vec<f32>) -> Result<Grid, NnError> {
        let Some((_, before)) = sigmas.split_last().filter(|(_, before)| !before.is_empty()) else {
            return refuse("set_timesteps.sigmas", format!("{sigmas:?}"), "at least two are needed");
        };
        let timesteps = before.iter().map(|sigma| self.table.timestep(f64::from(*sigma))).collect();
        self.told(timesteps, sigmas)
    }

    fn finished(&self, timesteps: &[f32], count: usize) -> Result<Grid, NnError> {
        let (config, table) = (&self.config, &self.table);
        let levels = match config.interpolation_type {
            Interpolation::Linear => table.levels(timesteps),
            Interpolation::LogLinear => log_linear(&table.log_sigmas, count + 1),
        };
        let ends = (config.sigma_max, config.sigma_min);
        let (timesteps, levels) = table.respaced(timesteps, levels, config.sigma_spacing, ends, count);
        let mut sigmas: Vec<f32> = levels.into_iter().map(|sigma| sigma as f32).collect();
        sigmas.push(match config.final_sigmas_type {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => table.sigmas[0],
        });
        self.told(timesteps, sigmas)
    }

    fn told(&self, timesteps: Vec<f64>, sigmas: Vec<f32>) -> Result<Grid, NnError> {
        let told = match self.config.tells_sigma() {
            true => sigmas[..sigmas.len() - 1].iter().map(|sigma| f64::from(0.25 * sigma.ln())).collect(),
            false => timesteps.into_iter().map(|t| f64::from(t as f32)).collect(),
        };
        Grid::new(told, sigmas)
    }

    /// The whole chain: `[steps + 1]` samples from unit noise `[B, ..]` on.
    ///
    /// `noise` is asked for a standard normal before each step that raises the noise level.
    ///
    /// # Errors
    /// Those of `noise`, or an output of another shape.
    pub fn run(
        &self,
        grid: &Grid,
        x: &Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
        churn: Churn,
        mut noise: impl FnMut() -> Result<Tensor, NnError>,
    ) -> Result<Vec<Tensor>, NnError> {
        let (sigmas, prediction) = (&grid.sigmas, self.config.prediction_type);
        let x = x * f64::from(grid.initial_scale(self.config.timestep_spacing));
        let scale = |k: usize| norm(sigmas[k]);
        run_chain(&grid.timesteps, x, scale, denoiser, |k, output, x| {
            let (x, raised) = churn.raise(x, sigmas[k], sigmas.len() - 1, &mut noise)?;
            // The public code turns v into x0 at the level before noise was added.
            let level = if prediction == PredictionType::VPrediction { sigmas[k] } else { raised };
            let slope = (&x - denoised(prediction, &x, output, level)) / f64::from(raised);
            Ok(x + slope * f64::from(sigmas[k + 1] - raised))
        })
    }
}

/// Equispaced logarithms over the whole table, falling, rounded as f32 tensors are.
fn log_linear(log_sigmas: &[f32], count: usize) -> Vec<f64> {
    let (first, last) = (log_sigmas[log_sigmas.len() - 1], log_sigmas[0]);
    let line = Tensor::linspace(f64::from(first), f64::from(last), count as i64, (Kind::Float, Device::Cpu));
    to_f32(&line.exp()).into_iter().map(f64::from).collect()
}

/// A sampler case of this class.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = EulerDiscrete::new(EulerConfig::from_json(&case.config)?)?;
    let mut arguments = Options::of_arguments("set_timesteps.", &case.set_timesteps);
    let timesteps: Option<Vec<f32>> = arguments.take("timesteps", None)?;
    let sigmas: Option<Vec<f32>> = arguments.take("sigmas", None)?;
    arguments.finish()?;
    let grid = match (timesteps, sigmas) {
        (None, None) => scheduler.grid(case.steps)?,
        (Some(timesteps), None) => scheduler.grid_of_timesteps(&timesteps)?,
        (None, Some(sigmas)) => scheduler.grid_of_sigmas(sigmas)?,
        (Some(_), Some(_)) => return refuse("set_timesteps.sigmas", "[..]", "it excludes timesteps"),
    };
    let churn = Churn::from_arguments(&case.step)?;
    let trajectory = scheduler.run(&grid, &case.x_t, case_denoiser, churn, draws(&case))?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}
