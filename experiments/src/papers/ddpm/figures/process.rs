//! The forward and the reverse process as strips of pictures.

use anyhow::Result;
use easel_plot::{Cell, Figure, Strip};
use tch::Tensor;

use super::common::{all_pictures, forward_noise, held_out, provenance, reverse_states, time_at, time_label};
use crate::papers::ddpm::trained::Trained;

/// Shares of T that the strips show.
const SHARES: [f64; 9] = [0.0, 0.05, 0.15, 0.25, 0.35, 0.5, 0.65, 0.8, 1.0];

/// A held-out picture on its way to noise, above a sample on its way from noise.
pub fn diffprocess(trained: &Trained) -> Result<Figure> {
    let mut shown: Vec<usize> = SHARES.iter().map(|&share| time_at(trained, share)).collect();
    shown.dedup();
    let strip = |states: &[Tensor]| -> Result<Strip> {
        Ok(Strip::new(all_pictures(states)?).labels(shown.iter().map(|&t| time_label(t))))
    };
    let forward = strip(&forward_states(trained, &held_out(trained, 1)?, &shown))?.arrow_labels(["$q(x_t | x_{t-1})$"]);
    let reverse = strip(&reverse_states(trained, &shown))?.backward().arrow_labels([r"$p_\theta(x_{t-1} | x_t)$"]);
    Ok(Figure::new()
        .title("Noise step by step, and back")
        .panel(Cell::new(forward).title("Forward process on a held-out picture"))
        .panel(Cell::new(reverse).title("Reverse process of the trained model"))
        .caption(format!(
            "Each strip is one path of its Markov chain, not separate draws; the reverse one is sample 0 of the seed in all {} steps. {}",
            trained.process.schedule.steps(),
            provenance(trained)
        )))
}

/// x_t at the rising times `shown`: of a held-out picture on its way to noise, and of a sample on its way from noise.
pub fn chains(trained: &Trained, shown: &[usize]) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
    Ok((forward_states(trained, &held_out(trained, 1)?, shown), reverse_states(trained, shown)))
}

/// One path of the forward chain from `x0`, at rising times.
fn forward_states(trained: &Trained, x0: &Tensor, shown: &[usize]) -> Vec<Tensor> {
    let (mut x, mut now) = (x0.shallow_clone(), 0);
    let mut state = |&t: &usize| {
        if t > now {
            let kernel = trained.process.schedule.transition(now, t);
            x = &x * kernel.scale + forward_noise(trained, t as u64) * kernel.variance.sqrt();
            now = t;
        }
        x.shallow_clone()
    };
    shown.iter().map(&mut state).collect()
}
