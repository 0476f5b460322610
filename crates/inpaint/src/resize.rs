//! Masks on another grid, such as that of latents.

use easel_core::MathError;
use ndarray::Array2;

use crate::mask::{Mask, Polarity};
use crate::shapes::{Size, check};

/// The mask at the nearest pixel: row floor(i H / h) for row i of h.
///
/// It can lose holes that are thinner than a pixel of the new grid; [`shrink`] cannot. Source: the released code of
/// latent diffusion (Rombach et al. 2022), which resizes its masks so.
///
/// # Errors
/// A side of 0.
pub fn nearest(mask: &Mask<Array2<f64>>, size: Size) -> Result<Mask<Array2<f64>>, MathError> {
    let keep = mask.ones(Polarity::Keep);
    let (rows, columns) = keep.dim();
    let resized = Array2::from_shape_fn(check(size)?, |(i, j)| keep[[i * rows / size.0, j * columns / size.1]]);
    Mask::new(resized, Polarity::Keep)
}

/// The mask on a coarser grid whose pixels are holes when any pixel that they touch is: max-pooling, for which the sides
/// need not be multiples.
///
/// # Errors
/// A side of 0, or one that grows.
pub fn shrink(mask: &Mask<Array2<f64>>, size: Size) -> Result<Mask<Array2<f64>>, MathError> {
    let hole = mask.ones(Polarity::Repaint);
    let (rows, columns) = hole.dim();
    let (h, w) = check(size)?;
    if h > rows || w > columns {
        let expected = format!("at most [{rows}, {columns}]");
        return Err(MathError::Shape { what: "the shrunk mask", expected, found: vec![h, w] });
    }
    let touched = |i: usize, from: usize, to: usize| i * from / to..((i + 1) * from).div_ceil(to);
    let pooled = Array2::from_shape_fn((h, w), |(i, j)| {
        let mut cell = touched(i, rows, h).flat_map(|r| touched(j, columns, w).map(move |c| (r, c)));
        f64::from(cell.any(|at| hole[at] == 1.0))
    });
    Mask::new(pooled, Polarity::Repaint)
}
