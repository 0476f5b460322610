//! Pictures of any format and size as RGBA of one size.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgba};
use resvg::{tiny_skia, usvg};

/// Side at which vector art is drawn before it is reduced like everything else.
const DRAWN: u32 = 128;

/// Colours times opacity, and opacity, each 0..=1. A reduction mixes neighbours; without the product, the invisible
/// colour of clear pixels would show along the rims.
pub(super) type Premultiplied = ImageBuffer<Rgba<f32>, Vec<f32>>;

/// A PNG or WebP picture.
pub(super) fn raster(file: &[u8]) -> Result<Premultiplied, String> {
    let picture = image::load_from_memory(file).map_err(|error| error.to_string())?.into_rgba32f();
    let mut square = ImageBuffer::new(picture.width().max(picture.height()), picture.width().max(picture.height()));
    let middle = |length: u32| i64::from((square.width() - length) / 2);
    let (x, y) = (middle(picture.width()), middle(picture.height()));
    imageops::replace(&mut square, &picture, x, y);
    for Rgba([r, g, b, a]) in square.pixels_mut() {
        [r, g, b].into_iter().for_each(|channel| *channel *= *a);
    }
    Ok(square)
}

/// An SVG picture.
pub(super) fn vector(file: &[u8]) -> Result<Premultiplied, String> {
    let tree = usvg::Tree::from_data(file, &usvg::Options::default()).map_err(|error| error.to_string())?;
    let mut canvas = tiny_skia::Pixmap::new(DRAWN, DRAWN).ok_or("no canvas")?;
    let scale = |length: f32| DRAWN as f32 / length;
    let fit = tiny_skia::Transform::from_scale(scale(tree.size().width()), scale(tree.size().height()));
    resvg::render(&tree, fit, &mut canvas.as_mut());
    let values = canvas.data().iter().map(|&byte| f32::from(byte) / 255.0).collect();
    ImageBuffer::from_raw(DRAWN, DRAWN, values).ok_or_else(|| "no canvas".to_owned())
}

/// u8 `[4, side, side]`, reduced with an antialiasing bicubic filter; colour is 0 where alpha is.
pub(super) fn reduced(picture: &Premultiplied, side: usize) -> Vec<u8> {
    let small = imageops::resize(picture, side as u32, side as u32, FilterType::CatmullRom);
    let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    let channel = |k: usize| {
        small.pixels().map(move |Rgba(pixel)| match byte(pixel[3]) {
            0 => 0,
            alpha if k == 3 => alpha,
            _ => byte(pixel[k] / pixel[3]),
        })
    };
    (0..4).flat_map(channel).collect()
}
