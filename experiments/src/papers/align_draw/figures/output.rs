//! Grids of samples.

use anyhow::Result;
use easel_data::captioned_digits::Combinations;
use easel_plot::style::VERMILION;
use easel_plot::text::literal;
use easel_plot::{Figure, ImageGrid};
use tch::Tensor;

use super::captions;
use crate::papers::align_draw::trained::Trained;
use crate::tensors::pictures;

/// Samples in a row.
const COLUMNS: usize = 8;
/// Captions of each kind.
const ROWS: usize = 3;

/// A caption without its full stop.
fn label(caption: &str) -> String {
    literal(caption.trim_end_matches(" ."))
}

/// `columns` samples of each caption, row by row, [0, 1].
fn rows(trained: &Trained, captions: &[String], columns: usize) -> Result<(Tensor, Vec<String>)> {
    let all: Vec<String> = captions.iter().flat_map(|c| std::iter::repeat_n(c.clone(), columns)).collect();
    Ok((trained.generate(&all, trained.config.seed, 0)?, all))
}

/// A grid with a row for each label.
fn grid(images: &Tensor, columns: usize, labels: impl IntoIterator<Item = String>) -> Result<ImageGrid> {
    Ok(ImageGrid::new(pictures(&(images * 2.0 - 1.0))?, columns).tile(100.0).row_labels(labels))
}

/// Samples of captions seen in training and of held-out ones.
pub fn output(trained: &Trained) -> Result<Figure> {
    let seen = captions(trained, Combinations::Seen, ROWS)?;
    let held_out = captions(trained, Combinations::HeldOut, ROWS)?;
    let first = seen.len() * COLUMNS;
    let all = [seen, held_out].concat();
    let (images, _) = rows(trained, &all, COLUMNS)?;
    let mut grid = grid(&images, COLUMNS, all.iter().map(|c| label(c)))?;
    for k in first..all.len() * COLUMNS {
        grid = grid.frame(k, VERMILION);
    }
    Ok(Figure::new().title("Pictures from captions").panel(grid).caption(format!(
        "Means $\\sigma(c_T)$ of the first {COLUMNS} samples of each caption, not selected. Framed: captions with a digit in a place \
         where training never showed it. {}",
        trained.provenance()
    )))
}

/// The same noise under captions that differ in one word.
pub fn swap(trained: &Trained) -> Result<Figure> {
    let captions: Vec<String> = [
        "the digit three is at the top left of the image .",
        "the digit seven is at the top left of the image .",
        "the digit seven is at the bottom left of the image .",
        "the digit seven is at the bottom right of the image .",
        "the digit three is on the left of the digit eight .",
        "the digit three is on the right of the digit eight .",
    ]
    .map(String::from)
    .to_vec();
    // A column's noise is that of one sample, whatever its caption.
    let images: Vec<Tensor> = captions
        .iter()
        .map(|c| trained.generate(&vec![c.clone(); COLUMNS], trained.config.seed, 0))
        .collect::<Result<_>>()?;
    let grid = grid(&Tensor::cat(&images, 0), COLUMNS, captions.iter().map(|c| label(c)))?;
    Ok(Figure::new().title("One word changed, the noise kept").panel(grid).caption(format!(
        "From row to row one word of the caption changes (the fifth row begins a new caption); every column has one draw of the noise. Not selected. {}",
        trained.provenance()
    )))
}

/// The same samples without and with the sharpening stage.
pub fn sharpen(trained: &Trained) -> Result<Figure> {
    let chosen = captions(trained, Combinations::Seen, 4)?;
    let repeated: Vec<String> = (0..COLUMNS).map(|k| chosen[k * chosen.len() / COLUMNS].clone()).collect();
    let drawn = trained.generate(&repeated, trained.config.seed, 0)?;
    let sharpened = trained.sharpened(&drawn, &repeated)?;
    let images = Tensor::cat(&[drawn, sharpened], 0);
    let note = if trained.sharpener.is_some() { "" } else { " This run has no sharpening stage: both rows are alike." };
    let grid = grid(&images, COLUMNS, ["AlignDRAW", "sharpened"].map(String::from))?;
    Ok(Figure::new().title("Sharpening").panel(grid).caption(format!(
        "A convolutional generator, trained against a discriminator to restore the detail that real scenes lose when they are halved and \
         enlarged again, adds a residual to the samples; its noise is zero.{note} {}",
        trained.provenance()
    )))
}
