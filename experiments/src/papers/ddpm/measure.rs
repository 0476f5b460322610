//! Measuring a trained model: distances to real pictures, recognisability, bits a dimension.

use anyhow::{Context, Result};
use ddpm::bound;
use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_data::{Dataset, Split};
use easel_metrics::classes::{argmax, class_coverage, confident_share};
use easel_metrics::extractor::Extracted;
use easel_metrics::frechet::{Gaussian, frechet_distance};
use easel_metrics::kid::kernel_distance;
use easel_metrics::manifold::precision_recall_density_coverage;
use easel_metrics::score::inception_score;
use easel_train::Progress;
use ndarray::Axis;
use serde_json::{Map, json};
use tch::Tensor;

use super::generate::{Plan, generate};
use super::trained::Trained;
use crate::experiment::Evaluation;
use crate::papers::classifier::shipped_extractor;
use crate::tensors::{all_images, to_unit};

/// Probability above which the classifier counts a picture as recognised.
const CONFIDENT: f64 = 0.9;
/// Neighbours of the precision and recall estimates.
const NEIGHBOURS: usize = 5;
/// Blocks of the kernel distance's error.
const KID_BLOCKS: usize = 10;
/// Fewer pictures than two a block leave the kernel distance undefined.
pub const FEWEST_SAMPLES: usize = 2 * KID_BLOCKS;

fn rows(all: &Extracted, indices: &[usize]) -> Extracted {
    Extracted {
        features: all.features.select(Axis(0), indices),
        log_probabilities: all.log_probabilities.select(Axis(0), indices),
    }
}

/// Generates pictures with the model's own plan and measures them; the bound is measured on held-out pictures.
///
/// The distances use a classifier of digits; for other data they are left out, and the table says so.
pub fn measure(trained: &Trained, data: &dyn Fn(Split) -> Result<Dataset>) -> Result<(Evaluation, Tensor)> {
    let settings = &trained.config.evaluate;
    let (train, test) = (data(Split::Train)?, data(Split::Test)?);
    let started = std::time::Instant::now();
    let images = generate(trained, &Plan::of(trained, None, trained.config.seed)?, settings.samples)?;
    let seconds = started.elapsed().as_secs_f64();
    let mut table = if trained.config.data == "digits" {
        distances(trained, &train, &test, &images)?
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
fn distances(trained: &Trained, train: &Dataset, test: &Dataset, images: &Tensor) -> Result<Evaluation> {
    let extractor = shipped_extractor(trained.device)?;
    let everything = Tensor::cat(&[all_images(train), all_images(test)], 0);
    let labels: Vec<i64> = [train, test].iter().flat_map(|d| d.labels().unwrap_or_default().to_vec()).collect();
    let classes = train.classes().len();
    let real = extractor.extract(&everything)?;
    let order = Noise::new(0).purpose("evaluate/halves").permutation(0, labels.len());
    let (a, b) = order.split_at(order.len() / 2);
    let count = |c: usize| labels.iter().filter(|&&l| l == c as i64).count() as f64;
    let share: Vec<f64> = (0..classes).map(|c| count(c) / labels.len() as f64).collect();
    let reference = rows(&real, a);
    let n = (images.size()[0] as usize).min(b.len());
    let fake = extractor.extract(&images.narrow(0, 0, n as i64))?;
    let floor = rows(&real, &b[..n]);

    let name = |metric: &str| extractor.name(metric);
    let mut metrics = Map::new();
    let mut lines = vec![
        format!(
            "{n} generated pictures ({} of {} steps) against {} real ones; the floor is {n} other real pictures against \
             the same.\n",
            trained.config.evaluate.times,
            trained.config.model.timesteps,
            a.len()
        ),
        "| metric | model | real against real |".into(),
        "|---|---|---|".into(),
    ];
    let mut put = |key: &str, model: f64, real: f64| {
        metrics.insert(key.to_string(), json!(model));
        metrics.insert(format!("{key}/real"), json!(real));
        lines.push(format!("| {key} | {model:.4} | {real:.4} |"));
    };
    let gaussian = Gaussian::fit(reference.features.view())?;
    let distance =
        |e: &Extracted| -> Result<f64> { Ok(frechet_distance(&Gaussian::fit(e.features.view())?, &gaussian)?) };
    let (fd, fd_floor) = (distance(&fake)?, distance(&floor)?);
    put(&name("fd"), fd, fd_floor);
    put(&format!("{}/floor", name("fd")), fd / fd_floor, 1.0);
    let kid = |e: &Extracted| -> Result<f64> {
        Ok(1e3 * kernel_distance(e.features.view(), reference.features.view(), KID_BLOCKS)?.value)
    };
    put(&format!("{} x 1000", name("kid")), kid(&fake)?, kid(&floor)?);
    let score = |e: &Extracted| inception_score(e.log_probabilities.view());
    put(&name("score"), score(&fake)?, score(&floor)?);
    let confident = |e: &Extracted| confident_share(e.log_probabilities.view(), CONFIDENT);
    put("recognised", confident(&fake)?, confident(&floor)?);
    let smallest = |e: &Extracted| -> Result<f64> {
        Ok(class_coverage(&argmax(e.log_probabilities.view())?, &share)?.smallest_ratio)
    };
    put("smallest class share", smallest(&fake)?, smallest(&floor)?);
    let base = reference.features.view().split_at(Axis(0), n.min(a.len())).0;
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
