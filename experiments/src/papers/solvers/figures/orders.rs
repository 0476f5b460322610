//! Orders of convergence where the score is exact.

use anyhow::Result;
use easel_plot::style::{AXIS, BLUE, VERMILION};
use easel_plot::{Cell, Chart, Figure, Series};
use solvers::Sampler;
use solvers::catalogue::{ALL, Entry};
use solvers::exponential::Form;
use solvers::multistep::{Multistep, ThirdOrder};

use super::looks;
use crate::papers::solvers::exact::{ASYMPTOTIC, Curve, END, MIXTURE, POINTS, Trajectories, variance_errors};

/// Steps of the chains.
pub const STEPS: [usize; 6] = [20, 40, 80, 160, 320, 640];

/// Every deterministic solver with its curve.
pub fn deterministic() -> Vec<(&'static Entry, Curve)> {
    let trajectories = Trajectories::new();
    let solvers = ALL.iter().filter(|e| !e.sampler.is_stochastic());
    solvers.map(|entry| (entry, trajectories.errors(entry.sampler, &STEPS))).collect()
}

/// Whether a solver looks back at former steps.
fn looks_back(sampler: Sampler) -> bool {
    matches!(sampler, Sampler::Lms(_) | Sampler::Pndm | Sampler::Plms | Sampler::Multistep(_) | Sampler::UniPc(_))
}

fn axes(error: &str) -> Chart {
    Chart::new("evaluations of the denoiser", error).log_x().log_y()
}

/// Error against evaluations of all deterministic solvers.
pub fn solver_orders() -> Result<Figure> {
    let curves = deterministic();
    let panel = |back: bool| {
        curves.iter().filter(|(e, _)| looks_back(e.sampler) == back).fold(
            axes("RMS error").range_x(20.0..1950.0).range_y(1e-9..1.0).height(560.0),
            |chart, (entry, curve)| {
                let note = format!(": {:.2}", curve.order);
                chart.series(looks::line(entry.name, &note, &curve.evaluations, &curve.errors))
            },
        )
    };
    Ok(Figure::new()
        .title("Orders of convergence on an exact score")
        .row([
            Cell::new(panel(false)).title("(a) Single-step solvers"),
            Cell::new(panel(true)).title("(b) Multistep solvers"),
        ])
        .caption(format!(
            "Behind each name: the order, from the straight line through {ASYMPTOTIC} to {} steps. Root mean squared distance of {POINTS} ends \
             to those of the probability-flow ODE, in f64; data: a mixture of three Gaussians ({MIXTURE}) under the VP SDE \
             ($\\beta$ from 0.1 to 20), from $t = 1$ to {END} in even steps of $\\lambda$. dpm2 and dpm-solver-2 are one method.",
            STEPS[STEPS.len() - 1],
        )))
}

/// The curves of one form: second order, third order as published, and corrected.
pub struct Orders {
    /// The second order.
    pub second: Curve,
    /// The third order as published.
    pub published: Curve,
    /// The third order of this crate.
    pub corrected: Curve,
}

impl Orders {
    /// Errors of the trajectories for the ODE, of the variance for the SDE.
    pub fn of(form: Form, trajectories: &Trajectories) -> Self {
        let solver = |order, third| Sampler::Multistep(Multistep { third, ..Multistep::new(form, order) });
        let curve = |sampler| {
            if form.is_sde() { variance_errors(sampler, &STEPS) } else { trajectories.errors(sampler, &STEPS) }
        };
        Self {
            second: curve(solver(2, ThirdOrder::Corrected)),
            published: curve(solver(3, ThirdOrder::Published)),
            corrected: curve(solver(3, ThirdOrder::Corrected)),
        }
    }

    fn chart(&self, error: &str) -> Chart {
        let line = |name: &str, c: &Curve, color| {
            Series::line(format!("{name}: {:.2}", c.order), &c.evaluations, &c.errors).color(color)
        };
        axes(error)
            .series(line("second order", &self.second, AXIS).dashed())
            .series(line("third, published", &self.published, VERMILION))
            .series(line("third, corrected", &self.corrected, BLUE))
            .height(470.0)
    }
}

/// The third-order multistep solvers as published and corrected.
pub fn dpm_order() -> Result<Figure> {
    let trajectories = Trajectories::new();
    let panel = |form, error, title: &str| Cell::new(Orders::of(form, &trajectories).chart(error)).title(title);
    Ok(Figure::new()
        .title("Third-order multistep DPM-Solver, as published and corrected")
        .row([
            panel(Form::Epsilon, "RMS error", "(a) DPM-Solver (epsilon)"),
            panel(Form::Data, "RMS error", "(b) DPM-Solver++ (data)"),
            panel(Form::DataSde, "relative error of the variance", "(c) SDE-DPM-Solver++ (data)"),
        ])
        .caption(format!(
            "Behind each name: the order, from the straight line through {ASYMPTOTIC} to {} steps. The published formula lacks a factor of 2 \
             in the second derivative, and in (c) has the constant -1/2 where +1/2 is right. (a), (b): mixture of three \
             Gaussians, RMS distance of {POINTS} ends to those of the ODE. (c): data N(0, 1/4), exact variance of the \
             results, no random number. VP SDE ($\\beta$ from 0.1 to 20), from $t = 1$ to {END} in even steps of $\\lambda$, f64.",
            STEPS[STEPS.len() - 1],
        )))
}
