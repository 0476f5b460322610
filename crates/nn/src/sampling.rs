//! Halving and doubling the resolution of feature maps.

use tch::Tensor;

use crate::error::NnError;
use crate::layers::Conv2d;
use crate::params::Path;

/// A 3x3 convolution of stride 2.
#[derive(Debug)]
pub struct Downsample2D {
    conv: Conv2d,
    pads_right: bool,
}

impl Downsample2D {
    /// Declares `conv`. With `padding` 0 the input gets one row below and one column right (TensorFlow's "SAME", Ho et
    /// al. 2020); other paddings are symmetric.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, channels: i64, padding: i64) -> Result<Self, NnError> {
        let conv = Conv2d::new(&path.sub("conv"), channels, channels, 3)?.strided(2, padding);
        Ok(Self { conv, pads_right: padding == 0 })
    }

    /// `[B, C, H, W]` to `[B, C, H/2, W/2]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        match self.pads_right {
            true => self.conv.forward(&x.constant_pad_nd([0, 1, 0, 1])),
            false => self.conv.forward(x),
        }
    }
}

/// Nearest-neighbour doubling, then a 3x3 convolution.
#[derive(Debug)]
pub struct Upsample2D {
    conv: Conv2d,
}

impl Upsample2D {
    /// Declares `conv`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, channels: i64) -> Result<Self, NnError> {
        Ok(Self { conv: Conv2d::new(&path.sub("conv"), channels, channels, 3)? })
    }

    /// `[B, C, H, W]` to `[B, C, 2H, 2W]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.conv.forward(&upsample_nearest(x))
    }
}

/// A change of resolution without weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample {
    /// None.
    Keep,
    /// Mean of 2x2 pixels.
    Down,
    /// Nearest-neighbour doubling.
    Up,
    /// Halving behind a (1, 3, 3, 1) filter.
    FirDown,
    /// Doubling behind a (1, 3, 3, 1) filter.
    FirUp,
}

impl Resample {
    /// `[B, C, H, W]` to `[B, C, H', W']`.
    pub fn forward(self, x: &Tensor) -> Tensor {
        match self {
            Self::Keep => x.shallow_clone(),
            Self::Down => x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None::<i64>),
            Self::Up => upsample_nearest(x),
            Self::FirDown => fir_downsample(x),
            Self::FirUp => fir_upsample(x),
        }
    }
}

/// Every pixel four times: `[B, C, H, W]` to `[B, C, 2H, 2W]`.
pub fn upsample_nearest(x: &Tensor) -> Tensor {
    let size = x.size();
    x.upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)
}

/// Halves the resolution behind the separable filter (1, 3, 3, 1)/8, zero outside the image.
///
/// `[B, C, H, W]` to `[B, C, H/2, W/2]`. Source: Karras et al. 2020 (arXiv:1912.04958), section 4.
pub fn fir_downsample(x: &Tensor) -> Tensor {
    let channels = x.size()[1];
    x.conv2d(&fir_kernel(x, 1.0), None::<&Tensor>, [2, 2], [1, 1], [1, 1], channels)
}

/// Doubles the resolution: zeros between the pixels, then the filter of [`fir_downsample`] times 4.
///
/// `[B, C, H, W]` to `[B, C, 2H, 2W]`.
pub fn fir_upsample(x: &Tensor) -> Tensor {
    let channels = x.size()[1];
    x.conv_transpose2d(&fir_kernel(x, 4.0), None::<&Tensor>, [2, 2], [1, 1], [0, 0], channels, [1, 1])
}

/// The filter for each channel of `x`, summing to `gain`: `[C, 1, 4, 4]`.
fn fir_kernel(x: &Tensor, gain: f64) -> Tensor {
    let row = Tensor::from_slice(&[1f32, 3.0, 3.0, 1.0]);
    let kernel = row.outer(&row) * (gain / 64.0);
    kernel.to_device(x.device()).to_kind(x.kind()).expand([x.size()[1], 1, 4, 4], false).contiguous()
}
