//! Quality and diversity against the scale of guidance.

use anyhow::Result;
use easel_core::Spacing;
use easel_metrics::classes::argmax;
use easel_metrics::manifold::precision_recall_density_coverage;
use ndarray::Axis;
use serde_json::{Map, Value, json};

use super::config::GuidanceConfig;
use super::model::{Guided, Method};
use crate::experiment::Evaluation;
use crate::judge::Judge;
use crate::papers::study::{Cells, progress};
use crate::sampling::SamplerOptions;

/// Neighbours of the recall estimate.
const NEIGHBOURS: usize = 5;

/// Measures every scale of both methods; labels go round the classes.
pub fn measure(guided: &Guided, config: &GuidanceConfig, cells: &mut Cells) -> Result<Evaluation> {
    let judge = Judge::new(guided.trained.device)?;
    let options =
        SamplerOptions { sampler: Some("ddim".into()), steps: Some(config.steps), ..SamplerOptions::default() };
    let plan = options.plan(&guided.trained.process.schedule, config.steps, Spacing::Trailing, config.seed)?;
    let methods = [("classifier-free", Method::free as fn(f64) -> Method), ("classifier", Method::Classifier)];
    let mut bar = progress(methods.len() * config.scales.len());
    let mut metrics = Map::new();
    let mut lines = vec![
        format!(
            "{} pictures a row, {} steps of DDIM, labels in turn. `as asked`: the clean classifier sees the label.\n",
            config.samples, config.steps
        ),
        "| method | s | as asked | recognised | fd-digits | recall |".into(),
        "|---|---|---|---|---|---|".into(),
    ];
    for (m, (name, method)) in methods.into_iter().enumerate() {
        let mut rows = Map::new();
        for (i, &s) in config.scales.iter().enumerate() {
            let value = cells.cell(&format!("{name} {s}"), || one(guided, config, &judge, &plan, method(s)))?;
            let at = |key: &str| value[key].as_f64().unwrap_or(f64::NAN);
            lines.push(format!(
                "| {name} | {s} | {:.3} | {:.3} | {:.2} | {:.3} |",
                at("as asked"),
                at("recognised"),
                at("fd-digits"),
                at("recall")
            ));
            rows.insert(format!("{s}"), value);
            bar.at((m * config.scales.len() + i + 1) as u64, || format!("{name}, s = {s}"));
        }
        metrics.insert(name.into(), Value::Object(rows));
    }
    bar.finish();
    metrics.insert("fd-digits/real".into(), json!(judge.floor(config.samples)?));
    Ok(Evaluation { metrics, markdown: lines.join("\n") })
}

fn one(
    guided: &Guided,
    config: &GuidanceConfig,
    judge: &Judge,
    plan: &crate::sampling::Plan,
    method: Method,
) -> Result<Value> {
    let images = guided.generate(plan, method, None, config.samples)?;
    let seen = judge.extractor.extract(&images)?;
    let labels = Vec::<i64>::try_from(guided.labels(0..config.samples as u64, None)?)?;
    let found = argmax(seen.log_probabilities.view())?;
    let right = found.iter().zip(&labels).filter(|(a, b)| **a as i64 == **b).count();
    let base =
        judge.reference.features.view().split_at(Axis(0), config.samples.min(judge.reference.features.nrows())).0;
    let manifold = precision_recall_density_coverage(base, seen.features.view(), NEIGHBOURS)?;
    Ok(json!({
        "as asked": right as f64 / labels.len() as f64,
        "recognised": judge.recognised(&seen)?,
        "fd-digits": judge.distance(&seen)?,
        "recall": manifold.recall,
    }))
}
