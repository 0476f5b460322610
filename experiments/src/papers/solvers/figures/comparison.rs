//! Error on the exact score and quality of the trained model's pictures, against evaluations.

use anyhow::Result;
use easel_plot::{Cell, Chart, Figure};

use super::looks;
use crate::papers::ddpm::figures::provenance;
use crate::papers::solvers::exact::{MIXTURE, Trajectories};
use crate::papers::solvers::measure::{SAMPLERS, SPACING, steps_within};
use crate::papers::solvers::results::Results;
use crate::papers::study::Material;
use crate::sampling::find_sampler;

/// Budgets on the exact score.
const BUDGETS: [usize; 12] = [4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 48, 64];
/// Stochastic samplers of the comparison, and what they are drawn beside.
const BESIDE: &[&str] = &["ddim", "dpm++2m"];

/// Error, and `fd-digits`, against evaluations.
pub fn solver_comparison(material: &Material) -> Result<Figure> {
    let results = Results(&material.results);
    let (reference, floor) = (results.reference()?, results.floor()?);
    let (mut exact, mut ode) = (Chart::new("evaluations", "RMS error").log_x().log_y(), quality(reference.1, floor));
    let mut sde = quality(reference.1, floor);
    let trajectories = Trajectories::new();
    for name in SAMPLERS {
        let sampler = find_sampler(name)?.sampler;
        let (x, y): (Vec<f64>, Vec<f64>) = results.curve(name)?.iter().map(|&(n, fd)| (n as f64, fd)).unzip();
        if !x.is_empty() && (sampler.is_stochastic() || BESIDE.contains(name)) {
            sde = sde.series(looks::line(name, "", &x, &y));
        }
        if sampler.is_stochastic() {
            continue;
        }
        if !x.is_empty() {
            ode = ode.series(looks::line(name, "", &x, &y));
        }
        let mut steps: Vec<usize> = BUDGETS.iter().filter_map(|&b| steps_within(sampler, b)).collect();
        steps.dedup();
        let curve = trajectories.errors(sampler, &steps);
        exact = exact.series(looks::line(name, "", &curve.evaluations, &curve.errors));
    }
    Ok(Figure::new()
        .title("What an evaluation of the network buys")
        .row([
            Cell::new(exact.height(520.0)).title("(a) Exact score"),
            Cell::new(ode.height(520.0)).title("(b) Trained model, deterministic"),
            Cell::new(sde.height(520.0)).title("(c) Trained model, stochastic"),
        ])
        .caption(format!(
            "(a): RMS distance to the ends of the ODE on a mixture of three Gaussians ({MIXTURE}), even steps of $\\lambda$; chains \
             below 15 steps end in steps of falling order. (b), (c): fd-digits of {} pictures from the same noise, spacing {SPACING}; \
             lines: {} with as many steps as it says, and as many real pictures. {}",
            results.samples()?,
            reference.0,
            provenance(&material.trained)
        )))
}

fn quality(reference: f64, floor: f64) -> Chart {
    Chart::new("evaluations", "fd-digits")
        .log_x()
        .log_y()
        .line_at_y(reference, "long chain")
        .line_at_y(floor, "real pictures")
}
