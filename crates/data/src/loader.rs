//! Batches as tensors: u8 pictures lie on the device once; a batch is one gather, one conversion and two operations in
//! place. A batch is a function of (seed, step) and keeps no state.

use easel_core::noise::{Noise, Stream};
use tch::{Device, Kind, Tensor};

use crate::dataset::Dataset;
use crate::order::batch_indices;

/// How batches are made.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoaderConfig {
    /// Pictures a batch.
    pub batch: usize,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Black pixels added on each side: 2 turns 28×28 into 32×32.
    pub pad: usize,
    /// Mirror every other picture left to right.
    pub flip: bool,
    /// Shift by up to this many pixels along each axis; border pixels are repeated.
    pub shift: usize,
    /// Rotate by up to this many degrees either way, bilinear.
    pub rotate: f64,
    /// Scale by a factor between 1 - `scale` and 1 + `scale`, bilinear.
    pub scale: f64,
}

impl Default for LoaderConfig {
    /// Batches of 64, no padding, no augmentation.
    fn default() -> Self {
        Self { batch: 64, seed: 0, pad: 0, flip: false, shift: 0, rotate: 0.0, scale: 0.0 }
    }
}

/// A loader that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// Nothing to load.
    #[error("data set {0} has no pictures")]
    Empty(String),
    /// A setting without meaning.
    #[error("loader: {name} = {value}, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// libtorch refused, most likely for lack of memory on the device.
    #[error("data set {name} could not be put on {device:?}: {source}")]
    Torch {
        /// Data set.
        name: String,
        /// Device.
        device: Device,
        /// What libtorch said.
        source: tch::TchError,
    },
}

/// What one step learns from.
#[derive(Debug)]
pub struct Batch {
    /// f32 `[B, C, H, W]` in [-1, 1].
    pub images: Tensor,
    /// i64 `[B]`, where the data set has labels.
    pub labels: Option<Tensor>,
    /// Where the pictures lie in the data set, `[B]`; finds their captions.
    pub indices: Vec<usize>,
}

/// Hands out the batches of a data set.
#[derive(Debug)]
pub struct Loader {
    config: LoaderConfig,
    images: Tensor,
    labels: Option<Tensor>,
    device: Device,
}

impl Loader {
    /// Puts the pictures, padded, on `device` as u8 `[N, C, H + 2 pad, W + 2 pad]`.
    pub fn new(data: &Dataset, config: LoaderConfig, device: Device) -> Result<Self, LoaderError> {
        let setting = |name, value: f64, expected| Err(LoaderError::Setting { name, value, expected });
        if data.is_empty() {
            return Err(LoaderError::Empty(data.name().to_owned()));
        } else if config.batch == 0 {
            return setting("batch", 0.0, "at least 1");
        } else if !(0.0..=180.0).contains(&config.rotate) {
            return setting("rotate", config.rotate, "degrees in 0..=180");
        } else if !(0.0..1.0).contains(&config.scale) {
            return setting("scale", config.scale, "at least 0 and below 1");
        }
        let put = || {
            let shape = data.shape().map(|n| n as i64);
            let images = Tensor::from_slice(data.images()).f_view(shape)?.f_to_device(device)?;
            let pad = config.pad as i64;
            let images = if pad == 0 { images } else { images.f_constant_pad_nd([pad; 4])? };
            let labels = data.labels().map(|l| Tensor::from_slice(l).f_to_device(device)).transpose()?;
            Ok((images, labels))
        };
        let (images, labels) =
            put().map_err(|source| LoaderError::Torch { name: data.name().to_owned(), device, source })?;
        Ok(Self { config, images, labels, device })
    }

    /// Number of pictures N.
    pub fn len(&self) -> usize {
        self.images.size()[0] as usize
    }

    /// Smallest and largest label, where the data set has labels.
    pub fn label_range(&self) -> Option<(i64, i64)> {
        self.labels.as_ref().map(|l| (l.min().int64_value(&[]), l.max().int64_value(&[])))
    }

    /// Never: a loader of nothing cannot be built.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `[C, H, W]` of a batch's pictures.
    pub fn picture_shape(&self) -> [i64; 3] {
        let (_, c, h, w) = self.images.size4().unwrap_or_default();
        [c, h, w]
    }

    /// Where the pictures of the batch of `step` lie, a function of (seed, step).
    pub fn indices(&self, step: u64) -> Vec<usize> {
        batch_indices(self.config.seed, step, self.config.batch, self.len())
    }

    /// Batch of `step`, a function of (seed, step).
    pub fn batch(&self, step: u64) -> Batch {
        let indices = self.indices(step);
        let list: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
        let index = Tensor::from_slice(&list).to_device(self.device);
        let draws = self.draws(step);
        let images = scaled(&self.gather(&index, &draws));
        let images =
            if self.config.rotate > 0.0 || self.config.scale > 0.0 { self.warp(&images, &draws) } else { images };
        let labels = self.labels.as_ref().map(|labels| labels.index_select(0, &index));
        Batch { images, labels, indices }
    }

    /// Five uniforms a sample: flip, shift along x and y, rotation, scale.
    fn draws(&self, step: u64) -> Vec<[f64; 5]> {
        let stream: Stream = Noise::new(self.config.seed).purpose("data/augment");
        let draw = |sample| {
            let mut values = [0.0; 5];
            stream.uniform(step, sample, &mut values);
            values
        };
        (0..self.config.batch as u64).map(draw).collect()
    }

    /// The pictures of `index`, u8 `[B, C, H, W]`, flipped and shifted by where they are read from.
    fn gather(&self, index: &Tensor, draws: &[[f64; 5]]) -> Tensor {
        if !self.config.flip && self.config.shift == 0 {
            return self.images.index_select(0, index);
        }
        let [c, h, w] = self.picture_shape();
        let shift = self.config.shift as i64;
        let offset = |u: f64| (u * (2 * shift + 1) as f64) as i64 - shift;
        let source = |at: i64, size: i64, u: f64| (at + offset(u)).clamp(0, size - 1);
        let rows: Vec<i64> = draws.iter().flat_map(|d| (0..h).map(move |y| source(y, h, d[2]))).collect();
        let columns: Vec<i64> = draws
            .iter()
            .flat_map(|d| {
                let flip = self.config.flip && d[0] < 0.5;
                (0..w).map(move |x| source(if flip { w - 1 - x } else { x }, w, d[1]))
            })
            .collect();
        let put = |values: &[i64], shape: [i64; 4]| Tensor::from_slice(values).view(shape).to_device(self.device);
        let b = draws.len() as i64;
        self.images.index(&[
            Some(index.view([b, 1, 1, 1])),
            Some(Tensor::arange(c, (Kind::Int64, self.device)).view([1, c, 1, 1])),
            Some(put(&rows, [b, 1, h, 1])),
            Some(put(&columns, [b, 1, 1, w])),
        ])
    }

    /// Rotates and scales around the centre; border pixels are repeated.
    fn warp(&self, images: &Tensor, draws: &[[f64; 5]]) -> Tensor {
        let [_, h, w] = self.picture_shape();
        let aspect = h as f64 / w as f64;
        // Output to input coordinates, each in [-1, 1] over its axis.
        let matrix = |d: &[f64; 5]| {
            let (sin, cos) = (self.config.rotate.to_radians() * (2.0 * d[3] - 1.0)).sin_cos();
            let factor = 1.0 + self.config.scale * (2.0 * d[4] - 1.0);
            [cos, -sin * aspect, 0.0, sin / aspect, cos, 0.0].map(|v| (v / factor) as f32)
        };
        let theta: Vec<f32> = draws.iter().flat_map(matrix).collect();
        let theta = Tensor::from_slice(&theta).view([-1, 2, 3]).to_device(self.device);
        let grid = Tensor::affine_grid_generator(&theta, images.size(), false);
        images.grid_sampler(&grid, 0, 1, false)
    }
}

/// Bytes as f32 in [-1, 1]: x / 127.5 - 1. One new tensor, then in place.
pub fn scaled(bytes: &Tensor) -> Tensor {
    let mut images = bytes.to_kind(Kind::Float);
    let _ = images.g_div_scalar_(127.5);
    let _ = images.g_sub_scalar_(1.0);
    images
}
