//! The public sampler class `PNDMScheduler`: pseudo numerical methods (Liu et al. 2022, arXiv:2202.09778), Runge–Kutta
//! steps and then linear multistep, or multistep alone with an improved Euler step at the start.
//!
//! Timesteps are those at which the network is called.

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, refuse, spaced_timesteps};
use tch::Tensor;

use super::chain::{case_denoiser, run_chain, verdict};
use super::options::Options;
use super::sigmas::{MOST_LEVELS, root, trailing_length};
use super::table::{BetaOptions, take_noise_or_v};

/// The public configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct PndmConfig {
    /// Options of the betas.
    pub betas: BetaOptions,
    /// Whether the first steps are no Runge–Kutta steps.
    pub skip_prk_steps: bool,
    /// Whether $\bar\alpha$ before the first timestep is 1, instead of that at timestep 0.
    pub set_alpha_to_one: bool,
    /// What the network's output stands for, not `sample`.
    pub prediction_type: PredictionType,
    /// Rule for timesteps.
    pub timestep_spacing: TimestepSpacing,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
}

impl PndmConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or an option that is not supported.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut options = Options::of_config(text, "PNDMScheduler")?;
        let config = Self {
            betas: BetaOptions::take(&mut options, 0.0001, 0.02)?.without_exp()?,
            skip_prk_steps: options.take("skip_prk_steps", false)?,
            set_alpha_to_one: options.take("set_alpha_to_one", false)?,
            prediction_type: take_noise_or_v(&mut options)?,
            timestep_spacing: options.take("timestep_spacing", TimestepSpacing::Leading)?,
            steps_offset: options.take("steps_offset", 0)?,
        };
        options.finish()?;
        if config.steps_offset.unsigned_abs() as usize > config.betas.num_train_timesteps {
            return refuse("steps_offset", config.steps_offset, "it leads beyond the noise levels");
        }
        Ok(config)
    }
}

/// A configured scheduler.
#[derive(Debug)]
pub struct Pndm {
    config: PndmConfig,
    alpha_bar: Vec<f32>,
}

/// The calls of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PndmGrid {
    /// The timestep of each call.
    pub timesteps: Vec<i64>,
    /// How many of them belong to Runge–Kutta steps: 12 or none.
    runge_kutta: usize,
    /// Timesteps between neighbours, $\lfloor T/K\rfloor$.
    gap: i64,
}

/// What earlier calls leave behind.
#[derive(Debug, Default)]
struct Memory {
    /// Outputs of the network at the starts of steps, newest last.
    outputs: Vec<Tensor>,
    /// Sample at the start of a step of several calls.
    start: Option<Tensor>,
    /// Weighted outputs of the calls of a Runge–Kutta step.
    sum: Option<Tensor>,
}

impl Pndm {
    /// Computes the schedule.
    ///
    /// # Errors
    /// Betas that give values of $\bar\alpha$ outside (0, 1).
    pub fn new(config: PndmConfig) -> Result<Self, NnError> {
        let alpha_bar = config.betas.alpha_bar();
        if let Some(a) = alpha_bar.iter().find(|a| !(**a > 0.0 && **a < 1.0)) {
            return refuse("beta_schedule", format!("an alpha_bar of {a}"), "it must be between 0 and 1");
        }
        Ok(Self { config, alpha_bar })
    }

    /// The calls of a chain of K steps.
    ///
    /// # Errors
    /// No steps, fewer than the 4 that Runge–Kutta steps need, or timesteps that are no noise levels.
    pub fn grid(&self, count: usize) -> Result<PndmGrid, NnError> {
        let (config, steps) = (&self.config, self.config.betas.num_train_timesteps);
        let least = if config.skip_prk_steps { 1 } else { 4 };
        if count < least || count > MOST_LEVELS {
            return refuse("num_inference_steps", count, &format!("{least} to {MOST_LEVELS} steps are possible"));
        }
        if config.timestep_spacing == TimestepSpacing::Trailing && trailing_length(steps, count) != count {
            return refuse("num_inference_steps", count, "with trailing, the public class adds the timestep -1 here");
        }
        let mut falling = spaced_timesteps(config.timestep_spacing, steps, count, config.steps_offset);
        let gap = (steps / count) as i64;
        let mut timesteps = vec![];
        if !config.skip_prk_steps {
            let [a, b, c, d] = [falling[0], falling[1], falling[2], falling[3]];
            let (b_half, c_half, d_half) = (b + gap / 2, c + gap / 2, d + gap / 2);
            timesteps = vec![a, b_half, b_half, b, b, c_half, c_half, c, c, d_half, d_half, d];
            falling.drain(..3);
        } else if count > 1 {
            falling.insert(1, falling[1]);
        }
        let runge_kutta = timesteps.len();
        timesteps.extend(falling);
        let levels = self.alpha_bar.len() as i64;
        if let Some(t) = timesteps.iter().find(|t| !(0..levels).contains(*t)) {
            return refuse("timesteps", t, &format!("noise levels are 0 to {}; change steps_offset", levels - 1));
        }
        Ok(PndmGrid { timesteps, runge_kutta, gap })
    }

    /// The whole chain: `[calls + 1]` samples from unit noise `[B, ..]` on.
    ///
    /// # Errors
    /// An output of another shape, or a timestep that is no noise level.
    pub fn run(
        &self,
        grid: &PndmGrid,
        x: &Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
    ) -> Result<Vec<Tensor>, NnError> {
        let timesteps: Vec<f64> = grid.timesteps.iter().map(|t| *t as f64).collect();
        let mut memory = Memory::default();
        run_chain(
            &timesteps,
            x.shallow_clone(),
            |_| 1.0,
            denoiser,
            |k, output, x| {
                if k < grid.runge_kutta {
                    self.runge_kutta_call(grid, k, output, x, &mut memory)
                } else {
                    self.multistep_call(grid, k, output, x, &mut memory)
                }
            },
        )
    }

    /// A call of a Runge–Kutta step (Liu et al. 2022, eq. 13).
    fn runge_kutta_call(
        &self,
        grid: &PndmGrid,
        k: usize,
        output: &Tensor,
        x: &Tensor,
        memory: &mut Memory,
    ) -> Result<Tensor, NnError> {
        let (call, start) = (k % 4, grid.timesteps[k - k % 4]);
        let end = grid.timesteps[k] - if k.is_multiple_of(2) { grid.gap / 2 } else { 0 };
        if call == 0 {
            memory.outputs.push(output.shallow_clone());
            memory.start = Some(x.shallow_clone());
        }
        let weighted = output * if call % 3 == 0 { 1.0 / 6.0 } else { 1.0 / 3.0 };
        let sum = memory.sum.take().map_or(weighted.shallow_clone(), |sum| sum + weighted);
        let x = memory.start.as_ref().unwrap_or(x);
        if call == 3 {
            return self.transfer(x, start, end, &sum);
        }
        memory.sum = Some(sum);
        self.transfer(x, start, end, output)
    }

    /// A call of the multistep method (Liu et al. 2022, eq. 12), with lower orders while outputs are few; without
    /// Runge–Kutta steps, the second call repeats the first step with the mean of the outputs at both ends.
    fn multistep_call(
        &self,
        grid: &PndmGrid,
        k: usize,
        output: &Tensor,
        x: &Tensor,
        memory: &mut Memory,
    ) -> Result<Tensor, NnError> {
        let t = grid.timesteps[k];
        if k == 1 {
            let mean = (output + &memory.outputs[0]) / 2.0;
            let start = memory.start.take();
            return self.transfer(start.as_ref().unwrap_or(x), t + grid.gap, t, &mean);
        }
        if k == 0 {
            memory.start = Some(x.shallow_clone());
        }
        memory.outputs.drain(..memory.outputs.len().saturating_sub(3));
        memory.outputs.push(output.shallow_clone());
        let mean = match memory.outputs.as_slice() {
            [a, b, c, d] => (d * 55.0 - c * 59.0 + b * 37.0 - a * 9.0) * (1.0 / 24.0),
            [a, b, c] => (c * 23.0 - b * 16.0 + a * 5.0) / 12.0,
            [a, b] => (b * 3.0 - a) / 2.0,
            _ => output.shallow_clone(),
        };
        self.transfer(x, t, t - grid.gap, &mean)
    }

    /// The sample at timestep `end`, below 0 the data, from `x` at `start` with the `output` between (eq. 11).
    fn transfer(&self, x: &Tensor, start: i64, end: i64, output: &Tensor) -> Result<Tensor, NnError> {
        let at = |t: i64| usize::try_from(t).ok().and_then(|t| self.alpha_bar.get(t).copied());
        let Some(from) = at(start) else {
            return refuse("timesteps", start, &format!("noise levels are 0 to {}", self.alpha_bar.len() - 1));
        };
        let to = match end {
            ..0 if self.config.set_alpha_to_one => 1.0,
            _ => at(end.max(0)).unwrap_or(from),
        };
        let output = match self.config.prediction_type {
            PredictionType::VPrediction => output * f64::from(root(from)) + x * f64::from(root(1.0 - from)),
            _ => output.shallow_clone(),
        };
        let of_output = from * root(1.0 - to) + root(from * (1.0 - from) * to);
        Ok(x * f64::from(root(to / from)) - output * f64::from(to - from) / f64::from(of_output))
    }
}

/// A sampler case of this class.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = Pndm::new(PndmConfig::from_json(&case.config)?)?;
    Options::of_arguments("set_timesteps.", &case.set_timesteps).finish()?;
    Options::of_arguments("step.", &case.step).finish()?;
    let grid = scheduler.grid(case.steps)?;
    let trajectory = scheduler.run(&grid, &case.x_t, case_denoiser)?;
    let timesteps: Vec<f64> = grid.timesteps.iter().map(|t| *t as f64).collect();
    verdict(folder, &timesteps, None, Some(&scheduler.alpha_bar), &trajectory)
}
