//! The public sampler class `DPMSolverMultistepScheduler`, number for number (Lu et al. 2022, arXiv:2211.01095).
//!
//! Its third-order updates are not of third order; see [`super::dpm_updates`].

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{TimestepSpacing, refuse};
use serde::Deserialize;
use tch::Tensor;

use super::chain::{Grid, draws, run_chain, verdict};
use super::dpm_updates::{Algorithm, Level, SolverType, multistep, multistep_order};
use super::euler::FinalSigma;
use super::options::Options;
use super::sigmas::{SigmaSpacing, linspace};
use super::table::{BetaRule, NoiseTable};
use super::vp_solver::{
    Threshold, VpOptions, argument, clipped_levels, closed_grid, flow_grid, mean_denoiser, noise_of_data,
    open_timesteps,
};

/// `variance_type`: the network's further channels, which this solver drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarianceType {
    /// The variance.
    Learned,
    /// Its place between two bounds.
    LearnedRange,
}

/// The options that both DPM-Solver classes have.
#[derive(Debug, Clone, PartialEq)]
pub struct DpmOptions {
    /// What all such solvers have.
    pub vp: VpOptions,
    /// What is integrated.
    pub algorithm: Algorithm,
    /// Weight of the first difference.
    pub solver_type: SolverType,
    /// Whether orders fall at the end.
    pub lower_order_final: bool,
    /// Where a chain ends.
    pub final_sigma: FinalSigma,
    /// Timesteps below this $\lambda$ are not used.
    pub lambda_min_clipped: f64,
    /// The network's further channels.
    pub variance_type: Option<VarianceType>,
}

impl DpmOptions {
    /// Takes these options from a configuration.
    ///
    /// # Errors
    /// A value of another type or out of range, or options that contradict each other.
    pub fn take(options: &mut Options, lower_order_final: bool) -> Result<Self, NnError> {
        let dpm = Self {
            vp: VpOptions::take(options)?,
            algorithm: options.take("algorithm_type", Algorithm::Data)?,
            solver_type: options.take("solver_type", SolverType::Midpoint)?,
            lower_order_final: options.take("lower_order_final", lower_order_final)?,
            final_sigma: options.take("final_sigmas_type", FinalSigma::Zero)?,
            lambda_min_clipped: options.take("lambda_min_clipped", None)?.unwrap_or(f64::NEG_INFINITY),
            variance_type: options.take("variance_type", None)?,
        };
        dpm.vp.up_to_order_three()?;
        if !dpm.algorithm.integrates_data() && dpm.final_sigma == FinalSigma::Zero {
            return refuse("final_sigmas_type", "zero", "dpmsolver and sde-dpmsolver need sigma_min");
        }
        if dpm.variance_type.is_some() && dpm.vp.prediction != super::vp_solver::Prediction::Epsilon {
            return refuse("variance_type", "learned", "the public class drops the variance for epsilon alone");
        }
        Ok(dpm)
    }

    /// The algorithm with the weight of its first difference.
    pub fn method(&self) -> (Algorithm, SolverType) {
        (self.algorithm, self.solver_type)
    }

    /// The table's levels that are used.
    ///
    /// # Errors
    /// None is left.
    pub fn used_levels(&self, table: &NoiseTable) -> Result<usize, NnError> {
        let clipped = clipped_levels(table, self.lambda_min_clipped);
        match table.num_train_timesteps.checked_sub(clipped) {
            None | Some(0) => refuse("lambda_min_clipped", self.lambda_min_clipped, "no noise level is left"),
            Some(levels) => Ok(levels),
        }
    }

    /// The final noise level, of a grid whose rule gives none.
    pub fn last_sigma(&self, table: &NoiseTable) -> f64 {
        match self.final_sigma {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => f64::from(table.sigmas[0]),
        }
    }

    /// What is integrated, $\hat x_0$ or $\hat\epsilon$ `[B, C, H, W]`, from the network's output at `x`.
    ///
    /// # Errors
    /// A prediction type that the algorithm does not know.
    pub fn converted(&self, output: &Tensor, x: &Tensor, sigma: f32) -> Result<Tensor, NnError> {
        let (vp, level) = (&self.vp, self.vp.level(sigma));
        if self.algorithm.integrates_data() {
            return Ok(Threshold::apply(vp.threshold, vp.prediction.data(output, x, level, sigma)));
        }
        let noise = vp.prediction.noise(output, x, level)?;
        if vp.threshold.is_none() {
            return Ok(noise);
        }
        let x0 = (x - noise * f64::from(level.sigma)) / f64::from(level.alpha);
        Ok(noise_of_data(&Threshold::apply(vp.threshold, x0), x, level))
    }
}

/// A configured scheduler.
#[derive(Debug)]
pub struct DpmMultistep {
    options: DpmOptions,
    euler_at_final: bool,
    use_lu_lambdas: bool,
    spacing: TimestepSpacing,
    steps_offset: i64,
    table: NoiseTable,
}

impl DpmMultistep {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that are not supported together.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut keys = Options::of_config(text, "DPMSolverMultistepScheduler")?;
        let options = DpmOptions::take(&mut keys, true)?;
        let zero_snr = keys.take("rescale_betas_zero_snr", false)?;
        let scheduler = Self {
            table: NoiseTable::new(&options.vp.betas, zero_snr)?,
            options,
            euler_at_final: keys.take("euler_at_final", false)?,
            use_lu_lambdas: keys.take("use_lu_lambdas", false)?,
            spacing: keys.take("timestep_spacing", TimestepSpacing::Linspace)?,
            steps_offset: keys.take("steps_offset", 0)?,
        };
        keys.finish()?;
        Ok(scheduler)
    }

    /// The grid of a chain of K steps; `mu` shifts a flow.
    ///
    /// `use_karras_sigmas` goes before `use_lu_lambdas`, that before the other rules, and all of them before
    /// `use_flow_sigmas`, as in the public code.
    ///
    /// # Errors
    /// A number of steps that gives no grid, or `mu` where it has no meaning.
    pub fn grid(&self, count: usize, mu: Option<f64>) -> Result<Grid, NnError> {
        let (vp, table) = (&self.options.vp, &self.table);
        let (levels, steps) = (self.options.used_levels(table)?, table.num_train_timesteps);
        let timesteps = open_timesteps(self.spacing, levels, steps, count, self.steps_offset)?;
        let shift = vp.shift(mu)?;
        let mut grid = match vp.sigma_spacing {
            SigmaSpacing::Karras => vp.spaced(table, &timesteps, count, (None, None)),
            _ if self.use_lu_lambdas => self.lu_grid(count),
            SigmaSpacing::Timesteps if vp.use_flow_sigmas => flow_grid(steps, count, shift),
            _ => vp.spaced(table, &timesteps, count, (None, None)),
        };
        let rounds = vp.sigma_spacing == SigmaSpacing::Karras || self.use_lu_lambdas;
        if rounds && vp.betas.beta_schedule != BetaRule::Cosine {
            grid.0.iter_mut().for_each(|t| *t = t.round_ties_even());
        }
        closed_grid(grid, self.options.last_sigma(table))
    }

    /// The grid of timesteps that the user chose.
    ///
    /// # Errors
    /// A rule for noise levels, which would make other timesteps, or timesteps that are no grid.
    pub fn custom_grid(&self, timesteps: &[i64], mu: Option<f64>) -> Result<Grid, NnError> {
        let vp = &self.options.vp;
        let flow = vp.use_flow_sigmas.then_some("use_flow_sigmas");
        if let Some(rule) = vp.sigma_spacing.option().or(self.use_lu_lambdas.then_some("use_lu_lambdas")).or(flow) {
            return refuse(rule, true, "it makes its own timesteps, but timesteps are given");
        }
        vp.shift(mu)?;
        closed_grid(
            vp.spaced(&self.table, timesteps, timesteps.len(), (None, None)),
            self.options.last_sigma(&self.table),
        )
    }

    /// Equispaced $\lambda$ (Lu et al. 2022, arXiv:2206.00927, section 3.4).
    fn lu_grid(&self, count: usize) -> (Vec<f64>, Vec<f64>) {
        let log_sigmas = &self.table.log_sigmas;
        let (first, last) = (f64::from(log_sigmas[log_sigmas.len() - 1]), f64::from(log_sigmas[0]));
        let ramp = linspace(0.0, 1.0, count).into_iter();
        let sigmas: Vec<f64> = ramp.map(|u| (first + u * (last - first)).exp()).collect();
        (sigmas.iter().map(|sigma| self.table.timestep(*sigma)).collect(), sigmas)
    }

    /// The order of step `k` of `count`; see [`multistep_order`].
    pub fn order(&self, k: usize, count: usize) -> usize {
        let options = &self.options;
        let falls = options.lower_order_final && count < 15;
        let first = self.euler_at_final || falls || options.final_sigma == FinalSigma::Zero;
        multistep_order(options.vp.solver_order, k, count, first, falls)
    }

    /// Step `k`: the next sample `[B, C, H, W]` from the network's output at `x`, likewise.
    ///
    /// `outputs` are those of earlier steps as this function left them, and `noise` is asked for a standard normal by
    /// the stochastic algorithms.
    ///
    /// # Errors
    /// A step that has no update.
    pub fn step(
        &self,
        (grid, levels): (&Grid, &[Level]),
        k: usize,
        outputs: &mut Vec<Tensor>,
        output: &Tensor,
        x: &Tensor,
        noise: impl FnOnce() -> Result<Tensor, NnError>,
    ) -> Result<Tensor, NnError> {
        let options = &self.options;
        outputs.insert(0, options.converted(output, x, grid.sigmas[k])?);
        outputs.truncate(options.vp.solver_order);
        let noise = options.algorithm.draws_noise().then(noise).transpose()?;
        let order = self.order(k, grid.timesteps.len());
        let newest_first: Vec<Level> = levels[k + 1 - order..=k + 1].iter().rev().copied().collect();
        multistep(options.method(), &newest_first, &outputs[..order], x, noise.as_ref())
    }

    /// The whole chain: `[K + 1]` samples from unit noise `x` `[B, C, H, W]` on.
    ///
    /// `denoiser` is called with the sample and the timestep, `noise` for each draw of the stochastic algorithms.
    ///
    /// # Errors
    /// A grid of a flow that starts without data, or a step that has no update.
    pub fn run(
        &self,
        grid: &Grid,
        x: Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
        mut noise: impl FnMut() -> Result<Tensor, NnError>,
    ) -> Result<Vec<Tensor>, NnError> {
        let levels = self.options.vp.levels(grid)?;
        let mut outputs = vec![];
        run_chain(
            &grid.timesteps,
            x,
            |_| 1.0,
            denoiser,
            |k, output, x| self.step((grid, &levels), k, &mut outputs, output, x, &mut noise),
        )
    }
}

/// A sampler case of `DPMSolverMultistepScheduler`: outputs `timesteps`, `sigmas`, `alphas_cumprod`, `trajectory`.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = DpmMultistep::from_json(&case.config)?;
    let mut arguments = Options::of_arguments("set_timesteps.", &case.set_timesteps);
    let (mu, timesteps) = (argument(&mut arguments, "mu")?, argument::<Vec<i64>>(&mut arguments, "timesteps")?);
    arguments.finish()?;
    let grid = match timesteps {
        Some(timesteps) => scheduler.custom_grid(&timesteps, mu)?,
        None => scheduler.grid(case.steps, mu)?,
    };
    let denoiser = mean_denoiser(&case, scheduler.options.variance_type.is_some())?;
    let trajectory = scheduler.run(&grid, case.x_t.shallow_clone(), denoiser, draws(&case))?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}

#[cfg(test)]
mod tests {
    use super::super::vp_solver::{reference_chain, reference_json};
    use super::*;

    fn last(options: &str, count: usize) -> Result<Vec<f64>, NnError> {
        let scheduler = DpmMultistep::from_json(&reference_json("DPMSolverMultistepScheduler", options))?;
        let grid = scheduler.grid(count, None)?;
        reference_chain(|x, denoiser| {
            scheduler.run(&grid, x, denoiser, || unreachable!("an ODE's solver draws no noise"))
        })
    }

    #[test]
    fn final_samples_are_the_published_ones() {
        for (options, count, expected) in [
            ("", 20, [5.321590, -1.454481, 0.839070, 16.694491]),
            (r#""solver_type": "heun""#, 20, [5.307809, -1.453089, 0.835240, 16.681848]),
            (r#""use_karras_sigmas": true"#, 20, [5.251400, -1.445084, 0.824858, 16.626605]),
            (r#""solver_order": 3, "lambda_min_clipped": -Infinity"#, 20, [5.334254, -1.467683, 0.840303, 16.716512]),
            ("", 10, [5.485441, -1.452531, 0.873697, 16.893997]),
        ] {
            let found = last(options, count).unwrap();
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{options}: {found:?}");
        }
    }

    #[test]
    fn options_change_the_chain_or_are_refused_by_name() {
        let plain = last("", 20).unwrap();
        for options in [
            r#""solver_order": 1"#,
            r#""use_lu_lambdas": true"#,
            r#""use_exponential_sigmas": true"#,
            r#""timestep_spacing": "trailing""#,
            r#""timestep_spacing": "leading", "steps_offset": 1"#,
            r#""final_sigmas_type": "sigma_min""#,
            r#""algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min""#,
            r#""lambda_min_clipped": -2.0"#,
            r#""rescale_betas_zero_snr": true, "prediction_type": "v_prediction""#,
            r#""thresholding": true"#,
            r#""use_flow_sigmas": true, "prediction_type": "flow_prediction""#,
        ] {
            assert_ne!(last(options, 20).unwrap(), plain, "{options}");
        }
        for (options, key) in [
            (r#""algorithm_type": "dpmsolver""#, "final_sigmas_type"),
            (r#""solver_order": 4"#, "solver_order"),
            (r#""solver_type": "bh3""#, "solver_type"),
            (r#""use_karras_sigmas": true, "use_beta_sigmas": true"#, "use_karras_sigmas"),
            (r#""use_karras_sigmas": true, "use_flow_sigmas": true"#, "use_flow_sigmas"),
            (r#""variance_type": "learned", "prediction_type": "sample""#, "variance_type"),
            (r#""beta_schedule": "sigmoid""#, "beta_schedule"),
            (r#""lambda_min_clipped": 99.0"#, "lambda_min_clipped"),
            (r#""predict_x0": true"#, "predict_x0"),
        ] {
            let message = last(options, 20).unwrap_err().to_string();
            assert!(message.contains(key), "{options} gave: {message}");
        }
    }

    #[test]
    fn unusual_numbers_of_steps_and_timesteps_are_refused_or_run() {
        let scheduler = |options| DpmMultistep::from_json(&reference_json("DPMSolverMultistepScheduler", options));
        let plain = scheduler("").unwrap();
        assert!(plain.grid(0, None).unwrap_err().to_string().contains("num_inference_steps"));
        assert!(plain.grid(6000, None).unwrap_err().to_string().contains("timesteps"));
        assert!(plain.grid(5, Some(1.0)).unwrap_err().to_string().contains("mu"));
        assert_eq!(plain.custom_grid(&[2000, 500, -7], None).unwrap().sigmas[0], plain.table.sigmas[999]);
        for timesteps in [&[][..], &[5, 3, 5]] {
            assert!(plain.custom_grid(timesteps, None).unwrap_err().to_string().contains("timesteps"));
        }
        let karras = scheduler(r#""use_karras_sigmas": true"#).unwrap();
        assert!(karras.custom_grid(&[5, 3], None).unwrap_err().to_string().contains("use_karras_sigmas"));
        let flow = scheduler(r#""use_flow_sigmas": true, "use_dynamic_shifting": true"#).unwrap();
        assert_ne!(flow.grid(5, Some(1.0)).unwrap(), flow.grid(5, None).unwrap());
    }
}
