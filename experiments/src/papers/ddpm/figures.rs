//! The figures of the paper, from our own model.

use anyhow::{Result, bail};
use easel_plot::{Figure, ImageGrid};

use super::generate::{Plan, generate};
use super::trained::Trained;
use crate::experiment::FigureInfo;
use crate::tensors::pictures;

/// All figures.
pub const ALL: &[FigureInfo] = &[FigureInfo { name: "ddpm_uncond", about: "unconditional samples" }];

/// Draws the figure called `name`.
pub fn draw(name: &str, trained: &Trained) -> Result<Figure> {
    match name {
        "ddpm_uncond" => {
            let images = generate(trained, &Plan::of(trained, None, trained.config.seed)?, 64)?;
            Ok(Figure::new().panel(ImageGrid::new(pictures(&images)?, 8)))
        }
        other => bail!("no figure is called `{other}`"),
    }
}
