//! Figures 1 and 7 of the paper: how pictures come about.

use anyhow::{Context, Result};
use draw::Draw;
use easel_core::Noise;
use easel_plot::style::VERMILION;
use easel_plot::{Cell, Figure, Picture};
use tch::Tensor;

use super::frames::{Frame, Frames};
use crate::papers::draw::models::{Models, as_pictures};
use crate::tensors::pictures;

/// Samples, a row each.
const ROWS: usize = 5;
/// Glimpses shown at most.
const COLUMNS: usize = 12;

/// Canvases on the way: with attention and the window that wrote last, and without.
pub fn draw_sequence(models: &Models) -> Result<Figure> {
    let seed = models.config.seed;
    Ok(Figure::new()
        .title("A picture is drawn glimpse by glimpse")
        .row([Cell::new(panel(&models.draw, seed)?).title("(a) With attention")])
        .row([Cell::new(panel(&models.plain, seed)?).title("(b) Without attention")])
        .caption(format!(
            "After Figs. 1 and 7 of Gregor et al. 2015: means $\\sigma(c_t)$ of samples 0 to {}, not selected. The square goes through \
             the outermost filters of the window that wrote at $t$; its line is the wider, the wider the filters are. The canvas \
             starts at the mean training picture. Without attention: {} units. {}",
            ROWS - 1,
            models.plain.config().hidden,
            models.provenance()
        )))
}

fn panel(model: &Draw, seed: u64) -> Result<Frames> {
    let sequence = model.generate(&Noise::new(seed).purpose("sample"), 0..ROWS as u64)?;
    let times = spread(sequence.means.len());
    let columns: Vec<Vec<Picture>> = times.iter().map(|&t| column(&sequence.means[t])).collect::<Result<_>>()?;
    let mut frames = Vec::new();
    for row in 0..ROWS {
        for (&t, column) in times.iter().zip(&columns) {
            let frame = Frame::new(column.get(row).context("a picture a sample")?.clone());
            frames.push(match sequence.windows.get(t) {
                Some(windows) => frame.window(windows[row], model.config().write as usize, VERMILION),
                None => frame,
            });
        }
    }
    Ok(Frames::new(frames, times.len()).column_labels(times.iter().map(|t| format!("$t = {}$", t + 1))))
}

fn column(means: &Tensor) -> Result<Vec<Picture>> {
    pictures(&as_pictures(means))
}

/// At most [`COLUMNS`] of 0..`count`, evenly spread, with both ends.
fn spread(count: usize) -> Vec<usize> {
    let shown = count.min(COLUMNS);
    (0..shown).map(|k| k * (count - 1) / (shown - 1).max(1)).collect()
}
