//! The public sampler classes `KDPM2DiscreteScheduler` and `KDPM2AncestralDiscreteScheduler`: the midpoint method in
//! $\sigma$ with the midpoint in $\ln\sigma$ (DPM-Solver-2 of Lu et al. 2022, arXiv:2206.00927, in the coordinates of
//! Karras et al. 2022), without and with fresh noise in each step.
//!
//! A step is two calls of the network, the last step one; all of them count as timesteps.

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, refuse};
use tch::Tensor;

use super::chain::{Grid, case_denoiser, denoised, draws, norm, run_chain, single_argument, verdict};
use super::euler_ancestral::TOO_FAR;
use super::options::Options;
use super::sigmas::{SigmaSpacing, to_f32};
use super::table::{BetaOptions, NoiseTable, take_noise_or_v};

/// The public configuration of either class.
#[derive(Debug, Clone, PartialEq)]
pub struct Kdpm2Config {
    /// Whether it is the ancestral class.
    pub ancestral: bool,
    /// Options of the betas.
    pub betas: BetaOptions,
    /// What the network's output stands for, not `sample`.
    pub prediction_type: PredictionType,
    /// How noise levels are spaced.
    pub sigma_spacing: SigmaSpacing,
    /// Rule for timesteps.
    pub timestep_spacing: TimestepSpacing,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
}

impl Kdpm2Config {
    /// Reads the text of a public `scheduler_config.json` of the class named.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that exclude one another.
    pub fn from_json(text: &str, class: &str) -> Result<Self, NnError> {
        let mut options = Options::of_config(text, class)?;
        let config = Self {
            ancestral: class == "KDPM2AncestralDiscreteScheduler",
            betas: BetaOptions::take(&mut options, 0.00085, 0.012)?.without_exp()?,
            prediction_type: take_noise_or_v(&mut options)?,
            sigma_spacing: SigmaSpacing::take(&mut options)?,
            timestep_spacing: options.take("timestep_spacing", TimestepSpacing::Linspace)?,
            steps_offset: options.take("steps_offset", 0)?,
        };
        options.finish()?;
        Ok(config)
    }
}

/// A configured scheduler.
#[derive(Debug)]
pub struct Kdpm2Discrete {
    config: Kdpm2Config,
    table: NoiseTable,
}

/// A grid of either class.
#[derive(Debug, Clone, PartialEq)]
pub struct Kdpm2Grid {
    /// The 2K - 1 calls, and 2K + 2 levels where the public class repeats all but the first, the last thrice.
    pub calls: Grid,
    /// The K steps.
    steps: Vec<Step>,
}

/// The levels of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// Where it starts.
    sigma: f32,
    /// Where the second call is.
    middle: f32,
    /// Where it ends, before fresh noise.
    down: f32,
    /// Deviation of the fresh noise.
    up: f32,
}

/// The steps between neighbours of `levels`, of which the last is 0; by tensors, for the reason that [`root`] gives.
///
/// [`root`]: super::sigmas::root
fn steps_between(levels: &[f32], ancestral: bool) -> Vec<Step> {
    let sigma = Tensor::from_slice(levels);
    let next = sigma.roll([-1], [0]);
    let _ = next.get(-1).zero_();
    let (from, to) = (sigma.square(), next.square());
    let (middle, down, up) = if ancestral {
        let up = (&to * (&from - &to) / &from).sqrt();
        let down = (to - up.square()).sqrt();
        (sigma.log().lerp(&down.log(), 0.5).exp(), down, up)
    } else {
        let middle = sigma.log().lerp(&sigma.roll([1], [0]).log(), 0.5).exp().roll([-1], [0]);
        let up = sigma.zeros_like();
        (middle, next, up)
    };
    let [middle, down, up] = [middle, down, up].map(|tensor| to_f32(&tensor));
    let count = levels.len() - 1;
    // The last step is Euler's to 0, where logarithms end.
    let middle = |k: usize| if k + 1 == count { 0.0 } else { middle[k] };
    (0..count).map(|k| Step { sigma: levels[k], middle: middle(k), down: down[k], up: up[k] }).collect()
}

impl Kdpm2Discrete {
    /// Computes the table of noise levels.
    ///
    /// # Errors
    /// Betas that give no noise levels.
    pub fn new(config: Kdpm2Config) -> Result<Self, NnError> {
        let table = NoiseTable::new(&config.betas, false)?;
        Ok(Self { config, table })
    }

    /// The grid of a chain of K steps; `num_train_timesteps` replaces T in it.
    ///
    /// # Errors
    /// No steps, or a grid that the public class cannot run through.
    pub fn grid(&self, count: usize, num_train_timesteps: Option<usize>) -> Result<Kdpm2Grid, NnError> {
        let config = &self.config;
        let timesteps = self.table.spaced(config.timestep_spacing, config.steps_offset, count, num_train_timesteps)?;
        let levels = self.table.levels(&timesteps);
        let (mut timesteps, levels) =
            self.table.respaced(&timesteps, levels, config.sigma_spacing, (None, None), count);
        if config.sigma_spacing == SigmaSpacing::Karras {
            timesteps.iter_mut().for_each(|t| *t = t.round_ties_even());
        }
        let levels: Vec<f32> = levels.into_iter().map(|sigma| sigma as f32).chain([0.0]).collect();
        let steps = steps_between(&levels, config.ancestral);
        let before_last = &steps[..steps.len() - 1];
        if let Some(step) = before_last.iter().find(|step| !step.down.is_finite() || step.down <= 0.0) {
            return refuse("sigmas", step.sigma, TOO_FAR);
        }
        let mut calls = vec![timesteps[0]];
        for (step, t) in steps.iter().zip(&timesteps[1..]) {
            calls.extend([self.table.timestep(f64::from(step.middle)), *t]);
        }
        let doubled = levels[1..levels.len() - 1].iter().flat_map(|sigma| [*sigma; 2]);
        let positive = Grid::new(calls, [levels[0]].into_iter().chain(doubled).collect())?;
        Ok(Kdpm2Grid { calls: positive.extended([0.0; 3]), steps })
    }

    /// The whole chain: `[2K]` samples from unit noise `[B, ..]` on, every other one the middle of a step.
    ///
    /// The ancestral class asks `noise` for a standard normal at the end of each step but the last.
    ///
    /// # Errors
    /// Those of `noise`, or an output of another shape.
    pub fn run(
        &self,
        grid: &Kdpm2Grid,
        x: &Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
        mut noise: impl FnMut() -> Result<Tensor, NnError>,
    ) -> Result<Vec<Tensor>, NnError> {
        let x = x * f64::from(grid.calls.initial_scale(self.config.timestep_spacing));
        let level = |k: usize| {
            let step = grid.steps[k / 2];
            if k.is_multiple_of(2) { step.sigma } else { step.middle }
        };
        let mut start: Option<Tensor> = None;
        run_chain(
            &grid.calls.timesteps,
            x,
            |k| norm(level(k)),
            denoiser,
            |k, output, x| {
                let step = grid.steps[k / 2];
                let x0 = denoised(self.config.prediction_type, x, output, level(k));
                let slope = (x - x0) / f64::from(level(k));
                match start.take() {
                    None => {
                        start = Some(x.shallow_clone());
                        Ok(x + slope * f64::from(step.middle - step.sigma))
                    }
                    Some(x) => {
                        let next = x + slope * f64::from(step.down - step.sigma);
                        if self.config.ancestral { Ok(next + noise()? * f64::from(step.up)) } else { Ok(next) }
                    }
                }
            },
        )
    }
}

/// A sampler case of the class named, one of the two.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(class: &str, folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = Kdpm2Discrete::new(Kdpm2Config::from_json(&case.config, class)?)?;
    let num_train_timesteps = single_argument("set_timesteps.", &case.set_timesteps, "num_train_timesteps", None)?;
    Options::of_arguments("step.", &case.step).finish()?;
    let grid = scheduler.grid(case.steps, num_train_timesteps)?;
    let trajectory = scheduler.run(&grid, &case.x_t, case_denoiser, draws(&case))?;
    verdict(folder, &grid.calls.timesteps, Some(&grid.calls.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}
