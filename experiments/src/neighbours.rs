//! The training pictures nearest to given ones: whether a model copies.

use anyhow::Result;
use easel_core::tensor::to_array;
use easel_data::Dataset;
use easel_metrics::manifold::nearest_neighbours;
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use crate::tensors::{all_images, to_unit};

/// Training pictures compared at a time: bounds the memory.
const BLOCK: usize = 4096;

/// Distance and index of the nearest training pictures of one picture, nearest first; a distance is the root mean squared
/// difference of pixels on the scale 0 to 255.
pub type Nearest = Vec<(f64, usize)>;

/// The `count` nearest pictures of `base` for each of `queries` (f32 `[N, C, H, W]` in [-1, 1]).
pub fn nearest(queries: &Tensor, base: &Dataset, count: usize) -> Result<Vec<Nearest>> {
    let flat = |images: &Tensor| -> Result<Array2<f64>> {
        Ok(to_array("pictures", &(images.to_device(Device::Cpu).flatten(1, -1).to_kind(Kind::Double) * 127.5))?)
    };
    let (queries, all) = (flat(queries)?, all_images(base));
    let mut found: Vec<Nearest> = vec![Vec::new(); queries.nrows()];
    for first in (0..base.len()).step_by(BLOCK) {
        let length = BLOCK.min(base.len() - first);
        let block = flat(&to_unit(&all.narrow(0, first as i64, length as i64)))?;
        let near = nearest_neighbours(queries.view(), block.view(), count.min(length))?;
        for ((found, index), distance) in found.iter_mut().zip(near.index.rows()).zip(near.distance.rows()) {
            found.extend(distance.iter().zip(index).map(|(d, i)| (d / (block.ncols() as f64).sqrt(), first + i)));
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            found.truncate(count);
        }
    }
    Ok(found)
}
