use crate::canvas::{Anchor, Canvas, Rect, Stroke, TextStyle};
use crate::error::{PlotError, Result};
use crate::figure::Panel;
use crate::picture::Picture;
use crate::style::{BLUE, BODY_SIZE, Color, INK, LEADING, MUTED, PANEL_SIZE, SMALL_SIZE, WHITE};
use crate::text::{self, Face};

/// Boxes, circles, pictures and arrows on a grid of units, y downwards: graphical models and architectures. Its extent follows from
/// what it holds.
pub struct Diagram {
    unit: f64,
    nodes: Vec<Node>,
    arrows: Vec<Arrow>,
    plates: Vec<(Rect, String)>,
}

/// A node of one diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(usize);

enum Shape {
    Circle,
    Block,
    Picture(Picture),
    Words,
}

/// A node under construction.
pub struct Node {
    shape: Shape,
    /// Centre and extent in units.
    x: f64,
    y: f64,
    w: f64,
    h: f64,
    label: String,
    caption: String,
    fill: Color,
    edge: Color,
}

impl Node {
    /// Ground and outline in a colour of the palette: a tint and the colour itself.
    pub fn color(&mut self, color: Color) -> &mut Self {
        (self.fill, self.edge) = (color.tint(), color);
        self
    }

    /// Words below the node (markup).
    pub fn caption(&mut self, caption: impl Into<String>) -> &mut Self {
        self.caption = caption.into();
        self
    }
}

/// An arrow under construction.
pub struct Arrow {
    from: NodeId,
    to: NodeId,
    label: String,
    below: bool,
    dashed: bool,
    bend: f64,
    color: Color,
}

impl Arrow {
    /// Words at its middle (markup), above it or to its right.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Words on the other side.
    pub fn below(&mut self) -> &mut Self {
        self.below = true;
        self
    }

    /// A dashed line.
    pub fn dashed(&mut self) -> &mut Self {
        self.dashed = true;
        self
    }

    /// Bend to the left of its direction by this share of its length; negative to the right.
    pub fn bend(&mut self, bend: f64) -> &mut Self {
        self.bend = bend;
        self
    }

    /// Another colour.
    pub fn color(&mut self, color: Color) -> &mut Self {
        self.color = color;
        self
    }
}

impl Diagram {
    /// An empty diagram.
    pub fn new() -> Self {
        Self { unit: 76.0, nodes: Vec::new(), arrows: Vec::new(), plates: Vec::new() }
    }

    /// Pixels for a unit (default 76); fewer where the figure is narrow.
    pub fn unit(mut self, px: f64) -> Self {
        self.unit = px;
        self
    }

    /// A circle of `radius` units around `(x, y)`.
    pub fn circle(&mut self, x: f64, y: f64, radius: f64, label: impl Into<String>) -> NodeId {
        self.node(Shape::Circle, [x, y, 2.0 * radius, 2.0 * radius], label.into())
    }

    /// A rounded box of `w` by `h` units around `(x, y)`; its label wraps.
    pub fn block(&mut self, x: f64, y: f64, w: f64, h: f64, label: impl Into<String>) -> NodeId {
        self.node(Shape::Block, [x, y, w, h], label.into())
    }

    /// A picture around `(x, y)`, its longer side at most `side` units, with a label below (markup, may be empty).
    pub fn picture(&mut self, x: f64, y: f64, side: f64, picture: Picture, label: impl Into<String>) -> NodeId {
        let (h, w) = picture.size();
        let longer = w.max(h) as f64;
        let id = self.node(
            Shape::Picture(picture),
            [x, y, side * w as f64 / longer, side * h as f64 / longer],
            String::new(),
        );
        self.nodes[id.0].caption = label.into();
        id
    }

    /// Words around `(x, y)`, such as an ellipsis between nodes.
    pub fn words(&mut self, x: f64, y: f64, label: impl Into<String>) -> NodeId {
        self.node(Shape::Words, [x, y, 0.0, 0.0], label.into())
    }

    /// A dashed frame with its upper left corner at `(x, y)` and words in its lower right corner.
    pub fn plate(&mut self, x: f64, y: f64, w: f64, h: f64, label: impl Into<String>) {
        self.plates.push((Rect::new(x, y, w, h), label.into()));
    }

    /// An arrow from the edge of one node to the edge of another.
    pub fn arrow(&mut self, from: NodeId, to: NodeId) -> &mut Arrow {
        let arrow = Arrow { from, to, label: String::new(), below: false, dashed: false, bend: 0.0, color: MUTED };
        self.arrows.push(arrow);
        let last = self.arrows.len() - 1;
        &mut self.arrows[last]
    }

    /// Change a node's look.
    ///
    /// # Panics
    /// The node is of another, larger diagram.
    pub fn style(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.0]
    }

    fn node(&mut self, shape: Shape, [x, y, w, h]: [f64; 4], label: String) -> NodeId {
        let (fill, edge) = (BLUE.tint(), BLUE);
        self.nodes.push(Node { shape, x, y, w, h, label, caption: String::new(), fill, edge });
        NodeId(self.nodes.len() - 1)
    }

    fn check(&self) -> Result<()> {
        if self.nodes.is_empty() {
            return Err(PlotError::empty("diagram", "node"));
        }
        let ends = self.arrows.iter().flat_map(|a| [a.from.0, a.to.0]);
        if let Some(stranger) = ends.into_iter().find(|&k| k >= self.nodes.len()) {
            return Err(PlotError::setting(
                "diagram",
                format!("an arrow names node {stranger}, which is of another diagram"),
            ));
        }
        let mut numbers = vec![self.unit];
        numbers.extend(self.nodes.iter().flat_map(|n| [n.x, n.y, n.w, n.h]));
        numbers.extend(self.plates.iter().flat_map(|(r, _)| [r.x, r.y, r.w, r.h]));
        numbers.extend(self.arrows.iter().map(|a| a.bend));
        crate::error::all_finite("lengths of the diagram", &numbers)?;
        if self.unit <= 0.0 || self.nodes.iter().any(|n| n.w < 0.0 || n.h < 0.0) {
            return Err(PlotError::setting("diagram", "lengths must be positive"));
        }
        Ok(())
    }

    /// The largest unit at which all fits into `width`, and the extent there, relative to the origin of the units.
    fn fit(&self, width: f64) -> Result<(f64, Rect)> {
        self.check()?;
        let mut unit = self.unit;
        while unit > 12.0 {
            let extent = self.extent(unit);
            if extent.w <= width {
                return Ok((unit, extent));
            }
            unit *= 0.97;
        }
        Err(PlotError::setting(
            "diagram",
            format!("does not fit into {width:.0} px; give it more width or shorter labels"),
        ))
    }

    fn extent(&self, unit: f64) -> Rect {
        let mut all: Vec<Rect> = self.plates.iter().map(|(r, _)| scaled(*r, unit)).collect();
        for node in &self.nodes {
            let r = self.rect(node, (0.0, 0.0), unit);
            all.push(r);
            if !node.caption.is_empty() {
                let (w, h) =
                    (text::width(&node.caption, BODY_SIZE, Face::Sans), BODY_SIZE * LEADING * lines(&node.caption));
                all.push(Rect::new(r.x + r.w / 2.0 - w / 2.0, r.y + r.h + 6.0, w, h));
            }
        }
        for arrow in &self.arrows {
            let way = self.way(arrow, (0.0, 0.0), unit);
            let (x, y) = way.middle;
            all.push(Rect::new(x, y, 0.0, 0.0));
            if !arrow.label.is_empty() {
                let (x, y, anchor) = way.label;
                let w = text::width(&arrow.label, SMALL_SIZE, Face::Sans);
                let shift = [0.0, 0.5, 1.0][anchor as usize];
                all.push(Rect::new(x - shift * w, y - 0.6 * SMALL_SIZE, w, 1.3 * SMALL_SIZE));
            }
        }
        let low = |f: fn(&Rect) -> f64| all.iter().map(f).fold(f64::INFINITY, f64::min) - 2.0;
        let high = |f: fn(&Rect) -> f64| all.iter().map(f).fold(f64::NEG_INFINITY, f64::max) + 2.0;
        let (x, y) = (low(|r| r.x), low(|r| r.y));
        Rect::new(x, y, high(|r| r.x + r.w) - x, high(|r| r.y + r.h) - y)
    }

    /// A node's rectangle in pixels; words take the room of their text.
    fn rect(&self, node: &Node, origin: (f64, f64), unit: f64) -> Rect {
        let (x, y) = (origin.0 + node.x * unit, origin.1 + node.y * unit);
        let (w, h) = match &node.shape {
            Shape::Words => {
                (text::width(&node.label, LABEL_SIZE, Face::Sans) + 8.0, LABEL_SIZE * LEADING * lines(&node.label))
            }
            Shape::Picture(picture) => {
                let scale = picture_scale(picture, node.w.max(node.h) * unit);
                (picture.size().1 as f64 * scale, picture.size().0 as f64 * scale)
            }
            _ => (node.w * unit, node.h * unit),
        };
        Rect::new(x - w / 2.0, y - h / 2.0, w, h)
    }

    fn draw_node(&self, canvas: &mut Canvas, node: &Node, r: Rect) -> Result<()> {
        let (cx, cy) = (r.x + r.w / 2.0, r.y + r.h / 2.0);
        let label = TextStyle::new(LABEL_SIZE).anchor(Anchor::Middle);
        let outline = Some(Stroke::new(node.edge, 2.0));
        match &node.shape {
            Shape::Circle => {
                canvas.circle(cx, cy, r.w / 2.0, Some(node.fill), outline);
                canvas.text_centred(cx, cy, &node.label, label);
            }
            Shape::Block => {
                canvas.rect(r, 8.0, Some(node.fill), outline);
                let lines = text::wrap(&node.label, BODY_SIZE, Face::Sans, (r.w - 14.0).max(20.0));
                canvas.lines_centred(cx, cy, &lines, TextStyle { size: BODY_SIZE, ..label });
            }
            Shape::Picture(picture) => {
                let scale = picture_scale(picture, node.w.max(node.h) * (r.w.max(r.h) / node.w.max(node.h)));
                let r = Rect { x: r.x.round(), y: r.y.round(), ..r };
                canvas.hairline(r);
                canvas.picture(r.x, r.y, scale, picture)?;
            }
            Shape::Words => canvas.text_centred(cx, cy, &node.label, label),
        }
        let caption = TextStyle::new(BODY_SIZE).anchor(Anchor::Middle).color(INK);
        if !node.caption.is_empty() {
            let rows: Vec<_> = node.caption.split('\n').map(text::parse).collect();
            canvas.lines_below(cx, r.y + r.h + 6.0, &rows, caption);
        }
        Ok(())
    }

    /// The course of an arrow.
    fn way(&self, arrow: &Arrow, origin: (f64, f64), unit: f64) -> Way {
        let (a, b) = (&self.nodes[arrow.from.0], &self.nodes[arrow.to.0]);
        let (ra, rb) = (self.rect(a, origin, unit), self.rect(b, origin, unit));
        let centre = |r: Rect| (r.x + r.w / 2.0, r.y + r.h / 2.0);
        let (from, to) = (centre(ra), centre(rb));
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        // Left of the direction, with y downwards.
        let control = ((from.0 + to.0) / 2.0 + arrow.bend * dy, (from.1 + to.1) / 2.0 - arrow.bend * dx);
        let start = edge_point(a, ra.grow(3.0), control);
        let end = edge_point(b, rb.grow(4.0), control);
        let weigh =
            |s: f64, c: f64, e: f64| if arrow.bend == 0.0 { (s + e) / 2.0 } else { 0.25 * s + 0.5 * c + 0.25 * e };
        let middle = (weigh(start.0, control.0, end.0), weigh(start.1, control.1, end.1));
        let side = if arrow.below { 1.0 } else { -1.0 };
        let label = if dx.abs() >= dy.abs() {
            (middle.0, middle.1 + side * (9.0 + 0.5 * SMALL_SIZE), Anchor::Middle)
        } else {
            (middle.0 - side * 12.0, middle.1, if arrow.below { Anchor::End } else { Anchor::Start })
        };
        Way { start, control, end, heading: (to.0 - control.0, to.1 - control.1), middle, label }
    }

    fn draw_arrow(&self, canvas: &mut Canvas, arrow: &Arrow, way: &Way) {
        let (hx, hy) = way.heading;
        let norm = hx.hypot(hy);
        if norm == 0.0 {
            return;
        }
        let stroke = Stroke { dashed: arrow.dashed, ..Stroke::new(arrow.color, 2.0) };
        let stop = (way.end.0 - 8.0 * hx / norm, way.end.1 - 8.0 * hy / norm);
        if arrow.bend == 0.0 {
            canvas.line(way.start, stop, stroke);
        } else {
            canvas.curve(way.start, way.control, stop, stroke);
        }
        canvas.arrow_head(way.end, way.heading, 12.0, arrow.color);
        let (x, y, anchor) = way.label;
        let style = TextStyle { halo: true, ..TextStyle::new(SMALL_SIZE).anchor(anchor) };
        canvas.text_centred(x, y, &arrow.label, style);
    }
}

/// An arrow in pixels.
struct Way {
    start: (f64, f64),
    /// Control point of the curve.
    control: (f64, f64),
    end: (f64, f64),
    heading: (f64, f64),
    middle: (f64, f64),
    label: (f64, f64, Anchor),
}

impl Default for Diagram {
    fn default() -> Self {
        Self::new()
    }
}

fn scaled(r: Rect, unit: f64) -> Rect {
    Rect::new(r.x * unit, r.y * unit, r.w * unit, r.h * unit)
}

const LABEL_SIZE: f64 = PANEL_SIZE + 2.0;

fn lines(label: &str) -> f64 {
    label.split('\n').count() as f64
}

/// As in the grids: whole pixels where there is room for them.
fn picture_scale(picture: &Picture, side: f64) -> f64 {
    let (h, w) = picture.size();
    let fit = side / w.max(h) as f64;
    if fit >= 0.5 { (2.0 * fit + 1e-9).floor() / 2.0 } else { fit }
}

/// Where the way from the centre of a node towards `target` leaves it.
fn edge_point(node: &Node, r: Rect, target: (f64, f64)) -> (f64, f64) {
    let (cx, cy) = (r.x + r.w / 2.0, r.y + r.h / 2.0);
    let (dx, dy) = (target.0 - cx, target.1 - cy);
    let norm = dx.hypot(dy);
    if norm == 0.0 {
        return (cx, cy);
    }
    let reach = match node.shape {
        Shape::Circle => r.w / 2.0,
        _ => {
            let across = if dx == 0.0 { f64::INFINITY } else { r.w / 2.0 / dx.abs() };
            let along = if dy == 0.0 { f64::INFINITY } else { r.h / 2.0 / dy.abs() };
            norm * across.min(along)
        }
    };
    (cx + dx / norm * reach, cy + dy / norm * reach)
}

impl Panel for Diagram {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        let (_, extent) = self.fit(width)?;
        Ok((extent.w, extent.h))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let (unit, extent) = self.fit(area.w)?;
        let origin = ((area.x + (area.w - extent.w) / 2.0 - extent.x).round(), (area.y - extent.y).round());
        for (r, label) in &self.plates {
            let r = scaled(*r, unit);
            let frame = Rect::new(origin.0 + r.x, origin.1 + r.y, r.w, r.h);
            let stroke = Stroke { dashed: true, ..Stroke::new(MUTED, 1.5) };
            canvas.rect(frame, 10.0, Some(MUTED.mix(WHITE, 0.95)), Some(stroke));
            let style = TextStyle::new(SMALL_SIZE).color(MUTED).anchor(Anchor::End);
            canvas.text(frame.x + frame.w - 10.0, frame.y + frame.h - 10.0, label, style);
        }
        self.arrows.iter().for_each(|arrow| self.draw_arrow(canvas, arrow, &self.way(arrow, origin, unit)));
        self.nodes.iter().try_for_each(|node| self.draw_node(canvas, node, self.rect(node, origin, unit)))
    }
}
