//! Pictures and masks from files.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader};
use inpaint::mask::threshold;
use inpaint::resize::{nearest, shrink};
use inpaint::shapes::Size;
use inpaint::{Mask, Polarity};
use ndarray::Array2;
use tch::{Kind, Tensor};

use crate::tensors::to_unit;

/// A picture, upright.
///
/// # Errors
/// A file that is not there, is no picture, or is partly transparent.
pub fn decode(path: &Path) -> Result<DynamicImage> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let reader = reader.with_context(|| format!("cannot read {}", path.display()))?;
    let decoded = || -> image::ImageResult<DynamicImage> {
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok(picture)
    };
    let picture = decoded().map_err(|e| anyhow!("{}: not a readable PNG or JPEG picture: {e}", path.display()))?;
    let opaque = !picture.color().has_alpha() || picture.to_rgba8().pixels().all(|pixel| pixel[3] == u8::MAX);
    ensure!(opaque, "{}: partly transparent; save it without transparency", path.display());
    Ok(picture)
}

/// Whether any pixel is not grey.
pub fn is_coloured(picture: &DynamicImage) -> bool {
    picture.color().has_color() && picture.to_rgb8().pixels().any(|p| p[0] != p[1] || p[1] != p[2])
}

/// Rows and columns.
pub fn size(picture: &DynamicImage) -> Size {
    (picture.height() as usize, picture.width() as usize)
}

/// The picture f32 `[1, C, H, W]` in [-1, 1] for a model of pictures `[C, H, W]`.
///
/// # Errors
/// Another size without `resize`, or a model of neither grey nor coloured pictures.
pub fn picture(path: &Path, decoded: &DynamicImage, [c, h, w]: [i64; 3], resize: bool) -> Result<Tensor> {
    let (rows, columns) = size(decoded);
    let fits = (rows as i64, columns as i64) == (h, w);
    ensure!(
        fits || resize,
        "{}: {columns} x {rows} pixels, but the model's pictures have {w} x {h}; --resize resizes picture and mask",
        path.display()
    );
    let resized;
    let fitting = if fits {
        decoded
    } else {
        resized = decoded.resize_exact(w as u32, h as u32, FilterType::CatmullRom);
        &resized
    };
    let bytes = match c {
        1 => fitting.to_luma8().into_raw(),
        3 => fitting.to_rgb8().into_raw(),
        _ => bail!("the model's pictures have {c} channels; files have 1 or 3"),
    };
    let pixels = Tensor::from_data_size(&bytes, &[1, h, w, c], Kind::Uint8);
    Ok(to_unit(&pixels.permute([0, 3, 1, 2]).contiguous()))
}

/// A mask `[H, W]` of the size `to` from a picture of which white marks `white`, and words on what was done to it.
///
/// Soft masks are cut at half. A smaller mask keeps every hole, however thin.
///
/// # Errors
/// A mask that keeps everything.
pub fn mask(
    path: &Path,
    decoded: &DynamicImage,
    to: Size,
    white: Polarity,
) -> Result<(Mask<Array2<f64>>, Vec<String>)> {
    let (grey, from) = (decoded.to_luma8(), size(decoded));
    let values = Array2::from_shape_fn(from, |(row, column)| grey[(column as u32, row as u32)][0]);
    let (soft, mut words) = (values.iter().filter(|&&v| v > 0 && v < u8::MAX).count(), Vec::new());
    if soft > 0 {
        let all = values.len();
        words.push(format!(
            "{}: {soft} of {all} pixels are neither black nor white; the mask is cut at half",
            path.display()
        ));
    }
    let hard = threshold(&values.mapv(|v| f64::from(v) / f64::from(u8::MAX)), 0.5);
    let mut mask = Mask::new(hard, white)?;
    if from != to {
        mask = if from.0 >= to.0 && from.1 >= to.1 { shrink(&mask, to)? } else { nearest(&mask, to)? };
    }
    let holes = mask.ones(Polarity::Repaint).sum();
    ensure!(
        holes > 0.0,
        "{}: the mask keeps every pixel, so that there is nothing to fill; --keep chooses the colour that is kept",
        path.display()
    );
    if holes == (to.0 * to.1) as f64 {
        words.push(format!("{}: the mask keeps no pixel: the result is an unconditional sample", path.display()));
    }
    Ok((mask, words))
}
