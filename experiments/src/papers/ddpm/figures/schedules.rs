//! Noise schedules.

use anyhow::Result;
use easel_core::schedule::BETA_CAP;
use easel_core::{NoiseSchedule, ScheduleConfig};
use easel_plot::{Cell, Chart, Figure, ImageGrid, Series};

use super::common::{all_pictures, forward_noise, held_out, total};
use crate::papers::ddpm::trained::Trained;

/// Times of the strips, as eighths of T.
const EIGHTHS: usize = 8;

/// A schedule of the comparison.
struct Shown {
    name: &'static str,
    /// Its parameters and source, for the caption.
    words: &'static str,
    schedule: NoiseSchedule,
}

/// The schedules, the ends of their betas scaled by 1000 / T; those that do not exist at this T are left out.
fn schedules(steps: usize) -> Vec<Shown> {
    let scale = 1000.0 / steps as f64;
    let ends = |first: f64, last: f64| (scale * first, scale * last);
    let (stable, ho) = (ends(0.00085, 0.012), ends(1e-4, 0.02));
    let all = [
        ("linear", "$\\beta$ from $10^{-4}$ to 0.02 (Ho et al. 2020)", ScheduleConfig::Linear {}),
        ("cosine", "$s = 0.008$ (Nichol and Dhariwal 2021)", ScheduleConfig::Cosine { s: 0.008, beta_cap: BETA_CAP }),
        (
            "scaled linear",
            "√$\\beta$ linear, $\\beta$ from 0.00085 to 0.012 (Rombach et al. 2022)",
            ScheduleConfig::ScaledLinear { beta_first: stable.0, beta_last: stable.1 },
        ),
        (
            "sigmoid",
            "a logistic $\\beta$ from $10^{-4}$ to 0.02",
            ScheduleConfig::Sigmoid { beta_first: ho.0, beta_last: ho.1 },
        ),
        ("square root", "$s = 10^{-4}$ (Li et al. 2022)", ScheduleConfig::Sqrt { s: 1e-4 }),
    ];
    let exists = |(name, words, config): (_, _, ScheduleConfig)| {
        Some(Shown { name, words, schedule: config.build(steps).ok()? })
    };
    all.into_iter().filter_map(exists).collect()
}

/// Signal, signal-to-noise ratio and posterior variance of five schedules, and one picture under the first two.
pub fn ddpm_schedules(trained: &Trained) -> Result<Figure> {
    let steps = total(trained);
    let all = schedules(steps);
    let share: Vec<f64> = (0..=steps).map(|t| t as f64 / steps as f64).collect();
    let curve = |chart: Chart, first: usize, f: &dyn Fn(&NoiseSchedule, usize) -> f64| {
        all.iter().fold(chart, |chart, shown| {
            let y: Vec<f64> = (first..=steps).map(|t| f(&shown.schedule, t)).collect();
            chart.series(Series::line(shown.name, &share[first..], &y))
        })
    };
    let signal = curve(Chart::new("$t / T$", r"$\bar{\alpha}_t$"), 0, &|s, t| s.alpha_bar(t));
    let ratio = curve(Chart::new("$t / T$", "log SNR").range_y(-12.0..12.0), 1, &|s, t| s.log_snr(t));
    let variance = Chart::new("$t / T$", r"$\tilde{\beta}_t / \beta_t$").log_x();
    let variance = curve(variance, 1, &|s, t| s.posterior(t - 1, t).variance / s.beta(t));
    let words: Vec<String> = all.iter().map(|shown| format!("{}: {}", shown.name, shown.words)).collect();
    Ok(Figure::new()
        .title("Noise schedules")
        .row([
            Cell::new(signal.height(400.0)).title("(a) Signal left"),
            Cell::new(ratio.height(400.0)).title("(b) Signal-to-noise ratio"),
            Cell::new(variance.height(400.0)).title("(c) Posterior variance"),
        ])
        .panel(Cell::new(strips(trained, &all)?).title("(d) One picture with one noise"))
        .caption(format!(
            "$T = {steps}$; {}. The ends of $\\beta$ hold for $T = 1000$ and are scaled by $1000 / T$. \
             (d): a held-out picture of {}, noise of seed {}.",
            words.join("; "),
            easel_plot::text::literal(&trained.config.data),
            trained.config.seed
        )))
}

/// x_t at eighths of T, a row for each of the first two schedules, all with the same noise.
fn strips(trained: &Trained, all: &[Shown]) -> Result<ImageGrid> {
    let (x0, epsilon, steps) = (held_out(trained, 1)?, forward_noise(trained, 0), total(trained));
    let mut tiles = Vec::new();
    for Shown { schedule: s, .. } in all.iter().take(2) {
        for k in 0..=EIGHTHS {
            let t = (k * steps + EIGHTHS / 2) / EIGHTHS;
            tiles.push(&x0 * s.sqrt_alpha_bar(t) + &epsilon * s.sqrt_one_minus_alpha_bar(t));
        }
    }
    let columns =
        (0..=EIGHTHS).map(|k| if k == 0 { "$t / T = 0$".into() } else { format!("{}", k as f64 / EIGHTHS as f64) });
    let names: Vec<&str> = all.iter().take(2).map(|shown| shown.name).collect();
    Ok(ImageGrid::new(all_pictures(&tiles)?, EIGHTHS + 1).tile(112.0).row_labels(names).column_labels(columns))
}
