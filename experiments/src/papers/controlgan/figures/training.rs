//! The losses of the three parts of training.

use anyhow::{Result, ensure};
use easel_plot::{Cell, Chart, Figure, Series};
use serde_json::Value;

use super::Material;

pub fn draw(material: &Material) -> Result<Figure> {
    let curve = |key: &str| -> (Vec<f64>, Vec<f64>) {
        let points = material
            .log
            .iter()
            .filter_map(|line| Some((line.get("step")?.as_f64()?, line.get(key).and_then(Value::as_f64)?)));
        points.unzip()
    };
    ensure!(
        !curve("generator").0.is_empty(),
        "the training log holds no loss of the generator; train with `easel run controlgan`"
    );
    let chart = |label: &str, curves: &[(&str, &str)]| {
        let mut chart = Chart::new("training step, all parts counted on", label).height(330.0);
        for (key, name) in curves {
            let (x, y) = curve(key);
            if !x.is_empty() {
                chart = chart.series(Series::line(*name, &x, &y));
            }
        }
        chart
    };
    Ok(Figure::new()
        .title("Training")
        .row([
            Cell::new(chart("cross entropy", &[("damsm/words", "words"), ("damsm/sentences", "sentences")]))
                .title("(a) DAMSM, encoders"),
            Cell::new(chart("loss", &[("generator", "G, adversarial"), ("discriminator", "D, adversarial"), ("g/damsm", "G, DAMSM")]))
                .title("(b) The players"),
        ])
        .row([
            Cell::new(chart("probability", &[("d/real", "real"), ("d/fake", "generated"), ("d/wrong", "wrong caption")]))
                .title("(c) Last discriminator's belief"),
            Cell::new(chart(
                "score, ratio",
                &[("word/matched", "matching caption"), ("word/mismatched", "other caption"), ("spread", "spread")],
            ))
            .title("(d) Word-level D, and spread"),
        ])
        .caption(format!(
            "Means of the logged intervals. (a) is followed by the training of the perceptual network, then the players. (d) \
             $L_{{corre}}$ of real pictures; spread is the deviation of pixels across a batch of generated pictures over \
             that of real ones: near 0 all pictures are one. {}",
            material.trained.provenance()
        )))
}
