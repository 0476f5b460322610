//! The public sampler class `DPMSolverSinglestepScheduler`, number for number (Lu et al. 2022, arXiv:2211.01095).
//!
//! An update of order p is spread over p calls of the network: the first of them steps with order 1 from the level
//! where the update starts, the next with order 2 from that same level, and so on. The third-order term of the SDE has
//! the published sign; see [`super::dpm_updates`].

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{TimestepSpacing, refuse};
use tch::Tensor;

use super::chain::{Grid, draws, run_chain, verdict};
use super::dpm_multistep::DpmOptions;
use super::dpm_updates::{Algorithm, Level, singlestep};
use super::euler::FinalSigma;
use super::options::Options;
use super::sigmas::SigmaSpacing;
use super::table::NoiseTable;
use super::vp_solver::{argument, check_count, closed_grid, flow_grid, mean_denoiser, open_timesteps};

/// The order of each of K steps, for updates of `order`.
///
/// With `lower_order_final` the last updates are of lower order, so that any K is possible and the last step has order
/// 1 where `ends_first`; without, K is a multiple of the order.
///
/// Source: Lu et al. 2022, arXiv:2206.00927, section 3.4.
pub fn order_list(order: usize, count: usize, lower_order_final: bool, ends_first: bool) -> Vec<usize> {
    let mut orders: Vec<usize> = (0..count).map(|k| k % order + 1).collect();
    let drops = lower_order_final && order > 1 && count.is_multiple_of(order);
    if let (true, Some(last)) = (drops || ends_first, orders.last_mut()) {
        *last = 1;
    }
    orders
}

/// A configured scheduler.
#[derive(Debug)]
pub struct DpmSinglestep {
    options: DpmOptions,
    table: NoiseTable,
}

/// The state between steps of an update.
#[derive(Debug, Default)]
pub struct Progress {
    /// Converted outputs, newest first.
    outputs: Vec<Tensor>,
    /// The sample from which the update started.
    start: Option<Tensor>,
}

impl DpmSinglestep {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that are not supported together.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut keys = Options::of_config(text, "DPMSolverSinglestepScheduler")?;
        let options = DpmOptions::take(&mut keys, false)?;
        keys.finish()?;
        if options.algorithm == Algorithm::NoiseSde {
            return refuse("algorithm_type", "sde-dpmsolver", "dpmsolver, dpmsolver++, sde-dpmsolver++ are possible");
        }
        if options.algorithm == Algorithm::Noise && options.vp.threshold.is_some() {
            return refuse(
                "thresholding",
                true,
                "the public class looks up no timestep for it with dpmsolver and fails",
            );
        }
        Ok(Self { table: NoiseTable::new(&options.vp.betas, false)?, options })
    }

    /// The grid of a chain of K steps; `mu` shifts a flow.
    ///
    /// # Errors
    /// A number of steps that gives no grid, or `mu` where it has no meaning.
    pub fn grid(&self, count: usize, mu: Option<f64>) -> Result<Grid, NnError> {
        let (table, steps) = (&self.table, self.table.num_train_timesteps);
        let levels = self.options.used_levels(table)?;
        self.grid_of(&open_timesteps(TimestepSpacing::Linspace, levels, steps, count, 0)?, count, mu)
    }

    /// The grid of timesteps that the user chose; of a flow their number alone counts, as in the public code.
    ///
    /// # Errors
    /// A rule for noise levels, which would make other timesteps, or timesteps that are no grid.
    pub fn custom_grid(&self, timesteps: &[i64], mu: Option<f64>) -> Result<Grid, NnError> {
        if let Some(rule) = self.options.vp.sigma_spacing.option() {
            return refuse(rule, true, "it makes its own timesteps, but timesteps are given");
        }
        check_count(timesteps.len())?;
        self.grid_of(timesteps, timesteps.len(), mu)
    }

    fn grid_of(&self, timesteps: &[i64], count: usize, mu: Option<f64>) -> Result<Grid, NnError> {
        let (vp, table) = (&self.options.vp, &self.table);
        let shift = vp.shift(mu)?;
        let mut grid = match vp.sigma_spacing {
            SigmaSpacing::Timesteps if vp.use_flow_sigmas => flow_grid(table.num_train_timesteps, count, shift),
            _ => vp.spaced(table, timesteps, count, (None, None)),
        };
        if vp.sigma_spacing == SigmaSpacing::Karras {
            grid.0.iter_mut().for_each(|t| *t = t.round_ties_even());
        }
        closed_grid(grid, self.options.last_sigma(table))
    }

    /// The order of each of K steps; see [`order_list`].
    ///
    /// The public code sets `lower_order_final` itself where K is no multiple of the order, or where a chain ends at
    /// the data.
    pub fn orders(&self, count: usize) -> Vec<usize> {
        let (order, to_data) = (self.options.vp.solver_order, self.options.final_sigma == FinalSigma::Zero);
        let lower_order_final = self.options.lower_order_final || to_data || !count.is_multiple_of(order);
        order_list(order, count, lower_order_final, to_data)
    }

    /// Step `k` of an update of order `order`: the next sample `[B, C, H, W]` from the network's output at `x`,
    /// likewise.
    ///
    /// `noise` is asked for a standard normal by the stochastic algorithm.
    ///
    /// # Errors
    /// A step that has no update.
    pub fn step(
        &self,
        (grid, levels): (&Grid, &[Level]),
        (k, order): (usize, usize),
        progress: &mut Progress,
        output: &Tensor,
        x: &Tensor,
        noise: impl FnOnce() -> Result<Tensor, NnError>,
    ) -> Result<Tensor, NnError> {
        let options = &self.options;
        progress.outputs.insert(0, options.converted(output, x, grid.sigmas[k])?);
        progress.outputs.truncate(options.vp.solver_order);
        let noise = options.algorithm.draws_noise().then(noise).transpose()?;
        if order == 1 {
            progress.start = Some(x.shallow_clone());
        }
        let newest_first: Vec<Level> = levels[k + 1 - order..=k + 1].iter().rev().copied().collect();
        let start = progress.start.as_ref().unwrap_or(x);
        singlestep(options.method(), &newest_first, &progress.outputs[..order], start, noise.as_ref())
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
        let (mut progress, orders) = (Progress::default(), self.orders(grid.timesteps.len()));
        run_chain(
            &grid.timesteps,
            x,
            |_| 1.0,
            denoiser,
            |k, output, x| self.step((grid, &levels), (k, orders[k]), &mut progress, output, x, &mut noise),
        )
    }
}

/// A sampler case of `DPMSolverSinglestepScheduler`: outputs `timesteps`, `sigmas`, `alphas_cumprod`, `trajectory`.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = DpmSinglestep::from_json(&case.config)?;
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

    fn scheduler(options: &str) -> Result<DpmSinglestep, NnError> {
        DpmSinglestep::from_json(&reference_json("DPMSolverSinglestepScheduler", options))
    }

    #[test]
    fn the_final_sample_is_the_published_one() {
        let scheduler = scheduler("").unwrap();
        let grid = scheduler.grid(20, None).unwrap();
        let no_noise = || unreachable!("an ODE's solver draws no noise");
        let found = reference_chain(|x, denoiser| scheduler.run(&grid, x, denoiser, no_noise)).unwrap();
        let expected = [5.377146, -1.450040, 0.860102, 16.733865];
        assert!(found.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-5), "{found:?}");
    }

    #[test]
    fn orders_fill_any_number_of_steps() {
        assert_eq!(order_list(3, 6, true, false), [1, 2, 3, 1, 2, 1]);
        assert_eq!(order_list(3, 7, true, false), [1, 2, 3, 1, 2, 3, 1]);
        assert_eq!(order_list(3, 5, true, false), [1, 2, 3, 1, 2]);
        assert_eq!(order_list(3, 5, true, true), [1, 2, 3, 1, 1]);
        assert_eq!(order_list(2, 4, true, true), [1, 2, 1, 1]);
        assert_eq!(order_list(2, 4, false, false), [1, 2, 1, 2]);
        let to_noise = scheduler(r#""solver_order": 3, "final_sigmas_type": "sigma_min""#).unwrap();
        assert_eq!((to_noise.orders(6), to_noise.orders(4)), (vec![1, 2, 3, 1, 2, 3], vec![1, 2, 3, 1]));
        assert_eq!(scheduler("").unwrap().orders(4), [1, 2, 1, 1]);
    }

    #[test]
    fn what_the_class_does_not_know_is_refused_by_name() {
        for (options, key) in [
            (r#""timestep_spacing": "leading""#, "timestep_spacing"),
            (r#""rescale_betas_zero_snr": true"#, "rescale_betas_zero_snr"),
            (r#""algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min""#, "algorithm_type"),
            (
                r#""algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "thresholding": true"#,
                "thresholding",
            ),
        ] {
            let message = scheduler(options).unwrap_err().to_string();
            assert!(message.contains(key), "{options} gave: {message}");
        }
    }
}
