use crate::canvas::{Canvas, PNG_SCALE, Rect, TextStyle};
use crate::csv;
use crate::error::{PlotError, Result};
use crate::font;
use crate::picture::encode_png;
use crate::style::{BODY_SIZE, GUTTER, LEADING, MARGIN, MUTED, PANEL_SIZE, SMALL_SIZE, TITLE_SIZE};
use crate::text::{self, Face};
use image::RgbImage;
use resvg::{tiny_skia, usvg};
use std::path::{Path, PathBuf};

/// One drawing inside a figure. It says how much room it wants, then draws into the room that it gets.
pub trait Panel {
    /// Natural width and height, px, in at most `width` px.
    ///
    /// # Errors
    /// Data that cannot be drawn.
    fn size(&self, width: f64) -> Result<(f64, f64)>;

    /// Draw in the middle of `area`, whose width is the one that [`Panel::size`] was given, and which is at least as high as it asked
    /// for. It uses the width that it asked for, no more.
    ///
    /// # Errors
    /// Data that cannot be drawn.
    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()>;

    /// The plotted numbers, one record each; none by default.
    fn records(&self) -> Vec<Record> {
        Vec::new()
    }
}

/// One plotted number, a line of the figure's CSV.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// Title of the panel; set by the figure.
    pub panel: String,
    /// Series of a chart, or first column of a table's row.
    pub series: String,
    /// Abscissa, category, or column of a table.
    pub x: String,
    /// Ordinate, or content of the cell.
    pub y: String,
    /// Lower end of the band or error bar, where there is one.
    pub low: String,
    /// Upper end.
    pub high: String,
}

/// A panel with an optional title above it and its share of a row.
pub struct Cell {
    panel: Box<dyn Panel>,
    title: String,
    weight: f64,
}

impl Cell {
    /// A panel without title, of weight 1.
    pub fn new(panel: impl Panel + 'static) -> Self {
        Self { panel: Box::new(panel), title: String::new(), weight: 1.0 }
    }

    /// Title above the panel (markup).
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Share of the row's width relative to the other cells.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

impl<P: Panel + 'static> From<P> for Cell {
    fn from(panel: P) -> Self {
        Self::new(panel)
    }
}

/// Rows of panels, itself a panel: nest it for columns.
#[derive(Default)]
pub struct Rows {
    rows: Vec<Vec<Cell>>,
}

impl Rows {
    /// No rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a row of one panel.
    pub fn panel(self, panel: impl Into<Cell>) -> Self {
        self.row([panel.into()])
    }

    /// Add a row of panels, left to right.
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }
}

/// Sizes of one row: width offered to each cell, width and height that each takes, and the whole.
struct RowSize {
    offers: Vec<f64>,
    cells: Vec<(f64, f64)>,
    head: f64,
    width: f64,
    height: f64,
}

fn row_size(cells: &[Cell], width: f64) -> Result<RowSize> {
    if cells.is_empty() {
        return Err(PlotError::empty("row of a figure", "panel"));
    }
    if let Some(cell) = cells.iter().find(|c| !(c.weight > 0.0 && c.weight.is_finite())) {
        return Err(PlotError::setting(format!("weight of panel {:?}", cell.title), "must be positive"));
    }
    let gutters = GUTTER * (cells.len() - 1) as f64;
    let total: f64 = cells.iter().map(|c| c.weight).sum();
    let mut offers: Vec<f64> = cells.iter().map(|c| (width - gutters) * c.weight / total).collect();
    let size = |cell: &Cell, offer: f64| -> Result<(f64, f64)> {
        let (w, h) = cell.panel.size(offer)?;
        let title = title_lines(cell, offer)
            .iter()
            .map(|line| text::runs_width(line, PANEL_SIZE, Face::Bold))
            .fold(0.0, f64::max);
        Ok((w.max(title).ceil().min(offer), h.ceil()))
    };
    let mut sizes = cells.iter().zip(&offers).map(|(c, &offer)| size(c, offer)).collect::<Result<Vec<_>>>()?;
    // Room that some leave goes to those that filled theirs.
    let full: Vec<bool> = sizes.iter().zip(&offers).map(|(s, offer)| s.0 > offer - 1.0).collect();
    let spare: f64 =
        sizes.iter().zip(&offers).zip(&full).filter(|(_, full)| !**full).map(|((s, offer), _)| offer - s.0).sum();
    let hungry: f64 = cells.iter().zip(&full).filter(|(_, full)| **full).map(|(c, _)| c.weight).sum();
    if spare > 1.0 && hungry > 0.0 {
        for i in (0..cells.len()).filter(|&i| full[i]) {
            offers[i] += spare * cells[i].weight / hungry;
            sizes[i] = size(&cells[i], offers[i])?;
        }
    }
    let lines = cells.iter().zip(&offers).map(|(c, &offer)| title_lines(c, offer).len()).max().unwrap_or(0);
    let head = if lines == 0 { 0.0 } else { (PANEL_SIZE * LEADING * lines as f64 + 10.0).ceil() };
    Ok(RowSize {
        width: sizes.iter().map(|s| s.0).sum::<f64>() + gutters,
        height: sizes.iter().map(|s| s.1).fold(0.0, f64::max) + head,
        offers,
        cells: sizes,
        head,
    })
}

fn title_lines(cell: &Cell, width: f64) -> Vec<Vec<text::Run>> {
    if cell.title.is_empty() { Vec::new() } else { text::wrap(&cell.title, PANEL_SIZE, Face::Bold, width) }
}

impl Panel for Rows {
    fn size(&self, width: f64) -> Result<(f64, f64)> {
        if self.rows.is_empty() {
            return Err(PlotError::empty("figure", "panel"));
        }
        let sizes = self.rows.iter().map(|row| row_size(row, width)).collect::<Result<Vec<_>>>()?;
        let gutters = ROW_GUTTER * (sizes.len() - 1) as f64;
        let widest = sizes.iter().map(|s| s.width).fold(0.0, f64::max);
        Ok((widest, sizes.iter().map(|s| s.height).sum::<f64>() + gutters))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let mut y = area.y;
        for row in &self.rows {
            let size = row_size(row, area.w)?;
            let mut x = area.x + ((area.w - size.width) / 2.0).floor();
            for ((cell, &(w, _)), &offer) in row.iter().zip(&size.cells).zip(&size.offers) {
                canvas.lines_below(x, y, &title_lines(cell, offer), TextStyle::new(PANEL_SIZE).face(Face::Bold));
                let inner = Rect::new(x - (offer - w) / 2.0, y + size.head, offer, size.height - size.head);
                cell.panel.draw(canvas, inner)?;
                x += w + GUTTER;
            }
            y += size.height + ROW_GUTTER;
        }
        Ok(())
    }

    fn records(&self) -> Vec<Record> {
        let cells = self.rows.iter().flatten();
        let named = |cell: &Cell| {
            let name = text::plain(&cell.title);
            let own = cell.panel.records().into_iter();
            own.map(move |r| Record { panel: if r.panel.is_empty() { name.clone() } else { r.panel }, ..r })
                .collect::<Vec<_>>()
        };
        cells.flat_map(named).collect()
    }
}

/// Between rows, px.
const ROW_GUTTER: f64 = 28.0;

/// A figure: panels under a title, a caption below, on white.
///
/// Its height follows from its content, and its width is what the content needs, up to [`Figure::width`].
#[derive(Default)]
pub struct Figure {
    width: Option<f64>,
    title: String,
    caption: String,
    body: Rows,
}

/// Widest figure, px: a slide. A wider one would bring its text under 14 px there.
pub const MAX_WIDTH: f64 = 1280.0;
const MIN_WIDTH: f64 = 320.0;
/// A title or caption widens a narrow figure up to this, px.
const CAPTION_WIDTH: f64 = 560.0;

impl Figure {
    /// An empty figure, at most [`MAX_WIDTH`] wide.
    pub fn new() -> Self {
        Self::default()
    }

    /// Widest extent, px, from 320 to 1280.
    pub fn width(mut self, width: f64) -> Self {
        self.width = Some(width);
        self
    }

    /// Title above the drawing (markup).
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Caption under the drawing (markup); wraps.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Add a row of one panel.
    pub fn panel(mut self, panel: impl Into<Cell>) -> Self {
        self.body = self.body.panel(panel);
        self
    }

    /// Add a row of panels, left to right.
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.body = self.body.row(cells);
        self
    }

    /// The figure as SVG. The same figure gives the same bytes, always.
    ///
    /// # Errors
    /// Data that cannot be drawn: empty, of unequal lengths, or not finite.
    pub fn to_svg(&self) -> Result<String> {
        let limit = self.width.unwrap_or(MAX_WIDTH);
        if !(MIN_WIDTH..=MAX_WIDTH).contains(&limit) {
            let why = format!("is {limit} px; give {MIN_WIDTH} to {MAX_WIDTH}, so that text stays legible on a slide");
            return Err(PlotError::setting("width of the figure", why));
        }
        let offer = limit - 2.0 * MARGIN;
        let (natural, body_height) = self.body.size(offer)?;
        // Narrow drawings keep enough width for a caption of readable lines.
        let words =
            text::width(&self.title, TITLE_SIZE, Face::Bold).max(text::width(&self.caption, SMALL_SIZE, Face::Sans));
        let inner = natural.max(words.min(CAPTION_WIDTH)).min(offer).ceil();
        let mut canvas = Canvas::default();
        let mut y = MARGIN;
        if !self.title.is_empty() {
            let lines = text::wrap(&self.title, TITLE_SIZE, Face::Bold, inner);
            y -= 4.0;
            y += canvas.lines_below(MARGIN, y, &lines, TextStyle::new(TITLE_SIZE).face(Face::Bold)).ceil() + 12.0;
        }
        self.body.draw(&mut canvas, Rect::new(MARGIN - ((offer - inner) / 2.0).floor(), y, offer, body_height))?;
        y += body_height;
        if !self.caption.is_empty() {
            let lines = text::wrap(&self.caption, SMALL_SIZE, Face::Sans, inner);
            y += BODY_SIZE;
            y += canvas.lines_below(MARGIN, y, &lines, TextStyle::new(SMALL_SIZE).color(MUTED)).ceil() - 4.0;
        }
        let height = (y + MARGIN).ceil();
        Ok(canvas.finish(inner + 2.0 * MARGIN, height, &text::plain(&self.title)))
    }

    /// The same drawing as PNG, two pixels for each logical pixel.
    ///
    /// # Errors
    /// As [`Figure::to_svg`].
    pub fn to_png(&self) -> Result<Vec<u8>> {
        rasterise(&self.to_svg()?)
    }

    /// The plotted numbers as CSV, or `None` where there are none. Fields are those of [`Record`]; densities are not listed.
    pub fn to_csv(&self) -> Option<String> {
        let records = self.body.records();
        (!records.is_empty()).then(|| csv::write(&records))
    }

    /// Write `NAME.svg` and `NAME.png`, and `NAME.csv` where numbers were plotted, into `dir`, which is made if missing.
    /// Returns the files in this order. Each is written under a temporary name and renamed.
    ///
    /// # Errors
    /// As [`Figure::to_svg`]; a name that is not a plain file name; a place that cannot be written, which leaves no new file.
    pub fn save(&self, dir: &Path, name: &str) -> Result<Vec<PathBuf>> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if !plain {
            return Err(PlotError::setting(
                format!("figure name {name:?}"),
                "give a plain file name without folder or extension",
            ));
        }
        let svg = self.to_svg()?;
        let png = rasterise(&svg)?;
        let mut files = vec![(format!("{name}.svg"), svg.into_bytes()), (format!("{name}.png"), png)];
        files.extend(self.to_csv().map(|text| (format!("{name}.csv"), text.into_bytes())));
        write_all(dir, files)
    }
}

/// Pixels of an SVG, in the bundled fonts only.
fn rasterise(svg: &str) -> Result<Vec<u8>> {
    let options =
        usvg::Options { fontdb: font::database(), font_family: "DejaVu Sans".into(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| PlotError::Raster(e.to_string()))?;
    let size = tree.size();
    let side = |logical: f32| (f64::from(logical) * PNG_SCALE).round() as u32;
    let mut pixmap = tiny_skia::Pixmap::new(side(size.width()), side(size.height()))
        .ok_or_else(|| PlotError::Raster(format!("{size:?} is too large")))?;
    let scale = PNG_SCALE as f32;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let rgb: Vec<u8> = pixmap.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let image = RgbImage::from_raw(pixmap.width(), pixmap.height(), rgb)
        .ok_or_else(|| PlotError::Raster("lost pixels".into()))?;
    encode_png(&image)
}

/// All or nothing up to the renames: every file is on disk under a temporary name before the first one gets its own.
fn write_all(dir: &Path, files: Vec<(String, Vec<u8>)>) -> Result<Vec<PathBuf>> {
    let fail = |path: &Path| {
        let path = path.to_path_buf();
        move |source| PlotError::Write { path, source }
    };
    std::fs::create_dir_all(dir).map_err(fail(dir))?;
    let pairs: Vec<(PathBuf, PathBuf)> = files
        .iter()
        .map(|(name, _)| (dir.join(format!(".{name}.{}.tmp", std::process::id())), dir.join(name)))
        .collect();
    let written = (|| {
        for (temporary, (_, bytes)) in pairs.iter().map(|p| &p.0).zip(&files) {
            std::fs::write(temporary, bytes).map_err(fail(temporary))?;
        }
        if let Some((_, path)) = pairs.iter().find(|(_, path)| path.is_dir()) {
            return Err(fail(path)(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
        }
        for (temporary, path) in &pairs {
            std::fs::rename(temporary, path).map_err(fail(path))?;
        }
        Ok(())
    })();
    if written.is_err() {
        for (temporary, _) in &pairs {
            let _ = std::fs::remove_file(temporary); // only what we wrote; the first error is the one to report
        }
    }
    written.map(|()| pairs.into_iter().map(|(_, path)| path).collect())
}
