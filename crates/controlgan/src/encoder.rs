//! The picture encoder of DAMSM: regions and a global feature.
//!
//! The paper has an Inception-v3 that knows ImageNet, frozen but for two projections. Here a small convolutional network is
//! trained together with the text encoder. Group normalisation keeps a picture's features apart from its neighbours'.

use easel_nn::layers::{Conv2d, GroupNorm, Linear};
use easel_nn::{NnError, Path};
use tch::{Kind, Tensor};

use crate::config::ControlGanConfig;
use crate::features::ImageFeatures;

/// A convolution that halves the map, normalised, rectified.
#[derive(Debug)]
struct Level {
    conv: Conv2d,
    norm: GroupNorm,
}

/// The picture encoder.
#[derive(Debug)]
pub struct ImageEncoder {
    levels: Vec<Level>,
    regions: Conv2d,
    global: Linear,
}

impl ImageEncoder {
    /// Declares the weights at `path`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &ControlGanConfig) -> Result<Self, NnError> {
        let widths: Vec<i64> = std::iter::once(3).chain(config.encoder.iter().copied()).collect();
        let level = |(i, pair): (usize, &[i64])| {
            let place = path.sub("levels").sub(i);
            Ok(Level {
                conv: Conv2d::new(&place.sub("conv"), pair[0], pair[1], 4)?.strided(2, 1),
                norm: GroupNorm::new(&place.sub("norm"), 4, pair[1], 1e-5)?,
            })
        };
        let local = config.encoder[config.encoder.len() - 2];
        Ok(Self {
            levels: widths.windows(2).enumerate().map(level).collect::<Result<_, NnError>>()?,
            regions: Conv2d::without_bias(&path.sub("regions"), local, config.width, 1)?,
            global: Linear::new(&path.sub("global"), widths[widths.len() - 1], config.width)?,
        })
    }

    /// Of pictures f32 `[B, 3, side, side]` in [-1, 1].
    pub fn forward(&self, images: &Tensor) -> ImageFeatures {
        let (last, regional) = self.levels.split_last().expect("at least two levels were declared");
        let apply = |x: &Tensor, level: &Level| level.norm.forward(&level.conv.forward(x)).leaky_relu();
        let map = regional.iter().fold(images.shallow_clone(), |x, level| apply(&x, level));
        let pooled = apply(&map, last).mean_dim([2i64, 3].as_slice(), false, Kind::Float);
        ImageFeatures {
            local: map.flatten(2, -1),
            regions: self.regions.forward(&map).flatten(2, -1),
            global: self.global.forward(&pooled),
        }
    }
}
