//! Weights as pictures.

use anyhow::{Context, Result};
use easel_plot::Picture;
use easel_plot::style::sequential;
use tch::{Kind, Tensor};

use crate::tensors::pictures;

/// Pictures f32 `[N, 3, s, s]` enlarged to `side` by repeating pixels.
pub fn enlarged(images: &Tensor, side: i64) -> Tensor {
    images.upsample_nearest2d([side, side], None, None)
}

/// Weights `[rows, columns]` as colours, white at 0 and dark at `most`; each entry is `width` by `height` pixels.
pub fn heat(weights: &Tensor, most: f64, [width, height]: [i64; 2]) -> Result<Picture> {
    let wide = weights.repeat_interleave_self_int(width, -1, None).repeat_interleave_self_int(height, 0, None);
    let values = Vec::<f64>::try_from(wide.to_kind(Kind::Double).contiguous().view([-1]))?;
    let rgb: Vec<u8> = values
        .iter()
        .flat_map(|v| {
            let c = sequential(v / most.max(1e-12));
            [c.0, c.1, c.2]
        })
        .collect();
    Ok(Picture::from_u8((weights.size()[0] * height) as usize, (weights.size()[1] * width) as usize, 3, &rgb)?)
}

/// A square map of `weights` `[places]` as colours from 0 to its largest weight, at about `side` pixels.
pub fn square(weights: &Tensor, side: i64) -> Result<Picture> {
    let places = (weights.numel() as f64).sqrt().round() as i64;
    let most = weights.max().double_value(&[]);
    heat(&weights.view([places, places]), most, [(side / places).max(1); 2])
}

/// The picture f32 `[3, side, side]`, bright where the map `weights` `[places]` is large, its largest weight being 1.
pub fn lit(image: &Tensor, weights: &Tensor) -> Result<Picture> {
    let side = image.size()[1];
    let places = (weights.numel() as f64).sqrt().round() as i64;
    let map = (weights / weights.max()).view([1, 1, places, places]);
    let light = map.upsample_bilinear2d([side, side], false, None, None) * 0.85 + 0.15;
    let shown = (image.unsqueeze(0) + 1.0) * light - 1.0;
    pictures(&shown)?.into_iter().next().context("one picture")
}
