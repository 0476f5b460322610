//! The `easel` program as a library: one module an experiment, and the commands that work on all of them.
//!
//! An experiment is a file under [`papers`] that declares its paper, presets, figures and expected numbers; `list`,
//! `help`, `run`, `figure`, `info`, `sample` and the tests follow from the declaration.

pub mod cli;
pub mod commands;
pub mod experiment;
pub mod judge;
pub mod neighbours;
pub mod papers;
pub mod sampling;
pub mod settings;
pub mod stages;
pub mod tensors;

pub use experiment::{Experiment, registry};
