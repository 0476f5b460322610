//! The figures of the paper, each from real pictures, our own model or exact mathematics.

mod autoguidance;
mod bound;
mod common;
mod graph;
mod interpolation;
mod process;
mod progressive;
mod samples;
mod schedules;
#[cfg(test)]
mod tests;
mod training;
mod transform;

use anyhow::{Result, bail};
use easel_plot::Figure;

pub use common::provenance;
pub use process::chains;

use super::trained::Trained;
use crate::experiment::FigureInfo;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "diff_transform", about: "a mixture of Gaussians turns into one Gaussian, and back" },
    FigureInfo { name: "diffprocess", about: "a picture dissolves into noise, and noise becomes a picture" },
    FigureInfo { name: "ddpm_chain", about: "the Markov chain as a graphical model" },
    FigureInfo { name: "ddpm_train", about: "the two algorithms and the loss of our training" },
    FigureInfo { name: "ddpm_uncond", about: "unconditional samples and the training pictures nearest to them" },
    FigureInfo {
        name: "ddpm_autoguidance",
        about: "samples of a weak network, of the model, and of the model guided away from it",
    },
    FigureInfo { name: "ddpm_interpol", about: "interpolation between two pictures through noise" },
    FigureInfo { name: "ddpm_interpol_result", about: "interpolation at nine depths of diffusion" },
    FigureInfo { name: "ddpm_schedules", about: "noise schedules compared" },
    FigureInfo { name: "ddpm_bound", about: "the variational bound term by term" },
    FigureInfo {
        name: "ddpm_progressive",
        about: "estimates of the picture on the way, and samples that share a beginning",
    },
    FigureInfo { name: "ddpm_rate_distortion", about: "progressive lossy coding" },
];

/// Draws the figure called `name`.
pub fn draw(name: &str, trained: &Trained) -> Result<Figure> {
    match name {
        "diff_transform" => transform::diff_transform(trained),
        "diffprocess" => process::diffprocess(trained),
        "ddpm_chain" => graph::ddpm_chain(trained),
        "ddpm_train" => training::ddpm_train(trained),
        "ddpm_uncond" => samples::ddpm_uncond(trained),
        "ddpm_autoguidance" => autoguidance::ddpm_autoguidance(trained),
        "ddpm_interpol" => interpolation::ddpm_interpol(trained),
        "ddpm_interpol_result" => interpolation::ddpm_interpol_result(trained),
        "ddpm_schedules" => schedules::ddpm_schedules(trained),
        "ddpm_bound" => bound::ddpm_bound(trained),
        "ddpm_progressive" => progressive::ddpm_progressive(trained),
        "ddpm_rate_distortion" => bound::ddpm_rate_distortion(trained),
        other => bail!(
            "ddpm has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}
