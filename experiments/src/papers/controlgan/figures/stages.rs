//! Three stages side by side.

use anyhow::Result;
use easel_plot::text::literal;
use easel_plot::{Cell, Figure, ImageGrid};
use tch::Tensor;

use super::maps::enlarged;
use crate::papers::controlgan::data::{held_out, scenes};
use crate::papers::controlgan::measure::rendered;
use crate::papers::controlgan::model::Trained;
use crate::tensors::pictures;

/// Captions shown.
const COLUMNS: u64 = 6;

pub fn draw(trained: &Trained) -> Result<Figure> {
    let config = &trained.config;
    let source = scenes(config)?;
    let chosen: Vec<_> = (0..COLUMNS).map(|index| held_out(config, &source, index)).collect();
    let captions: Vec<String> = chosen.iter().map(|scene| scene.caption()).collect();
    let made = trained.generate(&captions, config.seed)?;
    let side = config.model.side;
    let mut rows: Vec<Tensor> = made.images.iter().map(|images| enlarged(images, side)).collect();
    rows.push(rendered(chosen.iter(), side as usize));
    let stage = |k: i64| format!("stage {}: {1} × {1}", k + 1, config.model.stage_side(k));
    let labels: Vec<String> = (0..config.model.stages).map(stage).chain(["held-out scene".into()]).collect();
    let grid = ImageGrid::new(pictures(&Tensor::cat(&rows, 0))?, COLUMNS as usize)
        .tile(128.0)
        .row_labels(labels)
        .column_labels(captions.iter().map(|c| literal(c)));
    Ok(Figure::new().title("Every stage doubles the picture and looks at the words again").panel(Cell::new(grid)).caption(
        format!(
            "The first held-out captions, one noise each, not selected. The lowest row is the scene that the caption was \
             written for, which the generator has not seen. {}",
            trained.provenance()
        ),
    ))
}
