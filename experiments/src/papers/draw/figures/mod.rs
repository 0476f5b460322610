//! The figures of the paper, from our own models, real pictures, or exact mathematics.

mod bound;
mod frames;
mod grid;
mod samples;
mod sequence;
mod table;
mod zoom;

use anyhow::{Result, bail};
use easel_plot::{Figure, Picture};
use ndarray::ArrayView2;

use super::models::Models;
use crate::experiment::FigureInfo;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo {
        name: "draw_sequence",
        about: "canvases on the way, with the window that writes, and without attention",
    },
    FigureInfo { name: "draw_samples", about: "samples, and the training digits nearest to some" },
    FigureInfo { name: "aligndraw_read", about: "zooming: a patch, the transposed filters on it, two of the filters" },
    FigureInfo { name: "draw_grid", about: "the grid of filters, and three patches of one digit" },
    FigureInfo { name: "draw_bound", about: "the bound in training, and where its divergence is spent" },
    FigureInfo { name: "draw_table", about: "the paper's table of bounds, and ours" },
];

/// Draws the figure called `name`.
pub fn draw(name: &str, models: &Models) -> Result<Figure> {
    match name {
        "draw_sequence" => sequence::draw_sequence(models),
        "draw_samples" => samples::draw_samples(models),
        "aligndraw_read" => zoom::aligndraw_read(),
        "draw_grid" => grid::draw_grid(),
        "draw_bound" => bound::draw_bound(models),
        "draw_table" => table::draw_table(models),
        other => bail!(
            "draw has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Values in [0, `full`] as a grey picture, `full` white.
fn grey(values: ArrayView2<f64>, full: f64) -> Result<Picture> {
    let scaled: Vec<f32> = values.iter().map(|v| (2.0 * v / full - 1.0) as f32).collect();
    Ok(Picture::from_f32(values.nrows(), values.ncols(), 1, &scaled)?)
}

/// The largest entry.
fn largest(values: ArrayView2<f64>) -> f64 {
    values.fold(f64::MIN_POSITIVE, |m, v| m.max(*v))
}
