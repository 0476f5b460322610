//! The variational bound on held-out pictures: its terms, and what they say of coding.

use anyhow::Result;
use ddpm::bound::{Bound, Term};
use easel_data::Split;
use easel_plot::style::{BLUE, GREEN, VERMILION};
use easel_plot::{Cell, Chart, Figure, Series};

use super::common::{BUDGET, moving_mean, provenance, total};
use crate::papers::ddpm::data;
use crate::papers::ddpm::measure::bound_on;
use crate::papers::ddpm::trained::Trained;

/// Most held-out pictures.
const PICTURES: usize = 100;

/// The bound at every time, and words on how it was measured.
///
/// Every time, because the terms fall like a power of t: the middle of a block of times stands below their mean.
fn measured(trained: &Trained) -> Result<(Bound, String)> {
    let test = data(&trained.config, Split::Test)?;
    let pictures = (BUDGET / total(trained)).clamp(1, PICTURES).min(test.len());
    let bound = bound_on(trained, &test, pictures, 1)?;
    let words =
        format!("Measured on {pictures} held-out pictures at all {} times. {}", total(trained), provenance(trained));
    Ok((bound, words))
}

/// The terms of the bound and the errors behind them, over t.
pub fn ddpm_bound(trained: &Trained) -> Result<Figure> {
    let (bound, words) = measured(trained)?;
    let curve = |name: &str, f: &dyn Fn(&Term) -> f64| {
        let values: Vec<f64> = bound.terms.iter().map(f).collect();
        let points = bound.terms.iter().map(|term| term.t as f64).zip(moving_mean(&values, |i| i / 20));
        let (t, y): (Vec<f64>, Vec<f64>) = points.filter(|(_, y)| *y > 0.0).unzip();
        Series::line(name, &t, &y)
    };
    let last = (total(trained) as f64).max(2.0);
    let terms = Chart::new("$t$", "bits a dimension")
        .log_x()
        .log_y()
        .range_x(1.0..last)
        .series(curve("$L_{t-1}$; $L_0$ at $t = 1$", &|term| term.bits))
        .height(430.0);
    let mut spent = 0.0;
    let sums = bound.terms.iter().map(|term| {
        spent += term.bits * term.weight;
        (term.t as f64, spent)
    });
    let (t, sum): (Vec<f64>, Vec<f64>) = sums.unzip();
    let sum = Series::line("$L_0 + ... + L_{t-1}$", &t, &sum).color(GREEN).filled();
    let sum = Chart::new("$t$", "bits a dimension").log_x().range_x(1.0..last).series(sum).height(430.0);
    // The error of epsilon falls to nothing where x_t is all noise; the scale of the other one is of interest.
    let least = bound.terms.iter().map(|term| term.x0_mse).fold(1.0, f64::min).max(1e-8);
    let most = bound.terms.iter().map(|term| term.x0_mse.max(term.epsilon_mse)).fold(least, f64::max);
    let errors = Chart::new("$t$", "mean squared error")
        .log_x()
        .log_y()
        .range_x(1.0..last)
        .range_y(0.5 * least..2.0 * most)
        .series(curve(r"of $\hat{\epsilon}$", &|term| term.epsilon_mse).color(VERMILION))
        .series(curve(r"of $\hat{x}_0$", &|term| term.x0_mse).color(BLUE))
        .height(430.0);
    let decoder = bound.terms.first().map_or(0.0, |term| term.bits);
    let (prior, whole) = (bound.prior, bound.total());
    Ok(Figure::new()
        .title("The variational bound, term by term")
        .row([
            Cell::new(terms).title("(a) Terms of the bound"),
            Cell::new(sum).title("(b) Their sum up to $t$"),
            Cell::new(errors).title("(c) Errors of the prediction"),
        ])
        .caption(format!(
            "In all {whole:.3} bits a dimension: decoder $L_0$ {decoder:.3}, steps $L_1 + ... + L_{{T-1}}$ {:.3}, prior $L_T$ {}. \
             $\\hat{{x}}_0$ is clipped to [-1, 1], and $\\hat{{\\epsilon}}$ follows from it. (a) and (c) average over 5 % of $t$ on each side. {words}",
            whole - decoder - prior,
            power_of_ten(prior)
        )))
}

/// Figure 5 of Ho et al. 2020.
pub fn ddpm_rate_distortion(trained: &Trained) -> Result<Figure> {
    let (bound, words) = measured(trained)?;
    let steps = total(trained) as f64;
    let points = bound.rate_distortion();
    let pick = |f: &dyn Fn(&(usize, f64, f64)) -> f64| -> Vec<f64> { points.iter().map(f).collect() };
    let (done, rate) = (pick(&|p| steps - p.0 as f64), pick(&|p| p.1));
    let window = total(trained) / 100;
    let distortion: Vec<f64> = moving_mean(&pick(&|p| p.2.powi(2)), |_| window).into_iter().map(f64::sqrt).collect();
    let chart = |x_label: &str, y_label: &str, x: &[f64], y: &[f64], color| {
        Chart::new(x_label, y_label).series(Series::line("", x, y).color(color)).height(400.0)
    };
    let (bits, error) = ("rate (bits a dimension)", "distortion (RMSE)");
    let last = points.last().map_or((0.0, 0.0), |p| (p.1, p.2));
    Ok(Figure::new()
        .title("Progressive lossy coding")
        .row([
            Cell::new(chart("reverse steps $T - t$", error, &done, &distortion, VERMILION)).title("(a) Distortion"),
            Cell::new(chart("reverse steps $T - t$", bits, &done, &rate, BLUE)).title("(b) Rate"),
            Cell::new(chart(bits, error, &rate, &distortion, GREEN)).title("(c) Distortion against rate"),
        ])
        .caption(format!(
            "After Fig. 5 of Ho et al. 2020: a receiver that has been sent $x_T, ..., x_t$ has paid the rate and estimates $\\hat{{x}}_0$ with the \
             distortion, in grey levels of 0 to 255. Before $x_0$ itself is sent: {:.3} bits a dimension, RMSE {:.2}. Distortions average over {window} times on each side. {words}",
            last.0, last.1
        )))
}

/// A small number as `$1.6 × 10^{-9}$`.
fn power_of_ten(value: f64) -> String {
    let text = format!("{value:.1e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("${digits} × 10^{{{exponent}}}$")
}
