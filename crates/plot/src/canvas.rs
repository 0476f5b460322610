//! The one drawing: shapes, text and pictures written as SVG.

use crate::error::Result;
use crate::picture::Picture;
use crate::style::{Color, HAIRLINE, INK, LEADING, WHITE};
use crate::text::{self, Face, Run};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt::Write;

/// A rectangle in logical pixels, y downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// From left, top, width and height.
    pub fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }

    /// Grown by `d` px on every side.
    pub fn grow(self, d: f64) -> Self {
        Self::new(self.x - d, self.y - d, self.w + 2.0 * d, self.h + 2.0 * d)
    }
}

/// Outline of a shape.
#[derive(Debug, Clone, Copy)]
pub struct Stroke {
    /// Its colour.
    pub color: Color,
    /// Its width, px.
    pub width: f64,
    /// Dashed instead of solid.
    pub dashed: bool,
}

impl Stroke {
    /// A solid line.
    pub fn new(color: Color, width: f64) -> Self {
        Self { color, width, dashed: false }
    }
}

/// Horizontal place of a text relative to its x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// x is the left end.
    #[default]
    Start,
    /// x is the middle.
    Middle,
    /// x is the right end.
    End,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub struct TextStyle {
    /// Base size, px.
    pub size: f64,
    /// Base face.
    pub face: Face,
    /// Colour.
    pub color: Color,
    /// Horizontal anchor.
    pub anchor: Anchor,
    /// Turned a quarter anticlockwise.
    pub upright: bool,
    /// A white rim, for text over lines.
    pub halo: bool,
}

impl TextStyle {
    /// Regular ink at a size, px.
    pub fn new(size: f64) -> Self {
        Self { size, face: Face::Sans, color: INK, anchor: Anchor::Start, upright: false, halo: false }
    }

    /// In another face.
    pub fn face(self, face: Face) -> Self {
        Self { face, ..self }
    }

    /// In another colour.
    pub fn color(self, color: Color) -> Self {
        Self { color, ..self }
    }

    /// With another anchor.
    pub fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

/// An SVG under construction. Every number is written with at most two decimals, so the text is stable.
#[derive(Debug, Default)]
pub struct Canvas {
    body: String,
}

impl Canvas {
    /// A rectangle with corners rounded by `radius` px.
    pub fn rect(&mut self, r: Rect, radius: f64, fill: Option<Color>, stroke: Option<Stroke>) {
        let (x, y, w, h) = (num(r.x), num(r.y), num(r.w), num(r.h));
        let corner = if radius > 0.0 { format!(" rx=\"{}\"", num(radius)) } else { String::new() };
        self.element(format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"{corner}"), fill, stroke, 1.0);
    }

    /// A circle.
    pub fn circle(&mut self, x: f64, y: f64, radius: f64, fill: Option<Color>, stroke: Option<Stroke>) {
        let (x, y, r) = (num(x), num(y), num(radius));
        self.element(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\""), fill, stroke, 1.0);
    }

    /// A straight line.
    pub fn line(&mut self, a: (f64, f64), b: (f64, f64), stroke: Stroke) {
        self.polyline(&[a, b], stroke);
    }

    /// Lines through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        let d = path_data(points);
        self.element(format_args!("<path d=\"{d}\""), None, Some(stroke), 1.0);
    }

    /// A quadratic curve from `a` to `b` towards the control point `c`.
    pub fn curve(&mut self, a: (f64, f64), c: (f64, f64), b: (f64, f64), stroke: Stroke) {
        let [ax, ay, cx, cy, bx, by] = [a.0, a.1, c.0, c.1, b.0, b.1].map(num);
        self.element(format_args!("<path d=\"M{ax} {ay}Q{cx} {cy} {bx} {by}\""), None, Some(stroke), 1.0);
    }

    /// A filled polygon; `opacity` in [0, 1].
    pub fn polygon(&mut self, points: &[(f64, f64)], fill: Color, opacity: f64) {
        let d = path_data(points);
        self.element(format_args!("<path d=\"{d}Z\""), Some(fill), None, opacity);
    }

    /// An arrow head with its tip at `tip`, pointing along `(dx, dy)`; `length` px.
    pub fn arrow_head(&mut self, tip: (f64, f64), (dx, dy): (f64, f64), length: f64, color: Color) {
        let norm = dx.hypot(dy);
        if norm == 0.0 {
            return;
        }
        let (ux, uy) = (dx / norm * length, dy / norm * length);
        let back = (tip.0 - ux, tip.1 - uy);
        let notch = (tip.0 - 0.78 * ux, tip.1 - 0.78 * uy);
        let side = (-0.4 * uy, 0.4 * ux);
        let points = [tip, (back.0 + side.0, back.1 + side.1), notch, (back.0 - side.0, back.1 - side.1)];
        self.polygon(&points, color, 1.0);
    }

    /// Draw `inside` clipped to a rectangle.
    ///
    /// # Errors
    /// Those of `inside`.
    pub fn clipped(&mut self, r: Rect, inside: impl FnOnce(&mut Canvas) -> Result<()>) -> Result<()> {
        let [x, y, w, h] = [r.x, r.y, r.w, r.h].map(num);
        // Equal names mean equal regions, so that several figures can share one page.
        let id = format!("clip-{x}-{y}-{w}-{h}");
        let rect = format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/>");
        let _ = writeln!(self.body, "<clipPath id=\"{id}\">{rect}</clipPath>\n<g clip-path=\"url(#{id})\">");
        let drawn = inside(self);
        self.body.push_str("</g>\n");
        drawn
    }

    /// One line of marked-up text (see [`crate::text`]) with its baseline at `y`.
    pub fn text(&mut self, x: f64, y: f64, markup: &str, style: TextStyle) {
        self.runs(x, y, &text::parse(markup), style);
    }

    /// Lines of marked-up text centred on `y`, broken at newlines.
    pub fn text_centred(&mut self, x: f64, y: f64, markup: &str, style: TextStyle) {
        let lines: Vec<_> = markup.split('\n').map(text::parse).collect();
        self.lines_centred(x, y, &lines, style);
    }

    pub(crate) fn lines_centred(&mut self, x: f64, y: f64, lines: &[Vec<Run>], style: TextStyle) {
        let leading = LEADING * style.size;
        // 0.36 of the size is half the height of a capital.
        let first = y + 0.36 * style.size - 0.5 * leading * (lines.len() as f64 - 1.0);
        for (i, line) in lines.iter().enumerate() {
            self.runs(x, first + leading * i as f64, line, style);
        }
    }

    /// Lines downwards from `top`; returns the height that they take.
    pub fn lines_below(&mut self, x: f64, top: f64, lines: &[Vec<Run>], style: TextStyle) -> f64 {
        let leading = LEADING * style.size;
        for (i, line) in lines.iter().enumerate() {
            self.runs(x, top + style.size + leading * i as f64, line, style);
        }
        leading * lines.len() as f64
    }

    /// Lines that read upwards, centred on `y`; the baseline of the last one is at `x`.
    pub(crate) fn lines_upright(&mut self, x: f64, y: f64, lines: &[Vec<Run>], style: TextStyle) {
        let leading = LEADING * style.size;
        for (i, line) in lines.iter().rev().enumerate() {
            self.runs(x - leading * i as f64, y, line, TextStyle { upright: true, ..style });
        }
    }

    fn runs(&mut self, x: f64, y: f64, runs: &[Run], style: TextStyle) {
        if runs.is_empty() {
            return;
        }
        let (x, y, size) = (num(x), num(y), num(style.size));
        let _ = write!(self.body, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{}\"", style.color);
        match style.anchor {
            Anchor::Start => {}
            Anchor::Middle => self.body.push_str(" text-anchor=\"middle\""),
            Anchor::End => self.body.push_str(" text-anchor=\"end\""),
        }
        match style.face {
            Face::Sans => {}
            Face::Bold => self.body.push_str(" font-weight=\"bold\""),
            Face::Mono => {
                let _ = write!(self.body, " font-family=\"{MONO_FAMILY}\"");
            }
        }
        if style.halo {
            let _ = write!(
                self.body,
                " stroke=\"{WHITE}\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            );
        }
        if style.upright {
            let _ = write!(self.body, " transform=\"rotate(-90 {x} {y})\"");
        }
        self.body.push_str(" xml:space=\"preserve\">");
        let mut at = 0.0;
        for run in runs {
            self.run(run, run.shift - at, style);
            at = run.shift;
        }
        self.body.push_str("</text>\n");
    }

    /// One run; `down` is its baseline below that of the run before, in units of the base size.
    fn run(&mut self, run: &Run, down: f64, style: TextStyle) {
        let mut attributes = String::new();
        if down != 0.0 {
            let _ = write!(attributes, " dy=\"{}\"", num(down * style.size));
        }
        if run.level > 0 {
            let _ = write!(attributes, " font-size=\"{}\"", num(run.size(style.size)));
        }
        let mono = style.face == Face::Mono && !run.math;
        if style.face == Face::Mono && run.math {
            let _ = write!(attributes, " font-family=\"{SANS_FAMILY}\"");
        }
        if run.italic && !mono {
            attributes.push_str(" font-style=\"italic\"");
        }
        if run.bold && style.face != Face::Bold {
            attributes.push_str(" font-weight=\"bold\"");
        }
        let text = escape(&run.text);
        let _ = if attributes.is_empty() {
            write!(self.body, "{text}")
        } else {
            write!(self.body, "<tspan{attributes}>{text}</tspan>")
        };
    }

    /// A picture at `(x, y)`, `scale` logical pixels for each of its own. A scale that is a multiple of 1/2 repeats whole pixels
    /// and is exact in the PNG; a scale below 1/2 averages.
    ///
    /// # Errors
    /// The picture cannot be encoded.
    pub fn picture(&mut self, x: f64, y: f64, scale: f64, picture: &Picture) -> Result<()> {
        let (h, w) = picture.size();
        // Scaled here, so that programs which smooth enlarged pictures show square pixels, too.
        let png = picture.png(scale * PNG_SCALE)?;
        self.image(Rect::new(x, y, w as f64 * scale, h as f64 * scale), &png, "pixelated");
        Ok(())
    }

    /// A hairline just outside a rectangle, so that white pixels at the edge of a picture do not melt into the ground.
    pub fn hairline(&mut self, r: Rect) {
        self.rect(r.grow(0.5), 0.0, None, Some(Stroke::new(HAIRLINE, 1.0)));
    }

    /// A picture stretched over `place`, smoothly: for colours of a function, not for pixels.
    ///
    /// # Errors
    /// The picture cannot be encoded.
    pub(crate) fn stretched(&mut self, place: Rect, picture: &Picture) -> Result<()> {
        self.image(place, &picture.png(1.0)?, "auto");
        Ok(())
    }

    fn image(&mut self, place: Rect, png: &[u8], rendering: &str) {
        let data = STANDARD.encode(png);
        let [x, y, w, h] = [place.x, place.y, place.w, place.h].map(num);
        let _ = writeln!(
            self.body,
            "<image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:{rendering}\" href=\"data:image/png;base64,{data}\"/>"
        );
    }

    fn element(&mut self, head: std::fmt::Arguments<'_>, fill: Option<Color>, stroke: Option<Stroke>, opacity: f64) {
        let _ = write!(self.body, "{head} fill=\"");
        let _ = match fill {
            Some(color) => write!(self.body, "{color}\""),
            None => write!(self.body, "none\""),
        };
        if opacity < 1.0 {
            let _ = write!(self.body, " fill-opacity=\"{}\"", num(opacity));
        }
        if let Some(s) = stroke {
            let _ = write!(
                self.body,
                " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                s.color,
                num(s.width)
            );
            if s.dashed {
                let _ = write!(
                    self.body,
                    " stroke-dasharray=\"{} {}\"",
                    num(2.0 + 2.0 * s.width),
                    num(1.5 + 1.5 * s.width)
                );
            } else {
                self.body.push_str(" stroke-linecap=\"round\"");
            }
        }
        self.body.push_str("/>\n");
    }

    /// The whole SVG on white, `width` by `height` logical pixels; `title` is its plain-text name.
    pub(crate) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (w, h, title) = (num(width), num(height), escape(title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
             font-family=\"{SANS_FAMILY}\">\n<title>{title}</title>\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"{WHITE}\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// Pixels of the PNG for each logical pixel.
pub const PNG_SCALE: f64 = 2.0;

/// Where DejaVu is missing, faces of nearly its widths come first.
const SANS_FAMILY: &str = "'DejaVu Sans', 'Bitstream Vera Sans', Verdana, Geneva, sans-serif";
const MONO_FAMILY: &str = "'DejaVu Sans Mono', 'Bitstream Vera Sans Mono', Menlo, Consolas, monospace";

fn path_data(points: &[(f64, f64)]) -> String {
    let mut d = String::with_capacity(12 * points.len());
    for (i, &(x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{} {}", if i == 0 { 'M' } else { 'L' }, num(x), num(y));
    }
    d
}

/// At most two decimals, no trailing zeros, no negative zero.
pub(crate) fn num(v: f64) -> String {
    let text = format!("{v:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// XML-escaped; characters that XML cannot hold become the replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
