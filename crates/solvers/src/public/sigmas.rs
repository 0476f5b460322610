//! Noise levels of the public sigma-space classes: $\sigma=\sqrt{(1-\bar\alpha)/\bar\alpha}$ by timestep, grids of
//! timesteps, and the rules that space noise levels without timesteps.
//!
//! The public code keeps tables and results in f32, and works in f64 between; so do these functions.

use easel_nn::NnError;
use easel_nn::public_schedule::{TimestepSpacing, refuse};
use special::Beta;
use tch::{Kind, Tensor};

use super::options::Options;

/// The longest chain, and the longest table of noise levels.
pub const MOST_LEVELS: usize = 1_000_000;

/// Shape parameters of the [`beta`] spacing, both.
const BETA_SHAPE: f64 = 0.6;

/// How the noise levels of a chain are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigmaSpacing {
    /// As the timesteps say.
    Timesteps,
    /// [`karras`] with $\rho=7$.
    Karras,
    /// [`exponential`].
    Exponential,
    /// [`beta`].
    Beta,
}

impl SigmaSpacing {
    /// Takes the options that choose the rule.
    ///
    /// # Errors
    /// A value of another type, or more than one of them set.
    pub fn take(options: &mut Options) -> Result<Self, NnError> {
        let mut set = |key: &str| options.take(key, false);
        Self::chosen(set("use_karras_sigmas")?, set("use_exponential_sigmas")?, set("use_beta_sigmas")?)
    }

    /// The rule that the options `use_karras_sigmas`, `use_exponential_sigmas` and `use_beta_sigmas` choose.
    ///
    /// # Errors
    /// More than one of them.
    pub fn chosen(karras: bool, exponential: bool, beta: bool) -> Result<Self, NnError> {
        match (karras, exponential, beta) {
            (false, false, false) => Ok(Self::Timesteps),
            (true, false, false) => Ok(Self::Karras),
            (false, true, false) => Ok(Self::Exponential),
            (false, false, true) => Ok(Self::Beta),
            _ => {
                let names = [("use_karras_sigmas", karras), ("use_exponential_sigmas", exponential)];
                let key = names.iter().find(|(_, set)| *set).map_or("use_beta_sigmas", |(key, _)| key);
                refuse(
                    key,
                    true,
                    "at most one of use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas may be set",
                )
            }
        }
    }

    /// The option that chooses this rule, or none.
    pub fn option(self) -> Option<&'static str> {
        match self {
            Self::Timesteps => None,
            Self::Karras => Some("use_karras_sigmas"),
            Self::Exponential => Some("use_exponential_sigmas"),
            Self::Beta => Some("use_beta_sigmas"),
        }
    }

    /// K noise levels from `sigma_max` to `sigma_min`; `None` where the timesteps say.
    pub fn levels(self, sigma_max: f64, sigma_min: f64, count: usize) -> Option<Vec<f64>> {
        match self {
            Self::Timesteps => None,
            Self::Karras => Some(karras(sigma_max, sigma_min, count, 7.0)),
            Self::Exponential => Some(exponential(sigma_max, sigma_min, count)),
            Self::Beta => Some(beta(sigma_max, sigma_min, count)),
        }
    }
}

/// $\sigma$ by timestep, f32 `[T]`, from $\bar\alpha$.
pub fn sigma_table(alpha_bar: &[f32]) -> Vec<f32> {
    let alpha_bar = Tensor::from_slice(alpha_bar);
    to_f32(&((-&alpha_bar + 1f64) / &alpha_bar).sqrt())
}

/// $\sqrt x$ as libtorch rounds it, which is not always to the nearest f32: levels that are differences of nearly equal
/// numbers, and high orders in many steps, show the last bit.
pub fn root(x: f32) -> f32 {
    Tensor::from(x).sqrt().double_value(&[]) as f32
}

/// The numbers of a tensor, in f32.
pub fn to_f32(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0f32; tensor.numel()];
    tensor.to_kind(Kind::Float).copy_data(&mut values, tensor.numel());
    values
}

/// $\ln\sigma$ by timestep, as [`sigma_to_t`] wants it.
pub fn log_table(sigmas: &[f32]) -> Vec<f32> {
    sigmas.iter().map(|sigma| log_f32(*sigma)).collect()
}

/// The natural logarithm as the public code's array library computes it in f32: up to 4 units in the last place off,
/// which decides whether the timestep of the highest noise level is truncated to T - 1 or to T - 2.
///
/// `x` is positive and normal. A rational function of the mantissa in [$\sqrt{1/2}$, $\sqrt2$), with fused products.
pub fn log_f32(x: f32) -> f32 {
    const P: [f32; 6] = [0.0, 1.0, 2.112_677_6, 1.480_000_6, 0.380_883_78, 0.025_899_792];
    const Q: [f32; 6] = [1.0, 2.612_677_6, 2.453_006, 0.986_494_3, 0.154_647_63, 0.005_875_095_3];
    let exponent = (x.to_bits() >> 23) as i32 - 126;
    let mantissa = f32::from_bits((x.to_bits() & 0x007f_ffff) | 0x3f00_0000);
    let small = mantissa <= std::f32::consts::FRAC_1_SQRT_2;
    let (u, exponent) = if small { (2.0 * mantissa - 1.0, exponent - 1) } else { (mantissa - 1.0, exponent) };
    let horner = |weights: [f32; 6]| weights.iter().rev().copied().reduce(|sum, w| sum.mul_add(u, w)).unwrap_or(0.0);
    (exponent as f32).mul_add(std::f32::consts::LN_2, horner(P) / horner(Q))
}

/// K equispaced numbers with both ends; one number is `first`.
pub fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let gap = (last - first) / (count.saturating_sub(1).max(1)) as f64;
    (0..count).map(|i| if i > 0 && i + 1 == count { last } else { i as f64 * gap + first }).collect()
}

/// $\sigma_i=(\sigma_{max}^{1/\rho}+\frac i{K-1}(\sigma_{min}^{1/\rho}-\sigma_{max}^{1/\rho}))^\rho$
/// (Karras et al. 2022, arXiv:2206.00364, eq. 5).
pub fn karras(sigma_max: f64, sigma_min: f64, count: usize, rho: f64) -> Vec<f64> {
    let (first, last) = (sigma_max.powf(1.0 / rho), sigma_min.powf(1.0 / rho));
    linspace(0.0, 1.0, count).into_iter().map(|u| (first + u * (last - first)).powf(rho)).collect()
}

/// Noise levels with equispaced logarithms.
pub fn exponential(sigma_max: f64, sigma_min: f64, count: usize) -> Vec<f64> {
    linspace(sigma_max.ln(), sigma_min.ln(), count).into_iter().map(f64::exp).collect()
}

/// Noise levels at the quantiles of a Beta(0.6, 0.6) distribution (Lee et al. 2024, arXiv:2407.12173).
pub fn beta(sigma_max: f64, sigma_min: f64, count: usize) -> Vec<f64> {
    linspace(0.0, 1.0, count)
        .into_iter()
        .map(|u| sigma_min + beta_quantile(1.0 - u) * (sigma_max - sigma_min))
        .collect()
}

/// The quantile of Beta(0.6, 0.6) at `p` in [0, 1].
pub fn beta_quantile(p: f64) -> f64 {
    let (a, ln_beta) = (BETA_SHAPE, BETA_SHAPE.ln_beta(BETA_SHAPE));
    p.inv_inc_beta(a, a, ln_beta)
}

/// $\sigma$ at a timestep that need not be whole: linear between the entries of a table, constant beyond its ends.
pub fn sigma_at(t: f64, sigmas: &[f32]) -> f64 {
    let (last, at) = (sigmas.len() - 1, |i: usize| f64::from(sigmas[i]));
    match t {
        t if t <= 0.0 => at(0),
        t if t >= last as f64 => at(last),
        t => {
            let low = t.floor() as usize;
            (at(low + 1) - at(low)) * (t - low as f64) + at(low)
        }
    }
}

/// The timestep of a noise level, not whole: linear in $\ln\sigma$ between entries of [`log_table`], clamped to it.
///
/// NaN for a table of one entry.
pub fn sigma_to_t(sigma: f64, log_sigmas: &[f32]) -> f64 {
    let log_sigma = sigma.max(1e-10).ln();
    let below = log_sigmas.iter().rposition(|entry| f64::from(*entry) <= log_sigma).unwrap_or(0);
    let Some(high) = log_sigmas.len().checked_sub(1).filter(|last| *last > 0).map(|last| last.min(below + 1)) else {
        return f64::NAN;
    };
    let (low, start, end) = (high - 1, log_sigmas[high - 1], log_sigmas[high]);
    let w = ((f64::from(start) - log_sigma) / f64::from(start - end)).clamp(0.0, 1.0);
    (1.0 - w) * low as f64 + w * high as f64
}

/// The timesteps of a sigma-space chain of K steps, falling; those of `linspace` need not be whole.
///
/// `trailing` has K + 1 timesteps with -1 at the end at some K (61 of 1000), where the public code's floating-point
/// range runs one element too far; in sigma space that is one more step at the lowest level.
///
/// # Errors
/// No steps, or more than [`MOST_LEVELS`].
pub fn timestep_grid(spacing: TimestepSpacing, steps: usize, count: usize, offset: i64) -> Result<Vec<f32>, NnError> {
    if count == 0 || count > MOST_LEVELS {
        return refuse("num_inference_steps", count, &format!("1 to {MOST_LEVELS} steps are possible"));
    }
    Ok(match spacing {
        TimestepSpacing::Linspace => {
            linspace(0.0, (steps - 1) as f64, count).into_iter().rev().map(|t| t as f32).collect()
        }
        TimestepSpacing::Leading => (0..count).rev().map(|i| (i * (steps / count)) as f32 + offset as f32).collect(),
        TimestepSpacing::Trailing => {
            let (first, length) = (steps as f64, trailing_length(steps, count));
            // The increment of a floating-point range is rounded at its start, which decides how halves round.
            let gap = (first - first / count as f64) - first;
            (0..length).map(|i| (first + i as f64 * gap).round_ties_even() as f32 - 1.0).collect()
        }
    })
}

/// How many timesteps `trailing` has in the public code: K, or K + 1 where rounding lets its range run on to -1.
pub fn trailing_length(steps: usize, count: usize) -> usize {
    (steps as f64 / (steps as f64 / count as f64)).ceil() as usize
}
