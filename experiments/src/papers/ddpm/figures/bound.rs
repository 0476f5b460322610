//! The variational bound on held-out pictures: its terms, and what they say of coding.

use anyhow::Result;
use ddpm::bound::Bound;
use easel_data::Split;
use easel_plot::style::{BLUE, GREEN, VERMILION};
use easel_plot::{Cell, Chart, Figure, Series};

use super::common::{BUDGET, provenance, total};
use crate::papers::ddpm::data;
use crate::papers::ddpm::measure::bound_on;
use crate::papers::ddpm::trained::Trained;

/// Held-out pictures; few, so that many times fit into the budget.
const PICTURES: usize = 40;

/// The bound, and words on how it was measured.
fn measured(trained: &Trained) -> Result<(Bound, String)> {
    let test = data(&trained.config, Split::Test)?;
    let pictures = PICTURES.min(test.len());
    let stride = (total(trained) * pictures).div_ceil(BUDGET);
    let bound = bound_on(trained, &test, pictures, stride)?;
    let words = format!("Measured on {pictures} held-out pictures at {} of {} times. {}", bound.terms.len(), total(trained), provenance(trained));
    Ok((bound, words))
}

/// The terms of the bound and the errors behind them, over t.
pub fn ddpm_bound(trained: &Trained) -> Result<Figure> {
    let (bound, words) = measured(trained)?;
    let curve = |name: &str, f: &dyn Fn(&ddpm::bound::Term) -> f64| {
        let points = bound.terms.iter().map(|term| (term.t as f64, f(term))).filter(|(_, y)| *y > 0.0);
        let (t, y): (Vec<f64>, Vec<f64>) = points.unzip();
        Series::line(name, &t, &y)
    };
    let terms = Chart::new("$t$", "bits a dimension")
        .log_x()
        .log_y()
        .series(curve("$L_{t-1}$; $L_0$ at $t = 1$", &|term| term.bits))
        .height(430.0);
    let mut spent = 0.0;
    let (t, share): (Vec<f64>, Vec<f64>) = bound
        .terms
        .iter()
        .map(|term| {
            spent += term.bits * term.weight;
            (term.t as f64 + term.weight / 2.0, spent)
        })
        .unzip();
    let sum = Chart::new("$t$", "bits a dimension").log_x().series(Series::line("$L_0 + ... + L_{t-1}$", &t, &share).color(GREEN)).height(430.0);
    let errors = Chart::new("$t$", "mean squared error")
        .log_x()
        .log_y()
        .series(curve(r"$\epsilon$", &|term| term.epsilon_mse).color(VERMILION))
        .series(curve("$x_0$", &|term| term.x0_mse).color(BLUE))
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
            "In all {whole:.3} bits a dimension: decoder $L_0$ {decoder:.3}, steps $L_1 + ... + L_{{T-1}}$ {:.3}, prior $L_T$ {prior:.1e}. \
             $\\hat{{x}}_0$ is clipped to [-1, 1], and $\\hat{{\\epsilon}}$ follows from it. {words}",
            whole - decoder - prior
        )))
}

/// Figure 5 of Ho et al. 2020.
pub fn ddpm_rate_distortion(trained: &Trained) -> Result<Figure> {
    let (bound, words) = measured(trained)?;
    let steps = total(trained) as f64;
    let points = bound.rate_distortion();
    let pick = |f: &dyn Fn(&(usize, f64, f64)) -> f64| -> Vec<f64> { points.iter().map(f).collect() };
    let (done, rate, distortion) = (pick(&|p| steps - p.0 as f64), pick(&|p| p.1), pick(&|p| p.2));
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
             distortion, in grey levels of 0 to 255. Before $x_0$ itself is sent: {:.3} bits a dimension, RMSE {:.2}. {words}",
            last.0, last.1
        )))
}
