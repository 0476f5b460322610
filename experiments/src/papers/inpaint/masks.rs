//! The masks of the measurements and figures.

use anyhow::Result;
use easel_core::Noise;
use easel_core::tensor::to_tensor;
use inpaint::shapes::{self, Size};
use inpaint::{Mask, Polarity};
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

/// A mask by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Keeps the left half.
    Half,
    /// Repaints the square of 12 x 12 pixels (of 28 x 28) in the middle.
    Centre,
    /// Keeps every second line.
    Lines,
    /// Repaints strokes over a quarter to half of the picture.
    Strokes,
}

impl Shape {
    /// Those that are measured.
    pub const MEASURED: [Self; 3] = [Self::Half, Self::Centre, Self::Lines];

    /// Its name in tables and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::Centre => "centre",
            Self::Lines => "lines",
            Self::Strokes => "strokes",
        }
    }

    /// The mask for pictures of this size; `seed` draws the strokes.
    pub fn mask(self, size: Size, seed: u64, device: Device) -> Result<Mask<Tensor>> {
        let mask = match self {
            Self::Half => shapes::half(size),
            Self::Centre => shapes::centre_box(size, (12 * size.0.min(size.1) / 28).max(1)),
            Self::Lines => shapes::every_second_line(size),
            Self::Strokes => shapes::strokes(size, 0.25..=0.5, &Noise::new(seed).purpose("inpaint/strokes"), 0),
        };
        on_pictures(&mask?, device)
    }
}

/// A mask `[H, W]` as `[1, 1, H, W]`, which fits pictures `[B, C, H, W]`.
pub fn on_pictures(mask: &Mask<Array2<f64>>, device: Device) -> Result<Mask<Tensor>> {
    let keep = to_tensor(mask.ones(Polarity::Keep), device).to_kind(Kind::Float);
    Ok(Mask::new(keep.unsqueeze(0).unsqueeze(0), Polarity::Keep)?)
}

/// The same mask again; its tensors are shared.
pub fn share(mask: &Mask<Tensor>) -> Result<Mask<Tensor>> {
    Ok(Mask::new(mask.ones(Polarity::Keep).shallow_clone(), Polarity::Keep)?)
}
