//! The measurements: holes filled in several ways, guides edited from several times.

use std::time::Instant;

use anyhow::Result;
use inpaint::{Mask, Start};
use serde_json::{Map, Value, json};
use tch::Tensor;

use super::digits::{BLOCK, Digits};
use super::masks::Shape;
use super::methods::{Chain, Method, usual_resampling};
use super::metrics::{agreement, discontinuity, distance, hole_error};
use crate::experiment::Evaluation;
use crate::judge::Judge;
use crate::papers::ddpm::trained::Trained;
use crate::papers::study::{Cells, StudyConfig};

/// Starts of the edits, tenths of the schedule.
pub const TENTHS: std::ops::RangeInclusive<usize> = 1..=9;

/// What everything here is measured on.
struct Bench<'a> {
    trained: &'a Trained,
    judge: Judge,
    digits: Digits,
    chain: Chain,
}

/// Measures.
pub fn measure(trained: &Trained, config: &StudyConfig, cells: &mut Cells) -> Result<Evaluation> {
    let steps = config.steps.last().copied().unwrap_or_default();
    let bench = Bench {
        trained,
        judge: Judge::new(trained.device)?,
        digits: Digits::held_out(trained, config.samples, config.seed)?,
        chain: Chain { steps, eta: 1.0, seed: config.seed },
    };
    let (holes, edits) = (bench.holes(cells)?, bench.edits(cells)?);
    let markdown = [
        format!("{} held-out digits, chains of {steps} steps with η = 1.\n", config.samples),
        hole_table(&holes),
        format!("\nGuides: the same digits in blocks of {BLOCK} x {BLOCK} pixels.\n"),
        edit_table(&edits),
    ]
    .join("\n");
    let mut metrics = Map::from_iter([("steps".into(), json!(steps)), ("samples".into(), json!(config.samples))]);
    metrics.extend(summary(&holes));
    metrics.insert("holes".into(), Value::Object(holes));
    metrics.insert("edits".into(), Value::Object(edits));
    Ok(Evaluation { metrics, markdown })
}

impl Bench<'_> {
    /// By mask and method.
    fn holes(&self, cells: &mut Cells) -> Result<Map<String, Value>> {
        let (steps, resampling) = (self.chain.steps, usual_resampling(self.chain.steps));
        let as_many = resampling.moves(steps)?.0.min(self.trained.config.model.timesteps);
        let ways = [
            ("replacement", Chain { steps, ..self.chain }, Method::Replacement),
            ("replacement, as many calls", Chain { steps: as_many, ..self.chain }, Method::Replacement),
            ("repaint", self.chain, Method::Repaint(resampling)),
        ];
        let side = self.trained.config.model.side as usize;
        let mut all = Map::new();
        for shape in Shape::MEASURED {
            let mask = shape.mask((side, side), self.chain.seed, self.trained.device)?;
            let images = &self.digits.images;
            let mut rows = Map::from_iter([("original".to_string(), self.seen(images, &mask)?)]);
            for (name, chain, method) in &ways {
                let row = cells.cell(&format!("{}/{name}", shape.name()), || self.filled(&mask, *chain, *method))?;
                rows.insert((*name).into(), row);
            }
            all.insert(shape.name().into(), Value::Object(rows));
        }
        Ok(all)
    }

    /// What needs no original.
    fn seen(&self, images: &Tensor, mask: &Mask<Tensor>) -> Result<Value> {
        Ok(json!({
            "discontinuity": discontinuity(images, mask)?,
            "class": agreement(&self.judge, images, &self.digits.labels)?,
        }))
    }

    fn filled(&self, mask: &Mask<Tensor>, chain: Chain, method: Method) -> Result<Value> {
        let (originals, started) = (&self.digits.images, Instant::now());
        let images = chain.fill(self.trained, mask, originals, method)?;
        let seconds = started.elapsed().as_secs_f64() / self.digits.labels.len() as f64;
        let mut row = self.seen(&images, mask)?;
        row["error"] = json!(hole_error(&images, originals, mask));
        row["calls"] = json!(method.moves(chain.steps)?.0);
        row["seconds"] = json!(seconds);
        Ok(row)
    }

    /// By $t_0$, 0 being the guides themselves.
    fn edits(&self, cells: &mut Cells) -> Result<Map<String, Value>> {
        let guides = self.digits.guides();
        let mut all = Map::from_iter([("0".to_string(), self.edited(&guides, &guides, 0)?)]);
        for tenth in TENTHS {
            let from = Start::Time(tenth as f64 / 10.0);
            let name = format!("0.{tenth}");
            let row = cells.cell(&format!("edit/{name}"), || {
                let images = self.chain.edit(self.trained, &guides, from, None)?;
                self.edited(&images, &guides, self.chain.edit_calls(self.trained, from)?)
            })?;
            all.insert(name, row);
        }
        Ok(all)
    }

    fn edited(&self, images: &Tensor, guides: &Tensor, calls: usize) -> Result<Value> {
        Ok(json!({
            "distance": distance(images, guides),
            "recognised": self.judge.recognised(&self.judge.extractor.extract(images)?)?,
            "class": agreement(&self.judge, images, &self.digits.labels)?,
            "calls": calls,
        }))
    }
}

/// RePaint over replacement: the error in the hole with as many calls, and the classes kept, both over all masks.
fn summary(holes: &Map<String, Value>) -> Map<String, Value> {
    let mean = |way: &str, metric: &str| {
        holes.values().filter_map(|rows| rows[way][metric].as_f64()).sum::<f64>() / holes.len() as f64
    };
    let as_many = "replacement, as many calls";
    Map::from_iter([
        ("repaint/replacement error".into(), json!(mean("repaint", "error") / mean("replacement", "error"))),
        ("repaint/replacement error, as many calls".into(), json!(mean("repaint", "error") / mean(as_many, "error"))),
        ("class kept, replacement".into(), json!(mean("replacement", "class"))),
        ("class kept, repaint".into(), json!(mean("repaint", "class"))),
    ])
}

fn hole_table(holes: &Map<String, Value>) -> String {
    let mut lines = vec![
        "| mask | method | calls | seconds a picture | squared error in the hole | discontinuity | class kept |".into(),
        "|---|---|---|---|---|---|---|".into(),
    ];
    for (mask, rows) in holes {
        for way in ["original", "replacement", "replacement, as many calls", "repaint"] {
            let row = &rows[way];
            lines.push(format!(
                "| {mask} | {way} | {} | {} | {} | {} | {} |",
                row["calls"].as_u64().map_or(String::new(), |n| n.to_string()),
                shown(row, "seconds", 1.0, 3),
                shown(row, "error", 1.0, 4),
                shown(row, "discontinuity", 1.0, 3),
                shown(row, "class", 100.0, 1) + " %",
            ));
        }
    }
    lines.join("\n")
}

fn edit_table(edits: &Map<String, Value>) -> String {
    let mut lines = vec![
        "| t_0 | calls | distance to the guide | recognised | class kept |".into(),
        "|---|---|---|---|---|".into(),
    ];
    for (t0, row) in edits {
        lines.push(format!(
            "| {t0} | {} | {} | {} % | {} % |",
            row["calls"],
            shown(row, "distance", 1.0, 4),
            shown(row, "recognised", 100.0, 1),
            shown(row, "class", 100.0, 1),
        ));
    }
    lines.join("\n")
}

/// A number of a row, or nothing where there is none.
fn shown(row: &Value, key: &str, factor: f64, digits: usize) -> String {
    row[key].as_f64().map_or(String::new(), |value| format!("{:.digits$}", factor * value))
}
