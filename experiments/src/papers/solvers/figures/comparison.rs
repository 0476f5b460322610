//! Error on the exact score and quality of the trained model's pictures, against evaluations.

use anyhow::Result;
use easel_plot::style::AXIS;
use easel_plot::{Cell, Chart, Figure, Series};

use super::looks;
use crate::papers::solvers::exact::{MIXTURE, Trajectories};
use crate::papers::solvers::measure::{SAMPLERS, SPACING, steps_within};
use crate::papers::solvers::results::Results;
use crate::sampling::find_sampler;

/// Of all panels, px.
const HEIGHT: f64 = 540.0;
/// Budgets on the exact score.
const BUDGETS: [usize; 12] = [4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 48, 64];
/// What the stochastic samplers are drawn beside.
const BESIDE: &[&str] = &["ddim", "dpm++2m"];

/// `fd-digits` of the samplers called `names`, beside the long chain's and that of real pictures.
fn quality(results: Results, names: impl Iterator<Item = &'static str>) -> Result<Chart> {
    let mut chart = Chart::new("evaluations", "fd-digits").log_x().log_y().height(HEIGHT);
    let budgets = results.budgets()?;
    let ends = [0.9, 1.1].map(|part| part * if part < 1.0 { budgets[0] } else { budgets[budgets.len() - 1] } as f64);
    let (reference, floor) = (results.reference()?, results.floor()?);
    for name in names {
        let (x, y): (Vec<f64>, Vec<f64>) = results.curve(name)?.iter().map(|&(n, fd)| (n as f64, fd)).unzip();
        if !x.is_empty() {
            chart = chart.series(looks::line(name, "", &x, &y)).series(looks::points(name, &x, &y));
        }
    }
    Ok(chart
        .series(Series::line(reference.0, &ends, &[reference.1; 2]).color(AXIS).dashed())
        .series(Series::line("real pictures", &ends, &[floor; 2]).color(AXIS)))
}

/// Error, and `fd-digits`, against evaluations.
pub fn solver_comparison(results: Results) -> Result<Figure> {
    let stochastic = |name: &&str| find_sampler(name).is_ok_and(|e| e.sampler.is_stochastic());
    let (sde, ode): (Vec<&str>, Vec<&str>) = SAMPLERS.iter().partition(|name| stochastic(name));
    let trajectories = Trajectories::new();
    let mut exact = Chart::new("evaluations", "RMS error").log_x().log_y().height(HEIGHT);
    for name in &ode {
        let sampler = find_sampler(name)?.sampler;
        let mut steps: Vec<usize> = BUDGETS.iter().filter_map(|&b| steps_within(sampler, b)).collect();
        steps.dedup();
        let curve = trajectories.errors(sampler, &steps);
        exact = exact.series(looks::line(name, "", &curve.evaluations, &curve.errors));
    }
    let beside = BESIDE.iter().copied().chain(sde);
    Ok(Figure::new()
        .title("What an evaluation of the network buys")
        .row([
            Cell::new(exact).title("(a) Exact score"),
            Cell::new(quality(results, ode.into_iter())?).title("(b) Trained model, deterministic"),
            Cell::new(quality(results, beside)?).title("(c) Trained model, stochastic"),
        ])
        .caption(format!(
            "(a): RMS distance to the ends of the ODE on a mixture of three Gaussians ({MIXTURE}), even steps of $\\lambda$; multistep \
             chains below 15 steps end in steps of falling order. (b), (c): fd-digits of {} pictures from the same noise, spacing {SPACING}; \
             grey: {} (as many steps) and as many real pictures. {}",
            results.samples()?,
            results.reference()?.0,
            results.model()?
        )))
}
