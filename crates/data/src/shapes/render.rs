//! Scenes as pixels, with exact masks, boxes and edges.

use super::geometry::coverage;
use super::scene::{Object, Scene};

/// A box of pixels: columns `x0..x1`, rows `y0..y1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// First column.
    pub x0: usize,
    /// First row.
    pub y0: usize,
    /// Column after the last.
    pub x1: usize,
    /// Row after the last.
    pub y1: usize,
}

impl Bounds {
    /// The smallest box around the set pixels of a mask of width `side`; `None` when no pixel is set.
    pub fn of_mask(mask: &[bool], side: usize) -> Option<Self> {
        let set = mask.iter().enumerate().filter(|(_, set)| **set).map(|(i, _)| (i % side, i / side));
        set.fold(None, |bounds: Option<Self>, (x, y)| {
            let b = bounds.unwrap_or(Self { x0: x, y0: y, x1: x, y1: y });
            Some(Self { x0: b.x0.min(x), y0: b.y0.min(y), x1: b.x1.max(x + 1), y1: b.y1.max(y + 1) })
        })
    }

    /// Intersection over union of two boxes.
    pub fn iou(&self, other: &Self) -> f64 {
        let overlap = |a0: usize, a1: usize, b0: usize, b1: usize| a1.min(b1).saturating_sub(a0.max(b0));
        let area = |b: &Self| (b.x1 - b.x0) * (b.y1 - b.y0);
        let shared = overlap(self.x0, self.x1, other.x0, other.x1) * overlap(self.y0, self.y1, other.y0, other.y1);
        let union = area(self) + area(other) - shared;
        if union == 0 { 0.0 } else { shared as f64 / union as f64 }
    }
}

/// A scene as pixels.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Height and width.
    pub side: usize,
    /// u8 `[3, side, side]`, anti-aliased.
    pub image: Vec<u8>,
    /// `[side, side]` an object: the pixels whose centre lies inside it. Masks are disjoint.
    pub masks: Vec<Vec<bool>>,
    /// Tight box of each mask.
    pub boxes: Vec<Bounds>,
    /// `[side, side]`: mask pixels with a neighbour (left, right, above, below) outside their mask.
    pub edges: Vec<bool>,
}

impl Scene {
    /// Draws the scene at `side` × `side` pixels (at least 16, so that no object falls between the pixels).
    pub fn render(&self, side: usize) -> Rendered {
        let background = self.background.rgb();
        let mut image: Vec<u8> = background.iter().flat_map(|&v| std::iter::repeat_n(v, side * side)).collect();
        let mut masks = Vec::with_capacity(self.objects.len());
        for object in &self.objects {
            let mut mask = vec![false; side * side];
            for_each_covered(object, side, |at, cover| {
                mask[at] = cover >= 0.5;
                for (channel, &colour) in object.colour.rgb().iter().enumerate() {
                    let pixel = &mut image[channel * side * side + at];
                    *pixel = (f64::from(*pixel) * (1.0 - cover) + f64::from(colour) * cover).round() as u8;
                }
            });
            masks.push(mask);
        }
        let boxes = masks.iter().filter_map(|mask| Bounds::of_mask(mask, side)).collect();
        let edges = edges(&masks, side);
        Rendered { side, image, masks, boxes, edges }
    }
}

/// Calls `paint(pixel, coverage)` for the pixels that `object` touches.
fn for_each_covered(object: &Object, side: usize, mut paint: impl FnMut(usize, f64)) {
    let scale = side as f64;
    let (centre, radius) = (object.centre.map(|v| v * scale), object.radius * scale);
    let span = |v: f64| ((v - radius - 1.0).max(0.0) as usize)..(((v + radius + 2.0) as usize).min(side));
    for y in span(centre[1]) {
        for x in span(centre[0]) {
            let cover = coverage(object.shape, centre, radius, x as f64 + 0.5, y as f64 + 0.5);
            if cover > 0.0 {
                paint(y * side + x, cover);
            }
        }
    }
}

fn edges(masks: &[Vec<bool>], side: usize) -> Vec<bool> {
    let mut edges = vec![false; side * side];
    for mask in masks {
        let at = |x: isize, y: isize| {
            let inside = (0..side as isize).contains(&x) && (0..side as isize).contains(&y);
            inside && mask[y as usize * side + x as usize]
        };
        for (i, edge) in edges.iter_mut().enumerate() {
            let (x, y) = ((i % side) as isize, (i / side) as isize);
            let inner = at(x - 1, y) && at(x + 1, y) && at(x, y - 1) && at(x, y + 1);
            *edge |= mask[i] && !inner;
        }
    }
    edges
}
