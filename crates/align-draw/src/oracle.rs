//! Reads captioned digits back: where there is ink, and which digits a classifier sees there.
//!
//! 1. The layout is the one (left and right, top and bottom, or a corner) that leaves the least ink outside of its places.
//!    A picture with more than a tenth of its ink outside, or a place without ink, is not read.
//! 2. At each place a digit is cut out around the centre of its ink, as the digits themselves were centred, and enlarged to
//!    the 28 pixels of the classifier.
//!
//! The caption plays no part in reading; it is held against what was read.

use easel_data::captioned_digits::{Claims, Place};
use easel_data::digits::SIDE;
use easel_data::shapes::Bounds;
use tch::{Kind, Tensor};

/// Darker pixels (of 0..=1) are no ink.
const INK: f32 = 0.1;
/// Largest share of the ink outside of the places.
const OUTSIDE: f64 = 0.1;
/// Least mean intensity over a digit's box; the thinnest ones have 0.03.
const LEAST: f64 = 0.02;
/// One template for each layout.
const LAYOUTS: [Place; 6] =
    [Place::Left, Place::Top, Place::TopLeft, Place::TopRight, Place::BottomLeft, Place::BottomRight];

/// What stands in a picture: a layout and where its digits are cut out.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The places, in the order of the template that names the layout.
    pub places: Vec<Place>,
    /// Row and column of the upper left corner of each digit; a cut may reach over the picture's edge.
    pub corners: Vec<[i64; 2]>,
}

/// How a picture fares against its caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// There is ink at the places of the caption and nowhere else.
    pub placed: bool,
    /// And the digits are those of the caption.
    pub right: bool,
}

/// Finds the digits of a picture `side` x `side` with values in 0..=1; `None` where its ink fits no layout.
pub fn find(picture: &[f32], side: usize, digit: usize) -> Option<Found> {
    let ink = |i: usize| if picture[i] < INK { 0.0 } else { f64::from(picture[i]) };
    let total: f64 = (0..picture.len()).map(ink).sum();
    let least = LEAST * (digit * digit) as f64;
    let mut best: Option<(f64, Found)> = None;
    for layout in LAYOUTS {
        let places: Vec<Place> = layout.of_template().collect();
        let moments: Vec<[f64; 3]> = places.iter().map(|place| moments(&ink, place.region(side), side)).collect();
        let outside = 1.0 - moments.iter().map(|m| m[0]).sum::<f64>() / total;
        let filled = moments.iter().all(|m| m[0] >= least);
        if filled && outside <= OUTSIDE && best.as_ref().is_none_or(|(least_outside, _)| outside < *least_outside) {
            // The centre of mass of a digit's picture lies between its two middle pixels.
            let corner = |m: &[f64; 3]| [m[1], m[2]].map(|sum| (sum / m[0] + 0.5 - 0.5 * digit as f64).round() as i64);
            best = Some((outside, Found { places, corners: moments.iter().map(corner).collect() }));
        }
    }
    best.map(|(_, found)| found)
}

/// Ink inside of a box, and its sums weighted with row and column.
fn moments(ink: &impl Fn(usize) -> f64, bounds: Bounds, side: usize) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for y in bounds.y0..bounds.y1 {
        for x in bounds.x0..bounds.x1 {
            let v = ink(y * side + x);
            sums[0] += v;
            sums[1] += v * y as f64;
            sums[2] += v * x as f64;
        }
    }
    sums
}

/// Holds pictures f32 `[N, 1, side, side]` in [0, 1] against what their captions claim.
///
/// `classify` tells the digits 0 to 9 of pictures f32 `[M, 1, 28, 28]` in [-1, 1]; `digit` is their side on the canvas.
///
/// # Errors
/// Those of `classify`, and of pictures that are no f32 on a device that can be read.
pub fn judge<E: From<easel_core::tensor::TensorError>>(
    pictures: &Tensor,
    digit: usize,
    claims: &[Claims],
    classify: impl FnOnce(&Tensor) -> Result<Vec<usize>, E>,
) -> Result<Vec<Verdict>, E> {
    let pictures = pictures.to_device(tch::Device::Cpu).to_kind(Kind::Float);
    let values: ndarray::Array4<f32> = easel_core::tensor::to_array("pictures", &pictures)?;
    let side = values.shape()[2];
    let found: Vec<Option<Found>> =
        values.outer_iter().map(|picture| find(&picture.iter().copied().collect::<Vec<_>>(), side, digit)).collect();
    let cuts: Vec<Tensor> = found
        .iter()
        .enumerate()
        .flat_map(|(i, found)| found.iter().flat_map(move |f| f.places.iter().zip(&f.corners).map(move |c| (i, c))))
        .map(|(i, (place, corner))| cut(&pictures.get(i as i64), place.region(side), *corner, digit as i64))
        .collect();
    let mut seen = match cuts.is_empty() {
        true => Vec::new(),
        false => classify(&enlarged(&Tensor::stack(&cuts, 0)))?,
    }
    .into_iter();
    let verdict = |(found, claims): (&Option<Found>, &Claims)| {
        let Some(found) = found else { return Verdict { placed: false, right: false } };
        let read: Vec<(Place, usize)> = found.places.iter().copied().zip(seen.by_ref()).collect();
        let claimed: Vec<(Place, usize)> = claims.template.of_template().zip(claims.digits.iter().copied()).collect();
        let placed = read.len() == claimed.len() && claimed.iter().all(|(p, _)| found.places.contains(p));
        Verdict { placed, right: placed && claimed.iter().all(|c| read.contains(c)) }
    };
    Ok(found.iter().zip(claims).map(verdict).collect())
}

/// `[1, digit, digit]` from a picture `[1, side, side]`, with nothing from outside of the place.
fn cut(picture: &Tensor, bounds: Bounds, [row, column]: [i64; 2], digit: i64) -> Tensor {
    let Bounds { x0, y0, x1, y1 } = bounds;
    let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|v| v as i64);
    let inside = picture.narrow(1, y0, y1 - y0).narrow(2, x0, x1 - x0);
    // Negative padding cuts off.
    inside.constant_pad_nd([x0 - column, column + digit - x1, y0 - row, row + digit - y1])
}

/// Digits `[M, 1, digit, digit]` in [0, 1] as the classifier wants them: f32 `[M, 1, 28, 28]` in [-1, 1].
fn enlarged(digits: &Tensor) -> Tensor {
    let side = SIDE as i64;
    let size = if digits.size()[2] == side {
        digits.shallow_clone()
    } else {
        digits.upsample_bicubic2d([side, side], false, None, None).clamp(0.0, 1.0)
    };
    size * 2.0 - 1.0
}
