//! Training as the log has it.

use std::f64::consts::LN_2;

use anyhow::{Result, ensure};
use easel_plot::style::{BLUE, GREEN, PURPLE, VERMILION};
use easel_plot::{Cell, Chart, Figure, Series};
use gan::game::LOG_4;

use super::super::trained::Trained;

/// Steps and values of the log lines that have `key`.
fn series(trained: &Trained, key: &str) -> (Vec<f64>, Vec<f64>) {
    let point = |line: &serde_json::Map<String, serde_json::Value>| {
        Some((line.get("step")?.as_f64()?, line.get(key)?.as_f64()?))
    };
    trained.log.iter().filter_map(point).unzip()
}

/// Losses, beliefs, distance and coverage over the steps.
pub fn training(trained: &Trained) -> Result<Figure> {
    let line = |key: &str, name: &str, color| {
        let (x, y) = series(trained, key);
        Series::line(name, &x, &y).color(color)
    };
    ensure!(!series(trained, "d_loss").0.is_empty(), "the run's log holds no losses");
    let chart = |y: &str| Chart::new("step", y).height(330.0);
    let losses = chart("loss")
        .series(line("d_loss", "D", BLUE))
        .series(line("g_loss", "G", VERMILION))
        .line_at_y(LOG_4, "log 4")
        .line_at_y(LN_2, "log 2");
    let beliefs = chart("mean belief")
        .range_y(0.0..1.0)
        .series(line("d_real", "$D(x)$", BLUE))
        .series(line("d_fake", "$D(G(z))$", VERMILION))
        .line_at_y(0.5, "");
    let mut cells = vec![Cell::new(losses).title("(a) Losses"), Cell::new(beliefs).title("(b) What D believes")];
    let mut coverage = chart("share").range_y(0.0..1.05);
    for (key, name, color) in [
        ("classes", "classes present", BLUE),
        ("smallest_share", "smallest class share", VERMILION),
        ("precision", "precision", BLUE),
        ("recall", "recall", GREEN),
    ] {
        if !series(trained, key).0.is_empty() {
            coverage = coverage.series(line(key, name, color));
        }
    }
    let mut second = Vec::new();
    if !series(trained, "fd").0.is_empty() {
        let distance = chart("Frechet distance of features").log_y().series(line("fd", "", PURPLE));
        second.push(Cell::new(distance).title("(c) Distance to real pictures"));
    }
    second.push(Cell::new(coverage).title("(d) Coverage"));
    cells.extend(second);
    let below = cells.split_off(2);
    Ok(Figure::new().title("Training, as it goes").row(cells).row(below).caption(format!(
        "D's loss is the sum of its two parts: log 4 where it cannot tell, when G's is log 2. The losses do not say how good \
         samples are; {} samples of G's averaged weights at each checkpoint do. {}",
        trained.config.evaluate.watched,
        trained.provenance()
    )))
}
