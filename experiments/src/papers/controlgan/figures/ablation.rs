//! What each part does for locality.

use anyhow::Result;
use easel_plot::{Bars, Cell, Figure};
use serde_json::{Map, Value};

use super::Material;
use crate::papers::controlgan::config::Ablation;

/// Everything that can be left out, in the order of the bars.
const ALL: [Ablation; 6] = [
    Ablation::Nothing,
    Ablation::WordLevel,
    Ablation::WordDiscriminator,
    Ablation::ChannelAttention,
    Ablation::Perceptual,
    Ablation::Damsm,
];

pub fn draw(material: &Material) -> Result<Figure> {
    let own = material.trained.config.ablation;
    let ablations = material.metrics.get("ablations").and_then(Value::as_object);
    let metrics = |ablation: Ablation| -> Option<&Map<String, Value>> {
        if ablation == own { Some(&material.metrics) } else { ablations?.get(ablation.name())?.as_object() }
    };
    let shown: Vec<(Ablation, &Map<String, Value>)> = ALL.iter().filter_map(|&a| Some((a, metrics(a)?))).collect();
    let names: Vec<&str> = shown.iter().map(|(ablation, _)| ablation.label()).collect();
    let column = |key: &str| -> Vec<f64> {
        shown.iter().map(|(_, m)| m.get(key).and_then(Value::as_f64).unwrap_or(0.0)).collect()
    };
    let edit = |what: &str, label: &str, decimals| {
        let series = ["colour", "noun", "ground"].map(|kind| (kind, column(&format!("edit {kind}: {what}"))));
        let start = Bars::new(label, names.iter().copied()).values(decimals);
        series.into_iter().fold(start, |bars, (kind, values)| bars.series(format!("{kind} word"), &values))
    };
    let asked = ["ground", "colours", "positions"]
        .into_iter()
        .fold(Bars::new("share", names.iter().copied()).values(2), |bars, what| {
            bars.series(what, &column(&format!("{what} as asked")))
        });
    let missing = if shown.len() == 1 {
        " No ablation was trained in this run; `easel run controlgan --set 'ablations=[\"word_level\"]'` trains one beside."
    } else {
        ""
    };
    Ok(Figure::new()
        .title("What each part does")
        .panel(Cell::new(edit("locality", "change inside / outside", 1)).title("(a) Locality of one-word edits"))
        .panel(Cell::new(edit("change outside", "mean change of a pixel", 3)).title("(b) Change outside of the word's region"))
        .panel(Cell::new(asked).title("(c) Pictures as asked"))
        .caption(format!(
            "Same encoders, noise, captions and number of steps; one seed, so that small differences mean nothing. The regions \
             are those of each model's own pictures; 0 stands where no picture could be judged.{missing} {}",
            material.trained.provenance()
        )))
}
