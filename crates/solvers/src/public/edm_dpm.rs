//! The public sampler class `EDMDPMSolverMultistepScheduler`: DPM-Solver++ for a network in EDM's preconditioning
//! (Karras et al. 2022, arXiv:2206.00364, table 1; Lu et al. 2022, arXiv:2211.01095).
//!
//! Its third-order updates are not of third order; see [`super::dpm_updates`].

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::refuse;
use tch::{Device, Kind, Tensor};

use super::chain::{Grid, case_denoiser, draws, run_chain, verdict};
use super::dpm_updates::{Algorithm, Level, SolverType, multistep, multistep_order};
use super::edm_euler::{EdmConfig, EdmSpacing};
use super::euler::FinalSigma;
use super::options::Options;
use super::vp_solver::{Threshold, channels, check_count};

/// A configured scheduler.
#[derive(Debug)]
pub struct EdmDpm {
    edm: EdmConfig,
    solver_order: usize,
    threshold: Option<Threshold>,
    algorithm: Algorithm,
    solver_type: SolverType,
    lower_order_final: bool,
    euler_at_final: bool,
}

impl EdmDpm {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that are not supported together.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut keys = Options::of_config(text, "EDMDPMSolverMultistepScheduler")?;
        let scheduler = Self {
            edm: EdmConfig::take(&mut keys)?,
            solver_order: keys.take("solver_order", 2)?,
            threshold: Threshold::take(&mut keys)?,
            algorithm: keys.take("algorithm_type", Algorithm::Data)?,
            solver_type: keys.take("solver_type", SolverType::Midpoint)?,
            lower_order_final: keys.take("lower_order_final", true)?,
            euler_at_final: keys.take("euler_at_final", false)?,
        };
        keys.finish()?;
        if !(1..=3).contains(&scheduler.solver_order) {
            return refuse("solver_order", scheduler.solver_order, "1, 2 and 3 are possible");
        }
        if !scheduler.algorithm.integrates_data() {
            return refuse("algorithm_type", "dpmsolver", "dpmsolver++ and sde-dpmsolver++ are possible");
        }
        Ok(scheduler)
    }

    /// The grid of a chain of K steps; timesteps are $\frac14\ln\sigma$.
    ///
    /// # Errors
    /// A number of steps that gives no grid.
    pub fn grid(&self, count: usize) -> Result<Grid, NnError> {
        check_count(count)?;
        let edm = &self.edm;
        let levels = match edm.sigma_schedule {
            EdmSpacing::Exponential => Tensor::from_slice(&edm.levels(&vec![0.0; count])),
            EdmSpacing::Karras => {
                // In f32, as here alone among the public Karras spacings.
                let (first, last) = (edm.sigma_max.powf(1.0 / edm.rho), edm.sigma_min.powf(1.0 / edm.rho));
                let ramp = Tensor::linspace(0.0, 1.0, count as i64, (Kind::Float, Device::Cpu));
                (ramp * (last - first) + first).pow_tensor_scalar(edm.rho)
            }
        };
        let last = match edm.final_sigmas_type {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => edm.sigma_min as f32,
        };
        let (mut timesteps, mut sigmas) = (vec![0f32; count], vec![0f32; count]);
        (levels.log() * 0.25).copy_data(&mut timesteps, count);
        levels.copy_data(&mut sigmas, count);
        sigmas.push(last);
        Grid::new(timesteps.into_iter().map(f64::from).collect(), sigmas)
    }

    /// The order of step `k` of `count`; see [`multistep_order`].
    pub fn order(&self, k: usize, count: usize) -> usize {
        let falls = self.lower_order_final && count < 15;
        let first = self.euler_at_final || falls || self.edm.final_sigmas_type == FinalSigma::Zero;
        multistep_order(self.solver_order, k, count, first, falls)
    }

    /// Step `k`: the next sample `[B, C, H, W]` from the network's output at the scaled `x`, likewise.
    ///
    /// `outputs` are those of earlier steps as this function left them, and `noise` is asked for a standard normal by
    /// the stochastic algorithm.
    ///
    /// # Errors
    /// A step that has no update.
    pub fn step(
        &self,
        grid: &Grid,
        k: usize,
        outputs: &mut Vec<Tensor>,
        output: &Tensor,
        x: &Tensor,
        noise: impl FnOnce() -> Result<Tensor, NnError>,
    ) -> Result<Tensor, NnError> {
        outputs.insert(0, Threshold::apply(self.threshold, self.edm.denoised(x, output, grid.sigmas[k])));
        outputs.truncate(self.solver_order);
        let noise = self.algorithm.draws_noise().then(noise).transpose()?;
        let order = self.order(k, grid.timesteps.len());
        if order == 3 && noise.is_some() {
            return refuse("solver_order", 3, "sde-dpmsolver++ has no published third-order update here; use 1 or 2");
        }
        let levels: Vec<Level> =
            grid.sigmas[k + 1 - order..=k + 1].iter().rev().map(|s| Level::exploding(*s)).collect();
        multistep((self.algorithm, self.solver_type), &levels, &outputs[..order], x, noise.as_ref())
    }

    /// The whole chain: `[K + 1]` samples from unit noise `[B, C, H, W]` on.
    ///
    /// `denoiser` is called with the scaled sample and the timestep, `noise` for each draw of the stochastic algorithm.
    ///
    /// # Errors
    /// A step that has no update.
    pub fn run(
        &self,
        grid: &Grid,
        x: &Tensor,
        denoiser: impl FnMut(&Tensor, f64) -> Tensor,
        mut noise: impl FnMut() -> Result<Tensor, NnError>,
    ) -> Result<Vec<Tensor>, NnError> {
        let (mut outputs, start) = (vec![], x * self.edm.initial_scale());
        let scale = |k: usize| self.edm.input_norm(grid.sigmas[k]);
        run_chain(&grid.timesteps, start, scale, denoiser, |k, output, x| {
            self.step(grid, k, &mut outputs, output, x, &mut noise)
        })
    }
}

/// A sampler case of `EDMDPMSolverMultistepScheduler`: outputs `timesteps`, `sigmas`, `trajectory`.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = EdmDpm::from_json(&case.config)?;
    Options::of_arguments("set_timesteps.", &case.set_timesteps).finish()?;
    Options::of_arguments("step.", &case.step).finish()?;
    channels(&case.x_t)?;
    let grid = scheduler.grid(case.steps)?;
    let trajectory = scheduler.run(&grid, &case.x_t, case_denoiser, draws(&case))?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), None, &trajectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduler(options: &str) -> Result<EdmDpm, NnError> {
        EdmDpm::from_json(&format!(r#"{{"_class_name": "EDMDPMSolverMultistepScheduler"{options}}}"#))
    }

    #[test]
    fn grids_are_those_of_the_paper_in_f32() {
        let grid = scheduler("").unwrap().grid(18).unwrap();
        let expected = [80.0, 57.58598, 40.78557, 28.37458];
        assert!(grid.sigmas.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-3), "{grid:?}");
        assert!((grid.timesteps[0] - 0.25 * 80f64.ln()).abs() < 1e-6 && grid.sigmas[18] == 0.0);
        let kept = scheduler(r#", "final_sigmas_type": "sigma_min", "sigma_schedule": "exponential""#).unwrap();
        let grid = kept.grid(5).unwrap();
        assert!((grid.sigmas[2] - 0.4).abs() < 1e-4 && grid.sigmas[5] == 0.002);
    }

    #[test]
    fn a_network_that_predicts_nothing_leaves_what_the_skip_keeps() {
        let scheduler = scheduler("").unwrap();
        let grid = scheduler.grid(100).unwrap();
        let x = Tensor::from_slice(&[0.5f32, -1.0]).reshape([1, 2, 1, 1]);
        let no_noise = || unreachable!("an ODE's solver draws no noise");
        let chain = scheduler.run(&grid, &x, |x, _| x.zeros_like(), no_noise).unwrap();
        // The ODE's solution for data of variance 1/4: the deviation shrinks from 80.00156 to 1/2.
        let expected = &chain[0] * (0.5 / (80f64 * 80.0 + 0.25).sqrt());
        assert!((&chain[100] - expected).abs().max().double_value(&[]) < 1e-2);
    }

    #[test]
    fn what_the_class_does_not_know_is_refused_by_name() {
        for (options, key) in [
            (r#", "algorithm_type": "dpmsolver""#, "algorithm_type"),
            (r#", "prediction_type": "sample""#, "prediction_type"),
            (r#", "solver_order": 4"#, "solver_order"),
            (r#", "sigma_schedule": "linear""#, "sigma_schedule"),
            (r#", "use_karras_sigmas": true"#, "use_karras_sigmas"),
        ] {
            let message = scheduler(options).unwrap_err().to_string();
            assert!(message.contains(key), "{options} gave: {message}");
        }
        let stochastic = scheduler(r#", "algorithm_type": "sde-dpmsolver++", "solver_order": 3"#).unwrap();
        let (grid, x) = (stochastic.grid(9).unwrap(), Tensor::from_slice(&[0.5f32]).reshape([1, 1, 1, 1]));
        let refused = stochastic.run(&grid, &x, |x, _| x.zeros_like(), || Ok(x.zeros_like())).unwrap_err();
        assert!(refused.to_string().contains("solver_order"), "{refused}");
    }
}
