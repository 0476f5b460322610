//! Games whose solution is known: Fig. 1 of the paper, and its like in the plane.

use anyhow::Result;
use easel_plot::style::{AXIS, BLUE, GREEN, VERMILION};
use easel_plot::{Cell, Chart, Figure, Heat, Rows, Series};
use gan::game::{jensen_shannon, optimal_discriminator};
use gan::toy::{Toy, ToyConfig, modes_covered, pushforward};
use ndarray::{Array2, Axis};

use super::super::trained::Trained;

/// Rounds at which the line is looked at.
const LINE_ROUNDS: [u64; 4] = [5, 75, 200, 1000];
/// A smoke run plays one round of so many.
const SMOKE_SHARE: u64 = 100;
/// Points of z that carry p_g exactly.
const POINTS: usize = 20_001;
const BINS: usize = 300;
/// What of the line is shown.
const SHOWN: (f64, f64) = (-0.5, 7.0);
/// Arrows from z to x.
const ARROWS: usize = 25;

/// `count` numbers from `from` to `to`.
fn spread(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..count).map(|k| from + (to - from) * k as f64 / (count - 1) as f64).collect()
}

fn column(values: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn((values.len(), 1), |(k, _)| values[k])
}

/// Rounds of a game as the preset asks: a smoke run's are few.
fn rounds(trained: &Trained, all: [u64; 4]) -> [u64; 4] {
    let share = if trained.config.preset == "smoke" { SMOKE_SHARE } else { 1 };
    all.map(|round| round.div_ceil(share))
}

/// Four times of the game on the line.
pub fn line(trained: &Trained) -> Result<Figure> {
    let at = rounds(trained, LINE_ROUNDS);
    let config = ToyConfig { steps: at[3], ..ToyConfig::line() };
    let mut toy = Toy::new(&config, 0)?;
    let mut cells = Vec::new();
    for (k, round) in at.into_iter().enumerate() {
        while toy.steps() < round {
            toy.play()?;
        }
        cells.push(moment(&toy, &config, k)?);
    }
    let below = cells.split_off(2);
    Ok(Figure::new().title("A game on the line: D chases D*, and G climbs D").row(cells).row(below).caption(format!(
        "After Fig. 1 of Goodfellow et al. 2014. $p_{{data}}$ is N(4, 0.5$^2$); $z$ is uniform on (-1, 1), and arrows below \
         show where G takes it. $p_g$ is computed from G without noise, $D^* = p_{{data}} / (p_{{data}} + p_g)$ from both; \
         where neither has mass D is free, and $D^*$ is not drawn. A round is {} updates of D and one of G; with one of each \
         D lags behind and $p_g$ stays a narrow peak.",
        config.k
    )))
}

/// Densities, D and D* above, the map from z below.
fn moment(toy: &Toy, config: &ToyConfig, k: usize) -> Result<Cell> {
    let (low, high) = SHOWN;
    let x = toy.generate(&column(&spread(-1.0, 1.0, POINTS)));
    let edges = spread(low, high, BINS + 1);
    let width = edges[1] - edges[0];
    let centres: Vec<f64> = edges.windows(2).map(|e| 0.5 * (e[0] + e[1])).collect();
    let mass = pushforward(x.as_slice().unwrap_or_default(), &edges);
    let fake: Vec<f64> = mass.iter().map(|m| m / width).collect();
    let real = config.target.density(column(&centres).view()).to_vec();
    let d = toy.discriminate(&column(&centres));
    // The divergence of what lies in the bins, and of the rest on either side as one point each.
    let whole = |inside: Vec<f64>| -> Vec<f64> {
        let rest = (1.0 - inside.iter().sum::<f64>()).max(0.0);
        inside.into_iter().chain([rest]).collect()
    };
    let divergence = jensen_shannon(&whole(real.iter().map(|p| p * width).collect()), &whole(mass));
    let known = centres.iter().zip(real.iter().zip(&fake)).filter(|(_, (p, q))| *p + *q > 1e-3);
    let (at, star): (Vec<f64>, Vec<f64>) = known.map(|(x, (p, q))| (*x, optimal_discriminator(*p, *q))).unzip();
    let densities = Chart::new("", "")
        .range_x(low..high)
        .range_y(0.0..1.3)
        .series(Series::line("$p_{data}$", &centres, &real).color(AXIS).dashed())
        .series(Series::line("$p_g$", &centres, &fake).color(GREEN).filled())
        .series(Series::line("$D$", &centres, &d).color(BLUE))
        .series(Series::line("$D^*$", &at, &star).color(VERMILION).dashed())
        .height(300.0);
    let z = spread(-1.0, 1.0, ARROWS);
    let ends = toy.generate(&column(&z));
    let foot: Vec<f64> = z.iter().map(|z| 0.5 * (low + high) + 0.5 * (high - low) * z).collect();
    let across: Vec<f64> = ends.iter().zip(&foot).map(|(x, foot)| x.clamp(low, high) - foot).collect();
    let map = Chart::new("$z$ (below) to $x$ (above)", "")
        .range_x(low..high)
        .range_y(0.0..1.0)
        .series(Series::arrows("", &foot, &[0.02; ARROWS], &across, &[0.96; ARROWS]).color(GREEN))
        .height(150.0);
    let letter = ["a", "b", "c", "d"][k];
    let title = format!("({letter}) Round {}: JSD = {divergence:.3}", toy.steps());
    Ok(Cell::new(Rows::new().panel(densities).panel(map)).title(title))
}

/// Rounds at which the ring is looked at.
const RING_ROUNDS: [u64; 4] = [100, 500, 1500, 4000];
const MODES: usize = 8;
/// Fakes shown, and counted.
const SAMPLES: usize = 500;
const COUNTED: usize = 4000;
/// A sample belongs to a mode within three of its deviations.
const NEAR: f64 = 0.45;
/// Half the side of what is shown.
const REACH: f64 = 3.2;
/// Cells of a map of D, along each axis.
const CELLS: usize = 64;

/// Four times of the game on the circle.
pub fn ring(trained: &Trained) -> Result<Figure> {
    let at = rounds(trained, RING_ROUNDS);
    let config = ToyConfig { steps: at[3], ..ToyConfig::ring(MODES) };
    let mut toy = Toy::new(&config, 0)?;
    let means = Array2::from_shape_fn((MODES, 2), |(k, axis)| {
        let angle = 2.0 * std::f64::consts::PI * k as f64 / MODES as f64;
        2.0 * if axis == 0 { angle.cos() } else { angle.sin() }
    });
    let real = config.target.sample(&easel_core::Noise::new(0).purpose("ring/real"), 0, 0, SAMPLES);
    let axis = |points: &Array2<f64>, k: usize| points.index_axis(Axis(1), k).to_vec();
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for round in at {
        while toy.steps() < round {
            toy.play()?;
        }
        let fakes = toy.samples(COUNTED);
        let (modes, near) = modes_covered(&fakes, &means, NEAR, 0.02);
        let shown = fakes.view().split_at(Axis(0), SAMPLES).0.to_owned();
        let chart = Chart::new("", "")
            .range_x(-REACH..REACH)
            .range_y(-REACH..REACH)
            .equal_aspect()
            .series(Series::points("data", &axis(&real, 0), &axis(&real, 1)).color(AXIS))
            .series(Series::points("fakes", &axis(&shown, 0), &axis(&shown, 1)).color(VERMILION));
        above.push(Cell::new(chart).title(format!("{round}: {modes} modes, {:.0} %", 100.0 * near)));
        let place = |k: usize| REACH * (2.0 * (k as f64 + 0.5) / CELLS as f64 - 1.0);
        let points =
            Array2::from_shape_fn((CELLS * CELLS, 2), |(k, axis)| place(if axis == 0 { k % CELLS } else { k / CELLS }));
        let d = toy.discriminate(&points);
        let span = -REACH..REACH;
        let heat = Heat::new("$D(x)$", span.clone(), span.clone(), CELLS, CELLS, &d);
        below.push(Cell::new(Chart::new("", "").heat(heat).range_x(span.clone()).range_y(span).equal_aspect()));
    }
    Ok(Figure::new().title("A game in the plane: eight Gaussians on a circle").row(above).row(below).caption(format!(
        "Above: {SAMPLES} points of data and of fakes; in the titles the round, how many of the {MODES} modes hold at least 2 % \
         of {COUNTED} fakes, and the share within three deviations of a mode. Below: D over the plane, each with its own scale. The same \
         losses as on the line; a round is {} updates of D and one of G; $z$ has {} numbers.",
        config.k, config.latent
    )))
}
