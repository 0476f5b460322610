//! Figure 3 of the paper: the grid of filters, and patches of three windows.

use anyhow::Result;
use draw::window::{Window, read};
use easel_data::Split;
use easel_data::digits::{SIDE, digits};
use easel_plot::style::{BLUE, GREEN, PURPLE, VERMILION};
use easel_plot::{Cell, Figure};
use ndarray::Array2;

use super::frames::{Frame, Frames};
use super::grey;

/// N of the patches.
const FILTERS: usize = 12;

/// A 3 x 3 grid over a digit, and three patches of it.
pub fn draw_grid() -> Result<Figure> {
    let test = digits(Split::Test)?;
    let digit = Array2::from_shape_vec((SIDE, SIDE), test.image(4).iter().map(|v| f64::from(*v) / 255.0).collect())?;
    let window = |g_x, g_y, delta, sigma| Window { g_x, g_y, delta, sigma, gamma: 1.0 };
    let three = [
        (window(14.5, 14.5, 0.9, 0.9), GREEN, "small $\\delta$, wide $\\sigma$: zoomed in, blurred"),
        (window(14.5, 14.5, 2.3, 0.4), BLUE, "large $\\delta$, narrow $\\sigma$: the whole, sampled"),
        (window(14.5, 14.5, 2.1, 1.6), PURPLE, "large $\\delta$, wide $\\sigma$: the whole, blurred"),
    ];
    let picture = grey(digit.view(), 1.0)?;
    let mut places = Frame::new(picture.clone());
    let mut patches = Vec::new();
    for (w, color, words) in three {
        places = places.window(w, FILTERS, color);
        let (f_y, f_x) = w.filters((SIDE, SIDE), FILTERS);
        let patch = read(digit.view(), f_y.view(), f_x.view(), w.gamma);
        patches.push(
            Frame::new(grey(patch.view(), 1.0)?)
                .caption(format!("$\\delta = {}, \\sigma = {}$: {words}", w.delta, w.sigma)),
        );
    }
    let grid = Frame::new(picture).grid(window(15.0, 14.0, 7.0, 0.8), 3, VERMILION);
    Ok(Figure::new()
        .title("A grid of Gaussian filters")
        .row([
            Cell::new(Frames::new(vec![grid], 1).tile(364.0)).title("(a) 3 × 3 filters"),
            Cell::new(Frames::new(vec![places], 1).tile(364.0)).title("(b) Three windows of 12 × 12"),
        ])
        .row([Cell::new(Frames::new(patches, 3).tile(240.0)).title("(c) Their patches: green, blue, purple")])
        .caption(
            "After Fig. 3 of Gregor et al. 2015, on a real digit. Circles have the radius $\\sigma$; squares go through the outermost \
             filters, and their lines are the wider, the wider the filters are.",
        ))
}
