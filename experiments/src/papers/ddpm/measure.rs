//! Measuring a trained model: distances to real pictures, recognisability, bits a dimension.

use anyhow::{Context, Result};
use ddpm::bound;
use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_data::{Dataset, Split};
use easel_train::Progress;
use serde_json::{Map, json};
use tch::Tensor;

use super::generate::{Chain, generate};
use super::trained::Trained;
use crate::experiment::Evaluation;
use crate::judge::Judge;
use crate::tensors::{all_images, to_unit};

/// Generates pictures with the model's own plan and measures them; the bound is measured on held-out pictures.
///
/// Under autoguidance the model alone is measured beside it. The distances use a classifier of digits; for other data
/// they are left out, and the table says so.
pub fn measure(trained: &Trained, data: &dyn Fn(Split) -> Result<Dataset>) -> Result<(Evaluation, Tensor)> {
    let settings = &trained.config.evaluate;
    let test = data(Split::Test)?;
    let chain = Chain::of(trained, None, trained.config.seed)?;
    let started = std::time::Instant::now();
    let images = generate(trained, &chain, settings.samples)?;
    let seconds = started.elapsed().as_secs_f64();
    let digits = trained.config.data == "digits";
    let mut table = if digits {
        distances(trained, &images, &chain)?
    } else {
        let text = format!(
            "The data are `{}`: `fd-digits` and its kin need digits and are left out.\n\n| metric | model | |\n|---|---|---|",
            trained.config.data
        );
        Evaluation { metrics: Map::new(), markdown: text }
    };
    let bound = bound(trained, &test)?;
    table.metrics.insert("bits/dim".into(), json!(bound.total()));
    table.metrics.insert("seconds/picture".into(), json!(seconds / settings.samples as f64));
    let pictures = settings.bound_pictures.min(test.len());
    table.markdown +=
        &format!("\n| bits/dim (bound of the model alone, {pictures} held-out pictures) | {:.4} | |", bound.total());
    if digits {
        let (alone, guided) = (Chain { scale: 1.0, ..chain.clone() }, chain.scale != 1.0);
        let beside = match guided {
            true => distances(trained, &generate(trained, &alone, settings.samples)?, &alone)?,
            false => table.clone(),
        };
        let distances = beside.metrics.iter().filter(|(key, _)| beside.metrics.contains_key(&format!("{key}/real")));
        table.metrics.extend(distances.map(|(key, value)| (format!("alone/{key}"), value.clone())));
        if guided {
            table.markdown += &format!("\n\n{}", beside.markdown);
        }
    }
    Ok((table, images))
}

/// What the classifier of digits says of generated `images`, beside the same for real pictures.
fn distances(trained: &Trained, images: &Tensor, chain: &Chain) -> Result<Evaluation> {
    let guidance = match chain.scale {
        1.0 => "the model alone".to_string(),
        w => format!("autoguidance, w = {w}"),
    };
    let made = format!("{} of {} steps, {guidance}", chain.times.len(), trained.config.model.timesteps);
    Judge::new(trained.device)?.table(images, &made)
}

/// The variational bound on held-out pictures, as the configuration asks.
pub fn bound(trained: &Trained, test: &Dataset) -> Result<bound::Bound> {
    let settings = &trained.config.evaluate;
    bound_on(trained, test, settings.bound_pictures, settings.bound_stride)
}

/// The variational bound on the first `pictures` of `test`, one of `stride` times evaluated.
pub fn bound_on(trained: &Trained, test: &Dataset, pictures: usize, stride: usize) -> Result<bound::Bound> {
    let count = pictures.min(test.len()) as i64;
    anyhow::ensure!(count > 0, "evaluate.bound_pictures = 0: at least one picture is needed");
    let x0 = to_unit(&all_images(test).narrow(0, 0, count)).to_device(trained.device);
    let stream = Noise::new(trained.config.seed).purpose("evaluate/bound");
    let terms = bound::blocks(trained.config.model.timesteps, stride).len() as u64;
    let mut progress = Progress::new("bound", terms, "times");
    let noise = |t: usize| normal_tensor(&stream, t as u64, 0..count as u64, &trained.picture(), trained.device);
    let bound = bound::evaluate(&trained.model, &trained.process, &x0, stride, noise, |done| {
        progress.at(done as u64, String::new);
    });
    progress.finish();
    Some(bound).filter(|b| b.total().is_finite()).context("the bound is not finite")
}
