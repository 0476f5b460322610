//! plotters draws charts into our [`Canvas`] through this backend.
//!
//! plotters counts in whole pixels, which shows as steps in smooth curves; here one of its pixels is 1/64 of ours. Points outside
//! the area are not pulled to its edge, which would bend lines: the area is far larger than the drawing and starts in its middle.

use crate::canvas::{Canvas, Rect, Stroke};
use crate::chart::axis::Axis;
use crate::error::PlotError;
use crate::style::Color;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::style::{RGBAColor, ShapeStyle};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, DrawingBackend, DrawingErrorKind};
use std::convert::Infallible;

/// Units for a logical pixel.
const UNIT: f64 = 64.0;
/// Origin of the drawing in units.
const ORIGIN: i32 = 1 << 26;

pub(crate) type Area<'a> = DrawingArea<Backend<'a>, Cartesian2d<Axis, Axis>>;

/// A plotters backend over a canvas.
pub(crate) struct Backend<'a> {
    canvas: &'a mut Canvas,
    dashed: bool,
}

/// The plotting area `plot` with coordinates `x` to the right and `y` upwards.
pub(crate) fn area<'a>(canvas: &'a mut Canvas, plot: Rect, x: &Axis, y: &Axis, dashed: bool) -> Area<'a> {
    let unit = |v: f64| ORIGIN + (v * UNIT).round() as i32;
    let coordinates = Cartesian2d::new(
        x.clone(),
        y.clone(),
        (unit(plot.x)..unit(plot.x + plot.w), unit(plot.y + plot.h)..unit(plot.y)),
    );
    Backend { canvas, dashed }.into_drawing_area().apply_coord_spec(coordinates)
}

/// Logical pixels of a backend coordinate.
pub(crate) fn logical((x, y): BackendCoord) -> (f64, f64) {
    (f64::from(x - ORIGIN) / UNIT, f64::from(y - ORIGIN) / UNIT)
}

/// A plotters style: `width` in logical px, 0 for filled shapes.
pub(crate) fn style(color: Color, opacity: f64, width: f64) -> ShapeStyle {
    let Color(r, g, b) = color;
    ShapeStyle { color: RGBAColor(r, g, b, opacity), filled: width == 0.0, stroke_width: (width * UNIT).round() as u32 }
}

/// Logical pixels as a plotters size.
pub(crate) fn units(px: f64) -> i32 {
    (px * UNIT).round() as i32
}

/// The backend itself never fails, so an error here is plotters' own.
pub(crate) fn failed(e: impl std::fmt::Display) -> PlotError {
    PlotError::Raster(e.to_string())
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn color(c: BackendColor) -> Color {
    Color(c.rgb.0, c.rgb.1, c.rgb.2)
}

impl Backend<'_> {
    fn stroke<S: BackendStyle>(&self, style: &S) -> Stroke {
        Stroke { color: color(style.color()), width: f64::from(style.stroke_width()) / UNIT, dashed: self.dashed }
    }
}

impl DrawingBackend for Backend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (2 * ORIGIN as u32, 2 * ORIGIN as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, c: BackendColor) -> Drawn {
        let (x, y) = logical(point);
        self.canvas.rect(Rect::new(x, y, 1.0 / UNIT, 1.0 / UNIT), 0.0, Some(color(c)), None);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let stroke = self.stroke(style);
        self.canvas.line(logical(from), logical(to), stroke);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, style: &S, fill: bool) -> Drawn {
        let ((x0, y0), (x1, y1)) = (logical(a), logical(b));
        if fill {
            let corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)];
            self.canvas.polygon(&corners, color(style.color()), style.color().alpha);
        } else {
            let rect = Rect::new(x0.min(x1), y0.min(y1), (x1 - x0).abs(), (y1 - y0).abs());
            let stroke = self.stroke(style);
            self.canvas.rect(rect, 0.0, None, Some(stroke));
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<_> = path.into_iter().map(logical).collect();
        let stroke = self.stroke(style);
        self.canvas.polyline(&points, stroke);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, centre: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let (x, y) = logical(centre);
        let (paint, stroke) = if fill { (Some(color(style.color())), None) } else { (None, Some(self.stroke(style))) };
        self.canvas.circle(x, y, f64::from(radius) / UNIT, paint, stroke);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        let points: Vec<_> = points.into_iter().map(logical).collect();
        self.canvas.polygon(&points, color(style.color()), style.color().alpha);
        Ok(())
    }
}
