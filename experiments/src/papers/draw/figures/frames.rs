//! Pictures with windows of attention drawn over them.

use draw::window::{Window, centres};
use easel_plot::canvas::{Anchor, Canvas, Rect, Stroke, TextStyle};
use easel_plot::style::{BODY_SIZE, LEADING, SMALL_SIZE};
use easel_plot::text::{self, Face};
use easel_plot::{Color, Panel, Picture, PlotError};

/// A picture, and what lies over it.
#[derive(Debug)]
pub struct Frame {
    picture: Picture,
    boxes: Vec<(Window, usize, Color)>,
    grid: Option<(Window, usize, Color)>,
    caption: String,
}

impl Frame {
    /// A picture alone.
    pub fn new(picture: Picture) -> Self {
        Self { picture, boxes: Vec::new(), grid: None, caption: String::new() }
    }

    /// The square through the outermost of N x N filters, its line as wide as two $\sigma$ but legible (DRAW, figures 1 and 3).
    pub fn window(mut self, window: Window, n: usize, color: Color) -> Self {
        self.boxes.push((window, n, color));
        self
    }

    /// The centres of N x N filters, with centre and stride named (DRAW, figure 3).
    pub fn grid(mut self, window: Window, n: usize, color: Color) -> Self {
        self.grid = Some((window, n, color));
        self
    }

    /// Words below (markup).
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }
}

/// Frames in rows; all pictures of one size.
#[derive(Debug)]
pub struct Frames {
    frames: Vec<Frame>,
    columns: usize,
    side: f64,
    column_labels: Vec<String>,
}

const GAP: f64 = 4.0;

impl Frames {
    /// `columns` frames to a row.
    pub fn new(frames: Vec<Frame>, columns: usize) -> Self {
        Self { frames, columns: columns.max(1), side: 84.0, column_labels: Vec::new() }
    }

    /// Longest width of a picture, px.
    pub fn tile(mut self, side: f64) -> Self {
        self.side = side;
        self
    }

    /// A label above every column (markup).
    pub fn column_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.column_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Pixels for each pixel of a picture (a multiple of 1/2 keeps them whole), and the size of a tile with its caption.
    fn layout(&self, width: f64) -> Result<(f64, f64, f64, f64), PlotError> {
        let first = self.frames.first().ok_or_else(|| PlotError::Empty { what: "frames".into(), unit: "picture" })?;
        let (h, w) = first.picture.size();
        let n = self.columns.min(self.frames.len()) as f64;
        let room = ((width - GAP * (n - 1.0)) / n).min(self.side);
        let scale = ((2.0 * room / w as f64).floor() / 2.0).max(0.5);
        let tile = (w as f64 * scale, h as f64 * scale);
        let lines = self.frames.iter().map(|f| text::wrap(&f.caption, SMALL_SIZE, Face::Sans, tile.0).len()).max();
        let captioned = self.frames.iter().any(|f| !f.caption.is_empty());
        let foot = if captioned { lines.unwrap_or(0) as f64 * SMALL_SIZE * LEADING + 8.0 } else { 0.0 };
        Ok((scale, tile.0, tile.1, foot.ceil()))
    }

    fn head(&self) -> f64 {
        if self.column_labels.is_empty() { 0.0 } else { (BODY_SIZE * LEADING + 6.0).ceil() }
    }
}

impl Panel for Frames {
    fn size(&self, width: f64) -> Result<(f64, f64), PlotError> {
        let (_, w, h, foot) = self.layout(width)?;
        let (columns, rows) =
            (self.columns.min(self.frames.len()) as f64, self.frames.len().div_ceil(self.columns) as f64);
        Ok((columns * (w + GAP) - GAP, self.head() + rows * (h + foot + GAP) - GAP))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<(), PlotError> {
        let (scale, w, h, foot) = self.layout(area.w)?;
        let x0 = (area.x + (area.w - self.size(area.w)?.0) / 2.0).floor();
        let y0 = (area.y + self.head()).floor();
        let middle = TextStyle::new(BODY_SIZE).anchor(Anchor::Middle);
        for (c, label) in self.column_labels.iter().enumerate() {
            canvas.text(x0 + c as f64 * (w + GAP) + w / 2.0, y0 - 8.0, label, middle);
        }
        for (k, frame) in self.frames.iter().enumerate() {
            let place = Rect::new(
                x0 + (k % self.columns) as f64 * (w + GAP),
                y0 + (k / self.columns) as f64 * (h + foot + GAP),
                w,
                h,
            );
            canvas.hairline(place);
            canvas.picture(place.x, place.y, scale, &frame.picture)?;
            canvas.clipped(place, |canvas| {
                frame.boxes.iter().for_each(|(window, n, color)| outline(canvas, place, scale, window, *n, *color));
                frame.grid.iter().for_each(|(window, n, color)| grid(canvas, place, scale, window, *n, *color));
                Ok(())
            })?;
            let lines = text::wrap(&frame.caption, SMALL_SIZE, Face::Sans, w);
            canvas.lines_below(
                place.x + w / 2.0,
                place.y + h + 4.0,
                &lines,
                TextStyle::new(SMALL_SIZE).anchor(Anchor::Middle),
            );
        }
        Ok(())
    }
}

/// Where a position in pixels from 1 lies on the page: pixel 1 has its centre half a pixel from the edge.
fn on_page(position: f64, start: f64, scale: f64) -> f64 {
    start + (position - 0.5) * scale
}

fn outline(canvas: &mut Canvas, place: Rect, scale: f64, window: &Window, n: usize, color: Color) {
    let [left, top, right, bottom] = window.bounds(n);
    let (x, y) = (on_page(left, place.x, scale), on_page(top, place.y, scale));
    let line = (0.5 * window.sigma * scale).clamp(1.0, 5.0);
    let square = Rect::new(x, y, (right - left) * scale, (bottom - top) * scale);
    canvas.rect(square, 0.0, None, Some(Stroke::new(color, line)));
}

fn grid(canvas: &mut Canvas, place: Rect, scale: f64, window: &Window, n: usize, color: Color) {
    let (xs, ys) = (centres(window.g_x, window.delta, n), centres(window.g_y, window.delta, n));
    let at = |x: f64, y: f64| (on_page(x, place.x, scale), on_page(y, place.y, scale));
    for &y in &ys {
        for &x in &xs {
            let (px, py) = at(x, y);
            canvas.circle(px, py, window.sigma * scale, None, Some(Stroke::new(color, 1.5)));
            canvas.circle(px, py, 2.5, Some(color), None);
        }
    }
    let words = |anchor| TextStyle { halo: true, ..TextStyle::new(BODY_SIZE).anchor(anchor).color(color) };
    let (gx, gy) = at(window.g_x, window.g_y);
    canvas.circle(gx, gy, 5.0, Some(color), None);
    canvas.text(gx + 9.0, gy + 20.0, "$(g_X, g_Y)$", words(Anchor::Start));
    let ((ax, ay), (bx, _)) = (at(xs[0], ys[0]), at(xs[1], ys[0]));
    let level = ay - 0.5 * window.delta * scale;
    canvas.line((ax, level), (bx, level), Stroke::new(color, 2.0));
    canvas.arrow_head((ax, level), (-1.0, 0.0), 9.0, color);
    canvas.arrow_head((bx, level), (1.0, 0.0), 9.0, color);
    canvas.text(0.5 * (ax + bx), level - 7.0, "$\\delta$", words(Anchor::Middle));
}
