//! What the figures share: pictures to start from, times to visit, states of a chain, words for captions.

use std::collections::BTreeMap;

use anyhow::Result;
use easel_core::tensor::normal_tensor;
use easel_core::{Noise, Spacing};
use easel_data::Split;
use easel_plot::Picture;
use easel_plot::text::literal;
use tch::Tensor;

use crate::papers::ddpm::data;
use crate::papers::ddpm::generate::{Chain, continue_chain, start};
use crate::papers::ddpm::trained::Trained;
use crate::tensors::{all_images, pictures, to_unit};

/// How often a figure may ask the network about one picture: seconds of the default network.
pub const BUDGET: usize = 6_400;

/// T.
pub fn total(trained: &Trained) -> usize {
    trained.config.model.timesteps
}

/// The time nearest to a share of T.
pub fn time_at(trained: &Trained, share: f64) -> usize {
    (share * total(trained) as f64).round() as usize
}

/// Times from 1 to `depth` for a chain of `pictures` pictures: all, or as many evenly spread ones as the budget allows.
pub fn times(depth: usize, pictures: usize) -> Result<Vec<usize>> {
    let most = (BUDGET / pictures.max(1)).max(2);
    Ok(Spacing::Even.times(depth, most.min(depth))?)
}

/// `count` held-out pictures, class after class where there are labels: f32 `[count, C, H, W]` in [-1, 1].
pub fn held_out(trained: &Trained, count: usize) -> Result<Tensor> {
    let test = data(&trained.config, Split::Test)?;
    let mut order = Noise::new(trained.config.seed).purpose("figure/pictures").permutation(0, test.len());
    if let Some(labels) = test.labels() {
        let mut seen = BTreeMap::<i64, usize>::new();
        let mut rank = vec![0; order.len()];
        for &i in &order {
            let before = seen.entry(labels[i]).or_default();
            rank[i] = *before;
            *before += 1;
        }
        order.sort_by_key(|&i| rank[i]);
    }
    let chosen: Vec<usize> = order.iter().copied().cycle().take(count).collect();
    Ok(to_unit(&all_images(&test.subset(&chosen))).to_device(trained.device))
}

/// Standard normals f32 `[1, C, H, W]` of the forward process; one for each `draw`.
pub fn forward_noise(trained: &Trained, draw: u64) -> Tensor {
    let stream = Noise::new(trained.config.seed).purpose("figure/forward");
    normal_tensor(&stream, draw, 0..1, &trained.picture(), trained.device)
}

/// x_t of the first sample's chain of all T steps, at each of the times `shown`.
pub fn reverse_states(trained: &Trained, shown: &[usize]) -> Vec<Tensor> {
    let seed = trained.config.seed;
    let x = start(trained, 0..1, seed);
    let mut states = BTreeMap::from([(total(trained), x.shallow_clone())]);
    let _ = continue_chain(trained, &Chain::full(trained, seed), x, 0..1, |step| {
        if shown.contains(&step.t) {
            states.insert(step.t, step.x.shallow_clone());
        }
    });
    shown.iter().map(|t| states[t].shallow_clone()).collect()
}

/// Tensors `[n, C, H, W]` as pictures, in order.
pub fn all_pictures(tensors: &[Tensor]) -> Result<Vec<Picture>> {
    pictures(&Tensor::cat(tensors, 0))
}

/// A centred moving mean over `half(i)` values on each side of value i, fewer towards the ends.
pub fn moving_mean(values: &[f64], half: impl Fn(usize) -> usize) -> Vec<f64> {
    let mean = |i: usize| {
        let half = half(i).min(i).min(values.len() - 1 - i);
        values[i - half..=i + half].iter().sum::<f64>() / (2 * half + 1) as f64
    };
    (0..values.len()).map(mean).collect()
}

/// A labelled time: `$t = 250$`.
pub fn time_label(t: usize) -> String {
    format!("$t = {t}$")
}

/// Which model: preset, seed, training and data, for captions.
pub fn provenance(trained: &Trained) -> String {
    let c = &trained.config;
    format!(
        "Model: preset {}, seed {}, {} training steps on {}, $T = {}$.",
        literal(&c.preset),
        c.seed,
        c.steps.steps,
        literal(&c.data),
        c.model.timesteps
    )
}

/// How many steps of how many: for captions.
pub fn chain_length(visited: usize, depth: usize) -> String {
    if visited == depth { format!("all {depth} steps") } else { format!("{visited} of {depth} steps, evenly spread") }
}
