//! Figures in one house style: SVG and PNG from one drawing, the same bytes every time.
//!
//! ```
//! use easel_plot::{Cell, Chart, Figure, Series};
//! let t: Vec<f64> = (0..=100).map(f64::from).collect();
//! let alpha_bar: Vec<f64> = t.iter().map(|t| (-t / 30.0).exp()).collect();
//! let chart = Chart::new("step $t$", r"$\bar{\alpha}_t$").series(Series::line("exponential", &t, &alpha_bar));
//! let figure = Figure::new().title("Signal left at step $t$").panel(Cell::new(chart).title("(a)")).caption("Seed 0.");
//! assert!(figure.to_svg()?.starts_with("<svg"));
//! # Ok::<(), easel_plot::PlotError>(())
//! ```
//!
//! A [`Figure`] holds rows of panels: [`ImageGrid`], [`Strip`], [`Chart`] (lines, points, histograms, arrows, a [`Heat`] below),
//! [`Bars`], [`Table`], [`Diagram`] and [`Code`]. All words take the light markup of [`text`]: `x_{t-1}`, `$\bar{\alpha}_t$`.
//!
//! # How it is made, and what was put aside
//! - Everything is written as SVG by [`canvas::Canvas`], and the PNG is that very SVG rasterised by `resvg` at two pixels for each
//!   logical one, in the bundled DejaVu fonts alone. One drawing function over two plotters backends was put aside: its bitmap
//!   backend does not smooth lines, and it cannot set sub- and superscripts.
//! - Charts are drawn by plotters (coordinates, round tick values, mesh, shapes) on a backend of ours, 1/64 px fine. Its own SVG
//!   backend was put aside: it rounds every coordinate to whole pixels, which shows as steps in smooth curves, and it places text by
//!   guessed widths. Its tick search is asked only about spans between 1 and 10, because it compares with an absolute epsilon and
//!   does not end on spans near 1e-20. Its logarithmic ticks, which jump from decades to tenths, are replaced.
//! - Text in the SVG is text: searchable, editable, with fallback families where DejaVu is missing. Turning it into outlines was put
//!   aside for that reason.
//! - Pictures are enlarged here, before they are embedded, because many programs smooth pictures whatever the SVG says.

pub mod canvas;
mod chart;
mod code;
mod csv;
mod diagram;
mod error;
mod figure;
pub mod font;
mod grid;
mod picture;
pub mod style;
mod table;
pub mod text;

pub use chart::{Bars, Chart, Heat, Series};
pub use code::Code;
pub use diagram::{Arrow, Diagram, Node, NodeId};
pub use error::{PlotError, Result};
pub use figure::{Cell, Figure, MAX_WIDTH, Panel, Record, Rows};
pub use grid::{ImageGrid, Strip};
pub use picture::Picture;
pub use style::Color;
pub use table::{Best, Table};
