//! The public sampler class `LMSDiscreteScheduler`: linear multistep, Lagrange polynomials in $\sigma$ through the
//! last slopes, integrated over a step (Adams–Bashforth on a grid that is not equispaced).

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{PredictionType, TimestepSpacing, refuse};
use tch::Tensor;

use super::chain::{Grid, case_denoiser, denoised, norm, run_chain, single_argument, verdict};
use super::options::Options;
use super::sigmas::SigmaSpacing;
use super::table::{BetaOptions, NoiseTable};

/// The public configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct LmsConfig {
    /// Options of the betas.
    pub betas: BetaOptions,
    /// What the network's output stands for.
    pub prediction_type: PredictionType,
    /// How noise levels are spaced.
    pub sigma_spacing: SigmaSpacing,
    /// Rule for timesteps.
    pub timestep_spacing: TimestepSpacing,
    /// Added to the timesteps of `leading`.
    pub steps_offset: i64,
}

impl LmsConfig {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that exclude one another.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut options = Options::of_config(text, "LMSDiscreteScheduler")?;
        let config = Self {
            betas: BetaOptions::take(&mut options, 0.0001, 0.02)?.without_exp()?,
            prediction_type: options.take("prediction_type", PredictionType::Epsilon)?,
            sigma_spacing: SigmaSpacing::take(&mut options)?,
            timestep_spacing: options.take("timestep_spacing", TimestepSpacing::Linspace)?,
            steps_offset: options.take("steps_offset", 0)?,
        };
        options.finish()?;
        Ok(config)
    }
}

/// Positive nodes of the 21-point Gauss–Kronrod rule on [-1, 1], and their weights; the last is the centre.
const GAUSS_KRONROD: [(f64, f64); 11] = [
    (0.995_657_163_025_808_1, 0.011_694_638_867_371_874),
    (0.973_906_528_517_171_7, 0.032_558_162_307_964_725),
    (0.930_157_491_355_708_2, 0.054_755_896_574_351_995),
    (0.865_063_366_688_984_5, 0.075_039_674_810_919_96),
    (0.780_817_726_586_416_9, 0.093_125_454_583_697_6),
    (0.679_409_568_299_024_4, 0.109_387_158_802_297_64),
    (0.562_757_134_668_604_7, 0.123_491_976_262_065_85),
    (0.433_395_394_129_247_2, 0.134_709_217_311_473_34),
    (0.294_392_862_701_460_2, 0.142_775_938_577_060_09),
    (0.148_874_338_981_631_22, 0.147_739_104_901_338_49),
    (0.0, 0.149_445_554_002_916_9),
];

/// The weights of the last slopes, newest first, in the step from `nodes[0]` to `next`:
/// $\int_{\sigma_0}^{\sigma'}\prod_{k\ne j}\frac{\tau-\sigma_k}{\sigma_j-\sigma_k}\,d\tau$ for node j.
///
/// `nodes` are the levels of the slopes, all different; not finite otherwise. The rule is exact for the polynomials,
/// but the public code evaluates them in f32, and in many small steps high orders amplify that rounding.
pub fn lms_weights(nodes: &[f32], next: f32) -> Vec<f64> {
    let (start, end) = (f64::from(nodes[0]), f64::from(next));
    let (centre, half) = (0.5 * (start + end), 0.5 * (end - start));
    let weight = |j: usize| {
        let polynomial = |tau: f64| {
            let factor = |k: usize| (tau as f32 - nodes[k]) / (nodes[j] - nodes[k]);
            f64::from((0..nodes.len()).filter(|k| *k != j).map(factor).product::<f32>())
        };
        let pair = |x: f64| if x == 0.0 { polynomial(centre) } else { polynomial(centre - x) + polynomial(centre + x) };
        half * GAUSS_KRONROD.iter().map(|(node, weight)| weight * pair(half * node)).sum::<f64>()
    };
    (0..nodes.len()).map(weight).collect()
}

/// A configured scheduler.
#[derive(Debug)]
pub struct LmsDiscrete {
    config: LmsConfig,
    table: NoiseTable,
}

impl LmsDiscrete {
    /// Computes the table of noise levels.
    ///
    /// # Errors
    /// Betas that give no noise levels.
    pub fn new(config: LmsConfig) -> Result<Self, NnError> {
        let table = NoiseTable::new(&config.betas, false)?;
        Ok(Self { config, table })
    }

    /// The grid of a chain of K steps.
    ///
    /// # Errors
    /// No steps, or a grid that the public class cannot run through.
    pub fn grid(&self, count: usize) -> Result<Grid, NnError> {
        let config = &self.config;
        let timesteps = self.table.spaced(config.timestep_spacing, config.steps_offset, count, None)?;
        let levels = self.table.levels(&timesteps);
        let (timesteps, levels) = self.table.respaced(&timesteps, levels, config.sigma_spacing, (None, None), count);
        let sigmas = levels.into_iter().map(|sigma| sigma as f32).chain([0.0]).collect();
        Grid::new(timesteps.into_iter().map(|t| f64::from(t as f32)).collect(), sigmas)
    }

    /// The whole chain: `[steps + 1]` samples from unit noise `[B, ..]` on; `order` slopes are used, fewer at first.
    ///
    /// # Errors
    /// An order below 1, two equal levels among those of an integral, or an output of another shape.
    pub fn run(
        &self,
        grid: &Grid,
        x: &Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
        order: usize,
    ) -> Result<Vec<Tensor>, NnError> {
        if order == 0 {
            return refuse("step.order", order, "at least one slope is needed");
        }
        let sigmas = &grid.sigmas;
        let x = x * f64::from(grid.initial_scale(self.config.timestep_spacing));
        let scale = |k: usize| norm(sigmas[k]);
        let mut slopes: Vec<Tensor> = vec![];
        run_chain(&grid.timesteps, x, scale, denoiser, |k, output, x| {
            let x0 = denoised(self.config.prediction_type, x, output, sigmas[k]);
            slopes.push((x - x0) / f64::from(sigmas[k]));
            let used = order.min(k + 1);
            let nodes: Vec<f32> = (0..used).map(|back| sigmas[k - back]).collect();
            let weights = lms_weights(&nodes, sigmas[k + 1]);
            if weights.iter().any(|weight| !weight.is_finite()) {
                return refuse("sigmas", sigmas[k], "a level occurs twice; take fewer steps");
            }
            let terms = weights.iter().zip(slopes.iter().rev()).map(|(weight, slope)| slope * *weight);
            Ok(x + terms.reduce(|sum, term| sum + term).unwrap_or(x.zeros_like()))
        })
    }
}

/// A sampler case of this class.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = LmsDiscrete::new(LmsConfig::from_json(&case.config)?)?;
    Options::of_arguments("set_timesteps.", &case.set_timesteps).finish()?;
    let order = single_argument("step.", &case.step, "order", 4)?;
    let grid = scheduler.grid(case.steps)?;
    let trajectory = scheduler.run(&grid, &case.x_t, case_denoiser, order)?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}
