//! Figure 4 of the paper: zooming.

use anyhow::{Context, Result};
use draw::window::{Window, read, write};
use easel_data::Split;
use easel_data::digits::{SIDE, digits};
use easel_plot::style::VERMILION;
use easel_plot::{Cell, Figure};
use ndarray::{Array2, Axis};

use super::frames::{Frame, Frames};
use super::{grey, largest};

/// Rows and columns of the picture.
const SIZE: (usize, usize) = (75, 100);
/// N.
const FILTERS: usize = 12;
/// The window, read off the paper's figure.
const WINDOW: Window = Window { g_x: 74.5, g_y: 52.0, delta: 3.15, sigma: 1.7, gamma: 1.0 };
/// Digits, and their top left corners, row and column; the first lies under the window.
const PLACES: [(i64, (usize, usize)); 5] = [(8, (38, 61)), (2, (2, 2)), (5, (0, 36)), (3, (6, 69)), (6, (44, 14))];

/// A picture, its patch, the transposed filters on the patch, and the first and last filter.
pub fn aligndraw_read() -> Result<Figure> {
    let picture = scattered()?;
    let (f_y, f_x) = WINDOW.filters(SIZE, FILTERS);
    let patch = read(picture.view(), f_y.view(), f_x.view(), WINDOW.gamma);
    let back = write(patch.view(), f_y.view(), f_x.view(), WINDOW.gamma);
    let filter = |i: usize| {
        let (column, row) = (f_y.row(i).insert_axis(Axis(1)), f_x.row(i).insert_axis(Axis(0)));
        column.dot(&row)
    };
    let (first, last) = (filter(0), filter(FILTERS - 1));
    let boxed = |values: &Array2<f64>, full| -> Result<Frame> {
        Ok(Frame::new(grey(values.view(), full)?).window(WINDOW, FILTERS, VERMILION))
    };
    let one = |frame: Frame, side: f64| Frames::new(vec![frame], 1).tile(side);
    const WIDE: f64 = 400.0;
    Ok(Figure::new()
        .title("Zooming: reading a patch and writing it back")
        .row([
            Cell::new(one(boxed(&picture, 1.0)?, WIDE)).title("(a) Picture $x$, 100 × 75"),
            Cell::new(one(Frame::new(grey(patch.view(), 1.0)?), 300.0)).title("(b) Patch $F_Y x F_X^T$").weight(0.75),
            Cell::new(one(boxed(&back, largest(back.view()))?, WIDE)).title("(c) $F_Y^T (F_Y x F_X^T) F_X$"),
        ])
        .row([
            Cell::new(one(boxed(&first, largest(first.view()))?, WIDE)).title("(d) First filter"),
            Cell::new(one(boxed(&last, largest(last.view()))?, WIDE)).title("(e) Last filter"),
        ])
        .caption(format!(
            "After Fig. 4 of Gregor et al. 2015, with {FILTERS} × {FILTERS} filters around $(g_X, g_Y) = ({}, {})$, stride $\\delta = {}$, width \
             $\\sigma = {}$: numbers read off the published figure. Real digits. Writing is the transpose of reading, not its \
             inverse, so (c) is a blurred and weaker picture; (c), (d) and (e) are each scaled to their own largest value ((c): {:.3}).",
            WINDOW.g_x,
            WINDOW.g_y,
            WINDOW.delta,
            WINDOW.sigma,
            largest(back.view())
        )))
}

/// Real digits on black, values in [0, 1].
fn scattered() -> Result<Array2<f64>> {
    let test = digits(Split::Test)?;
    let labels = test.labels().context("digits without labels")?;
    let mut picture = Array2::zeros(SIZE);
    for (digit, (top, left)) in PLACES {
        let index = labels.iter().position(|l| *l == digit).context("a digit of every class")?;
        for (i, value) in test.image(index).iter().enumerate() {
            let at = &mut picture[[top + i / SIDE, left + i % SIDE]];
            *at = f64::max(*at, f64::from(*value) / 255.0);
        }
    }
    Ok(picture)
}
