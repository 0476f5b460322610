//! The same noise under different scales of autoguidance.

use anyhow::Result;
use easel_plot::{Figure, ImageGrid};
use tch::Tensor;

use super::common::{BUDGET, all_pictures, provenance, times, total};
use crate::papers::ddpm::generate::{Chain, continue_chain, start};
use crate::papers::ddpm::trained::Trained;

/// Samples of a row.
const SAMPLES: u64 = 12;
/// Rows: the weak network alone, the model alone, the model's own scale and one above.
const ROWS: usize = 4;

/// Samples of the weak network, of the model, and of the model guided away from the weak network.
pub fn ddpm_autoguidance(trained: &Trained) -> Result<Figure> {
    let (seed, own) = (trained.config.seed, trained.config.scale());
    let mut scales = if trained.weak.is_some() { vec![0.0, 1.0, own, own + 1.0] } else { vec![1.0] };
    scales.dedup();
    let pictures = ROWS * SAMPLES as usize;
    let chain = if trained.config.evaluate.times * pictures <= BUDGET {
        Chain::of(trained, None, seed)?
    } else {
        Chain::plain(times(total(trained), pictures)?, seed)
    };
    let row = |&scale: &f64| {
        let x = start(trained, 0..SAMPLES, seed);
        continue_chain(trained, &Chain { scale, ..chain.clone() }, x, 0..SAMPLES, |_| ())
    };
    let rows: Vec<Tensor> = scales.iter().map(row).collect();
    let names = scales.iter().map(|&w| match w {
        0.0 => "weak network".to_string(),
        1.0 => "model alone".to_string(),
        w => format!("$w = {w}$"),
    });
    let weak = match trained.config.weak() {
        Some(weak) => format!(
            "The weak network has {} channels a level and {} training steps, where the model has {} and {}.",
            list(&weak.model.unet.levels),
            weak.steps.steps,
            list(&trained.config.model.unet.levels),
            trained.config.steps.steps
        ),
        None => "This run trained no weak network.".into(),
    };
    Ok(Figure::new()
        .title("Guided by what a weaker network does worse")
        .panel(ImageGrid::new(all_pictures(&rows)?, SAMPLES as usize).tile(70.0).row_labels(names))
        .caption(format!(
            "Karras et al. 2024: $w$ times the model's output and $1-w$ times the weak network's. A column starts from the same noise and draws the \
             same noise; samples 0 to {} of the seed, not selected, in {} of {} steps. {weak} {}",
            SAMPLES - 1,
            chain.times.len(),
            total(trained),
            provenance(trained)
        )))
}

fn list(channels: &[i64]) -> String {
    channels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
