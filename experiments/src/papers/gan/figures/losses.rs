//! The losses on the logit, and what they pull at it.

use anyhow::{Context, Result};
use easel_plot::style::{BLUE, Color, GREEN, PURPLE, VERMILION};
use easel_plot::{Cell, Chart, Figure, Series};
use gan::Loss;
use tch::{Kind, Tensor};

const POINTS: usize = 401;
/// Logits shown.
const REACH: f64 = 6.0;

const KINDS: [(&str, Loss, Color); 4] = [
    ("saturating", Loss::Saturating {}, VERMILION),
    ("non-saturating", Loss::NonSaturating {}, BLUE),
    ("least squares", Loss::LeastSquares {}, GREEN),
    ("hinge", Loss::Hinge {}, PURPLE),
];

/// What one loss is of all logits.
type Part = fn(Loss, &Tensor) -> Tensor;

/// Values and slopes of `part` over the logits `a`.
fn curve(part: Part, loss: Loss, a: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
    let a = Tensor::from_slice(a).set_requires_grad(true);
    let values = part(loss, &a);
    let slopes = Tensor::run_backward(&[values.sum(Kind::Double)], &[&a], false, false);
    let slopes = slopes.first().context("a loss without gradient")?;
    Ok((Vec::try_from(values.detach())?, Vec::try_from(slopes)?))
}

/// D's and G's losses, and the gradient that G feels.
pub fn losses() -> Result<Figure> {
    let a: Vec<f64> = (0..POINTS).map(|k| REACH * (2.0 * k as f64 / (POINTS - 1) as f64 - 1.0)).collect();
    let chart = |part: Part, y: &str, slope: bool, kinds: &[(&str, Loss, Color)]| -> Result<Chart> {
        let mut chart = Chart::new("logit $a$ of $D = sigmoid(a)$", y).range_x(-REACH..REACH).height(380.0);
        for &(name, loss, color) in kinds {
            let (values, slopes) = curve(part, loss, &a)?;
            chart = chart.series(Series::line(name, &a, if slope { &slopes } else { &values }).color(color));
        }
        Ok(chart)
    };
    let smoothed = ("smoothed to 0.9", Loss::Smoothed { alpha: 0.9 }, VERMILION);
    let real = [("logarithmic", KINDS[1].1, BLUE), smoothed, KINDS[2], KINDS[3]];
    let generator: Part = |loss, a| loss.generator(a);
    Ok(Figure::new()
        .title("What the players minimise")
        .row([
            Cell::new(chart(|loss, a| loss.real(a), "loss", false, &real)?.range_y(-0.2..6.0))
                .title("(a) D on a real picture"),
            Cell::new(chart(generator, "loss", false, &KINDS)?.range_y(-6.2..6.2)).title("(b) G on its fake"),
            Cell::new(chart(generator, "gradient with respect to $a$", true, &KINDS)?.range_y(-3.0..1.0))
                .title("(c) Gradient that G feels"),
        ])
        .caption(
            "While D rejects a fake ($a$ far below 0) the gradient of $log(1 - D)$ is $-D$ and vanishes; that of $-log D$ is \
             $-(1 - D)$ and is largest there. They agree at $D = 1/2$ ($a = 0$). D's loss on a fake mirrors (a), without \
             smoothing. Values and gradients are those of the training code.",
        ))
}
