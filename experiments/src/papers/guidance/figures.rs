//! The figures.

use anyhow::{Result, bail};
use easel_core::sampling::{NoiseLevel, Run, Schedule, VpLinear, no_noise};
use easel_core::{GaussianMixture, Spacing};
use easel_plot::style::{AXIS, BLUE, VERMILION};
use easel_plot::{Cell, Chart, Figure, ImageGrid, Series};
use ndarray::{Array2, array};
use serde_json::{Map, Value};
use tch::Tensor;

use super::model::{Guided, Method};
use crate::experiment::FigureInfo;
use crate::papers::ddpm::figures::provenance;
use crate::papers::ddpm::generate::start;
use crate::papers::study::number;
use crate::sampling::{Plan, SamplerOptions};
use crate::tensors::pictures;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "guidance_scale", about: "quality and diversity against the scale, for both methods" },
    FigureInfo { name: "guidance_grid", about: "a row a class, a column a scale, from the same noise" },
    FigureInfo { name: "guidance_mixture", about: "what guidance samples where everything is known" },
];

/// Scales of the grid's columns.
const SCALES: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 5.0, 8.0];
/// Steps of the grid's chains.
const STEPS: usize = 20;
/// Points of the mixture's histogram.
const POINTS: usize = 4000;

/// Draws the figure called `name`.
pub fn draw(name: &str, guided: &Guided, results: &Map<String, Value>) -> Result<Figure> {
    match name {
        "guidance_scale" => scale(guided, results),
        "guidance_grid" => grid(guided),
        "guidance_mixture" => mixture(),
        other => bail!(
            "guidance has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The measured scales of a method, rising, with one of the metrics.
fn curve(results: &Map<String, Value>, method: &str, metric: &str) -> Result<(Vec<f64>, Vec<f64>)> {
    let Some(rows) = results.get(method).and_then(Value::as_object) else {
        bail!("the results hold nothing of {method}: run `easel run guidance` first");
    };
    let mut points = Vec::new();
    for key in rows.keys() {
        points.push((key.parse::<f64>()?, number(results, &[method, key, metric])?));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(points.into_iter().unzip())
}

fn scale(guided: &Guided, results: &Map<String, Value>) -> Result<Figure> {
    let floor = number(results, &["fd-digits/real"])?;
    let panel = |metric: &str, label: &str| -> Result<Chart> {
        let mut chart = Chart::new("scale $s$", label);
        for (method, name, color) in
            [("classifier-free", "classifier-free", BLUE), ("classifier", "classifier, unconditional base", VERMILION)]
        {
            let (x, y) = curve(results, method, metric)?;
            chart =
                chart.series(Series::line(name, &x, &y).color(color)).series(Series::points("", &x, &y).color(color));
        }
        Ok(chart)
    };
    let distance = panel("fd-digits", "fd-digits")?.log_y().line_at_y(floor, "real against real");
    Ok(Figure::new()
        .title("Guidance trades diversity for fidelity")
        .row([
            Cell::new(panel("as asked", "share seen as asked")?).title("(a) Fidelity"),
            Cell::new(panel("recall", "recall")?).title("(b) Diversity"),
            Cell::new(distance).title("(c) Distance to real digits"),
        ])
        .caption(format!(
            "After Dhariwal and Nichol 2021, Fig. 4, and Ho and Salimans 2022, Fig. 4, with $s = w+1$: 0 is without label, \
             1 the label alone for classifier-free guidance; the classifier guides the model without label. (a) By a \
             classifier that guides nothing. {}",
            provenance(&guided.trained)
        )))
}

fn grid(guided: &Guided) -> Result<Figure> {
    let trained = &guided.trained;
    let options = SamplerOptions { sampler: Some("ddim".into()), ..SamplerOptions::default() };
    let plan: Plan = options.plan(&trained.process.schedule, STEPS, Spacing::Trailing, trained.config.seed)?;
    let labels = guided.labels(0..10, None)?;
    let count = labels.size()[0] as u64;
    let x = start(trained, 0..count, trained.config.seed);
    let by_scale = |method: fn(f64) -> Method| -> Vec<Tensor> {
        let run =
            |s: &f64| guided.run(&plan, method(*s), labels.shallow_clone(), x.shallow_clone(), 0..count, &mut || ());
        SCALES.iter().map(run).collect()
    };
    let panel = |columns: &[Tensor]| -> Result<ImageGrid> {
        let tiles = Tensor::stack(columns, 1).flatten(0, 1);
        Ok(ImageGrid::new(pictures(&tiles)?, SCALES.len())
            .tile(64.0)
            .column_labels(SCALES.map(|s| format!("$s = {s}$")))
            .row_labels((0..count).map(|k| k.to_string())))
    };
    Ok(Figure::new()
        .title("One noise, one label, rising guidance")
        .row([
            Cell::new(panel(&by_scale(Method::free))?).title("(a) Classifier-free guidance"),
            Cell::new(panel(&by_scale(Method::Classifier))?).title("(b) Classifier guidance"),
        ])
        .caption(format!(
            "A row has one label and one starting noise; {STEPS} steps of DDIM, not selected. At $s = 0$ both are the model \
             without label. {}",
            provenance(trained)
        )))
}

/// A sample of each label, `[10, C, H, W]`, for each eta and in it for each scale: always the same starting noise.
pub fn over_scale_and_eta(guided: &Guided, scales: &[f64], etas: &[f64]) -> Result<Vec<Vec<Tensor>>> {
    let trained = &guided.trained;
    let labels = guided.labels(0..10, None)?;
    let count = labels.size()[0] as u64;
    let x = start(trained, 0..count, trained.config.seed);
    let row = |&eta: &f64| -> Result<Vec<Tensor>> {
        let options = SamplerOptions { sampler: Some("ddim".into()), eta: Some(eta), ..SamplerOptions::default() };
        let plan = options.plan(&trained.process.schedule, STEPS, Spacing::Trailing, trained.config.seed)?;
        let run = |&s: &f64| {
            guided.run(&plan, Method::free(s), labels.shallow_clone(), x.shallow_clone(), 0..count, &mut || ())
        };
        Ok(scales.iter().map(run).collect())
    };
    etas.iter().map(row).collect()
}

/// Classifier-free guidance on the exact scores of a mixture of three Gaussians and its components.
fn mixture() -> Result<Figure> {
    let (means, deviations, weights) = (array![[-1.0], [0.3], [1.2]], array![0.25, 0.3, 0.2], array![0.3, 0.3, 0.4]);
    let all = GaussianMixture::isotropic(weights.view(), means.view(), deviations.view())?;
    const COMPONENT: usize = 1;
    let one = GaussianMixture::isotropic(
        array![1.0].view(),
        array![[means[[COMPONENT, 0]]]].view(),
        array![deviations[COMPONENT]].view(),
    )?;
    let schedule = VpLinear::PUBLISHED;
    let (high, low) = (schedule.level(1.0).lambda(), schedule.level(1e-3).lambda());
    let times: Vec<f64> =
        (0..=200).map(|i| schedule.level_of_lambda(high + (low - high) * f64::from(i) / 200.0).t).collect();
    // Quantiles of the normal in place of draws: the histogram has no noise of its own.
    let quantile = |i: usize| easel_core::special::normal_quantile((i as f64 + 0.5) / POINTS as f64);
    let start = Array2::from_shape_fn((POINTS, 1), |(i, _)| quantile(i));
    let (lowest, highest, bins) = (-1.6, 2.2, 95);
    let edges: Vec<f64> = (0..=bins).map(|i| lowest + (highest - lowest) * i as f64 / bins as f64).collect();
    let width = edges[1] - edges[0];
    let x: Vec<f64> = (0..400).map(|i| lowest + (highest - lowest) * f64::from(i) / 399.0).collect();
    let points = Array2::from_shape_vec((x.len(), 1), x.clone())?;
    let mut cells = Vec::new();
    for s in [1.0, 2.0, 4.0] {
        let mut denoise = |x: &Array2<f64>, level: NoiseLevel| {
            guidance::combine(&all.estimate(x, level), &one.estimate(x, level), guidance::GuidanceScale::from_s(s))
        };
        let run = Run {
            denoiser: &mut denoise,
            schedule: &schedule,
            times: &times,
            noise: &mut no_noise,
            observer: &mut |_| {},
        };
        let end = solvers::catalogue::find("dpm++2m").expect("it exists").sampler.sample(run, start.clone());
        let mut heights = vec![0.0; bins];
        for v in &end {
            let bin = (v - lowest) / width;
            if (0.0..bins as f64).contains(&bin) {
                heights[bin as usize] += 1.0 / (POINTS as f64 * width);
            }
        }
        // p(x) p(y|x)^s, normalised on the axis: what the scale is often said to sample.
        let (log_all, log_one) = (all.log_density(points.view()), one.log_density(points.view()));
        let sharpened: Vec<f64> = log_all.iter().zip(&log_one).map(|(a, o)| ((1.0 - s) * a + s * o).exp()).collect();
        let total: f64 = sharpened.iter().sum::<f64>() * (x[1] - x[0]);
        let sharpened: Vec<f64> = sharpened.iter().map(|v| v / total).collect();
        let data: Vec<f64> = all.density(points.view()).to_vec();
        let chart = Chart::new("$x$", "density")
            .series(Series::histogram("guided samples", &edges, &heights).color(BLUE))
            .series(Series::line("$p(x)\\,p(y|x)^s$", &x, &sharpened).color(VERMILION))
            .series(Series::line("all data", &x, &data).color(AXIS).dashed());
        cells.push(Cell::new(chart).title(format!("$s = {s}$")));
    }
    Ok(Figure::new().title("Guidance is not the sharpened density").row(cells).caption(
        "Three Gaussians, of which the middle one is asked for, with exact scores: at $s = 1$ the samples are the \
         component. At larger scales they are pushed away from the other two, and are not distributed as \
         $p(x)\\,p(y|x)^s$: the fields of different noise levels do not belong to one density. 4000 points, 200 steps of \
         DPM-Solver++(2M).",
    ))
}
