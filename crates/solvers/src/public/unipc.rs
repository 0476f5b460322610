//! The public sampler class `UniPCMultistepScheduler`, number for number (Zhao et al. 2023, arXiv:2302.04867).

use std::path::Path;

use easel_nn::NnError;
use easel_nn::parity::{SamplerCase, Verdict};
use easel_nn::public_schedule::{TimestepSpacing, refuse};
use serde::Deserialize;
use serde_json::Value;
use tch::Tensor;

use super::chain::{Grid, run_chain, verdict};
use super::dpm_updates::{Level, finite, torch};
use super::euler::FinalSigma;
use super::options::Options;
use super::sigmas::{SigmaSpacing, linspace};
use super::table::NoiseTable;
use super::vp_solver::{
    Threshold, TimeShift, VpOptions, argument, check_count, closed_grid, mean_denoiser, open_timesteps,
};

/// A flow's first noise level is this far below 1.
const FLOW_MARGIN: f64 = 1e-6;

/// `solver_type`: B(h). Names of other classes' types stand for `bh2`, as in the public code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SolverType {
    /// h.
    Bh1,
    /// $e^h-1$.
    #[serde(alias = "midpoint", alias = "heun", alias = "logrho")]
    Bh2,
}

/// A configured scheduler.
#[derive(Debug)]
pub struct UniPc {
    vp: VpOptions,
    predict_x0: bool,
    solver_type: SolverType,
    lower_order_final: bool,
    disable_corrector: Vec<i64>,
    spacing: TimestepSpacing,
    steps_offset: i64,
    final_sigma: FinalSigma,
    sigma_ends: (Option<f64>, Option<f64>),
    shift_terminal: Option<f64>,
    table: NoiseTable,
}

/// The state between steps.
#[derive(Debug, Default)]
pub struct Progress {
    /// Converted outputs, newest first.
    outputs: Vec<Tensor>,
    /// The corrected sample before the last predictor, and that predictor's order.
    last: Option<(Tensor, usize)>,
}

impl UniPc {
    /// Reads the text of a public `scheduler_config.json`.
    ///
    /// # Errors
    /// Another class, an unknown key or value, or options that are not supported together.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let mut keys = Options::of_config(text, "UniPCMultistepScheduler")?;
        let vp = VpOptions::take(&mut keys)?;
        let zero_snr = keys.take("rescale_betas_zero_snr", false)?;
        let solver_p: Option<Value> = keys.take("solver_p", None)?;
        let scheduler = Self {
            table: NoiseTable::new(&vp.betas, zero_snr)?,
            vp,
            predict_x0: keys.take("predict_x0", true)?,
            solver_type: keys.take("solver_type", SolverType::Bh2)?,
            lower_order_final: keys.take("lower_order_final", true)?,
            disable_corrector: keys.take("disable_corrector", vec![])?,
            spacing: keys.take("timestep_spacing", TimestepSpacing::Linspace)?,
            steps_offset: keys.take("steps_offset", 0)?,
            final_sigma: keys.take("final_sigmas_type", FinalSigma::Zero)?,
            sigma_ends: (keys.take("sigma_min", None)?, keys.take("sigma_max", None)?),
            shift_terminal: keys.take("shift_terminal", None)?,
        };
        keys.finish()?;
        if let Some(solver) = solver_p {
            return refuse("solver_p", solver, "a predictor of another class is an object, which no file can hold");
        }
        scheduler.validate()?;
        Ok(scheduler)
    }

    fn validate(&self) -> Result<(), NnError> {
        if let (Some(terminal), false) = (self.shift_terminal, self.vp.use_flow_sigmas) {
            return refuse("shift_terminal", terminal, "it needs use_flow_sigmas");
        }
        if self.final_sigma == FinalSigma::Zero {
            let reason = "the public step to final_sigmas_type zero is not a number; use sigma_min";
            if self.solver_type == SolverType::Bh1 {
                return refuse("solver_type", "bh1", reason);
            }
            if !self.predict_x0 {
                return refuse("predict_x0", false, reason);
            }
        }
        Ok(())
    }

    /// The grid of a chain of K steps, or of a flow through the noise levels that the user chose; `mu` shifts a flow
    /// that is shifted dynamically.
    ///
    /// # Errors
    /// A number of steps that gives no grid, noise levels where there is no flow, or `mu` missing.
    pub fn grid(&self, count: usize, mu: Option<f64>, sigmas: Option<Vec<f64>>) -> Result<Grid, NnError> {
        let (vp, steps) = (&self.vp, self.table.num_train_timesteps);
        if vp.use_dynamic_shifting && mu.is_none() {
            return refuse("use_dynamic_shifting", true, "the argument mu of set_timesteps is needed");
        }
        if let Some(sigmas) = &sigmas
            && !(vp.use_flow_sigmas && vp.sigma_spacing == SigmaSpacing::Timesteps)
        {
            let reason = "they need use_flow_sigmas, and no other rule for noise levels";
            return refuse("set_timesteps.sigmas", format!("{sigmas:?}"), reason);
        }
        let count = sigmas.as_ref().map_or(count, Vec::len);
        if self.final_sigma == FinalSigma::Zero && !self.lower_order_final && vp.solver_order.min(count) > 1 {
            let reason = "the public step to final_sigmas_type zero is finite at order 1 alone";
            return refuse("lower_order_final", false, reason);
        }
        let timesteps = open_timesteps(self.spacing, steps, steps, count, self.steps_offset)?;
        let of_table = vp.sigma_spacing == SigmaSpacing::Timesteps && !vp.use_flow_sigmas;
        let (timesteps, sigmas) = match vp.sigma_spacing {
            SigmaSpacing::Timesteps if vp.use_flow_sigmas => self.flow_grid(count, mu, sigmas)?,
            SigmaSpacing::Karras => {
                let (timesteps, sigmas) = vp.spaced(&self.table, &timesteps, count, self.sigma_ends);
                if vp.use_flow_sigmas {
                    let sigmas: Vec<f64> = sigmas.iter().map(|sigma| sigma / (sigma + 1.0)).collect();
                    (sigmas.iter().map(|sigma| sigma * steps as f64).collect(), sigmas)
                } else {
                    (timesteps.iter().map(|t| t.round_ties_even()).collect(), sigmas)
                }
            }
            _ => vp.spaced(&self.table, &timesteps, count, self.sigma_ends),
        };
        let lowest = if of_table { f64::from(self.table.sigmas[0]) } else { sigmas[sigmas.len() - 1] };
        let last = if self.final_sigma == FinalSigma::Zero { 0.0 } else { lowest };
        closed_grid((timesteps, sigmas), last)
    }

    /// Timesteps and noise levels of a flow, without the final one.
    fn flow_grid(
        &self,
        count: usize,
        mu: Option<f64>,
        sigmas: Option<Vec<f64>>,
    ) -> Result<(Vec<f64>, Vec<f64>), NnError> {
        check_count(count)?;
        let (vp, steps) = (&self.vp, self.table.num_train_timesteps as f64);
        let mut sigmas = sigmas.unwrap_or_else(|| linspace(1.0, 1.0 / steps, count + 1)[..count].to_vec());
        let dynamic = |mu: f64, t: f64| mu / (mu + (1.0 / t - 1.0));
        for sigma in &mut sigmas {
            *sigma = match (mu, vp.use_dynamic_shifting, vp.time_shift) {
                (Some(mu), true, TimeShift::Exponential) => dynamic(mu.exp(), *sigma),
                (Some(mu), true, TimeShift::Linear) => dynamic(mu, *sigma),
                _ => vp.flow_shift * *sigma / (1.0 + (vp.flow_shift - 1.0) * *sigma),
            };
        }
        if let Some(terminal) = self.shift_terminal.filter(|terminal| *terminal != 0.0) {
            let scale = (1.0 - sigmas[count - 1]) / (1.0 - terminal);
            sigmas.iter_mut().for_each(|sigma| *sigma = 1.0 - (1.0 - *sigma) / scale);
        }
        if (sigmas[0] - 1.0).abs() < FLOW_MARGIN {
            sigmas[0] -= FLOW_MARGIN;
        }
        Ok((sigmas.iter().map(|sigma| sigma * steps).collect(), sigmas))
    }

    /// What is integrated, $\hat x_0$ or $\hat\epsilon$; the latter without thresholding, as in the public code.
    fn converted(&self, output: &Tensor, x: &Tensor, sigma: f32) -> Result<Tensor, NnError> {
        let (vp, level) = (&self.vp, self.vp.level(sigma));
        if self.predict_x0 {
            return Ok(Threshold::apply(vp.threshold, vp.prediction.data(output, x, level, sigma)));
        }
        vp.prediction.noise(output, x, level)
    }

    /// The order of step `k` of `count`.
    pub fn order(&self, k: usize, count: usize) -> usize {
        let highest = if self.lower_order_final { self.vp.solver_order.min(count - k) } else { self.vp.solver_order };
        highest.min(k + 1)
    }

    /// Step `k`: corrects `x`, then predicts the next sample `[B, C, H, W]`, from the network's output at `x`.
    ///
    /// # Errors
    /// A step that has no update.
    pub fn step(
        &self,
        (grid, levels): (&Grid, &[Level]),
        k: usize,
        progress: &mut Progress,
        output: &Tensor,
        x: &Tensor,
    ) -> Result<Tensor, NnError> {
        let new = self.converted(output, x, grid.sigmas[k])?;
        let corrected = match &progress.last {
            Some((last, order)) if k > 0 && !self.disable_corrector.contains(&(k as i64 - 1)) => {
                self.update(&back(levels, k, *order), &progress.outputs, last, Some(&new))?
            }
            _ => x.shallow_clone(),
        };
        progress.outputs.insert(0, new);
        progress.outputs.truncate(self.vp.solver_order);
        let order = self.order(k, grid.timesteps.len());
        let next = self.update(&back(levels, k + 1, order), &progress.outputs, &corrected, None)?;
        progress.last = Some((corrected, order));
        Ok(next)
    }

    /// UniP from `levels` `[t, s_0, .., s_{1-p}]` with the `outputs` there from $s_0$ on, or UniC with the output `new`
    /// at t besides (Zhao et al. 2023, eqs. 3 and 8, in the form of algorithms 5 to 8).
    fn update(
        &self,
        levels: &[Level],
        outputs: &[Tensor],
        x: &Tensor,
        new: Option<&Tensor>,
    ) -> Result<Tensor, NnError> {
        let (to, from, m0) = (levels[0], levels[1], &outputs[0]);
        let h = to.lambda() - from.lambda();
        let mut ratios: Vec<f32> = levels[2..].iter().map(|level| (level.lambda() - from.lambda()) / h).collect();
        let hh = if self.predict_x0 { -h } else { h };
        let growth = torch(Tensor::expm1, hh);
        let b = match self.solver_type {
            SolverType::Bh1 => hh,
            SolverType::Bh2 => growth,
        };
        let (of_sample, scale) =
            if self.predict_x0 { (to.sigma / from.sigma, to.alpha) } else { (to.alpha / from.alpha, to.sigma) };
        finite(&[of_sample, scale * growth, scale * b], "sample and outputs")?;
        finite(&ratios.iter().map(|ratio| 1.0 / ratio).collect::<Vec<_>>(), "outputs")?;

        let mut differences: Vec<Tensor> =
            outputs[1..].iter().zip(&ratios).map(|(m, ratio)| (m - m0) / f64::from(*ratio)).collect();
        ratios.push(1.0);
        let weights = match new {
            Some(new) => {
                differences.push(new - m0);
                if ratios.len() == 1 { vec![0.5] } else { solve(&ratios, &moments(hh, growth, b, ratios.len()))? }
            }
            None => match ratios.len() - 1 {
                0 => vec![],
                1 => vec![0.5],
                count => solve(&ratios[..count], &moments(hh, growth, b, count))?,
            },
        };
        let base = x * f64::from(of_sample) - m0 * f64::from(scale * growth);
        let bends = differences.iter().zip(&weights).map(|(difference, weight)| difference * f64::from(*weight));
        Ok(match bends.reduce(|sum, bend| sum + bend) {
            None => base,
            Some(sum) => base - sum * f64::from(scale * b),
        })
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
        let mut progress = Progress::default();
        run_chain(
            &grid.timesteps,
            x,
            |_| 1.0,
            denoiser,
            |k, output, x| self.step((grid, &levels), k, &mut progress, output, x),
        )
    }
}

/// The levels of an update of order p to level `to`, newest first: p + 1 of them.
fn back(levels: &[Level], to: usize, order: usize) -> Vec<Level> {
    levels[to - order..=to].iter().rev().copied().collect()
}

/// $b_j=j!\,\varphi_{j+1}(h)h/B(h)$ for j = 1..=`count`, with $\varphi$'s recursion (Zhao et al. 2023, eq. 5).
fn moments(h: f32, growth: f32, b: f32, count: usize) -> Vec<f32> {
    let (mut psi, mut factorial) = (growth / h - 1.0, 1.0);
    let mut moments = vec![];
    for j in 1..=count {
        moments.push(psi * factorial as f32 / b);
        factorial *= (j + 1) as f64;
        psi = psi / h - (1.0 / factorial) as f32;
    }
    moments
}

/// $\rho$ with $\sum_kr_k^{j-1}\rho_k=b_j$, in libtorch's f32.
fn solve(ratios: &[f32], moments: &[f32]) -> Result<Vec<f32>, NnError> {
    finite(ratios, "outputs")?;
    finite(moments, "outputs")?;
    let row = Tensor::from_slice(ratios);
    let rows: Vec<Tensor> = (0..ratios.len()).map(|j| row.pow_tensor_scalar(j as i64)).collect();
    let mut weights = vec![f32::NAN; ratios.len()];
    // Equal levels make a singular matrix; the weights then stay not a number.
    if let Ok(solution) = Tensor::f_linalg_solve(&Tensor::stack(&rows, 0), &Tensor::from_slice(moments), true) {
        solution.copy_data(&mut weights, ratios.len());
    }
    finite(&weights, "outputs")?;
    Ok(weights)
}

/// A sampler case of `UniPCMultistepScheduler`: outputs `timesteps`, `sigmas`, `alphas_cumprod`, `trajectory`.
///
/// # Errors
/// A missing or damaged file, or an option or argument that is not supported.
pub fn verify_sampler_case(folder: &Path) -> Result<Verdict, NnError> {
    let case = SamplerCase::read(folder)?;
    let scheduler = UniPc::from_json(&case.config)?;
    let mut arguments = Options::of_arguments("set_timesteps.", &case.set_timesteps);
    let (mu, sigmas) = (argument(&mut arguments, "mu")?, argument(&mut arguments, "sigmas")?);
    arguments.finish()?;
    let grid = scheduler.grid(case.steps, mu, sigmas)?;
    let denoiser = mean_denoiser(&case, false)?;
    let trajectory = scheduler.run(&grid, case.x_t.shallow_clone(), denoiser)?;
    verdict(folder, &grid.timesteps, Some(&grid.sigmas), Some(&scheduler.table.alpha_bar), &trajectory)
}

#[cfg(test)]
mod tests {
    use super::super::vp_solver::{reference_chain, reference_json};
    use super::*;

    fn scheduler(options: &str) -> Result<UniPc, NnError> {
        UniPc::from_json(&reference_json("UniPCMultistepScheduler", options))
    }

    fn last(options: &str, count: usize) -> Result<Vec<f64>, NnError> {
        let scheduler = scheduler(options)?;
        let grid = scheduler.grid(count, None, None)?;
        reference_chain(|x, denoiser| scheduler.run(&grid, x, denoiser))
    }

    #[test]
    fn final_samples_are_the_published_ones() {
        for (options, expected) in [
            ("", [5.283780, -1.451733, 0.833193, 16.649245]),
            (r#""solver_order": 3"#, [5.284236, -1.455168, 0.832379, 16.652259]),
        ] {
            let found = last(options, 20).unwrap();
            assert!(found.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-5), "{options}: {found:?}");
        }
        let timesteps = scheduler("").unwrap().grid(10, None, None).unwrap().timesteps;
        assert_eq!(timesteps, [999.0, 899.0, 799.0, 699.0, 599.0, 500.0, 400.0, 300.0, 200.0, 100.0]);
    }

    #[test]
    fn without_corrector_and_with_another_measure_the_chain_differs() {
        let ending = r#""final_sigmas_type": "sigma_min""#;
        let corrected = last(ending, 8).unwrap();
        let more = [
            r#""disable_corrector": [0, 1]"#,
            r#""solver_type": "bh1""#,
            r#""predict_x0": false"#,
            r#""lower_order_final": false, "solver_order": 3"#,
        ];
        for options in more {
            assert_ne!(last(&format!("{ending}, {options}"), 8).unwrap(), corrected, "{options}");
        }
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        for (options, key) in [
            (r#""solver_type": "bh1""#, "bh1"),
            (r#""predict_x0": false"#, "predict_x0"),
            (r#""lower_order_final": false"#, "lower_order_final"),
            (r#""solver_p": {}"#, "solver_p"),
            (r#""shift_terminal": 0.1"#, "shift_terminal"),
            (r#""use_dynamic_shifting": true"#, "mu"),
            (r#""use_flow_sigmas": true, "use_exponential_sigmas": true"#, "use_flow_sigmas"),
            (r#""algorithm_type": "dpmsolver++""#, "algorithm_type"),
        ] {
            let message = last(options, 8).unwrap_err().to_string();
            assert!(message.contains(key), "{options} gave: {message}");
        }
        let refused = scheduler("").unwrap().grid(2, None, Some(vec![0.9, 0.5])).unwrap_err().to_string();
        assert!(refused.contains("set_timesteps.sigmas"), "{refused}");
        let flow = scheduler(r#""use_flow_sigmas": true, "flow_shift": 3.0"#).unwrap();
        let grid = flow.grid(9, None, Some(vec![1.0, 0.5])).unwrap();
        assert_eq!(grid.sigmas, [0.999_999, 0.75, 0.0]);
        assert!(flow.grid(9, None, Some(vec![])).unwrap_err().to_string().contains("num_inference_steps"));
    }
}
