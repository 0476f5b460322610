//! Figure 6 of the paper: samples, and whether they are copies.

use anyhow::Result;
use draw::bound::probabilities;
use easel_data::Split;
use easel_plot::style::VERMILION;
use easel_plot::{Figure, ImageGrid};
use tch::{Kind, Tensor};

use crate::papers::draw::models::{Models, as_pictures, data, generate};
use crate::tensors::pictures;

const ROWS: i64 = 8;
const COLUMNS: i64 = 10;

/// A grid of samples; the last column holds the training digits nearest to those in the column before it.
pub fn draw_samples(models: &Models) -> Result<Figure> {
    let samples = generate(&models.draw, models.config.seed, (ROWS * COLUMNS) as usize)?;
    let (h, w) = (samples.size()[2], samples.size()[3]);
    let rows = samples.view([ROWS, COLUMNS, 1, h, w]);
    let train = probabilities(&data(&models.config, Split::Train)?).to_device(models.device);
    let asked = (rows.select(1, COLUMNS - 1).reshape([ROWS, h * w]) + 1.0) / 2.0;
    let distances = Tensor::cdist(&asked, &train, 2.0, None::<i64>);
    let nearest = train.index_select(0, &distances.argmin(1, false)).view([ROWS, h, w]);
    let least = distances.min_dim(1, false).0 / ((h * w) as f64).sqrt() * 255.0;
    let tiles = Tensor::cat(&[rows, as_pictures(&nearest).unsqueeze(1)], 1).flatten(0, 1);
    let columns = (COLUMNS + 1) as usize;
    let labels = (0..columns).map(|c| if c + 1 == columns { "nearest" } else { "" });
    let mut grid = ImageGrid::new(pictures(&tiles)?, columns).tile(84.0).gap(4.0).column_labels(labels);
    for row in 0..ROWS as usize {
        grid = grid.frame(row * columns + columns - 1, VERMILION);
    }
    let range = |t: &Tensor| (t.min().double_value(&[]), t.max().double_value(&[]));
    let (low, high) = range(&least.to_kind(Kind::Double));
    Ok(Figure::new().title("Samples, and their nearest training digits").panel(grid).caption(format!(
        "After Fig. 6 of Gregor et al. 2015: means $\\sigma(c_T)$ of samples 0 to {}, not selected. Framed: the training digit nearest \
         to the sample on its left; root mean squared differences {low:.0} to {high:.0} of 255 (a copy would have 0). {}",
        ROWS * COLUMNS - 1,
        models.provenance()
    )))
}
