//! Samples, and whether they are copies of training pictures.

use anyhow::{Context, Result};
use easel_data::{Dataset, Split};
use easel_plot::{Cell, Chart, Figure, ImageGrid, Rows, Series};
use tch::{Device, Tensor};

use super::common::{BUDGET, all_pictures, held_out, provenance, times, total};
use crate::neighbours::{Nearest, nearest};
use crate::papers::ddpm::data;
use crate::papers::ddpm::generate::{Chain, generate};
use crate::papers::ddpm::trained::Trained;
use crate::tensors::{all_images, pictures, to_unit};

const SAMPLES: usize = 64;
const COLUMNS: usize = 8;
/// Samples whose neighbours are shown.
const SHOWN: usize = 8;
const NEIGHBOURS: usize = 2;

/// A grid of samples, the nearest training pictures of some, and the distances of all beside those of held-out pictures.
pub fn ddpm_uncond(trained: &Trained) -> Result<Figure> {
    let (seed, settings) = (trained.config.seed, &trained.config.evaluate);
    let plan = if settings.times * SAMPLES <= BUDGET {
        Chain::of(trained, None, seed)?
    } else {
        Chain { times: times(total(trained), SAMPLES)?, ..Chain::of(trained, None, seed)? }
    };
    let samples = generate(trained, &plan, SAMPLES)?.clamp(-1.0, 1.0).to_device(Device::Cpu);
    let (train, test) = (data(&trained.config, Split::Train)?, data(&trained.config, Split::Test)?);
    let others = held_out(trained, test.len().min(4 * SAMPLES))?;
    let (ours, theirs) = (nearest(&samples, &train, NEIGHBOURS)?, nearest(&others, &train, NEIGHBOURS)?);
    let grid = ImageGrid::new(pictures(&samples)?, COLUMNS).tile(70.0).gap(3.0);
    Ok(Figure::new()
        .title("Unconditional samples")
        .row([
            Cell::new(Rows::new().panel(Cell::new(grid).title(format!("(a) {SAMPLES} samples")))),
            Cell::new(
                Rows::new()
                    .panel(Cell::new(neighbour_grid(&samples, &ours, &train)?).title("(b) Nearest training pictures of the first row"))
                    .panel(Cell::new(distances(&ours, &theirs)?).title("(c) Distance to the nearest training picture")),
            ),
        ])
        .caption(format!(
            "Samples 0 to {} of the seed, not selected, in {} of {} steps{}. Distances are root mean squared differences of pixels on the scale 0 to 255, \
             given under the neighbours; a copy would have 0. {}",
            SAMPLES - 1,
            plan.times.len(),
            total(trained),
            if plan.scale == 1.0 { String::new() } else { format!(", autoguided with $w = {}$", plan.scale) },
            provenance(trained)
        )))
}

fn neighbour_grid(samples: &Tensor, nearest: &[Nearest], train: &Dataset) -> Result<ImageGrid> {
    let images = all_images(train);
    let ranks = nearest[0].len();
    let mut rows = vec![samples.narrow(0, 0, SHOWN as i64)];
    let mut captions: Vec<String> = (0..SHOWN).map(|k| format!("#{k}")).collect();
    for rank in 0..ranks {
        for near in &nearest[..SHOWN] {
            let (distance, index) = near.get(rank).context("a sample without neighbours")?;
            rows.push(to_unit(&images.narrow(0, *index as i64, 1)));
            captions.push(format!("{distance:.0}"));
        }
    }
    let names = ["sample", "nearest", "second"];
    Ok(ImageGrid::new(all_pictures(&rows)?, SHOWN).tile(60.0).row_labels(names[..=ranks].to_vec()).captions(captions))
}

/// Histograms of the least distances, as shares.
fn distances(ours: &[Nearest], theirs: &[Nearest]) -> Result<Chart> {
    let least = |all: &[Nearest]| -> Result<Vec<f64>> {
        all.iter().map(|near| Ok(near.first().context("an empty training set")?.0)).collect()
    };
    let (ours, theirs) = (least(ours)?, least(theirs)?);
    let top = ours.iter().chain(&theirs).copied().fold(1.0, f64::max).ceil();
    let bins = 24;
    let edges: Vec<f64> = (0..=bins).map(|k| top * k as f64 / bins as f64).collect();
    let outline = |values: &[f64]| -> Vec<f64> {
        let mut share = vec![0.0; bins];
        for v in values {
            share[((v / top * bins as f64) as usize).min(bins - 1)] += 100.0 / values.len() as f64;
        }
        share
    };
    Ok(Chart::new("distance", "share (%)")
        .series(
            Series::histogram(format!("{} held-out pictures", theirs.len()), &edges, &outline(&theirs))
                .color(easel_plot::style::AXIS),
        )
        .series(steps(format!("{} samples", ours.len()), &edges, &outline(&ours)))
        .height(290.0))
}

/// The outline of a histogram.
fn steps(name: String, edges: &[f64], heights: &[f64]) -> Series {
    let x: Vec<f64> = edges.windows(2).flat_map(|w| [w[0], w[1]]).collect();
    let y: Vec<f64> = heights.iter().flat_map(|&h| [h, h]).collect();
    Series::line(name, &x, &y).color(easel_plot::style::VERMILION)
}
