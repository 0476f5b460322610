//! Samples, and ways between them.

use anyhow::{Context, Result};
use easel_core::tensor::to_array;
use easel_data::Split;
use easel_plot::style::VERMILION;
use easel_plot::{Cell, Figure, ImageGrid};
use gan::latent::{lerp, slerp};
use gan::sample;
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use super::super::data;
use super::super::trained::Trained;
use crate::neighbours::nearest;
use crate::tensors::{all_images, pictures, to_unit};

const ROWS: usize = 7;
/// Samples in a row; their last one's neighbour follows.
const COLUMNS: usize = 10;

/// Fig. 2 of the paper: samples, the last column the training picture nearest to the sample beside it.
pub fn samples(trained: &Trained) -> Result<Figure> {
    let images = trained.sample(trained.config.seed, ROWS * COLUMNS).to_device(Device::Cpu);
    let train = data(&trained.config, Split::Train)?;
    let last: Vec<i64> = (1..=ROWS).map(|row| (row * COLUMNS - 1) as i64).collect();
    let found = nearest(&images.index_select(0, &Tensor::from_slice(&last)), &train, 1)?;
    let (all, mut tiles, mut distances) = (all_images(&train), Vec::new(), Vec::new());
    for (row, near) in found.iter().enumerate() {
        let (distance, index) = near.first().context("an empty training set")?;
        tiles.push(images.narrow(0, (row * COLUMNS) as i64, COLUMNS as i64));
        tiles.push(to_unit(&all.narrow(0, *index as i64, 1)));
        distances.push(format!("{distance:.0}"));
    }
    let mut grid = ImageGrid::new(pictures(&Tensor::cat(&tiles, 0))?, COLUMNS + 1).tile(84.0);
    for row in 0..ROWS {
        grid = grid.frame(row * (COLUMNS + 1) + COLUMNS, VERMILION);
    }
    Ok(Figure::new().title("Samples of a generative adversarial network").panel(grid).caption(format!(
        "After Fig. 2 of Goodfellow et al. 2014: samples 0 to {} of the seed, not selected; framed, the training picture \
         nearest to the sample on its left, at a root mean squared difference of {} on the scale 0 to 255. A copy would have \
         0. {}",
        ROWS * COLUMNS - 1,
        distances.join(", "),
        trained.provenance()
    )))
}

/// Ways shown, and pictures on each.
const WAYS: usize = 7;
const POINTS: usize = 9;

/// Fig. 3 of the paper: pictures along ways in z, straight and along the sphere.
pub fn interpolation(trained: &Trained) -> Result<Figure> {
    let z: Array2<f64> = to_array("z", &trained.latents(2 * WAYS).to_kind(Kind::Double))?;
    let panel = |way: fn(&[f64], &[f64], f64) -> Vec<f64>| -> Result<ImageGrid> {
        let mut points = Vec::new();
        for k in 0..WAYS {
            let (from, to) = (z.row(2 * k).to_vec(), z.row(2 * k + 1).to_vec());
            for point in 0..POINTS {
                points.extend(way(&from, &to, point as f64 / (POINTS - 1) as f64).into_iter().map(|v| v as f32));
            }
        }
        let z = Tensor::from_slice(&points).reshape([-1, trained.config.model.latent]).to_device(trained.device);
        let images = sample::pictures(&trained.generator, &trained.config.model, &z);
        Ok(ImageGrid::new(pictures(&images)?, POINTS).tile(60.0).gap(3.0))
    };
    Ok(Figure::new()
        .title("From one z to another")
        .row([
            Cell::new(panel(lerp)?).title("(a) Straight"),
            Cell::new(panel(slerp)?).title("(b) Along the sphere"),
        ])
        .caption(format!(
            "After Fig. 3 of Goodfellow et al. 2014: {POINTS} evenly spread points on each of {WAYS} ways, between the same \
             ends in (a) and (b), not selected. The middle of a straight way is nearer to 0 than draws of z are. {}",
            trained.provenance()
        )))
}
