//! Attention over the words.

use anyhow::Result;
use easel_plot::text::literal;
use easel_plot::{Cell, Figure, ImageGrid, Picture};

use super::strips::{Trace, trace};
use crate::papers::align_draw::trained::Trained;

const CAPTIONS: [&str; 2] =
    ["the digit three is at the top left of the image .", "the digit seven is on the left of the digit two ."];

/// The strips of a sample, a row a word.
pub fn strips(trace: &Trace) -> Result<ImageGrid> {
    let most = trace.most();
    let pictures: Vec<Picture> = (0..trace.words.len()).map(|k| trace.word(k, most)).collect::<Result<_>>()?;
    let (_, width) = pictures[0].size();
    Ok(ImageGrid::new(pictures, 1).gap(2.0).tile(width as f64).row_labels(trace.words.iter().map(|w| literal(w))))
}

/// $\alpha^t_k$ of two samples, words by steps, above the canvases.
pub fn words(trained: &Trained) -> Result<Figure> {
    let steps = trained.config.model.steps;
    let mut cells = Vec::new();
    let mut most: f64 = 0.0;
    for (letter, caption) in ["a", "b"].into_iter().zip(CAPTIONS) {
        let trace = trace(trained, caption, 0)?;
        most = most.max(trace.most());
        cells.push(Cell::new(strips(&trace)?).title(format!("({letter}) {}", literal(caption))));
    }
    Ok(Figure::new().title("Attention over the words").row(cells).caption(format!(
        "$\\alpha^t_k$ of one sample each: a row a word, a column a step from $t = 1$ to ${steps}$, left to right. The colours run from 0 to the \
         largest weight of the panel, at most {most:.2}; a uniform weight would be {:.2}. {}",
        1.0 / 12.0,
        trained.provenance()
    )))
}
