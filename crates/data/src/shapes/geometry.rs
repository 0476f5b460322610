//! The outlines of the shapes, as signed distances.

use super::scene::Shape;

/// Inner radius of a ring, in units of its outer one.
const HOLE: f64 = 0.55;
/// Half of a square's side: its corners lie on the unit circle.
const HALF_SIDE: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Half length and half width of a cross's arms.
const ARM: [f64; 2] = [0.95, 0.31];
/// Inner radius of a star.
const NOTCH: f64 = 0.42;
/// Half height of a triangle; its corners lie in the unit circle.
const TRIANGLE: [f64; 2] = [0.71, 0.70];

/// Signed distance of (x, y) to the outline of `shape` in the unit circle around (0, 0), y down: negative inside.
pub fn signed_distance(shape: Shape, x: f64, y: f64) -> f64 {
    match shape {
        Shape::Circle => length(x, y) - 1.0,
        Shape::Ring => {
            let middle = (1.0 + HOLE) / 2.0;
            (length(x, y) - middle).abs() - (1.0 - HOLE) / 2.0
        }
        Shape::Square => rectangle(x, y, [HALF_SIDE; 2]),
        Shape::Cross => rectangle(x, y, ARM).min(rectangle(x, y, [ARM[1], ARM[0]])),
        Shape::Triangle => {
            let [w, h] = TRIANGLE;
            polygon([[0.0, -h], [w, h], [-w, h]], x, y)
        }
        Shape::Star => star(x, y),
    }
}

/// Part of the unit pixel around (x, y) that `shape` with centre and radius covers (all in pixels): 0..=1, and at
/// least 1/2 exactly where the pixel's centre is inside. First order in the distance to the outline.
pub fn coverage(shape: Shape, centre: [f64; 2], radius: f64, x: f64, y: f64) -> f64 {
    let (dx, dy) = (x - centre[0], y - centre[1]);
    if dx * dx + dy * dy > (radius + 0.5).powi(2) {
        return 0.0; // every shape lies in its circle
    }
    let distance = radius * signed_distance(shape, dx / radius, dy / radius);
    (0.5 - distance).clamp(0.0, 1.0)
}

/// Axis-aligned rectangle of the given half extents around the origin.
fn rectangle(x: f64, y: f64, half: [f64; 2]) -> f64 {
    let (dx, dy) = (x.abs() - half[0], y.abs() - half[1]);
    length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0)
}

/// Five-pointed star: folded onto one half of one tip by its ten symmetries, then one edge is left.
fn star(x: f64, y: f64) -> f64 {
    let tip = 2.0 * std::f64::consts::PI / 5.0;
    let angle = x.abs().atan2(-y);
    let (sin, cos) = (angle - tip * (angle / tip).round()).abs().sin_cos();
    let (px, py) = (length(x, y) * sin, length(x, y) * cos);
    let (notch_sin, notch_cos) = (tip / 2.0).sin_cos();
    let [bx, by] = [NOTCH * notch_sin, NOTCH * notch_cos];
    let distance = to_segment([0.0, 1.0], [bx, by], px, py);
    // Left or right of the edge from the tip (0, 1) to the notch.
    if bx * (py - 1.0) - (by - 1.0) * px < 0.0 { -distance } else { distance }
}

/// Simple polygon: distance to the nearest edge, the sign from the parity of crossings to the right.
fn polygon<const N: usize>(corners: [[f64; 2]; N], x: f64, y: f64) -> f64 {
    let (mut nearest, mut inside) = (f64::INFINITY, false);
    for i in 0..N {
        let (a, b) = (corners[i], corners[(i + 1) % N]);
        nearest = nearest.min(to_segment(a, b, x, y));
        if (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) {
            inside = !inside;
        }
    }
    if inside { -nearest } else { nearest }
}

/// Distance of (x, y) to the segment from `a` to `b`.
fn to_segment(a: [f64; 2], b: [f64; 2], x: f64, y: f64) -> f64 {
    let (ex, ey, px, py) = (b[0] - a[0], b[1] - a[1], x - a[0], y - a[1]);
    let along = ((px * ex + py * ey) / (ex * ex + ey * ey)).clamp(0.0, 1.0);
    length(px - along * ex, py - along * ey)
}

/// Plain root of the sum of squares: `hypot` guards against an overflow that cannot happen here, and is slow.
fn length(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}
