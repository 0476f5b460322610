//! Interpolation between two pictures in the space of x_t.

use anyhow::Result;
use ddpm::interpolate::mix;
use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_plot::style::{BLUE, GREEN, VERMILION};
use easel_plot::{Cell, Diagram, Figure, ImageGrid, Picture};
use tch::Tensor;

use super::common::{all_pictures, chain_length, forward_noise, held_out, provenance, time_at, times};
use crate::papers::ddpm::generate::sampler;
use crate::papers::ddpm::trained::Trained;
use crate::tensors::pictures;

/// Weights $\lambda$ of the second picture; the ends are reconstructions.
const LAMBDAS: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// Pairs of pictures in figure 8.
const PAIRS: usize = 5;
/// Shares of T in figure 9: T = 1000 gives the paper's depths.
const DEPTHS: [f64; 9] = [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0];

/// Pairs of pictures mixed at one depth.
struct Mixtures {
    /// $(1-\lambda)x_t+\lambda x'_t$ of each pair, `[LAMBDAS, C, H, W]`.
    x_t: Vec<Tensor>,
    /// The same carried back to t = 0.
    x_0: Vec<Tensor>,
    /// Steps of the reverse chain.
    visited: usize,
}

/// Mixes `pairs` at time `depth` and runs the reverse chain; the noise of a step is the same for all $\lambda$ of a pair.
fn interpolate(trained: &Trained, pairs: &[(Tensor, Tensor)], depth: usize, times: &[usize]) -> Mixtures {
    let schedule = &trained.process.schedule;
    let noised = pairs.iter().enumerate();
    let x_t: Vec<Tensor> =
        noised.map(|(p, (x, y))| mix(schedule, x, y, depth, &forward_noise(trained, p as u64), &LAMBDAS)).collect();
    let stream = Noise::new(trained.config.seed).purpose("figure/interpolation");
    let noise = |k: u64| {
        let own =
            normal_tensor(&stream, times.len() as u64 - k, 0..pairs.len() as u64, &trained.picture(), trained.device);
        own.repeat_interleave_self_int(LAMBDAS.len() as i64, 0, None)
    };
    let denoise = |x: &Tensor, t: f64| trained.model.at(x, t, None);
    let x_0 = sampler(trained, times).run(&denoise, Tensor::cat(&x_t, 0), noise, |_| ());
    let x_0 = x_0.split(LAMBDAS.len() as i64, 0);
    Mixtures { x_t, x_0, visited: times.len() }
}

/// Pairs of held-out pictures.
fn pairs(trained: &Trained, count: usize) -> Result<Vec<(Tensor, Tensor)>> {
    let all = held_out(trained, 2 * count)?;
    let one = |i: usize| all.narrow(0, i as i64, 1);
    Ok((0..count).map(|p| (one(2 * p), one(2 * p + 1))).collect())
}

/// A row of the grid: source, mixtures, source.
fn row(pair: &(Tensor, Tensor), mixtures: &Tensor) -> Result<Vec<Picture>> {
    all_pictures(&[pair.0.shallow_clone(), mixtures.shallow_clone(), pair.1.shallow_clone()])
}

fn column_labels() -> Vec<String> {
    let mut labels = vec!["source".to_string()];
    labels.extend(LAMBDAS.map(|l| if l == 0.0 || l == 1.0 { "rec.".to_string() } else { format!("{l}") }));
    labels.push("source".into());
    labels
}

/// Figure 8 of Ho et al. 2020: how it works, and pairs of pictures at half depth.
pub fn ddpm_interpol(trained: &Trained) -> Result<Figure> {
    let (pairs, depth) = (pairs(trained, PAIRS)?, time_at(trained, 0.5).max(1));
    let m = interpolate(trained, &pairs, depth, &times(depth, PAIRS * LAMBDAS.len())?);
    let rows = pairs.iter().zip(&m.x_0).map(|(pair, x_0)| row(pair, x_0)).collect::<Result<Vec<_>>>()?;
    let grid = ImageGrid::new(rows.concat(), LAMBDAS.len() + 2).tile(84.0).column_labels(column_labels());
    Ok(Figure::new()
        .title("Interpolation through noise")
        .panel(Cell::new(schematic(&pairs[0], &m)?).title("(a) Two pictures are noised, mixed, and carried back to the pictures that the model knows"))
        .panel(Cell::new(grid).title(r"(b) Mixtures $(1 - \lambda) x_t + \lambda x'_t$ carried back; numbers are $\lambda$"))
        .caption(format!(
            "After Fig. 8 of Ho et al. 2020. Depth $t = {depth}$, reverse chain in {}. Both pictures get the same forward noise, and all \
             $\\lambda$ of a pair the same reverse noise. (a) shows the first pair at $\\lambda = 0.5$. Sources are held-out pictures; rec.: their reconstructions. {}",
            chain_length(m.visited, depth),
            provenance(trained)
        )))
}

/// Sources, noised sources, their mixture and its way back, beside the mixture of pixels.
fn schematic((x, y): &(Tensor, Tensor), m: &Mixtures) -> Result<Diagram> {
    let half = (LAMBDAS.len() / 2) as i64;
    let last = LAMBDAS.len() as i64 - 1;
    let one = |all: &Tensor, i: i64| all.narrow(0, i, 1);
    let shown = [
        x.shallow_clone(),
        y.shallow_clone(),
        one(&m.x_t[0], 0),
        one(&m.x_t[0], last),
        one(&m.x_t[0], half),
        one(&m.x_0[0], half),
        (x + y) * 0.5,
    ];
    let mut pictures = pictures(&Tensor::cat(&shown, 0))?.into_iter();
    let mut d = Diagram::new().unit(80.0);
    let mut node = |x: f64, y: f64, label: &str| pictures.next().map(|picture| d.picture(x, y, 1.4, picture, label));
    let nodes = [
        node(1.0, 1.0, "$x_0$"),
        node(1.0, 3.4, "$x'_0$"),
        node(4.2, 1.0, "$x_t$"),
        node(4.2, 3.4, "$x'_t$"),
        node(7.4, 2.2, r"$\bar{x}_t$"),
        node(11.0, 2.2, r"$\bar{x}_0$"),
        node(13.8, 2.2, "pixels mixed,\nfor comparison"),
    ];
    let [Some(x0), Some(y0), Some(xt), Some(yt), Some(mixed), Some(back), Some(_)] = nodes else {
        unreachable!("seven pictures were given")
    };
    d.arrow(x0, xt).label("$q(x_t | x_0)$").color(VERMILION).dashed();
    d.arrow(y0, yt).label("$q(x_t | x_0)$").color(VERMILION).dashed();
    d.arrow(xt, mixed).label(r"$1 - \lambda$").color(GREEN);
    d.arrow(yt, mixed).label(r"$\lambda$").below().color(GREEN);
    d.arrow(mixed, back).label(r"$p_\theta(x_0 | x_t)$").color(BLUE);
    Ok(d)
}

/// Figure 9 of Ho et al. 2020: one pair at nine depths.
pub fn ddpm_interpol_result(trained: &Trained) -> Result<Figure> {
    let pairs = pairs(trained, 1)?;
    let depths: Vec<usize> = DEPTHS.iter().map(|&share| time_at(trained, share)).collect();
    let pictures_a_step = (LAMBDAS.len() as f64 * DEPTHS.iter().sum::<f64>()).ceil() as usize;
    let kept = times(depths[0], pictures_a_step)?;
    let mut tiles = Vec::new();
    for &depth in &depths {
        // The deeper chain's times, ending here.
        let mut own: Vec<usize> = kept.iter().copied().filter(|&t| t < depth).collect();
        own.extend((depth > 0).then_some(depth));
        let m = interpolate(trained, &pairs, depth, &own);
        tiles.extend(row(&pairs[0], &m.x_0[0])?);
    }
    let labels = depths.iter().map(|t| format!("{t} steps"));
    let grid = ImageGrid::new(tiles, LAMBDAS.len() + 2).tile(78.0).column_labels(column_labels()).row_labels(labels);
    Ok(Figure::new()
        .title("Interpolation at different depths of diffusion")
        .panel(grid)
        .caption(format!(
            "After Fig. 9 of Ho et al. 2020. Rows: how far both held-out pictures were noised before mixing; the bottom row mixes pixels. \
             Columns: source, reconstruction, weights $\\lambda$ of the right picture, reconstruction, source. The deepest chain takes {}, the others \
             those of its steps that remain. One forward noise for both sources and all depths, one reverse noise for all $\\lambda$. {}",
            chain_length(kept.len(), depths[0]),
            provenance(trained)
        )))
}
