//! The public sampler class `DEISMultistepScheduler`, number for number (Zhang and Chen 2023, arXiv:2204.13902).

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::TimestepSpacing;
use serde::Deserialize;
use tch::Tensor;

use super::chain::{Grid, run_chain, verdict};
use super::dpm_updates::{Algorithm, Level, SolverType, finite, multistep, multistep_order};
use super::options::Options;
use super::sigmas::{SigmaSpacing, log_f32};
use super::table::NoiseTable;
use super::vp_solver::{
    Prediction, Threshold, VpOptions, argument, closed_grid, flow_grid, mean_denoiser, noise_of_data, open_timesteps,
};

/// `algorithm_type`; names of other classes' types stand for the only one, as in the public code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnlyAlgorithm {
    #[serde(alias = "dpmsolver", alias = "dpmsolver++")]
    Deis,
}

/// `solver_type`, likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnlySolver {
    #[serde(alias = "midpoint", alias = "heun", alias = "bh1", alias = "bh2")]
    Logrho,
}

/// A configured scheduler.
#[derive(Debug)]
pub struct Deis {
    vp: VpOptions,
    lower_order_final: bool,
    spacing: TimestepSpacing,
    steps_offset: i64,
    table: NoiseTable,
}

impl Deis {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or an order above 3.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut keys = Options::of_config(text, "DEISMultistepScheduler")?;
        keys.take("algorithm_type", OnlyAlgorithm::Deis)?;
        keys.take("solver_type", OnlySolver::Logrho)?;
        let vp = VpOptions::take(&mut keys)?;
        let scheduler = Self {
            table: NoiseTable::new(&vp.betas, false)?,
            vp,
            lower_order_final: keys.take("lower_order_final", true)?,
            spacing: keys.take("timestep_spacing", TimestepSpacing::Linspace)?,
            steps_offset: keys.take("steps_offset", 0)?,
        };
        keys.finish()?;
        scheduler.vp.up_to_order_three()?;
        Ok(scheduler)
    }

    /// The grid of a chain of K steps, which ends at the lowest noise level; `mu` shifts a flow.
    ///
    /// # Errors
    /// A number of steps that gives no grid, or `mu` where it has no meaning.
    pub fn grid(&self, count: usize, mu: Option<f64>) -> Result<Grid, NnError> {
        let (vp, table, steps) = (&self.vp, &self.table, self.table.num_train_timesteps);
        let timesteps = open_timesteps(self.spacing, steps, steps, count, self.steps_offset)?;
        let shift = vp.shift(mu)?;
        let by_table = vp.sigma_spacing == SigmaSpacing::Timesteps && !vp.use_flow_sigmas;
        let mut grid = match vp.sigma_spacing {
            SigmaSpacing::Timesteps if vp.use_flow_sigmas => flow_grid(steps, count, shift),
            _ => vp.spaced(table, &timesteps, count, (None, None)),
        };
        if vp.sigma_spacing == SigmaSpacing::Karras {
            grid.0.iter_mut().for_each(|t| *t = t.round_ties_even());
        }
        let last = if by_table { f64::from(table.sigmas[0]) } else { grid.1[grid.1.len() - 1] };
        closed_grid(grid, last)
    }

    /// The order of step `k` of `count`; see [`multistep_order`].
    pub fn order(&self, k: usize, count: usize) -> usize {
        let falls = self.lower_order_final && count < 15;
        multistep_order(self.vp.solver_order, k, count, falls, falls)
    }

    /// Step `k`: the next sample `[B, C, H, W]` from the network's output at `x`, likewise; `outputs` are those of
    /// earlier steps as this function left them.
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
    ) -> Result<Tensor, NnError> {
        let (vp, level) = (&self.vp, levels[k]);
        let x0 = Threshold::apply(vp.threshold, vp.prediction.data(output, x, level, grid.sigmas[k]));
        // The public code takes the flow's sigma, that of the grid, for both.
        let of_flow = vp.prediction == Prediction::FlowPrediction;
        let sigma = if of_flow { grid.sigmas[k] } else { level.sigma };
        outputs.insert(0, noise_of_data(&x0, x, Level { sigma, ..level }));
        outputs.truncate(vp.solver_order);
        let order = self.order(k, grid.timesteps.len());
        let newest_first: Vec<Level> = levels[k + 1 - order..=k + 1].iter().rev().copied().collect();
        if order == 1 {
            // DDIM, as in DPM-Solver.
            return multistep((Algorithm::Noise, SolverType::Midpoint), &newest_first, &outputs[..1], x, None);
        }
        let rho: Vec<f32> = newest_first.iter().map(|level| level.sigma / level.alpha).collect();
        let weights = integrals(&rho);
        finite(&weights, "outputs")?;
        let mut next = x / f64::from(level.alpha);
        for (output, weight) in outputs.iter().zip(weights) {
            next += output * f64::from(weight);
        }
        Ok(next * f64::from(newest_first[0].alpha))
    }

    /// The whole chain: `[K + 1]` samples from unit noise `x` `[B, C, H, W]` on.
    ///
    /// `denoiser` is called with the sample and the timestep.
    ///
    /// # Errors
    /// A grid of a flow that starts without data, or a step that has no update.
    pub fn run(
        &self,
        grid: &Grid,
        x: Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
    ) -> Result<Vec<Tensor>, NnError> {
        let levels = self.vp.levels(grid)?;
        let mut outputs = vec![];
        run_chain(
            &grid.timesteps,
            x,
            |_| 1.0,
            denoiser,
            |k, output, x| self.step((grid, &levels), k, &mut outputs, output, x),
        )
    }
}

/// The weight of each output: the integral from $\rho_{s_0}$ to $\rho_t$ of the Lagrange polynomial in $\ln\rho$ that is
/// 1 at its own level and 0 at the others, for levels `[t, s_0, s_{-1}]` or with $s_{-2}$
/// (Zhang and Chen 2023, eq. 15, in closed form).
fn integrals(rho: &[f32]) -> Vec<f32> {
    let primitive = |at: f32, own: f32, others: &[f32]| {
        let (t, b) = (log_f32(at), log_f32(own));
        match *others {
            [c] => at * (-log_f32(c) + t - 1.0) / (b - log_f32(c)),
            [c, d] => {
                let (c, d) = (log_f32(c), log_f32(d));
                at * (c * (d - t + 1.0) - d * t + d + t * t - 2.0 * t + 2.0) / ((b - c) * (b - d))
            }
            _ => f32::NAN,
        }
    };
    let weight = |own: usize| {
        // The order in which the public code names the others decides its rounding.
        let count = rho.len() - 1;
        let others: Vec<f32> = (1..count).map(|i| rho[1 + (own + i) % count]).collect();
        primitive(rho[0], rho[1 + own], &others) - primitive(rho[1], rho[1 + own], &others)
    };
    (0..rho.len() - 1).map(weight).collect()
}

/// A sampler case of `DEISMultistepScheduler`: outputs `timesteps`, `sigmas`, `alphas_cumprod`, `trajectory`.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = Deis::from_json(&case.config)?;
    let mut arguments = Options::of_arguments("set_timesteps.", &case.set_timesteps);
    let mu = argument(&mut arguments, "mu")?;
    arguments.finish()?;
    let grid = scheduler.grid(case.steps, mu)?;
    let denoiser = mean_denoiser(&case, false)?;
    let trajectory = scheduler.run(&grid, case.x_t.shallow_clone(), denoiser)?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}

#[cfg(test)]
mod tests {
    use super::super::vp_solver::{reference_chain, reference_json};
    use super::*;

    fn last(options: &str, count: usize) -> Result<Vec<f64>, NnError> {
        let scheduler = Deis::from_json(&reference_json("DEISMultistepScheduler", options))?;
        let grid = scheduler.grid(count, None)?;
        reference_chain(|x, denoiser| scheduler.run(&grid, x, denoiser))
    }

    #[test]
    fn weights_integrate_constants_and_logarithms_exactly() {
        let rho = [0.8f32, 1.5, 2.1, 4.0];
        for levels in [&rho[..3], &rho[..]] {
            let weights = integrals(levels);
            let total: f32 = weights.iter().sum();
            assert!((total - (levels[0] - levels[1])).abs() < 1e-5);
            let logarithm: f32 = weights.iter().zip(&levels[1..]).map(|(weight, rho)| weight * rho.ln()).sum();
            let primitive = |rho: f32| rho * (rho.ln() - 1.0);
            assert!((logarithm - (primitive(levels[0]) - primitive(levels[1]))).abs() < 1e-5);
        }
    }

    #[test]
    fn options_change_the_chain_or_are_refused_by_name() {
        let plain = last("", 10).unwrap();
        for options in [r#""solver_order": 1"#, r#""solver_order": 3"#, r#""lower_order_final": false"#] {
            assert_ne!(last(options, 10).unwrap(), plain, "{options}");
        }
        assert_eq!(last(r#""algorithm_type": "dpmsolver++", "solver_type": "bh2""#, 10).unwrap(), plain);
        for (options, key) in [
            (r#""algorithm_type": "sde-dpmsolver""#, "algorithm_type"),
            (r#""solver_order": 4"#, "solver_order"),
            (r#""final_sigmas_type": "zero""#, "final_sigmas_type"),
        ] {
            let message = last(options, 10).unwrap_err().to_string();
            assert!(message.contains(key), "{options} gave: {message}");
        }
    }
}
