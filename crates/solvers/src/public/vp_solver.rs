//! What the public variance-preserving solvers (DPM-Solver, UniPC, DEIS) share: options, grids, and what is made of the
//! network's output.

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, sampler_denoiser};
use easel_nn::public_schedule::{TimestepSpacing, dynamic_threshold, refuse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tch::Tensor;

use super::chain::Grid;
use super::dpm_updates::{Level, torch};
use super::options::Options;
use super::sigmas::{MOST_LEVELS, SigmaSpacing, linspace, sigma_at};
use super::table::{BetaOptions, NoiseTable};

/// What the network's output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// $\epsilon$.
    Epsilon,
    /// $x_0$.
    Sample,
    /// v.
    VPrediction,
    /// The velocity $\epsilon-x_0$ of a straight flow.
    FlowPrediction,
}

impl Prediction {
    /// $\hat x_0$ `[B, C, H, W]` from the network's output at `x`, of the same shape, at a level whose sigma on the grid
    /// is `sigma`.
    pub fn data(self, output: &Tensor, x: &Tensor, level: Level, sigma: f32) -> Tensor {
        match self {
            Self::Epsilon => (x - output * f64::from(level.sigma)) / f64::from(level.alpha),
            Self::Sample => output.shallow_clone(),
            Self::VPrediction => x * f64::from(level.alpha) - output * f64::from(level.sigma),
            Self::FlowPrediction => x - output * f64::from(sigma),
        }
    }

    /// $\hat\epsilon$ `[B, C, H, W]` likewise.
    ///
    /// # Errors
    /// `flow_prediction`, for which this is not published.
    pub fn noise(self, output: &Tensor, x: &Tensor, level: Level) -> Result<Tensor, NnError> {
        Ok(match self {
            Self::Epsilon => output.shallow_clone(),
            Self::Sample => noise_of_data(output, x, level),
            Self::VPrediction => output * f64::from(level.alpha) + x * f64::from(level.sigma),
            Self::FlowPrediction => {
                return refuse(
                    "prediction_type",
                    "flow_prediction",
                    "only solvers in x0 know it (dpmsolver++, predict_x0)",
                );
            }
        })
    }
}

/// $\hat\epsilon=(x-\alpha\hat x_0)/\sigma$, tensors of one shape.
pub fn noise_of_data(x0: &Tensor, x: &Tensor, level: Level) -> Tensor {
    (x - x0 * f64::from(level.alpha)) / f64::from(level.sigma)
}

/// Dynamic thresholding (Saharia et al. 2022, arXiv:2205.11487, section 2.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    ratio: f64,
    bound: f64,
}

impl Threshold {
    /// Takes `thresholding` and its two numbers.
    ///
    /// # Errors
    /// A value of another type, a quantile outside [0, 1], a bound that is not above 0.
    pub fn take(options: &mut Options) -> Result<Option<Self>, NnError> {
        let wanted: bool = options.take("thresholding", false)?;
        let ratio = options.take("dynamic_thresholding_ratio", 0.995)?;
        let bound = options.take("sample_max_value", 1.0)?;
        if !(0.0..=1.0).contains(&ratio) {
            return refuse("dynamic_thresholding_ratio", ratio, "it must be in [0, 1]");
        }
        if wanted && bound <= 0.0 {
            return refuse("sample_max_value", bound, "it must be above 0");
        }
        Ok(wanted.then_some(Self { ratio, bound }))
    }

    /// $\hat x_0$ clipped to its quantile and divided by it, `[B, C, H, W]`.
    pub fn apply(threshold: Option<Self>, x0: Tensor) -> Tensor {
        threshold.map_or_else(|| x0.shallow_clone(), |Self { ratio, bound }| dynamic_threshold(&x0, ratio, bound))
    }
}

/// `time_shift_type` of `use_dynamic_shifting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeShift {
    /// By $e^\mu$.
    Exponential,
    /// By $\mu$; UniPC alone knows it.
    Linear,
}

/// The options that all these classes have.
#[derive(Debug, Clone, PartialEq)]
pub struct VpOptions {
    /// The betas.
    pub betas: BetaOptions,
    /// The highest order p of a step.
    pub solver_order: usize,
    /// What the network's output stands for.
    pub prediction: Prediction,
    /// Dynamic thresholding.
    pub threshold: Option<Threshold>,
    /// Rule for noise levels.
    pub sigma_spacing: SigmaSpacing,
    /// Whether $\alpha=1-\sigma$; without another rule for noise levels, they are those of a flow.
    pub use_flow_sigmas: bool,
    /// Shift of a flow's noise levels.
    pub flow_shift: f64,
    /// Whether the argument `mu` gives that shift.
    pub use_dynamic_shifting: bool,
    /// In which way.
    pub time_shift: TimeShift,
}

impl VpOptions {
    /// Takes these options from a configuration.
    ///
    /// # Errors
    /// A value of another type or out of range.
    pub fn take(options: &mut Options) -> Result<Self, NnError> {
        let mut rule = |key: &str| options.take(&format!("use_{key}_sigmas"), false);
        let sigma_spacing = SigmaSpacing::chosen(rule("karras")?, rule("exponential")?, rule("beta")?)?;
        let solver_order = options.take("solver_order", 2)?;
        if solver_order == 0 {
            return refuse("solver_order", 0, "orders count from 1");
        }
        Ok(Self {
            betas: BetaOptions::take(options, 0.0001, 0.02)?.without_exp()?,
            solver_order,
            prediction: options.take("prediction_type", Prediction::Epsilon)?,
            threshold: Threshold::take(options)?,
            sigma_spacing,
            use_flow_sigmas: options.take("use_flow_sigmas", false)?,
            flow_shift: options.take("flow_shift", 1.0)?,
            use_dynamic_shifting: options.take("use_dynamic_shifting", false)?,
            time_shift: options.take("time_shift_type", TimeShift::Exponential)?,
        })
    }

    /// Refuses orders for which there is no update.
    ///
    /// # Errors
    /// An order above 3.
    pub fn up_to_order_three(&self) -> Result<(), NnError> {
        if self.solver_order > 3 {
            return refuse("solver_order", self.solver_order, "1, 2 and 3 are possible");
        }
        Ok(())
    }

    /// The shift of a flow's noise levels: `flow_shift`, or $e^\mu$ where `mu` is given.
    ///
    /// # Errors
    /// `mu` without the options that it belongs to.
    pub fn shift(&self, mu: Option<f64>) -> Result<f64, NnError> {
        match (mu, self.use_dynamic_shifting, self.time_shift) {
            (None, ..) => Ok(self.flow_shift),
            (Some(mu), true, TimeShift::Exponential) => Ok(mu.exp()),
            (Some(mu), ..) => {
                refuse("set_timesteps.mu", mu, "it needs use_dynamic_shifting and time_shift_type exponential")
            }
        }
    }

    /// The level of a sigma of the grid.
    pub fn level(&self, sigma: f32) -> Level {
        if self.use_flow_sigmas { Level::flow(sigma) } else { Level::preserving(sigma) }
    }

    /// The levels of a grid.
    ///
    /// # Errors
    /// Levels of a flow at which nothing is left of the data.
    pub fn levels(&self, grid: &Grid) -> Result<Vec<Level>, NnError> {
        if let Some(sigma) = grid.sigmas.iter().find(|sigma| self.use_flow_sigmas && **sigma >= 1.0) {
            let reason = format!("alpha = 1 - sigma must be above 0, but sigma is {sigma}");
            return refuse("use_flow_sigmas", true, &reason);
        }
        Ok(grid.sigmas.iter().map(|sigma| self.level(*sigma)).collect())
    }

    /// Timesteps and noise levels, without the final one, by `use_.._sigmas` or as `timesteps` say.
    ///
    /// The ends are those of the table unless `ends` gives others.
    pub fn spaced(
        &self,
        table: &NoiseTable,
        timesteps: &[i64],
        count: usize,
        ends: (Option<f64>, Option<f64>),
    ) -> (Vec<f64>, Vec<f64>) {
        let (lowest, highest) = (table.sigmas[0], table.sigmas[table.sigmas.len() - 1]);
        let (min, max) = (ends.0.unwrap_or(f64::from(lowest)), ends.1.unwrap_or(f64::from(highest)));
        match self.sigma_spacing.levels(max, min, count) {
            Some(levels) => (levels.iter().map(|sigma| table.timestep(*sigma)).collect(), levels),
            None => timesteps.iter().map(|t| (*t as f64, sigma_at(*t as f64, &table.sigmas))).unzip(),
        }
    }
}

/// K noise levels of a flow with the final 0 left out, and their timesteps.
pub fn flow_grid(train_steps: usize, count: usize, shift: f64) -> (Vec<f64>, Vec<f64>) {
    let steps = train_steps as f64;
    let noise = linspace(1.0, 1.0 / steps, count + 1).into_iter().map(|alpha| 1.0 - alpha);
    let mut sigmas: Vec<f64> = noise.map(|s| shift * s / (1.0 + (shift - 1.0) * s)).collect();
    sigmas.reverse();
    sigmas.truncate(count);
    (sigmas.iter().map(|sigma| sigma * steps).collect(), sigmas)
}

/// The K timesteps of a chain whose end is no timestep, falling; the lowest `levels` of `train_steps` are used.
///
/// Timesteps may lie beyond the table by `offset`; the table's last level is meant. `trailing` may have one more
/// timestep, -1, as in the public code.
///
/// # Errors
/// No steps, or too many.
pub fn open_timesteps(
    spacing: TimestepSpacing,
    levels: usize,
    train_steps: usize,
    count: usize,
    offset: i64,
) -> Result<Vec<i64>, NnError> {
    check_count(count)?;
    Ok(match spacing {
        TimestepSpacing::Linspace => {
            let line = linspace(0.0, levels as f64 - 1.0, count + 1);
            line[1..].iter().rev().map(|t| t.round_ties_even() as i64).collect()
        }
        TimestepSpacing::Leading => {
            let gap = levels / (count + 1);
            (1..=count).rev().map(|i| offset.saturating_add((i * gap) as i64)).collect()
        }
        TimestepSpacing::Trailing => {
            let (first, gap) = (levels as f64, train_steps as f64 / count as f64);
            // The increment of a floating-point range is rounded at its start, which decides how halves round.
            let rounded_gap = (first - gap) - first;
            let length = (first / gap).ceil() as usize;
            (0..length).map(|i| (first + i as f64 * rounded_gap).round_ties_even() as i64 - 1).collect()
        }
    })
}

/// Checks a number of sampling steps.
///
/// # Errors
/// None, or more than [`MOST_LEVELS`].
pub fn check_count(count: usize) -> Result<(), NnError> {
    if count == 0 || count > MOST_LEVELS {
        return refuse("num_inference_steps", count, &format!("1 to {MOST_LEVELS} steps are possible"));
    }
    Ok(())
}

/// How many of the lowest $\lambda$ of a table are below `lambda_min_clipped`.
pub fn clipped_levels(table: &NoiseTable, lambda_min_clipped: f64) -> usize {
    let lambda = |alpha_bar: &f32| {
        let root = |x: f32| torch(Tensor::sqrt, x);
        let level = Level { alpha: root(*alpha_bar), sigma: root(1.0 - alpha_bar) };
        level.lambda()
    };
    table.alpha_bar.iter().rev().take_while(|alpha_bar| lambda(alpha_bar) < lambda_min_clipped as f32).count()
}

/// The grid with timesteps truncated to whole numbers, and `last` as its final noise level.
///
/// # Errors
/// Those of [`Grid::new`].
pub fn closed_grid((timesteps, mut sigmas): (Vec<f64>, Vec<f64>), last: f64) -> Result<Grid, NnError> {
    if let Some(t) = timesteps.iter().find(|t| !t.is_finite()) {
        return refuse("timesteps", t, "noise levels must have timesteps; the table needs two levels at least");
    }
    sigmas.push(last);
    let whole = timesteps.iter().map(|t| t.trunc()).collect();
    Grid::new(whole, sigmas.iter().map(|sigma| *sigma as f32).collect())
}

/// The argument `key` of a method, if it is given and not null.
///
/// # Errors
/// A value of another type.
pub fn argument<T: DeserializeOwned>(arguments: &mut Options, key: &str) -> Result<Option<T>, NnError> {
    arguments.take(key, None)
}

/// C of samples `[B, C, ..]`.
///
/// # Errors
/// Samples that have no such dimension.
pub fn channels(x: &Tensor) -> Result<i64, NnError> {
    let message = || format!("found the shape {:?}, expected [B, C, ..]", x.size());
    x.size().get(1).copied().ok_or_else(|| NnError::Input { input: "x_T", message: message() })
}

/// The denoiser of a case: the mean that the network predicts, `[B, C, H, W]`; with a learned variance, 3 channels of 6
/// as in the public code.
///
/// # Errors
/// Arguments of a step, which these classes do not have, or another number of channels.
pub fn mean_denoiser(case: &SamplerCase, learns_variance: bool) -> Result<impl Fn(&Tensor, f64) -> Tensor, NnError> {
    Options::of_arguments("step.", &case.step).finish()?;
    let channels = channels(&case.x_t)?;
    if learns_variance && channels != 3 {
        return refuse("variance_type", "learned", &format!("the public class takes 3 of {} channels", 2 * channels));
    }
    Ok(move |x: &Tensor, t: f64| sampler_denoiser(x, t, learns_variance).narrow(1, 0, channels))
}

/// A chain that the reference values of the solvers' tests were computed with: the last sample of
/// $\epsilon(x,t)=\tanh(x/2)+0.1\cos(t/100)$ from x = (1, -0.5, 0.25, 2).
#[cfg(test)]
pub(super) fn reference_chain(
    run: impl FnOnce(Tensor, &dyn Fn(&Tensor, f64) -> Tensor) -> Result<Vec<Tensor>, NnError>,
) -> Result<Vec<f64>, NnError> {
    let x = Tensor::from_slice(&[1f32, -0.5, 0.25, 2.0]).reshape([1, 1, 2, 2]);
    let trajectory = run(x, &|x, t| (x / 2.0).tanh() + 0.1 * (t / 100.0).cos())?;
    let last = trajectory.last().map(|x| Vec::<f64>::try_from(x.flatten(0, -1).to_kind(tch::Kind::Double)));
    Ok(last.and_then(Result::ok).unwrap_or_default())
}

/// The configuration that those values belong to, with the class and further `options`.
#[cfg(test)]
pub(super) fn reference_json(class: &str, options: &str) -> String {
    let comma = if options.is_empty() { "" } else { "," };
    format!(
        r#"{{"_class_name": "{class}", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"
            {comma} {options}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_timesteps_are_those_of_the_public_code() {
        use TimestepSpacing::*;
        let timesteps = |spacing, levels, count, offset| open_timesteps(spacing, levels, 1000, count, offset).unwrap();
        assert_eq!(timesteps(Linspace, 1000, 20, 0)[..6], [999, 949, 899, 849, 799, 749]);
        assert_eq!(timesteps(Linspace, 1000, 20, 0)[19], 50);
        let leading = timesteps(Leading, 1000, 20, 1);
        assert_eq!((leading[0], leading[1], leading[19]), (941, 894, 48));
        assert_eq!(timesteps(Trailing, 1000, 4, 0), [999, 749, 499, 249]);
        assert_eq!(timesteps(Trailing, 600, 4, 0), [599, 349, 99]);
        assert_eq!(timesteps(Trailing, 1000, 61, 0)[60..], [15, -1]);
        for count in [0, usize::MAX] {
            assert!(open_timesteps(Linspace, 1000, 1000, count, 0).unwrap_err().to_string().contains("num_inference"));
        }
        assert_eq!(timesteps(Leading, 1000, 1, i64::MAX), [i64::MAX]);
    }

    #[test]
    fn a_shift_moves_a_flow_towards_noise() {
        let (timesteps, sigmas) = flow_grid(1000, 4, 1.0);
        assert!((sigmas[0] - 0.999).abs() < 1e-12 && (sigmas[3] - 0.24975).abs() < 1e-12 && sigmas.len() == 4);
        assert!((timesteps[0] - 999.0).abs() < 1e-9);
        let (_, shifted) = flow_grid(1000, 4, 3.0);
        assert!(shifted.iter().zip(&sigmas).all(|(shifted, sigma)| shifted > sigma));
    }
}
