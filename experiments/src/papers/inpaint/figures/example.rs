//! Holes filled in two ways.

use super::{chain, masked};
use crate::papers::ddpm::figures::provenance;
use crate::papers::ddpm::trained::Trained;
use crate::papers::inpaint::digits::Digits;
use crate::papers::inpaint::masks::Shape;
use crate::papers::inpaint::methods::{Method, usual_resampling};
use crate::tensors::pictures;
use anyhow::Result;
use easel_plot::{Cell, Figure, ImageGrid};

const SHAPES: [(Shape, &str); 3] =
    [(Shape::Half, "(a) Right half"), (Shape::Centre, "(b) Square in the middle"), (Shape::Strokes, "(c) Strokes")];
/// Digits of each mask, and rows of each digit with noise of their own.
const DIGITS: i64 = 2;
const SEEDS: i64 = 2;

/// Original, masked, replaced and repainted digits under three masks.
pub fn inpaint_example(trained: &Trained) -> Result<Figure> {
    let chain = chain(trained);
    let digits = Digits::held_out(trained, SHAPES.len() * DIGITS as usize, chain.seed)?;
    let repaint = Method::Repaint(usual_resampling(chain.steps));
    let side = trained.config.model.side as usize;
    let mut cells = Vec::new();
    for ((shape, title), own) in SHAPES.iter().zip(digits.images.split(DIGITS, 0)) {
        let mask = shape.mask((side, side), chain.seed, trained.device)?;
        let originals = own.repeat_interleave_self_int(SEEDS, 0, None);
        let fill = |method| -> Result<_> { pictures(&chain.fill(trained, &mask, &originals, method)?) };
        let columns = [pictures(&originals)?, masked(&originals, &mask)?, fill(Method::Replacement)?, fill(repaint)?];
        let tiles = (0..originals.size()[0] as usize).flat_map(|row| columns.iter().map(move |c| c[row].clone()));
        let grid = ImageGrid::new(tiles.collect(), columns.len())
            .tile(84.0)
            .column_labels(["original", "masked", "replaced", "RePaint"]);
        cells.push(Cell::new(grid).title(*title));
    }
    let calls = |method: Method| method.moves(chain.steps).map(|(down, _)| down);
    let resampling = usual_resampling(chain.steps);
    Ok(Figure::new()
        .title("One model fills any hole")
        .row(cells)
        .caption(format!(
            "Held-out digits, not selected; two rows of each with different noise. Blue is the hole. Replaced: after each of {} steps ($\\eta = 1$) the known \
             part is set to the original with the noise of that level, {} calls of the network. RePaint (Lugmayr et al. 2022) goes {} steps back up and \
             walks every stretch {} times, {} calls. {}",
            chain.steps,
            calls(Method::Replacement)?,
            resampling.jump,
            resampling.count,
            calls(repaint)?,
            provenance(trained)
        )))
}
