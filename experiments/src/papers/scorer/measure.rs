//! What a scorer is worth: its own accuracy on real held-out pairs.

use anyhow::Result;
use easel_core::Noise;
use easel_data::Split;
use easel_metrics::Summary;
use easel_metrics::classes::argmax;
use easel_metrics::retrieval::caption_r_precision;
use ndarray::Array2;
use serde_json::{Map, Value, json};
use tch::Tensor;

use super::contrast::{CANDIDATES, Scorer};
use super::judge::Judge;
use super::pairs::Pairs;
use crate::tensors::all_images;

/// Near misses that a picture's own caption is ranked against.
const NEAR_MISSES: usize = 9;
/// Real pictures of the floor of the distance, where there are as many.
const FLOOR: usize = 500;
/// Pictures whose near misses are scored at once: all against all would be N times 10 N scores.
const BLOCK: usize = 50;

/// R-precision of real pictures and their own captions.
pub fn real_precision(scorer: &Scorer, pairs: &Pairs, seed: u64) -> Result<Summary> {
    let own: Vec<String> = (0..pairs.len()).map(|i| pairs.key(i).to_owned()).collect();
    scorer.r_precision(&all_images(&pairs.data), &own, &pairs.keys(), seed)
}

/// R-precision of real pictures, each with the caption of another.
fn shuffled_precision(scorer: &Scorer, pairs: &Pairs, seed: u64) -> Result<Summary> {
    let n = pairs.len();
    let others: Vec<String> = (0..n).map(|i| pairs.key((i + n / 2) % n).to_owned()).collect();
    scorer.r_precision(&all_images(&pairs.data), &others, &pairs.keys(), seed)
}

/// Whether the own caption of real pictures ranks first among itself and [`NEAR_MISSES`] near misses, drawn from `seed`;
/// pictures with fewer take no part.
fn near_precision(scorer: &Scorer, pairs: &Pairs, seed: u64) -> Result<Option<Summary>> {
    let stream = Noise::new(seed).purpose("scorer/near-candidates");
    let mut captions = Vec::new();
    let mut pictures = Vec::new();
    for picture in 0..pairs.len() {
        let misses = pairs.near_misses(picture);
        if misses.len() >= NEAR_MISSES {
            captions.push(pairs.key(picture).to_owned());
            let order = stream.permutation(picture as u64, misses.len());
            captions.extend(order[..NEAR_MISSES].iter().map(|&k| misses[k].clone()));
            pictures.push(picture);
        }
    }
    if pictures.is_empty() {
        return Ok(None);
    }
    let each = NEAR_MISSES + 1;
    let images = all_images(&pairs.data.subset(&pictures));
    let mut scores = Array2::zeros((pictures.len(), each));
    for start in (0..pictures.len()).step_by(BLOCK) {
        let count = (pictures.len() - start).min(BLOCK);
        let all = scorer
            .score(&images.narrow(0, start as i64, count as i64), &captions[start * each..(start + count) * each])?;
        for i in 0..count {
            for k in 0..each {
                scores[[start + i, k]] = all[[i, i * each + k]];
            }
        }
    }
    let mut rng = stream.rng(0, 0);
    Ok(Some(Summary::of(&caption_r_precision(scores.view(), &vec![0; pictures.len()], each, &mut rng)?)?))
}

/// Share of held-out pictures whose style is told.
fn style_accuracy(scorer: &Scorer, pairs: &Pairs) -> Result<Option<f64>> {
    let all: Vec<usize> = (0..pairs.len()).collect();
    let (Some(truth), Some(log_p)) = (pairs.styles(&all), scorer.styles(&all_images(&pairs.data))?) else {
        return Ok(None);
    };
    let truth = Vec::<i64>::try_from(truth)?;
    let right = argmax(log_p.view())?.iter().zip(&truth).filter(|(a, b)| **a as i64 == **b).count();
    Ok(Some(right as f64 / truth.len() as f64))
}

/// The metrics of one scorer, their names starting with the set's, and lines for the table.
pub fn measure(judge: &Judge, seed: u64) -> Result<(Map<String, Value>, Vec<String>)> {
    let (scorer, name) = (&judge.scorer, judge.scorer.name());
    let pairs = Pairs::open(name, Split::Test)?;
    let candidates = judge.captions.len().min(CANDIDATES);
    let (real, shuffled) = (real_precision(scorer, &pairs, seed)?, shuffled_precision(scorer, &pairs, seed)?);
    let mut metrics = Map::new();
    let mut lines = Vec::new();
    let mut add = |what: &str, value: f64, shown: String| {
        metrics.insert(format!("{name}/{what}"), json!(value));
        lines.push(format!("| {name} | {what} | {shown} |"));
    };
    let percent = |s: &Summary| format!("{:.1} ± {:.1} %", 100.0 * s.mean, 100.0 * s.standard_error);
    add("held-out pairs", pairs.len() as f64, pairs.len().to_string());
    add("candidates", candidates as f64, candidates.to_string());
    add("R-precision", real.mean, percent(&real));
    add("R-precision of other captions", shuffled.mean, percent(&shuffled));
    if let Some(near) = near_precision(scorer, &pairs, seed)? {
        add("R-precision among near misses", near.mean, percent(&near));
    }
    if let Some(accuracy) = style_accuracy(scorer, &pairs)? {
        add("style accuracy", accuracy, format!("{:.1} %", 100.0 * accuracy));
    }
    let real = judge.real(FLOOR);
    let floor = judge.distance(real)?;
    add(&format!("fd-{name} of real pictures"), floor, format!("{floor:.3} ({} pictures)", real.nrows()));
    Ok((metrics, lines))
}

/// Pictures of a split in an order drawn from `seed`, the first `count`, with their keys and all different keys.
pub fn shown(pairs: &Pairs, count: usize, seed: u64) -> (Tensor, Vec<String>, Vec<String>) {
    let order = Noise::new(seed).purpose("scorer/shown").permutation(0, pairs.len());
    let chosen = &order[..count.min(order.len())];
    let own = chosen.iter().map(|&i| pairs.key(i).to_owned()).collect();
    (all_images(&pairs.data.subset(chosen)), own, pairs.keys())
}
