//! A mixture of Gaussians under the forward process and its exact reversal: no network is asked.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use anyhow::Result;
use easel_core::noise::Stream;
use easel_core::{GaussianMixture, Noise, NoiseSchedule};
use easel_plot::style::{VERMILION, sequential};
use easel_plot::{Cell, Chart, Color, Figure, Heat, ImageGrid, Picture, Series};
use ndarray::{Array1, Array2, Array3, Axis, array};

use super::common::time_at;
use crate::papers::ddpm::trained::Trained;

/// Shares of T that the plane is shown at.
const SHARES: [f64; 6] = [0.0, 0.05, 0.2, 0.5, 0.75, 1.0];
/// Points in the plane.
const POINTS: usize = 250;
/// Paths on the line.
const PATHS: usize = 6;
/// Times at which a path is recorded.
const RECORDED: usize = 150;
/// Half the side of what is shown.
const REACH: f64 = 2.8;
/// Cells a side of a shown density.
const CELLS: usize = 176;

/// Five petals in the plane, of unit variance in all directions together.
fn petals() -> Result<GaussianMixture> {
    let angle = |k: usize| 2.0 * PI * k as f64 / 5.0 + PI / 2.0;
    let means = Array2::from_shape_fn((5, 2), |(k, d)| 1.32 * if d == 0 { angle(k).cos() } else { angle(k).sin() });
    let covariances = Array3::from_shape_fn((5, 2, 2), |(k, r, c)| {
        let out = [angle(k).cos(), angle(k).sin()];
        let across = [-out[1], out[0]];
        0.30f64.powi(2) * out[r] * out[c] + 0.14f64.powi(2) * across[r] * across[c]
    });
    Ok(GaussianMixture::new(Array1::ones(5).view(), means.view(), covariances.view())?)
}

/// Two unequal modes on the line.
fn modes() -> Result<GaussianMixture> {
    Ok(GaussianMixture::isotropic(array![0.4, 0.6].view(), array![[-1.2], [0.9]].view(), array![0.2, 0.25].view())?)
}

/// The morphing density in the plane and on the line, with paths both ways.
pub fn diff_transform(trained: &Trained) -> Result<Figure> {
    let (schedule, noise) = (&trained.process.schedule, Noise::new(trained.config.seed));
    let steps = schedule.steps();
    let shown = SHARES.map(|share| time_at(trained, share));
    let plane = petals()?;
    let forward = forward(&plane, schedule, &noise.purpose("transform/forward"), POINTS, &shown);
    let reverse = reverse(&plane, schedule, &noise.purpose("transform/reverse"), POINTS, &shown);
    let density = |t: usize| plane.diffuse(schedule.alpha_bar(t));
    let mut tiles = shown.iter().map(|&t| tile(&density(t), &Array2::zeros((0, 2)))).collect::<Result<Vec<_>>>()?;
    for states in [&forward, &reverse] {
        for t in &shown {
            tiles.push(tile(&density(*t), &states[t])?);
        }
    }
    let columns = SHARES.iter().map(|share| if *share == 0.0 { "$t / T = 0$".into() } else { format!("{share}") });
    let grid = ImageGrid::new(tiles, SHARES.len())
        .tile(CELLS as f64)
        .row_labels(["$q(x_t)$", "forward →", "← reverse"])
        .column_labels(columns);

    let line = modes()?;
    let mut recorded: Vec<usize> = (0..=RECORDED).map(|k| (k * steps + RECORDED / 2) / RECORDED).collect();
    recorded.dedup();
    let there = self::forward(&line, schedule, &noise.purpose("transform/line/forward"), PATHS, &recorded);
    let back = self::reverse(&line, schedule, &noise.purpose("transform/line/reverse"), PATHS, &recorded);
    Ok(Figure::new()
        .title("From data to noise and back, exactly")
        .panel(Cell::new(grid).title("(a) Five Gaussians in the plane: exact density $q(x_t)$ and samples"))
        .row([
            Cell::new(paths(&line, schedule, &there)).title("(b) Forward paths of two Gaussians on the line"),
            Cell::new(paths(&line, schedule, &back)).title("(c) Reverse paths with the exact denoiser"),
        ])
        .caption(format!(
            "Colours: the exact density, in (a) relative to its maximum at that time. Forward: $q(x_t | x_{{t-1}})$. Reverse: \
             $x_T \\sim N(0, I)$, then the ancestral chain in all {steps} steps with $E[x_0 | x_t]$ of the mixture in place of a network. \
             {POINTS} points, {PATHS} paths, seed {}; schedule of preset {}.",
            trained.config.seed,
            easel_plot::text::literal(&trained.config.preset)
        )))
}

/// States `[N, D]` at the times of a chain that are shown.
type States = BTreeMap<usize, Array2<f64>>;

fn normals(stream: &Stream, step: usize, count: usize, dimension: usize) -> Array2<f64> {
    let mut z = Array2::zeros((count, dimension));
    for (i, mut row) in z.axis_iter_mut(Axis(0)).enumerate() {
        let mut values = vec![0.0; dimension];
        stream.normal_f64(step as u64, i as u64, &mut values);
        row.assign(&Array1::from(values));
    }
    z
}

/// Paths of the forward chain at rising times, from samples of the mixture.
fn forward(
    mixture: &GaussianMixture,
    schedule: &NoiseSchedule,
    stream: &Stream,
    count: usize,
    shown: &[usize],
) -> States {
    let (mut x, mut now) = (mixture.sample(stream, 0, 0, count), 0);
    let mut states = States::from([(0, x.clone())]);
    for &t in shown.iter().filter(|&&t| t > 0) {
        if t > now {
            let kernel = schedule.transition(now, t);
            x = x * kernel.scale + normals(stream, t, count, mixture.dimension()) * kernel.variance.sqrt();
            now = t;
        }
        states.insert(t, x.clone());
    }
    states
}

/// Paths of the ancestral chain with the exact denoiser.
fn reverse(
    mixture: &GaussianMixture,
    schedule: &NoiseSchedule,
    stream: &Stream,
    count: usize,
    shown: &[usize],
) -> States {
    let steps = schedule.steps();
    let mut x = normals(stream, steps, count, mixture.dimension());
    let mut states = States::from([(steps, x.clone())]);
    for t in (1..=steps).rev() {
        let x0_hat = mixture.posterior_mean(x.view(), schedule.alpha_bar(t));
        let p = schedule.posterior(t - 1, t);
        x = x0_hat * p.x0 + x * p.x_t;
        if t > 1 {
            x = x + normals(stream, t - 1, count, mixture.dimension()) * p.variance.sqrt();
        }
        if shown.contains(&(t - 1)) {
            states.insert(t - 1, x.clone());
        }
    }
    states
}

/// A density as colours with points on it, two picture pixels for each cell.
fn tile(density: &GaussianMixture, points: &Array2<f64>) -> Result<Picture> {
    let side = 2 * CELLS;
    let at = |k: usize| REACH * (2.0 * (k as f64 + 0.5) / CELLS as f64 - 1.0);
    let cells = Array2::from_shape_fn((CELLS * CELLS, 2), |(k, d)| if d == 0 { at(k % CELLS) } else { -at(k / CELLS) });
    let values = density.density(cells.view());
    let top = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut pixels: Vec<Color> =
        (0..side * side).map(|k| sequential(values[(k / side / 2) * CELLS + k % side / 2] / top)).collect();
    let place = |v: f64| (v / REACH + 1.0) * CELLS as f64;
    for (radius, color) in [(5.0, easel_plot::style::WHITE), (3.5, VERMILION)] {
        for point in points.rows() {
            disc(&mut pixels, side, place(point[0]), place(-point[1]), radius, color);
        }
    }
    let bytes: Vec<u8> = pixels.iter().flat_map(|c| [c.0, c.1, c.2]).collect();
    Ok(Picture::from_u8(side, side, 3, &bytes)?)
}

/// Colours the pixels whose centres lie within `radius` of (x, y).
fn disc(pixels: &mut [Color], side: usize, x: f64, y: f64, radius: f64, color: Color) {
    let span = |c: f64| (c - radius).max(0.0) as usize..((c + radius + 1.0).max(0.0) as usize).min(side);
    for row in span(y) {
        for column in span(x) {
            if (column as f64 + 0.5 - x).hypot(row as f64 + 0.5 - y) <= radius {
                pixels[row * side + column] = color;
            }
        }
    }
}

/// The density over time and place, with paths on it.
fn paths(mixture: &GaussianMixture, schedule: &NoiseSchedule, states: &States) -> Chart {
    let (columns, rows) = (states.len(), 160);
    let at = |r: usize| REACH * (2.0 * (r as f64 + 0.5) / rows as f64 - 1.0);
    let grid = Array2::from_shape_fn((rows, 1), |(r, _)| at(r));
    let slices: Vec<Array1<f64>> =
        states.keys().map(|&t| mixture.diffuse(schedule.alpha_bar(t)).density(grid.view())).collect();
    let values: Vec<f64> = (0..rows).flat_map(|r| slices.iter().map(move |slice| slice[r])).collect();
    let heat = Heat::new("$q(x_t)$", 0.0..1.0, -REACH..REACH, rows, columns, &values);
    let share: Vec<f64> = states.keys().map(|&t| t as f64 / schedule.steps() as f64).collect();
    let count = states.values().next().map_or(0, |x| x.nrows());
    (0..count).fold(Chart::new("$t / T$", "$x_t$").heat(heat).height(380.0), |chart, i| {
        let path: Vec<f64> = states.values().map(|x| x[[i, 0]]).collect();
        chart.series(Series::line("", &share, &path))
    })
}
