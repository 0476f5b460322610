//! Measuring a trained model: distances to real pictures, recognisability, bits a dimension.

use anyhow::{Context, Result};
use ddpm::bound;
use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_data::{Dataset, Split};
use easel_metrics::classes::{argmax, class_coverage};
use easel_metrics::extractor::Extracted;
use easel_metrics::kid::kernel_distance;
use easel_metrics::manifold::precision_recall_density_coverage;
use easel_metrics::score::inception_score;
use easel_train::Progress;
use ndarray::Axis;
use serde_json::{Map, json};
use tch::Tensor;

use super::generate::{Chain, generate};
use super::trained::Trained;
use crate::experiment::Evaluation;
use crate::judge::{Judge, rows};
use crate::tensors::{all_images, to_unit};

/// Neighbours of the precision and recall estimates.
const NEIGHBOURS: usize = 5;
/// Blocks of the kernel distance's error.
const KID_BLOCKS: usize = 10;
/// Fewer pictures than two a block leave the kernel distance undefined.
pub const FEWEST_SAMPLES: usize = 2 * KID_BLOCKS;

/// Generates pictures with the model's own plan and measures them; the bound is measured on held-out pictures.
///
/// The distances use a classifier of digits; for other data they are left out, and the table says so.
pub fn measure(trained: &Trained, data: &dyn Fn(Split) -> Result<Dataset>) -> Result<(Evaluation, Tensor)> {
    let settings = &trained.config.evaluate;
    let test = data(Split::Test)?;
    let started = std::time::Instant::now();
    let images = generate(trained, &Chain::of(trained, None, trained.config.seed)?, settings.samples)?;
    let seconds = started.elapsed().as_secs_f64();
    let mut table = if trained.config.data == "digits" {
        distances(trained, &images)?
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
    table.markdown += &format!("\n| bits/dim (bound, {pictures} held-out pictures) | {:.4} | |", bound.total());
    Ok((table, images))
}

/// Everything that the classifier of digits can say of generated `images`, beside the same for real pictures.
fn distances(trained: &Trained, images: &Tensor) -> Result<Evaluation> {
    let judge = Judge::new(trained.device)?;
    let extractor = &judge.extractor;
    let n = (images.size()[0] as usize).min(judge.others.log_probabilities.nrows());
    let fake = extractor.extract(&images.narrow(0, 0, n as i64))?;
    let (reference, share) = (&judge.reference, &judge.shares);
    let floor = rows(&judge.others, &(0..n).collect::<Vec<_>>());

    let name = |metric: &str| extractor.name(metric);
    let mut metrics = Map::new();
    let mut lines = vec![
        format!(
            "{n} generated pictures ({} of {} steps) against {} real ones; the floor is {n} other real pictures against \
             the same.\n",
            trained.config.evaluate.times,
            trained.config.model.timesteps,
            reference.features.nrows()
        ),
        "| metric | model | real against real |".into(),
        "|---|---|---|".into(),
    ];
    let mut put = |key: &str, model: f64, real: f64| {
        metrics.insert(key.to_string(), json!(model));
        metrics.insert(format!("{key}/real"), json!(real));
        lines.push(format!("| {key} | {model:.4} | {real:.4} |"));
    };
    let (fd, fd_floor) = (judge.distance(&fake)?, judge.distance(&floor)?);
    put(&name("fd"), fd, fd_floor);
    put(&format!("{}/floor", name("fd")), fd / fd_floor, 1.0);
    let kid = |e: &Extracted| -> Result<f64> {
        Ok(1e3 * kernel_distance(e.features.view(), reference.features.view(), KID_BLOCKS)?.value)
    };
    put(&format!("{} x 1000", name("kid")), kid(&fake)?, kid(&floor)?);
    let score = |e: &Extracted| inception_score(e.log_probabilities.view());
    put(&name("score"), score(&fake)?, score(&floor)?);
    put("recognised", judge.recognised(&fake)?, judge.recognised(&floor)?);
    let smallest = |e: &Extracted| -> Result<f64> {
        Ok(class_coverage(&argmax(e.log_probabilities.view())?, share)?.smallest_ratio)
    };
    put("smallest class share", smallest(&fake)?, smallest(&floor)?);
    let base = reference.features.view().split_at(Axis(0), n.min(reference.features.nrows())).0;
    let manifold = |e: &Extracted| precision_recall_density_coverage(base, e.features.view(), NEIGHBOURS);
    let (m, r) = (manifold(&fake)?, manifold(&floor)?);
    put("precision", m.precision, r.precision);
    put("recall", m.recall, r.recall);
    put("density", m.density, r.density);
    put("coverage", m.coverage, r.coverage);
    Ok(Evaluation { metrics, markdown: lines.join("\n") })
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
