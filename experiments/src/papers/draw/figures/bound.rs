//! The bound in training, and its divergence glimpse by glimpse.

use anyhow::{Context, Result, ensure};
use easel_plot::style::{BLUE, GREEN, VERMILION};
use easel_plot::{Cell, Chart, Figure, Series};
use serde_json::Value;

use crate::papers::draw::models::Models;
use crate::papers::study::number;

/// The training curve split into $L^x$ and $L^z$, and the divergence of each glimpse on test pictures.
pub fn draw_bound(models: &Models) -> Result<Figure> {
    let column = |key: &str| -> Vec<f64> { models.log.iter().filter_map(|line| line.get(key)?.as_f64()).collect() };
    let steps = column("step");
    ensure!(!steps.is_empty(), "the training log is empty; train with `easel run draw` and give its folder with --run");
    let curve = |name: &str, key: &str, color| Series::line(name, &steps, &column(key)).color(color);
    let bound = number(&models.results, &["bound"])?;
    let training = Chart::new("training step", "nats a picture")
        .series(curve("$L = L^x + L^z$", "bound", BLUE))
        .series(curve("$L^x$", "reconstruction", VERMILION))
        .series(curve("$L^z$", "kl", GREEN))
        .line_at_y(bound, format!("test {bound:.1}"))
        .height(420.0);
    let divergence = |name: &str, key: &str, color| -> Result<Series> {
        let list =
            models.results.get(key).and_then(Value::as_array).with_context(|| format!("no `{key}` in the results"))?;
        let y: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
        let x: Vec<f64> = (1..=y.len()).map(|t| t as f64).collect();
        Ok(Series::line(name, &x, &y).color(color))
    };
    let spent = Chart::new("glimpse $t$", "KL$_t$, nats")
        .series(divergence("with attention", "kl of each glimpse", BLUE)?)
        .series(divergence("without", "plain/kl of each glimpse", VERMILION)?)
        .height(420.0);
    Ok(Figure::new()
        .title("The bound and its two parts")
        .row([
            Cell::new(training).title("(a) In training, with attention"),
            Cell::new(spent).title("(b) Divergence of each glimpse, test pictures"),
        ])
        .caption(format!(
            "$L^x$: nats for the picture given the last canvas; $L^z$: divergence of the posteriors from the priors. Training pictures are \
             binarised anew at every step, test pictures once. {}",
            models.provenance()
        )))
}
