//! The metrics of a run, as numbers and as a table.

use anyhow::{Context, Result};
use draw::bound::Bound;
use serde_json::{Map, json};
use tch::Tensor;

use super::config::RunConfig;
use super::training::Measured;
use crate::experiment::Evaluation;
use crate::judge::Judge;

/// A divergence below this, in nats, is of latent numbers that say nothing.
const SILENT: f64 = 2.0;

/// Names of the models in the metrics' keys and in the table.
const NAMES: [(&str, &str); 3] = [("", "DRAW"), ("plain/", "DRAW without attention"), ("vae/", "VAE")];

/// The bounds of the models, in the order of [`NAMES`].
pub fn bounds(measured: &[Measured]) -> Evaluation {
    let mut metrics = Map::new();
    let mut markdown = String::from(
        "Nats a test picture, binarised once for all runs. Beside the bound its standard error over the pictures; the estimate by \
         importance weights is from the same draws.\n\n\
         | model | bound | $L^x$ | $L^z$ | importance-weighted | parameters | seconds | step kept |\n|---|---|---|---|---|---|---|---|\n",
    );
    for ((prefix, name), Measured { bound, seconds, parameters, step }) in NAMES.iter().zip(measured) {
        let kl: f64 = bound.kl.iter().sum();
        for (key, value) in [
            ("bound", bound.total()),
            ("bound/error", bound.standard_error),
            ("reconstruction", bound.reconstruction),
            ("kl", kl),
            ("importance-weighted", bound.importance),
        ] {
            metrics.insert(format!("{prefix}{key}"), json!(value));
        }
        metrics.insert(format!("{prefix}kl of each glimpse"), json!(bound.kl));
        metrics.insert(format!("{prefix}parameters"), json!(parameters));
        metrics.insert(format!("{prefix}training_seconds"), json!(seconds.round()));
        metrics.insert(format!("{prefix}step kept"), json!(step));
        markdown += &format!(
            "| {name} | {:.2} ± {:.2} | {:.2} | {kl:.2} | {:.2} (K = {}) | {parameters} | {seconds:.0} | {step} |\n",
            bound.total(),
            bound.standard_error,
            bound.reconstruction,
            bound.importance,
            bound.samples
        );
    }
    if let [draw, plain, vae] = measured {
        metrics.insert("below the VAE's bound".into(), json!(vae.bound.total() - draw.bound.total()));
        metrics.insert("below the bound without attention".into(), json!(plain.bound.total() - draw.bound.total()));
        // The glimpses' own order of magnitude, for the program's list.
        let seconds: f64 = measured.iter().map(|m| m.seconds).sum();
        metrics.insert("training_seconds of all".into(), json!(seconds.round()));
    }
    Evaluation { metrics, markdown }
}

/// What is wrong with a model of this bound, and what to try.
pub fn diagnosis(bound: &Bound) -> Option<String> {
    let kl: f64 = bound.kl.iter().sum();
    (kl < SILENT).then(|| {
        format!(
            "The latent numbers say nothing (divergence {kl:.2} nats): all samples are the mean picture. Try more steps \
             (draw.loop.steps), a smaller learning rate (draw.train.optim.rate.lr), or another --seed."
        )
    })
}

/// What the classifier of digits says of generated pictures f32 `[N, 1, 28, 28]` in [-1, 1]; nothing for other data.
pub fn judged(config: &RunConfig, images: &Tensor) -> Result<Evaluation> {
    let mut metrics = Map::new();
    if config.data != "digits" {
        let markdown =
            format!("\nThe data are `{}`: `fd-digits` and its kin need digits and are left out.\n", config.data);
        return Ok(Evaluation { metrics, markdown });
    }
    let judge = Judge::new(images.device())?;
    let extracted = judge.extractor.extract(images)?;
    let (distance, floor) = (judge.distance(&extracted)?, judge.floor(images.size()[0] as usize)?);
    let recognised = judge.recognised(&extracted)?;
    metrics.insert("recognised".into(), json!(recognised));
    metrics.insert("fd-digits".into(), json!(distance));
    metrics.insert("fd-digits/real".into(), json!(floor));
    let real = judge.recognised(&judge.others).context("real digits")?;
    let markdown = format!(
        "\n| {} samples (means) | model | real |\n|---|---|---|\n| recognised with more than 0.9 | {recognised:.3} | {real:.3} |\n\
         | fd-digits | {distance:.2} | {floor:.2} |\n",
        images.size()[0]
    );
    Ok(Evaluation { metrics, markdown })
}
