//! Three stages side by side.

use anyhow::Result;
use easel_plot::text::literal;
use easel_plot::{Cell, Figure, ImageGrid};
use tch::Tensor;

use super::maps::enlarged;
use crate::papers::controlgan::data::HeldOut;
use crate::papers::controlgan::model::Trained;
use crate::tensors::pictures;

/// Captions shown.
const COLUMNS: usize = 6;

pub fn draw(trained: &Trained) -> Result<Figure> {
    let config = &trained.config;
    let held = HeldOut::of(config, COLUMNS)?;
    let captions = &held.captions;
    let made = trained.generate(captions, config.seed)?;
    let side = config.model.side;
    let mut rows: Vec<Tensor> = made.images.iter().map(|images| enlarged(images, side)).collect();
    rows.push(held.images);
    let stage = |k: i64| format!("stage {}: {1} × {1}", k + 1, config.model.stage_side(k));
    let labels: Vec<String> = (0..config.model.stages).map(stage).chain(["held-out picture".into()]).collect();
    let grid = ImageGrid::new(pictures(&Tensor::cat(&rows, 0))?, COLUMNS)
        .tile(128.0)
        .row_labels(labels)
        .column_labels(captions.iter().map(|c| literal(c)));
    Ok(Figure::new().title("Every stage doubles the picture and looks at the words again").panel(Cell::new(grid)).caption(
        format!(
            "The first held-out captions, one noise each, not selected. The lowest row is a picture that the caption is \
             true of, which the generator has not seen. {}",
            trained.provenance()
        ),
    ))
}
