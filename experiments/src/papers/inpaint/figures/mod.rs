//! The figures.

mod example;
mod resampling;
mod strength;

use anyhow::{Result, bail};
use easel_plot::style::{BLUE, WHITE};
use easel_plot::{Figure, Picture};
use inpaint::{Mask, Polarity};
use tch::{Kind, Tensor};

use super::methods::Chain;
use crate::experiment::FigureInfo;
use crate::papers::ddpm::trained::Trained;
use crate::papers::study::Material;
use crate::tensors::pictures;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "inpaint_example", about: "holes of three masks, filled by replacement and by RePaint" },
    FigureInfo { name: "inpaint_resampling", about: "RePaint's schedule, and what resampling mends" },
    FigureInfo { name: "sdedit_strength", about: "crude guides edited from nine times: faithful or realistic" },
];

/// Draws the figure called `name`.
pub fn draw(name: &str, material: &Material) -> Result<Figure> {
    match name {
        "inpaint_example" => example::inpaint_example(&material.trained),
        "inpaint_resampling" => resampling::inpaint_resampling(&material.trained),
        "sdedit_strength" => strength::sdedit_strength(material),
        other => bail!(
            "inpaint has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The chain that the pictures are made with: fifty steps, or all where a model has fewer.
fn chain(trained: &Trained) -> Chain {
    Chain { steps: trained.config.model.timesteps.min(50), eta: 1.0, seed: trained.config.seed }
}

/// Grey pictures `[N, 1, H, W]` with a coloured hole.
fn masked(images: &Tensor, mask: &Mask<Tensor>) -> Result<Vec<Picture>> {
    let colour = BLUE.mix(WHITE, 0.45);
    let plane = |value: u8| {
        let hole = mask.ones(Polarity::Repaint) * (f64::from(value) / 127.5 - 1.0);
        (images * mask.ones(Polarity::Keep) + hole).to_kind(Kind::Float)
    };
    pictures(&Tensor::cat(&[plane(colour.0), plane(colour.1), plane(colour.2)], 1))
}
