//! The figures.

mod blocks;
mod losses;
mod pictures;
mod theory;
mod training;

use anyhow::{Result, bail};
use easel_plot::Figure;

use super::trained::Trained;
use crate::experiment::FigureInfo;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "gan", about: "the two networks and their losses, as they are built, with shapes and sizes" },
    FigureInfo { name: "gan_theory", about: "p_data, p_g, D and D* in a game on the line, at four times" },
    FigureInfo { name: "gan_ring", about: "a game for eight Gaussians on a circle, and its D" },
    FigureInfo { name: "gan_samples", about: "samples, beside the training pictures nearest to some" },
    FigureInfo { name: "gan_interpolation", about: "pictures along ways from one z to another" },
    FigureInfo { name: "gan_training", about: "losses, beliefs, distance and coverage over training" },
    FigureInfo { name: "gan_losses", about: "the losses and their gradients over the logit" },
];

/// Draws the figure called `name`.
pub fn draw(name: &str, trained: &Trained) -> Result<Figure> {
    match name {
        "gan" => blocks::gan(trained),
        "gan_theory" => theory::line(trained),
        "gan_ring" => theory::ring(trained),
        "gan_samples" => pictures::samples(trained),
        "gan_interpolation" => pictures::interpolation(trained),
        "gan_training" => training::training(trained),
        "gan_losses" => losses::losses(),
        other => {
            bail!(
                "gan has no figure `{other}`; there are: {}",
                ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
            )
        }
    }
}
