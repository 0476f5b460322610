//! Scenes as pixels, with exact masks and boxes.

use super::scene::Scene;
use super::sprite::SIDE;
use crate::shapes::Bounds;

/// A scene as pixels.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Height and width.
    pub side: usize,
    /// u8 `[3, side, side]`.
    pub image: Vec<u8>,
    /// `[side, side]` an object: the pixels that it covers by half or more. Masks are disjoint.
    pub masks: Vec<Vec<bool>>,
    /// Tight box of each mask.
    pub boxes: Vec<Bounds>,
}

impl Scene {
    /// Draws the scene at `side` × `side` pixels (at least 32, so that no object falls between the pixels). Sprites are
    /// scaled by area; beyond a side of 64 that enlarges them.
    pub fn render(&self, side: usize) -> Rendered {
        let (ground, plane) = (self.ground().rgb(), side * side);
        let mut image: Vec<u8> = ground.iter().flat_map(|&v| std::iter::repeat_n(v, plane)).collect();
        let mut masks = Vec::with_capacity(self.objects().len());
        for object in 0..self.objects().len() {
            let mut mask = vec![false; plane];
            self.for_each_pixel(object, side, |at, colour, cover| {
                mask[at] = cover >= 0.5;
                for (channel, (&below, colour)) in ground.iter().zip(colour).enumerate() {
                    image[channel * plane + at] = (f64::from(below) * (1.0 - cover) + colour).round() as u8;
                }
            });
            masks.push(mask);
        }
        let boxes = masks.iter().filter_map(|mask| Bounds::of_mask(mask, side)).collect();
        Rendered { side, image, masks, boxes }
    }

    /// How much of each pixel the objects cover together, `[side, side]` in 0..=1.
    pub(super) fn cover(&self, side: usize) -> Vec<f64> {
        let mut all = vec![0.0; side * side];
        for object in 0..self.objects().len() {
            self.for_each_pixel(object, side, |at, _, cover| all[at] = cover);
        }
        all
    }

    /// Calls `paint(pixel, colour times coverage, coverage)` for the pixels of an object's square.
    pub(super) fn for_each_pixel(&self, object: usize, side: usize, mut paint: impl FnMut(usize, [f64; 3], f64)) {
        let object = &self.objects()[object];
        let sprite = self.sprites.rgba(object.noun, self.style(), object.colour);
        let scale = side as f64;
        let n = (object.size * scale).round() as usize;
        let [x0, y0] = object.centre.map(|centre| (centre * scale - n as f64 / 2.0).round().max(0.0) as usize);
        let weights: Vec<Vec<(usize, f64)>> = (0..n).map(|i| shares(i, n)).collect();
        for (y, rows) in weights.iter().enumerate().filter(|(y, _)| y0 + y < side) {
            for (x, columns) in weights.iter().enumerate().filter(|(x, _)| x0 + x < side) {
                let (mut colour, mut cover) = ([0.0; 3], 0.0);
                for &(v, share_y) in rows {
                    for &(u, share_x) in columns {
                        let at = v * SIDE + u;
                        let alpha = share_x * share_y * f64::from(sprite[3 * SIDE * SIDE + at]) / 255.0;
                        cover += alpha;
                        (0..3).for_each(|k| colour[k] += alpha * f64::from(sprite[k * SIDE * SIDE + at]));
                    }
                }
                if cover > 0.0 {
                    // Shares sum to 1 up to rounding; a wholly opaque pixel must be exactly that.
                    let cover = if cover > 1.0 - 1e-9 { 1.0 } else { cover };
                    paint((y0 + y) * side + x0 + x, colour, cover);
                }
            }
        }
    }
}

/// The sprite's pixels that pixel `i` of `n` covers, each with its share of it.
fn shares(i: usize, n: usize) -> Vec<(usize, f64)> {
    // In units of 1 / n of a sprite's pixel, so that the borders are whole numbers.
    let (start, end) = (i * SIDE, (i + 1) * SIDE);
    let share = |u: usize| ((u + 1) * n).min(end) - (u * n).max(start);
    (start / n..end.div_ceil(n)).map(|u| (u, share(u) as f64 / SIDE as f64)).collect()
}
