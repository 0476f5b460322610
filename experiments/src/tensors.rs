//! Between tensors, data sets and pictures.

use anyhow::{Context, Result};
use easel_data::Dataset;
use easel_plot::Picture;
use tch::{Device, Kind, Tensor};

/// All pictures of a data set as u8 `[N, C, H, W]`.
pub fn all_images(data: &Dataset) -> Tensor {
    let shape = data.shape().map(|n| n as i64);
    Tensor::from_data_size(data.images(), &shape, Kind::Uint8)
}

/// u8 pictures as f32 in [-1, 1].
pub fn to_unit(images: &Tensor) -> Tensor {
    images.to_kind(Kind::Float) / 127.5 - 1.0
}

/// Pictures f32 `[N, C, H, W]` in [-1, 1] as bytes `[C, H, W]`, one vector a picture.
pub fn bytes(images: &Tensor) -> Result<Vec<Vec<u8>>> {
    let levels = ((images.clamp(-1.0, 1.0) + 1.0) * 127.5).round().to_kind(Kind::Uint8).to_device(Device::Cpu);
    let picture = |k: i64| levels.get(k).contiguous().view([-1]).try_into().context("pictures as bytes");
    (0..levels.size()[0]).map(picture).collect()
}

/// Pictures f32 `[N, C, H, W]` in [-1, 1] for the figures.
pub fn pictures(images: &Tensor) -> Result<Vec<Picture>> {
    let images = images.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let [n, c, h, w] = <[i64; 4]>::try_from(images.size()).ok().context("pictures need four dimensions")?;
    let mut values = vec![0f32; images.numel()];
    images.f_copy_data(&mut values, images.numel())?;
    Ok(Picture::batch([n, c, h, w].map(|x| x as usize), &values)?)
}
