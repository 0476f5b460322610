//! solvers of the diffusion ODE and SDE, their orders and their cost.

mod exact;
mod figures;
mod measure;
mod results;
#[cfg(test)]
mod tests;

use super::study::Study;
use crate::experiment::{Bound, Expected};

/// The study.
pub const STUDY: Study = Study {
    name: "solvers",
    citation: "Karras et al. 2022, arXiv:2206.00364; Lu et al. 2022, arXiv:2206.00927 and 2211.01095; Zhao et al. 2023, arXiv:2302.04867",
    about: "solvers of the diffusion ODE and SDE, their orders and their cost",
    small: (500, &[5, 8, 12, 20]),
    smoke: (32, &[3, 4]),
    figures: figures::ALL,
    expected: &[Expected { preset: "small", metric: measure::FEWEST, bound: Bound::AtMost(20.0) }],
    draw: figures::draw,
    measure: measure::measure,
    shipped: include_str!("../../../weights/solvers.json"),
};
