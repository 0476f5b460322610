//! One look for each sampler in all figures: a colour a family, dashes for the lower order.

use easel_plot::Series;
use easel_plot::style::{BLACK, BLUE, BROWN, Color, GREEN, PURPLE, VERMILION};
use easel_plot::text::literal;

/// Colour of a sampler's family, and whether its line is dashed.
fn look(sampler: &str) -> (Color, bool) {
    match sampler {
        "ddim" => (BLACK, false),
        "ddpm" => (BLACK, true),
        "heun" => (PURPLE, false),
        "dpm2" => (PURPLE, true),
        "pndm" => (BROWN, true),
        "lms" => (BROWN, false),
        "plms" => (PURPLE, true),
        "dpm-solver-2" | "dpm-solver-2m" => (VERMILION, true),
        "dpm-solver-3" | "dpm-solver-3m" => (VERMILION, false),
        "dpm++2s" => (BROWN, true),
        "dpm++2m" => (BLUE, true),
        "dpm++2m-sde" => (VERMILION, false), // in a panel without dpm-solver-3
        "dpm++3m" => (BLUE, false),
        "unipc2" => (GREEN, true),
        _ => (GREEN, false),
    }
}

/// A line of `sampler`, with `note` behind its name in the legend.
pub fn line(sampler: &str, note: &str, x: &[f64], y: &[f64]) -> Series {
    let (color, dashed) = look(sampler);
    let series = Series::line(format!("{}{note}", literal(sampler)), x, y).color(color);
    if dashed { series.dashed() } else { series }
}

/// The points of that line.
pub fn points(sampler: &str, x: &[f64], y: &[f64]) -> Series {
    Series::points("", x, y).color(look(sampler).0)
}
