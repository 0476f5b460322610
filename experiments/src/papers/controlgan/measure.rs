//! The metrics of a model.

use anyhow::{Context, Result};
use easel_core::Noise;
use easel_core::tensor::to_array;
use easel_data::sprite_scenes::{EditKind, Scene, oracle};
use easel_metrics::frechet::{Gaussian, frechet_distance};
use easel_metrics::retrieval::{caption_r_precision, cosine_similarity};
use ndarray::{Array2, Axis};
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor, no_grad};

use super::config::{EMOJI, RunConfig};
use super::data::{HeldOut, reference, scenes};
use super::edits::{KINDS, Pair, locality, pairs};
use super::model::Trained;
use crate::experiment::Evaluation;
use crate::papers::scorer::shipped;
use crate::tensors::bytes;

/// Pictures of one pass of an encoder.
const BATCH: i64 = 50;

/// Measures a model, and prints the table of it.
pub fn measure(trained: &Trained) -> Result<Evaluation> {
    let metrics = metrics(trained)?;
    let edits = match trained.config.data.set == EMOJI {
        true => String::new(),
        false => format!(
            ", {} one-word edits of each kind. `as asked` is read from the picture by rules, not by a network",
            trained.config.evaluate.edits
        ),
    };
    let mut lines = vec![
        format!(
            "{} pictures of held-out captions{edits}. R-precision is by DAMSM, which also trained the generator and so flatters, and by \
             a scorer that trained none.\n",
            metrics["pictures"]
        ),
        "| metric | generated | real |".into(),
        "|---|---|---|".into(),
    ];
    let shown = |key: &str| metrics.get(key).and_then(Value::as_f64).map_or("".into(), |v| format!("{v:.3}"));
    let single = |key: &&String| metrics[*key].is_number() && !key.ends_with("/real") && *key != "pictures";
    let singles = metrics.keys().filter(single);
    lines.extend(singles.map(|key| format!("| {key} | {} | {} |", shown(key), shown(&format!("{key}/real")))));
    Ok(Evaluation { metrics, markdown: lines.join("\n") + "\n" })
}

/// The metrics alone; those that need to know what pictures show are of scenes only.
pub fn metrics(trained: &Trained) -> Result<Map<String, Value>> {
    let config = &trained.config;
    let held = HeldOut::of(config, config.evaluate.pictures)?;
    let (captions, side) = (&held.captions, config.model.side as usize);
    let made = trained.pictures(captions, 0, config.seed)?;
    let mut metrics = Map::from_iter([("pictures".to_owned(), json!(captions.len()))]);
    let reference = reference(config, config.evaluate.pictures)?;
    for (images, ending) in [(&made, ""), (&held.images, "/real")] {
        if let Some(scenes) = &held.scenes {
            for (name, share) in as_asked(&bytes(images)?, scenes, side)? {
                metrics.insert(format!("{name}{ending}"), json!(share));
            }
        }
        let found = r_precision(trained, images, captions)?;
        metrics.insert(format!("r-precision (DAMSM){ending}"), json!(found));
    }
    let mut distance = |name: &str, features: &dyn Fn(&Tensor) -> Result<Array2<f64>>| -> Result<()> {
        let base = Gaussian::fit(features(&reference)?.view())?;
        for (images, ending) in [(&made, ""), (&held.images, "/real")] {
            let gaussian = Gaussian::fit(features(images)?.view())?;
            metrics.insert(format!("{name}{ending}"), json!(frechet_distance(&gaussian, &base)?));
        }
        Ok(())
    };
    distance("fd-attributes", &|images| features(trained, images))?;
    let judge = shipped(&config.data.set, trained.device)?;
    distance("fd-scorer", &|images| judge.scorer.features(images))?;
    let mut pool = captions.clone();
    pool.sort_unstable();
    pool.dedup();
    for (images, ending) in [(&made, ""), (&held.images, "/real")] {
        let found = judge.scorer.r_precision(images, captions, &pool, config.seed)?;
        metrics.insert(format!("r-precision (scorer){ending}"), json!(found.mean));
    }
    if held.scenes.is_some() {
        edits(trained, &mut metrics)?;
    }
    Ok(metrics)
}

/// Shares of pictures whose ground, colours and positions are those of the caption.
fn as_asked(pictures: &[Vec<u8>], scenes: &[Scene], side: usize) -> Result<Vec<(&'static str, f64)>> {
    let (mut ground, mut colours, mut positions, mut placed) = (0, 0, 0, 0);
    for (picture, scene) in pictures.iter().zip(scenes) {
        let verdict = oracle::read(picture, side)?.verdict(scene);
        ground += usize::from(verdict.ground);
        colours += usize::from(verdict.colours);
        placed += usize::from(verdict.positions.is_some());
        positions += usize::from(verdict.positions == Some(true));
    }
    let share = |of: usize, all: usize| of as f64 / all.max(1) as f64;
    Ok(vec![
        ("ground as asked", share(ground, pictures.len())),
        ("colours as asked", share(colours, pictures.len())),
        ("positions as asked", share(positions, placed)),
    ])
}

/// Share of pictures that find their own caption first among others, by global feature and sentence.
fn r_precision(trained: &Trained, images: &Tensor, captions: &[String]) -> Result<f64> {
    let mut distinct: Vec<&String> = captions.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let own: Vec<usize> = captions
        .iter()
        .map(|c| distinct.binary_search(&c).ok().context("a caption that is not among the captions"))
        .collect::<Result<_>>()?;
    let frozen = &trained.model.frozen;
    let global = in_batches(images, |batch| frozen.image.forward(batch).global)?;
    let sentences = rows(&trained.text(&distinct)?.sentence)?;
    let similarity = cosine_similarity(global.view(), sentences.view())?;
    let mut rng = Noise::new(trained.config.seed).purpose("evaluate/candidates").rng(0, 0);
    let found = caption_r_precision(similarity.view(), &own, trained.config.evaluate.candidates, &mut rng)?;
    Ok(found.iter().sum::<f64>() / found.len() as f64)
}

fn features(trained: &Trained, images: &Tensor) -> Result<Array2<f64>> {
    in_batches(images, |batch| trained.model.frozen.attributes.features(batch))
}

fn in_batches(images: &Tensor, f: impl Fn(&Tensor) -> Tensor) -> Result<Array2<f64>> {
    let parts: Vec<Array2<f64>> =
        images.split(BATCH, 0).iter().map(|batch| rows(&no_grad(|| f(batch)))).collect::<Result<_>>()?;
    let views: Vec<_> = parts.iter().map(Array2::view).collect();
    Ok(ndarray::concatenate(Axis(0), &views)?)
}

fn rows(tensor: &Tensor) -> Result<Array2<f64>> {
    Ok(to_array("features", &tensor.to_kind(Kind::Double))?)
}

/// One-word edits under the same noise: where the picture changes, and whether the new colour is there.
fn edits(trained: &Trained, metrics: &mut Map<String, Value>) -> Result<()> {
    let config = &trained.config;
    let source = scenes(config)?;
    let stream = Noise::new(config.seed).purpose("evaluate/edits");
    let side = config.model.side as usize;
    for (kind, name) in KINDS {
        let pairs = pairs(config, &source, kind, config.evaluate.edits, &stream);
        let (before, after) = edited(trained, &pairs)?;
        let found = locality(&pairs, &before, &after, side)?;
        metrics.insert(format!("edit {name}: change inside"), json!(found.change.inside));
        metrics.insert(format!("edit {name}: change outside"), json!(found.change.outside));
        metrics.insert(format!("edit {name}: locality"), json!(found.ratio()));
        metrics.insert(format!("edit {name}: judged"), json!(found.judged));
        if kind == EditKind::Colour {
            metrics.insert("edit colour: as asked".into(), json!(recoloured(&pairs, &after, side)?));
        }
        if kind == EditKind::Ground {
            let seen = |(pair, picture): (&Pair, &Vec<u8>)| -> Result<bool> {
                Ok(oracle::read(picture, side)?.ground == pair.edit.scene.ground())
            };
            let right = pairs.iter().zip(&after).map(seen).collect::<Result<Vec<_>>>()?;
            let share = right.iter().filter(|r| **r).count() as f64 / right.len().max(1) as f64;
            metrics.insert("edit ground: as asked".into(), json!(share));
        }
    }
    Ok(())
}

/// Pictures u8 `[3, H, W]` each.
type Pictures = Vec<Vec<u8>>;

/// Pictures before and after each change, both under the same noise.
pub fn edited(trained: &Trained, pairs: &[Pair]) -> Result<(Pictures, Pictures)> {
    let [before, after]: [Vec<String>; 2] =
        [0, 1].map(|k| pairs.iter().map(|pair| pair.captions()[k].clone()).collect());
    let draw = |captions: &[String]| bytes(&trained.pictures(captions, 0, trained.config.seed)?);
    Ok((draw(&before)?, draw(&after)?))
}

/// Share of pictures in which the new colour is seen among the objects.
fn recoloured(pairs: &[Pair], after: &[Vec<u8>], side: usize) -> Result<f64> {
    let mut right = 0;
    for (pair, picture) in pairs.iter().zip(after) {
        let colour = pair.edit.objects.first().map(|&i| pair.edit.scene.objects()[i].colour);
        let seen = oracle::read(picture, side)?;
        right += usize::from(seen.patches.iter().any(|patch| Some(patch.colour) == colour));
    }
    Ok(right as f64 / pairs.len().max(1) as f64)
}

/// The metrics of every ablation of a run, by name.
pub fn ablations(config: &RunConfig, out: &std::path::Path, device: tch::Device) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for &ablation in &config.ablations {
        let trained = Trained::read(&out.join(super::model::model_file(config, ablation)), device)?;
        all.insert(ablation.name().into(), Value::Object(metrics(&trained)?));
    }
    Ok(all)
}
