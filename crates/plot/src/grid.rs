use crate::canvas::{Anchor, Canvas, Rect, Stroke, TextStyle};
use crate::error::{PlotError, Result, same_length};
use crate::figure::Panel;
use crate::picture::Picture;
use crate::style::{BODY_SIZE, Color, INK, LEADING, MIN_SIZE, MUTED, SMALL_SIZE};
use crate::text::{self, Face, Run};

/// Pictures in rows and columns; tile k (row by row) shows picture k, every pixel a square.
pub struct ImageGrid {
    pictures: Vec<Picture>,
    columns: usize,
    side: f64,
    gap: f64,
    row_labels: Vec<String>,
    column_labels: Vec<String>,
    captions: Vec<String>,
    frames: Vec<(usize, Color)>,
}

/// Longest line of a row label, px.
const LABEL_LIMIT: f64 = 240.0;

impl ImageGrid {
    /// Pictures of one size, `columns` to a row; the last row may be short.
    pub fn new(pictures: Vec<Picture>, columns: usize) -> Self {
        Self {
            pictures,
            columns,
            side: 112.0,
            gap: 6.0,
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            captions: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Longest side of a tile, px (default 112). Tiles are the largest that fit and keep pixels whole.
    pub fn tile(mut self, side: f64) -> Self {
        self.side = side;
        self
    }

    /// Space between tiles, whole px (default 6).
    pub fn gap(mut self, gap: f64) -> Self {
        self.gap = gap.round();
        self
    }

    /// A label to the left of every row (markup).
    pub fn row_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.row_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// A label above every column (markup).
    pub fn column_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.column_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// A caption under every tile (markup), in the order of the pictures.
    pub fn captions<S: Into<String>>(mut self, captions: impl IntoIterator<Item = S>) -> Self {
        self.captions = captions.into_iter().map(Into::into).collect();
        self
    }

    /// A coloured frame around tile `k`.
    pub fn frame(mut self, k: usize, color: Color) -> Self {
        self.frames.push((k, color));
        self
    }

    fn rows(&self) -> usize {
        self.pictures.len().div_ceil(self.columns.max(1))
    }

    fn check(&self) -> Result<(usize, usize)> {
        let size = common_size("image grid", &self.pictures)?;
        if self.columns == 0 {
            return Err(PlotError::setting("image grid", "has no columns; give at least 1"));
        }
        if !(self.side >= 1.0 && self.side.is_finite() && self.gap >= 0.0 && self.gap.is_finite()) {
            return Err(PlotError::setting("image grid", "tile and gap must be lengths in px, the tile at least 1"));
        }
        for (what, expected, got) in [
            ("row labels of the image grid", self.rows(), self.row_labels.len()),
            ("column labels of the image grid", self.columns, self.column_labels.len()),
            ("captions of the image grid", self.pictures.len(), self.captions.len()),
        ] {
            if got > 0 {
                same_length(what, expected, got)?;
            }
        }
        match self.frames.iter().find(|(k, _)| *k >= self.pictures.len()) {
            Some((k, _)) => Err(PlotError::setting(
                "image grid",
                format!("frame {k} has no tile; there are {}", self.pictures.len()),
            )),
            None => Ok(size),
        }
    }

    fn layout(&self, width: f64) -> Result<Layout> {
        let (h, w) = self.check()?;
        let style = Face::Sans;
        let row_labels: Vec<_> = self.row_labels.iter().map(|l| text::wrap(l, BODY_SIZE, style, LABEL_LIMIT)).collect();
        let widest =
            row_labels.iter().flatten().map(|line| text::runs_width(line, BODY_SIZE, style)).fold(0.0, f64::max);
        let left = if widest > 0.0 { (widest + 14.0).ceil() } else { 0.0 };
        let n = self.columns as f64;
        let room = (width - left - self.gap * (n - 1.0)) / n;
        let scale = whole_pixel_scale("image grid", (w, h), room, self.side)?;
        // Tiles stay on whole logical pixels, so that the PNG shows each of their pixels exactly.
        let (tile_w, tile_h) = ((w as f64 * scale).ceil(), (h as f64 * scale).ceil());
        let column_labels: Vec<_> =
            self.column_labels.iter().map(|l| text::wrap(l, BODY_SIZE, style, tile_w + self.gap - 4.0)).collect();
        let captions: Vec<_> = self.captions.iter().map(|l| text::wrap(l, CAPTION.size, style, tile_w)).collect();
        let lines = |texts: &[Lines]| texts.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let top =
            if column_labels.is_empty() { 0.0 } else { (lines(&column_labels) * BODY_SIZE * LEADING + 6.0).ceil() };
        let under: Vec<f64> = (0..self.rows())
            .map(|r| {
                let end = ((r + 1) * self.columns).min(captions.len());
                let own = captions.get(r * self.columns..end).unwrap_or_default();
                (lines(own) * CAPTION.size * LEADING + if own.is_empty() { 0.0 } else { 6.0 }).ceil()
            })
            .collect();
        let label_height = |r: usize| row_labels.get(r).map_or(0.0, |lines| lines.len() as f64 * BODY_SIZE * LEADING);
        let pitch = (0..self.rows()).map(|r| tile_h.max(label_height(r)).ceil()).collect();
        Ok(Layout { pitch, row_labels, column_labels, captions, left, top, tile: (tile_w, tile_h), scale, under })
    }
}

type Lines = Vec<Vec<Run>>;

struct Layout {
    row_labels: Vec<Lines>,
    column_labels: Vec<Lines>,
    captions: Vec<Lines>,
    left: f64,
    top: f64,
    tile: (f64, f64),
    scale: f64,
    /// Height of each row without its captions.
    pitch: Vec<f64>,
    /// Height of the captions under each row.
    under: Vec<f64>,
}

const CAPTION: TextStyle =
    TextStyle { size: MIN_SIZE, face: Face::Sans, color: MUTED, anchor: Anchor::Middle, upright: false, halo: false };

impl Panel for ImageGrid {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        let l = self.layout(width)?;
        let (columns, rows) = (self.columns as f64, self.rows() as f64);
        Ok((
            l.left + columns * l.tile.0 + (columns - 1.0) * self.gap,
            l.top + l.pitch.iter().sum::<f64>() + (rows - 1.0) * self.gap + l.under.iter().sum::<f64>(),
        ))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let l = self.layout(area.w)?;
        let x0 = (area.x + (area.w - self.size(area.w)?.0) / 2.0).floor() + l.left;
        let label = TextStyle::new(BODY_SIZE).anchor(Anchor::Middle).color(INK);
        for (c, lines) in l.column_labels.iter().enumerate() {
            let x = x0 + c as f64 * (l.tile.0 + self.gap) + l.tile.0 / 2.0;
            let height = lines.len() as f64 * BODY_SIZE * LEADING;
            canvas.lines_below(x, area.y + l.top - 6.0 - height, lines, label);
        }
        let mut tiles = Vec::with_capacity(self.pictures.len());
        let mut y = (area.y + l.top).floor();
        for r in 0..self.rows() {
            let top = y + ((l.pitch[r] - l.tile.1) / 2.0).floor();
            if let Some(lines) = l.row_labels.get(r) {
                canvas.lines_centred(x0 - 14.0, top + l.tile.1 / 2.0, lines, label.anchor(Anchor::End));
            }
            let columns = self.columns.min(self.pictures.len() - tiles.len());
            let left = |c: usize| x0 + c as f64 * (l.tile.0 + self.gap);
            tiles.extend((0..columns).map(|c| Rect::new(left(c), top, l.tile.0, l.tile.1)));
            y += l.pitch[r] + l.under[r] + self.gap;
        }
        // Lines first, so that without a gap they stay under the neighbours' pixels; frames last, to be whole.
        tiles.iter().for_each(|&tile| canvas.hairline(tile));
        for (tile, picture) in tiles.iter().zip(&self.pictures) {
            canvas.picture(tile.x, tile.y, l.scale, picture)?;
        }
        for (tile, lines) in tiles.iter().zip(&l.captions) {
            canvas.lines_below(tile.x + tile.w / 2.0, tile.y + tile.h + 3.0, lines, CAPTION);
        }
        for &(k, color) in &self.frames {
            canvas.rect(tiles[k].grow(1.5), 0.0, None, Some(Stroke::new(color, 3.0)));
        }
        Ok(())
    }
}

/// Pictures in a row with arrows between them, labels below: a process.
pub struct Strip {
    pictures: Vec<Picture>,
    side: f64,
    labels: Vec<String>,
    arrow_labels: Vec<String>,
    backward: bool,
}

impl Strip {
    /// Pictures of one size, left to right.
    pub fn new(pictures: Vec<Picture>) -> Self {
        Self { pictures, side: 112.0, labels: Vec::new(), arrow_labels: Vec::new(), backward: false }
    }

    /// Longest side of a picture, px (default 112).
    pub fn tile(mut self, side: f64) -> Self {
        self.side = side;
        self
    }

    /// A label under every picture (markup).
    pub fn labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// A label over every arrow (markup): one fewer than pictures, or a single one for all of them above the row.
    pub fn arrow_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.arrow_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Arrows from right to left.
    pub fn backward(mut self) -> Self {
        self.backward = true;
        self
    }

    /// Gap between pictures, scale and tile size.
    fn layout(&self, width: f64) -> Result<(f64, f64, f64, f64)> {
        let (h, w) = common_size("strip", &self.pictures)?;
        let n = self.pictures.len();
        if !self.labels.is_empty() {
            same_length("labels of the strip", n, self.labels.len())?;
        }
        if self.arrow_labels.len() > 1 {
            same_length("arrow labels of the strip", n - 1, self.arrow_labels.len())?;
        }
        let between = if self.arrow_labels.len() > 1 { &self.arrow_labels[..] } else { &[] };
        let widest = between.iter().map(|l| text::width(l, SMALL_SIZE, Face::Sans)).fold(0.0, f64::max);
        let gap = (widest + 12.0).max(36.0).ceil();
        let room = (width - gap * (n - 1) as f64) / n as f64;
        let scale = whole_pixel_scale("strip", (w, h), room, self.side)?;
        Ok((gap, scale, (w as f64 * scale).ceil(), (h as f64 * scale).ceil()))
    }

    fn common_arrow(&self) -> Option<&String> {
        self.arrow_labels.first().filter(|_| self.arrow_labels.len() == 1 && self.pictures.len() != 2)
    }

    fn head(&self) -> f64 {
        if self.common_arrow().is_some() { 40.0 } else { 0.0 }
    }
}

impl Panel for Strip {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        let (gap, _, w, h) = self.layout(width)?;
        let n = self.pictures.len() as f64;
        let lines =
            self.labels.iter().map(|l| text::wrap(l, BODY_SIZE, Face::Sans, w + gap - 8.0).len()).max().unwrap_or(0);
        let foot = if lines == 0 { 0.0 } else { BODY_SIZE * LEADING * lines as f64 + 8.0 };
        Ok((n * w + (n - 1.0) * gap, self.head() + h + foot))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let (gap, scale, w, h) = self.layout(area.w)?;
        let total = self.size(area.w)?.0;
        let x0 = (area.x + (area.w - total) / 2.0).floor();
        let y = (area.y + self.head()).floor();
        let small = TextStyle::new(SMALL_SIZE).anchor(Anchor::Middle).color(MUTED);
        let arrow = |canvas: &mut Canvas, from: f64, to: f64, y: f64| {
            let (from, to) = if self.backward { (to, from) } else { (from, to) };
            let direction = (to - from).signum();
            canvas.line((from, y), (to - 6.0 * direction, y), Stroke::new(MUTED, 2.0));
            canvas.arrow_head((to, y), (direction, 0.0), 11.0, MUTED);
        };
        if let Some(label) = self.common_arrow() {
            let half = text::width(label, BODY_SIZE, Face::Sans) / 2.0 + 12.0;
            let (middle, level) = (x0 + total / 2.0, area.y + 14.0);
            canvas.text_centred(middle, level, label, TextStyle::new(BODY_SIZE).anchor(Anchor::Middle));
            // One arrow, broken for its label.
            let (a, b) = (x0 + w / 2.0, x0 + total - w / 2.0);
            let (tail, headed) = if self.backward {
                ((middle + half, b), (a, middle - half))
            } else {
                ((a, middle - half), (middle + half, b))
            };
            canvas.line((tail.0, level), (tail.1, level), Stroke::new(MUTED, 2.0));
            arrow(canvas, headed.0, headed.1, level);
        }
        for (k, picture) in self.pictures.iter().enumerate() {
            let x = x0 + k as f64 * (w + gap);
            canvas.hairline(Rect::new(x, y, w, h));
            canvas.picture(x, y, scale, picture)?;
            if let Some(label) = self.labels.get(k) {
                let style = TextStyle::new(BODY_SIZE).anchor(Anchor::Middle);
                let lines = text::wrap(label, BODY_SIZE, Face::Sans, w + gap - 8.0);
                canvas.lines_below(x + w / 2.0, y + h + 8.0, &lines, style);
            }
            if k + 1 < self.pictures.len() && self.common_arrow().is_none() {
                arrow(canvas, x + w + 5.0, x + w + gap - 5.0, y + h / 2.0);
                if let Some(label) = self.arrow_labels.get(k) {
                    canvas.text(x + w + gap / 2.0, y + h / 2.0 - 12.0, label, small);
                }
            }
        }
        Ok(())
    }
}

/// The size `(H, W)` that all pictures share.
fn common_size(what: &str, pictures: &[Picture]) -> Result<(usize, usize)> {
    let first = pictures.first().ok_or_else(|| PlotError::empty(what, "picture"))?.size();
    match pictures.iter().position(|p| p.size() != first) {
        None => Ok(first),
        Some(k) => {
            let (h, w) = pictures[k].size();
            let why = format!("picture {k} is {h} x {w}, picture 0 is {} x {}; give one size", first.0, first.1);
            Err(PlotError::setting(what, why))
        }
    }
}

/// Logical pixels for a picture's pixel: the largest multiple of 1/2 that fits, or less than 1/2 where none does.
fn whole_pixel_scale(what: &str, (w, h): (usize, usize), room: f64, side: f64) -> Result<f64> {
    if room < NARROWEST {
        let why = format!("leaves {room:.0} px for a column; give it more width, fewer columns or shorter labels");
        return Err(PlotError::setting(what, why));
    }
    let fit = (room / w as f64).min(side / w.max(h) as f64);
    Ok(if fit >= 0.5 { (2.0 * fit + 1e-9).floor() / 2.0 } else { fit })
}

/// Least room for a tile, px.
const NARROWEST: f64 = 8.0;
