//! Curves: receiver operating characteristics, and the scores of training.

use anyhow::{Context, Result, ensure};
use easel_plot::style::{AXIS, BLUE, GREEN, PALETTE, VERMILION};
use easel_plot::{Cell, Chart, Figure, Series};
use serde_json::{Map, Value};

use crate::papers::text_gan::measure::Measure;

/// Height of a panel.
const HEIGHT: f64 = 330.0;
/// Log lines that a plotted point averages over, at most.
const POINTS: usize = 150;

/// Fig. 5: a panel a style, a curve a variant.
pub fn roc(measure: &Measure<'_>, results: &Map<String, Value>) -> Result<Figure> {
    let variants = results.get("variants").and_then(Value::as_object).context("the results hold no variants")?;
    let numbers =
        |value: &Value| -> Vec<f64> { value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let mut cells = Vec::new();
    for a in measure.world.styles() {
        let name = measure.world.attributes[a].name;
        let mut chart =
            Chart::new("false positives", "true positives").range_x(0.0..1.0).range_y(0.0..1.0).height(HEIGHT);
        let mut texts = None;
        for (model, colour) in measure.trained.models.iter().zip(PALETTE) {
            let Some(found) = variants.get(model.variant.key()) else { continue };
            let (curve, area) = (&found[format!("roc {name}")], found[format!("auc {name}")].as_f64());
            let Some(area) = area else { continue };
            let label = format!("{} {area:.2}", model.variant.title());
            chart = chart.series(Series::line(label, &numbers(&curve["x"]), &numbers(&curve["y"])).color(colour));
            texts = Some((&found[format!("roc {name} of texts")], found[format!("auc {name} of texts")].as_f64()));
        }
        let (curve, area) = texts.with_context(|| format!("the results hold no curve of {name}"))?;
        if let Some(area) = area {
            let line = Series::line(format!("texts {area:.2}"), &numbers(&curve["x"]), &numbers(&curve["y"]));
            chart = chart.series(line.color(AXIS).dashed());
        }
        cells.push(Cell::new(chart).title(format!("Same {name}?")));
    }
    Ok(Figure::new().title("Does the style encoder tell styles apart?").row(cells).caption(format!(
        "After Fig. 5 of Reed et al. 2016. Pairs of real pictures are called alike where the cosine of their $S(x)$ is large; \
         the numbers are areas under the curves, 0.5 is chance. Dashed: the vectors of their captions in place of $S(x)$. {}",
        measure.trained.provenance()
    )))
}

/// $s_r$, $s_w$ and $s_f$ in training, a panel a variant.
pub fn training(measure: &Measure<'_>) -> Result<Figure> {
    let mut cells = Vec::new();
    for (variant, log) in &measure.trained.logs {
        let every = log.len().div_ceil(POINTS).max(1);
        let series = |key: &str| -> (Vec<f64>, Vec<f64>) {
            let at = |line: &Map<String, Value>, key: &str| line.get(key).and_then(Value::as_f64);
            let mean = |lines: &[Map<String, Value>]| {
                let values: Vec<f64> = lines.iter().filter_map(|l| at(l, key)).collect();
                Some((at(lines.last()?, "step")?, values.iter().sum::<f64>() / values.len() as f64))
            };
            log.chunks(every).filter_map(mean).filter(|(_, y)| y.is_finite()).unzip()
        };
        let mut chart = Chart::new("training step", "mean score of D").range_y(0.0..1.0).height(HEIGHT);
        for (key, label, colour) in [
            ("s_r", "$s_r$ real, right text", BLUE),
            ("s_w", "$s_w$ real, wrong text", VERMILION),
            ("s_f", "$s_f$ generated", GREEN),
        ] {
            let (x, y) = series(key);
            chart = chart.series(Series::line(label, &x, &y).color(colour));
        }
        if !log.is_empty() {
            cells.push(Cell::new(chart).title(variant.title()));
        }
    }
    ensure!(
        !cells.is_empty(),
        "the training log is empty; train with `easel run text-gan` and give its folder with --run"
    );
    let mut figure = Figure::new().title("Does the discriminator heed the text?");
    while !cells.is_empty() {
        figure = figure.row(cells.drain(..cells.len().min(2)).collect::<Vec<_>>());
    }
    Ok(figure.caption(format!(
        "Where $s_w$ stays at $s_r$ the discriminator does not look at the text. Only the -CLS variants learn from wrong \
         pairs; the others are shown them without learning. {}",
        measure.trained.provenance()
    )))
}
