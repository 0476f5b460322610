//! The solvers' mathematics as property tests (f64, no libtorch).

#[path = "../../../core/tests/support/sampling.rs"]
mod common;
mod formulas;
mod noise;
mod orders;
mod steps;
