//! Real emoji in six colours.
//!
//! The embedded sample has each noun in one colour (its own in each style). Its pixels are split into a neutral and a
//! coloured part by their chroma; the coloured part takes the hue of the named colour, lighter or darker by as much as
//! the pixel was lighter or darker than the sprite's median. Black outlines, white and grey stay.

use std::sync::OnceLock;

use super::scene::{COLOURS, Noun};
use crate::emoji::{ArtStyle, EMBEDDED_SIDE, Emoji, EmojiError};
use crate::shapes::Colour;

/// Height and width of a sprite in pixels.
pub const SIDE: usize = EMBEDDED_SIDE;
const PLANE: usize = SIDE * SIDE;
/// Chroma, 0..=255, from which a pixel counts as coloured when the median is taken.
const COLOURED: f64 = 60.0;
/// Part of the median chroma from which a pixel is coloured wholly.
const FULL: f64 = 0.6;
/// How far towards white the lightest shade goes.
const LIGHTEST: f64 = 0.75;

/// All sprites in all colours.
#[derive(Debug)]
pub(super) struct Sprites(Vec<[Vec<u8>; ArtStyle::ALL.len() * COLOURS.len()]>);

impl Sprites {
    /// From the embedded sample; made on first use.
    pub(super) fn embedded() -> Result<&'static Self, EmojiError> {
        static SPRITES: OnceLock<Sprites> = OnceLock::new();
        if let Some(sprites) = SPRITES.get() {
            return Ok(sprites);
        }
        let emoji = Emoji::embedded()?;
        let concepts: Vec<usize> = Noun::ALL
            .iter()
            .map(|noun| emoji.find(noun.key()).ok_or(EmojiError::Concept(noun.key())))
            .collect::<Result<_, _>>()?;
        let coloured = |concept: usize| {
            std::array::from_fn(|i| {
                let (style, colour) = (ArtStyle::ALL[i / COLOURS.len()], COLOURS[i % COLOURS.len()]);
                recoloured(emoji.rgba(concept, style), colour)
            })
        };
        Ok(SPRITES.get_or_init(|| Sprites(concepts.into_iter().map(coloured).collect())))
    }

    /// Sprite u8 `[4, 32, 32]`.
    pub(super) fn rgba(&self, noun: Noun, style: ArtStyle, colour: Colour) -> &[u8] {
        let colour = COLOURS.iter().position(|c| *c == colour).unwrap_or(0);
        &self.0[noun as usize][style as usize * COLOURS.len() + colour]
    }
}

/// A sprite u8 `[4, 32, 32]` with its coloured part in `colour`.
pub fn recoloured(rgba: &[u8], colour: Colour) -> Vec<u8> {
    let pixel = |at: usize| [0, 1, 2].map(|k| f64::from(rgba[k * PLANE + at]));
    let coloured: Vec<[f64; 3]> =
        (0..PLANE).filter(|at| rgba[3 * PLANE + at] >= 128).map(pixel).filter(|&rgb| chroma(rgb) >= COLOURED).collect();
    let (light, full) = (median(&coloured, luma), FULL * median(&coloured, chroma));
    let target = colour.rgb().map(f64::from);
    let mut out = rgba.to_vec();
    for at in (0..PLANE).filter(|at| rgba[3 * PLANE + at] > 0) {
        let rgb = pixel(at);
        let (y, weight) = (luma(rgb), (chroma(rgb) / full).min(1.0));
        for k in 0..3 {
            let shade = if y <= light {
                target[k] * y / light
            } else {
                target[k] + (255.0 - target[k]) * LIGHTEST * (y - light) / (255.0 - light)
            };
            out[k * PLANE + at] = (weight * shade + (1.0 - weight) * y).round() as u8;
        }
    }
    out
}

/// Largest minus smallest channel.
pub(super) fn chroma(rgb: [f64; 3]) -> f64 {
    rgb.iter().copied().fold(0.0, f64::max) - rgb.iter().copied().fold(255.0, f64::min)
}

/// Rec. 601 luma, 0..=255.
fn luma([r, g, b]: [f64; 3]) -> f64 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Median of a quantity; for no pixels at all a value that leaves them as they are.
fn median(pixels: &[[f64; 3]], of: impl Fn([f64; 3]) -> f64) -> f64 {
    let mut values: Vec<f64> = pixels.iter().map(|&rgb| of(rgb)).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(254.0).clamp(1.0, 254.0)
}
