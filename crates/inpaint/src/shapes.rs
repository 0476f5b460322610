//! The usual masks, on `[H, W]`.
//!
//! Half, expand, super-resolution and alternating lines are those of RePaint (Lugmayr et al. 2022, section 5).

use std::ops::RangeInclusive;

use easel_core::{MathError, Stream};
use ndarray::Array2;

use crate::mask::{Mask, Polarity};

/// Rows and columns, H and W.
pub type Size = (usize, usize);

/// Keeps the left half: columns below W/2.
///
/// # Errors
/// A side of 0.
pub fn half(size: Size) -> Result<Mask<Array2<f64>>, MathError> {
    keep_where(size, |_, column| column < size.1 / 2)
}

/// Repaints the `side` x `side` square in the middle.
///
/// # Errors
/// A square larger than the picture, or a side of 0.
pub fn centre_box(size: Size, side: usize) -> Result<Mask<Array2<f64>>, MathError> {
    let inside = centre(size, side)?;
    keep_where(size, |row, column| !inside(row, column))
}

/// Keeps the `side` x `side` square in the middle and repaints around it.
///
/// # Errors
/// A square larger than the picture, or a side of 0.
pub fn expand(size: Size, side: usize) -> Result<Mask<Array2<f64>>, MathError> {
    keep_where(size, centre(size, side)?)
}

/// Keeps every second row, the first one included.
///
/// # Errors
/// A side of 0.
pub fn every_second_line(size: Size) -> Result<Mask<Array2<f64>>, MathError> {
    keep_where(size, |row, _| row % 2 == 0)
}

/// Keeps one pixel of every `factor` x `factor`.
///
/// # Errors
/// A factor or a side of 0.
pub fn super_resolution(size: Size, factor: usize) -> Result<Mask<Array2<f64>>, MathError> {
    positive("factor", factor)?;
    keep_where(size, |row, column| row % factor == 0 && column % factor == 0)
}

/// Repaints strokes of a round brush that cover a share of the picture drawn uniformly from `share`.
///
/// Strokes start anywhere and run straight for up to half the longer side; the brush is a tenth of the shorter one.
/// `sample` numbers the masks of a stream.
///
/// # Errors
/// A side of 0, or shares that are empty or outside [0, 1].
pub fn strokes(
    size: Size,
    share: RangeInclusive<f64>,
    stream: &Stream,
    sample: u64,
) -> Result<Mask<Array2<f64>>, MathError> {
    let (low, high) = (*share.start(), *share.end());
    if !(0.0 <= low && low <= high && high <= 1.0) {
        return Err(MathError::Parameter { name: "share", value: low, expected: "a range within 0..=1" });
    }
    let (rows, columns) = (size.0 as f64, size.1 as f64);
    let mut hole = Array2::zeros(check(size)?);
    let mut drawn = [0.0];
    stream.uniform(0, sample, &mut drawn);
    let mut left = ((low + drawn[0] * (high - low)) * rows * columns).round() as usize;
    let radius = (rows.min(columns) / 20.0).max(0.5);
    let mut stroke = 0;
    while left > 0 {
        stroke += 1;
        let mut u = [0.0; 4];
        stream.uniform(stroke, sample, &mut u);
        let (start_row, start_column) = (u[0] * rows, u[1] * columns);
        let (sine, cosine) = (u[2] * std::f64::consts::TAU).sin_cos();
        let length = u[3] * rows.max(columns) / 2.0;
        // Distance to the stroke: a segment from its start.
        for ((row, column), pixel) in hole.indexed_iter_mut() {
            let (y, x) = (row as f64 + 0.5 - start_row, column as f64 + 0.5 - start_column);
            let along = (y * sine + x * cosine).clamp(0.0, length);
            let near = (y - along * sine).hypot(x - along * cosine) <= radius;
            if near && *pixel == 0.0 && left > 0 {
                *pixel = 1.0;
                left -= 1;
            }
        }
    }
    Mask::new(hole, Polarity::Repaint)
}

fn centre(size: Size, side: usize) -> Result<impl Fn(usize, usize) -> bool, MathError> {
    positive("side", side)?;
    if side > size.0.min(size.1) {
        return Err(MathError::Parameter { name: "side", value: side as f64, expected: "within the picture" });
    }
    let (top, left) = ((size.0 - side) / 2, (size.1 - side) / 2);
    Ok(move |row, column| (top..top + side).contains(&row) && (left..left + side).contains(&column))
}

fn keep_where(size: Size, keep: impl Fn(usize, usize) -> bool) -> Result<Mask<Array2<f64>>, MathError> {
    let mask = Array2::from_shape_fn(check(size)?, |(row, column)| f64::from(keep(row, column)));
    Mask::new(mask, Polarity::Keep)
}

pub(crate) fn check(size: Size) -> Result<Size, MathError> {
    positive("rows", size.0)?;
    positive("columns", size.1)?;
    Ok(size)
}

fn positive(name: &'static str, value: usize) -> Result<(), MathError> {
    if value > 0 {
        return Ok(());
    }
    Err(MathError::Parameter { name, value: 0.0, expected: "at least 1" })
}
