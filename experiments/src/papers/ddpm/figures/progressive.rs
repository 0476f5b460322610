//! What a chain knows on its way: estimates of x_0, and samples that share x_t.

use anyhow::Result;
use easel_core::Noise;
use easel_plot::style::VERMILION;
use easel_plot::{Cell, Figure, ImageGrid};
use tch::Tensor;

use super::common::{all_pictures, chain_length, provenance, time_at, time_label, times, total};
use crate::papers::ddpm::generate::{Chain, continue_chain, start};
use crate::papers::ddpm::trained::Trained;

/// Samples whose estimates are shown.
const SAMPLES: u64 = 4;
/// Times at which they are shown.
const COLUMNS: usize = 11;
/// Samples from one x_t.
const SHARING: i64 = 9;
/// Shares of T at which x_t is shared.
const SHARES: [f64; 4] = [1.0, 0.75, 0.5, 0.25];

/// Figures 6 and 7 of Ho et al. 2020.
pub fn ddpm_progressive(trained: &Trained) -> Result<Figure> {
    let pictures_a_step = SAMPLES as f64 + SHARING as f64 * SHARES.iter().sum::<f64>();
    let plan = Chain::plain(times(total(trained), pictures_a_step.ceil() as usize)?, trained.config.seed);
    Ok(Figure::new()
        .title("Coarse first, fine last")
        .panel(Cell::new(estimates(trained, &plan)?).title(r"(a) Estimates $\hat{x}_0$ on the way from $x_T$ to $x_0$"))
        .panel(Cell::new(shared(trained, &plan)?).title("(b) Samples that share $x_t$, which is framed"))
        .caption(format!(
            "After Figs. 6 and 7 of Ho et al. 2020. (a) Samples 0 to {} of the seed: the model's $\\hat{{x}}_0$, from $x_t$ at the time above. (b) A row \
             continues the state of sample 0 at that time with {SHARING} different noises. Chains of {}. {}",
            SAMPLES - 1,
            chain_length(plan.times.len(), total(trained)),
            provenance(trained)
        )))
}

fn estimates(trained: &Trained, plan: &Chain) -> Result<ImageGrid> {
    let length = plan.times.len();
    // The step numbers that are shown, the first and the last among them.
    let mut shown: Vec<usize> = (0..COLUMNS).map(|c| c * (length - 1) / (COLUMNS - 1)).collect();
    shown.dedup();
    let (mut k, mut seen) = (0, Vec::new());
    let x = start(trained, 0..SAMPLES, plan.seed);
    let _ = continue_chain(trained, plan, x, 0..SAMPLES, |step| {
        if shown.contains(&k) {
            seen.push(step.x0_hat.shallow_clone());
        }
        k += 1;
    });
    // [samples, columns], so that a row is a sample.
    let tiles = Tensor::stack(&seen, 1).flatten(0, 1);
    let labels = shown.iter().map(|k| time_label(plan.times[length - 1 - k]));
    Ok(ImageGrid::new(all_pictures(&[tiles])?, shown.len()).tile(84.0).column_labels(labels))
}

fn shared(trained: &Trained, plan: &Chain) -> Result<ImageGrid> {
    // The visited time nearest to each share of T.
    let nearest = |share: f64| {
        let wanted = time_at(trained, share);
        plan.times.iter().copied().min_by_key(|t| t.abs_diff(wanted)).unwrap_or(wanted)
    };
    let depths = SHARES.map(nearest);
    let x = start(trained, 0..1, plan.seed);
    let mut states = vec![(total(trained), x.shallow_clone())];
    let _ = continue_chain(trained, plan, x, 0..1, |step| states.push((step.t, step.x.shallow_clone())));
    let mut rows = Vec::new();
    for depth in depths {
        let Some((_, x_t)) = states.iter().find(|(t, _)| *t == depth) else { continue };
        let times: Vec<usize> = plan.times.iter().copied().filter(|&t| t <= depth).collect();
        let seed = Noise::new(plan.seed).purpose("figure/sharing").below(depth as u64, 0, usize::MAX) as u64;
        let copies = x_t.repeat([SHARING, 1, 1, 1]);
        let ends = continue_chain(trained, &Chain::plain(times, seed), copies, 0..SHARING as u64, |_| ());
        rows.extend([x_t.shallow_clone(), ends]);
    }
    let columns = SHARING as usize + 1;
    let labels = depths.iter().map(|&t| time_label(t));
    let grid = ImageGrid::new(all_pictures(&rows)?, columns).tile(84.0).row_labels(labels);
    Ok((0..depths.len()).fold(grid, |grid, row| grid.frame(row * columns, VERMILION)))
}
