//! The figures.

mod charts;
mod diagram;
mod grids;

use anyhow::{Result, bail};
use easel_plot::Figure;
use serde_json::{Map, Value};

use super::measure::Measure;
use crate::experiment::FigureInfo;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "textconditional_gan", about: "generator and discriminator, with their real sizes" },
    FigureInfo { name: "textconditional_gan_results", about: "held-out captions, a row a variant, the same noise" },
    FigureInfo { name: "textconditional_style_results", about: "the style of a picture, the content of a caption" },
    FigureInfo { name: "textconditional_interpolation", about: "between two captions, and between two noise vectors" },
    FigureInfo { name: "textconditional_roc", about: "does the style encoder tell styles apart" },
    FigureInfo { name: "textconditional_training", about: "scores of right, wrong and generated pairs in training" },
];

/// Draws the figure called `name` from networks and their measured `results`.
pub fn draw(name: &str, measure: &Measure<'_>, results: &Map<String, Value>) -> Result<Figure> {
    match name {
        "textconditional_gan" => diagram::networks(measure),
        "textconditional_gan_results" => grids::results(measure),
        "textconditional_style_results" => grids::styles(measure),
        "textconditional_interpolation" => grids::interpolation(measure),
        "textconditional_roc" => charts::roc(measure, results),
        "textconditional_training" => charts::training(measure),
        other => bail!(
            "text-gan has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}
