//! The figures: from the exact score, the trained model, and the shipped or a run's measurements.

mod comparison;
mod cosine;
mod grids;
mod looks;
mod orders;
mod table;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};
use easel_plot::Figure;

use crate::experiment::FigureInfo;
use crate::papers::solvers::results::Results;
use crate::papers::study::Material;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "solver_orders", about: "how fast every deterministic solver converges on an exact score" },
    FigureInfo { name: "dpm_order", about: "the published third-order multistep solvers and the corrected ones" },
    FigureInfo { name: "solver_comparison", about: "error and picture quality against evaluations of the network" },
    FigureInfo { name: "solver_table", about: "evaluations that each sampler needs for the quality of a long chain" },
    FigureInfo { name: "solver_grids", about: "noise schedules, and where each spacing spends its steps" },
    FigureInfo { name: "cosine_bug", about: "what integer division does to the cosine schedule" },
];

/// Draws the figure called `name`.
pub fn draw(name: &str, material: &Material) -> Result<Figure> {
    match name {
        "solver_orders" => orders::solver_orders(),
        "dpm_order" => orders::dpm_order(),
        "solver_comparison" => comparison::solver_comparison(Results(&material.results)),
        "solver_table" => table::solver_table(Results(&material.results)),
        "solver_grids" => grids::solver_grids(&material.trained),
        "cosine_bug" => cosine::cosine_bug(&material.trained),
        other => bail!(
            "solvers has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}
