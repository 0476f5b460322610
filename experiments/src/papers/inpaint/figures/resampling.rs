//! RePaint's schedule, its bias in closed form, and digits at several numbers of resamplings.

use anyhow::Result;
use ddim::StepNoise;
use easel_core::NoiseSchedule;
use easel_core::sampling::{Draw, NoiseLevel, Run, Step, falling};
use easel_plot::style::{BLUE, VERMILION};
use easel_plot::{Cell, Chart, Figure, ImageGrid, Series};
use inpaint::{Known, Mask, Merge, Polarity, Resampling, ddim_step, repaint};
use ndarray::{Array1, array};

use super::{chain, masked};
use crate::papers::ddpm::figures::provenance;
use crate::papers::ddpm::trained::Trained;
use crate::papers::inpaint::digits::Digits;
use crate::papers::inpaint::masks::Shape;
use crate::papers::inpaint::methods::{Method, usual_resampling};
use crate::tensors::pictures;

/// Walks of every stretch whose digits are shown.
const COUNTS: [usize; 4] = [1, 2, 5, 10];
/// Those whose bias is shown.
const BIAS_COUNTS: [usize; 5] = [1, 2, 5, 10, 20];
/// Steps of the chain there, and of a jump: the published ones.
const BIAS_STEPS: usize = 250;
const BIAS_JUMP: usize = 10;
const DIGITS: usize = 2;
/// Correlation of the two Gaussian pixels, which is the mean of one where the other is 1.
const CORRELATION: f64 = 0.9;

/// Time against moves, the mean of an unknown Gaussian pixel, and digits.
pub fn inpaint_resampling(trained: &Trained) -> Result<Figure> {
    let shown = usual_resampling(chain(trained).steps);
    Ok(Figure::new()
        .title("RePaint: noise again, and walk again")
        .row([
            Cell::new(schedule(chain(trained).steps, shown)?).title("(a) The walk"),
            Cell::new(bias()?).title("(b) Mean of the unknown of two pixels"),
        ])
        .panel(Cell::new(digits(trained)?).title("(c) Digits: walks $r$ of every stretch, and calls of the network"))
        .caption(format!(
            "(a) {} steps, jumps of $j = {}$, every stretch walked $r = {}$ times. (b) Two Gaussian pixels of correlation {CORRELATION}, the first known to be 1, exact \
             denoiser, linear schedule: RePaint with {BIAS_STEPS} steps and $j = {BIAS_JUMP}$, replacement with as many steps as calls; computed without drawing, as the \
             samplers are affine. (c) As in (a) with other $r$; held-out digits, not selected. {}",
            chain(trained).steps,
            shown.jump,
            shown.count,
            provenance(trained)
        )))
}

fn schedule(steps: usize, resampling: Resampling) -> Result<Chart> {
    let path = resampling.path(steps)?;
    let moves: Vec<f64> = (0..path.len()).map(|k| k as f64).collect();
    let levels: Vec<f64> = path.iter().map(|&level| level as f64).collect();
    let plain: Vec<f64> = (0..=steps).map(|k| k as f64).collect();
    let falling: Vec<f64> = plain.iter().rev().copied().collect();
    Ok(Chart::new("moves", "steps left")
        .series(Series::line("RePaint", &moves, &levels).color(BLUE))
        .series(Series::line("replacement", &plain, &falling).color(VERMILION).dashed())
        .height(400.0))
}

/// The mean that as many calls of the network reach, by resampling and by more steps.
fn bias() -> Result<Chart> {
    let repaint = BIAS_COUNTS.map(|count| (BIAS_STEPS, Resampling { jump: BIAS_JUMP, count }));
    let plain = Resampling { jump: 1, count: 1 };
    let replacement = repaint.iter().map(|(steps, r)| Ok((r.moves(*steps)?.0, plain))).collect::<Result<Vec<_>>>()?;
    let mut chart =
        Chart::new("calls of the network", "mean").log_x().range_x(200.0..6000.0).range_y(0.5..0.95).height(400.0);
    for (name, color, chains) in [("RePaint", BLUE, repaint.to_vec()), ("replacement", VERMILION, replacement)] {
        let points = chains.into_iter().map(|(steps, r)| Ok((r.moves(steps)?.0 as f64, unknown_mean(steps, r)?)));
        let (calls, means): (Vec<f64>, Vec<f64>) = points.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        chart = chart.series(Series::line(name, &calls, &means).color(color));
        chart = chart.series(Series::points("", &calls, &means).color(color));
        if color == BLUE {
            // Below the points, since the exact mean is just above them.
            let notes = BIAS_COUNTS.iter().zip(calls.iter().zip(&means));
            chart = notes.fold(chart, |chart, (r, (&x, &y))| chart.note(x, y - 0.055, format!("$r = {r}$")));
        }
    }
    Ok(chart.line_at_y(CORRELATION, "exact"))
}

/// The mean of the unknown pixel of two: the sampler is affine in its normals, so their mean, 0, gives that of the result.
fn unknown_mean(steps: usize, resampling: Resampling) -> Result<f64> {
    let schedule = NoiseSchedule::linear(steps)?;
    let times = falling(&(1..=steps).collect::<Vec<_>>());
    let known = Known { mask: Mask::new(array![1.0, 0.0], Polarity::Keep)?, x0: array![1.0, 0.0] };
    let run = Run {
        denoiser: &mut denoise,
        schedule: &schedule,
        times: &times,
        noise: &mut |_: &Draw| Array1::zeros(2),
        observer: &mut |_: &Step<'_, Array1<f64>>| {},
    };
    let step = ddim_step(StepNoise::Eta(1.0));
    Ok(repaint(run, Array1::zeros(2), &known, resampling, Merge::After, step)?[1])
}

/// $E[x_0|x_t] = \alpha C(\alpha^2 C + \sigma^2 I)^{-1}x_t$ of unit variances.
fn denoise(x: &Array1<f64>, level: NoiseLevel) -> Array1<f64> {
    let q = CORRELATION * level.alpha * level.alpha;
    let own = level.alpha * (1.0 - CORRELATION * q) / (1.0 - q * q);
    let other = level.alpha * (CORRELATION - q) / (1.0 - q * q);
    array![own * x[0] + other * x[1], other * x[0] + own * x[1]]
}

fn digits(trained: &Trained) -> Result<ImageGrid> {
    let (chain, side) = (chain(trained), trained.config.model.side as usize);
    let mask = Shape::Half.mask((side, side), chain.seed, trained.device)?;
    let originals = Digits::held_out(trained, DIGITS, chain.seed)?.images;
    let (mut columns, mut labels) = (vec![pictures(&originals)?, masked(&originals, &mask)?], Vec::new());
    labels.extend(["original".to_string(), "masked".into()]);
    for count in COUNTS {
        let method = Method::Repaint(Resampling { count, ..usual_resampling(chain.steps) });
        columns.push(pictures(&chain.fill(trained, &mask, &originals, method)?)?);
        labels.push(format!("$r = {count}$: {}", method.moves(chain.steps)?.0));
    }
    let tiles = (0..DIGITS).flat_map(|row| columns.iter().map(move |c| c[row].clone())).collect();
    Ok(ImageGrid::new(tiles, columns.len()).tile(112.0).column_labels(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the closed form, which the crate's own tests reach by propagating covariances too.
    #[test]
    fn the_mean_is_that_of_the_closed_form() {
        for (steps, jump, count, mean) in
            [(250, 10, 1, 0.6221), (250, 10, 10, 0.8748), (250, 1, 10, 0.8783), (1000, 10, 10, 0.8796)]
        {
            let found = unknown_mean(steps, Resampling { jump, count }).expect("a possible path");
            assert!((found - mean).abs() < 1e-4, "T = {steps}, j = {jump}, r = {count}: {found}, expected {mean}");
        }
    }
}
