//! SDEdit: faithful to the guide or realistic.

use anyhow::Result;
use easel_plot::style::{BLUE, GREEN, VERMILION};
use easel_plot::{Cell, Chart, Figure, ImageGrid, Series};
use inpaint::Start;

use super::chain;
use crate::papers::ddpm::figures::provenance;
use crate::papers::inpaint::digits::{BLOCK, Digits};
use crate::papers::inpaint::measure::TENTHS;
use crate::papers::study::{Material, number};
use crate::tensors::pictures;

const GUIDES: usize = 5;

/// Edits of crude guides from nine times, and what was measured of many.
pub fn sdedit_strength(material: &Material) -> Result<Figure> {
    let trained = &material.trained;
    let chain = chain(trained);
    let digits = Digits::held_out(trained, GUIDES, chain.seed)?;
    let guides = digits.guides();
    let mut columns = vec![pictures(&digits.images)?, pictures(&guides)?];
    let mut labels = vec!["original".to_string(), "guide".into()];
    for tenth in TENTHS {
        let from = Start::Time(tenth as f64 / 10.0);
        columns.push(pictures(&chain.edit(trained, &guides, from, None)?)?);
        labels.push(if tenth == 1 { "$t_0 = 0.1$".into() } else { format!("0.{tenth}") });
    }
    let tiles = (0..GUIDES).flat_map(|row| columns.iter().map(move |c| c[row].clone())).collect();
    let grid = ImageGrid::new(tiles, columns.len()).tile(84.0).column_labels(labels);
    let measured = |key: &str| number(&material.results, &[key]);
    Ok(Figure::new()
        .title("SDEdit: how far up to go")
        .panel(Cell::new(grid).title("(a) Guides noised to $t_0$ and denoised"))
        .row([
            Cell::new(over_time(material)?).title("(b) Over the start"),
            Cell::new(against(material)?).title("(c) Faithful against realistic; numbers are $t_0$"),
        ])
        .caption(format!(
            "After Meng et al. 2022. Guides: held-out digits in blocks of {BLOCK} x {BLOCK} pixels; $t_0$ is a share of the schedule. {} steps over the \
             whole of it, $\\eta = 1$. (b), (c) measured on {} guides with {} steps: root mean squared distance to the guide; recognised: \
             the classifier's confidence exceeds 0.9; class kept: it sees the original's class; bands: one standard error. {}",
            chain.steps,
            measured("samples")?,
            measured("steps")?,
            provenance(trained)
        )))
}

/// Measured numbers by $t_0$, from the guides themselves on.
fn curve(material: &Material, metric: &str) -> Result<Vec<f64>> {
    let starts = std::iter::once("0".to_string()).chain(TENTHS.map(|tenth| format!("0.{tenth}")));
    starts.map(|t0| number(&material.results, &["edits", &t0, metric])).collect()
}

fn starts() -> Vec<f64> {
    (0..=*TENTHS.end()).map(|tenth| tenth as f64 / 10.0).collect()
}

fn over_time(material: &Material) -> Result<Chart> {
    let (x, samples) = (starts(), number(&material.results, &["samples"])?);
    let share = |name: &str, metric: &str| -> Result<Series> {
        let shares = curve(material, metric)?;
        let edge =
            |side: f64| -> Vec<f64> { shares.iter().map(|p| p + side * (p * (1.0 - p) / samples).sqrt()).collect() };
        Ok(Series::line(name, &x, &shares).band(&edge(-1.0), &edge(1.0)))
    };
    Ok(Chart::new("$t_0$", "share, distance")
        .series(share("recognised", "recognised")?.color(BLUE))
        .series(share("class kept", "class")?.color(GREEN))
        .series(Series::line("distance to the guide", &x, &curve(material, "distance")?).color(VERMILION))
        .height(400.0))
}

fn against(material: &Material) -> Result<Chart> {
    let (distance, recognised) = (curve(material, "distance")?, curve(material, "recognised")?);
    let chart = Chart::new("distance to the guide", "recognised")
        .series(Series::line("", &distance, &recognised).color(BLUE))
        .series(Series::points("", &distance, &recognised).color(BLUE))
        .height(400.0);
    let notes = distance.iter().zip(&recognised).zip(starts()).step_by(2);
    Ok(notes
        .fold(chart, |chart, ((&x, &y), t0)| chart.note(x, y, if t0 == 0.0 { "guide".into() } else { t0.to_string() })))
}
