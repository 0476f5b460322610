//! The cosine schedule with u = t / T in integers, as found in public ports of the schedulers to Rust.

use anyhow::Result;
use easel_core::sampling::{NoiseLevel, State};
use easel_core::schedule::BETA_CAP;
use easel_core::tensor::normal_tensor;
use easel_core::{Noise, NoiseSchedule, Spacing};
use easel_plot::style::{BLUE, VERMILION};
use easel_plot::{Cell, Chart, Figure, ImageGrid, Series};
use tch::{Tensor, no_grad};

use crate::papers::ddpm::figures::provenance;
use crate::papers::ddpm::generate::{start, with_denoiser};
use crate::papers::ddpm::trained::Trained;
use crate::tensors::pictures;

const SAMPLES: usize = 8;
/// Most steps of the chains.
const STEPS: usize = 100;
/// The public code holds the variance above this; here the divisors are as well.
const SMALLEST: f64 = 1e-20;

/// $f(u) = \cos^2\big(\frac{u+s}{1+s}\frac\pi2\big)$, s = 0.008 (Nichol and Dhariwal 2021, eq. 17).
fn f(u: f64) -> f64 {
    ((u + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2)
}

/// Betas with `t / T` in integers: u is 0 for every t below T and 1 at T, so that every beta but the last is 0.
pub fn wrong_betas(steps: usize) -> Vec<f64> {
    let u = |t: usize| (t / steps) as f64;
    (0..steps).map(|t| (1.0 - f(u(t + 1)) / f(u(t))).min(BETA_CAP)).collect()
}

/// $\bar\alpha_0..\bar\alpha_T$ of betas.
pub fn alpha_bars(betas: &[f64]) -> Vec<f64> {
    let mut product = 1.0;
    std::iter::once(1.0)
        .chain(betas.iter().map(|beta| {
            product *= 1.0 - beta;
            product
        }))
        .collect()
}

/// Coefficients of $\hat x_0$ and $x_t$ in the posterior mean, and the variance (Ho et al. 2020, eq. 7), no divisor below
/// [`SMALLEST`]: without that they are 0/0 wherever no noise is left.
pub fn posterior(alpha_bar: &[f64], from: usize, to: usize) -> [f64; 3] {
    let (here, next) = (alpha_bar[from], alpha_bar[to]);
    let (beta, noise) = (1.0 - here / next, (1.0 - here).max(SMALLEST));
    let variance = ((1.0 - next) / noise * beta).max(SMALLEST);
    [next.sqrt() * beta / noise, (here / next).sqrt() * (1.0 - next) / noise, variance]
}

/// The ancestral chain on the schedule `alpha_bar` from the same noise: the states after its first step and at the end.
fn chain(trained: &Trained, alpha_bar: &[f64], times: &[usize]) -> [Tensor; 2] {
    let (seed, picture, samples) = (trained.config.seed, trained.picture(), 0..SAMPLES as u64);
    let stream = Noise::new(seed).purpose("sample/steps");
    let mut x = start(trained, samples.clone(), seed);
    let mut first = None;
    for (k, &t) in times.iter().enumerate().rev() {
        let next = if k == 0 { 0 } else { times[k - 1] };
        let level = NoiseLevel { t: t as f64, alpha: alpha_bar[t].sqrt(), sigma: (1.0 - alpha_bar[t]).sqrt() };
        let x0 = no_grad(|| with_denoiser(trained, |denoiser| denoiser.x0(&x, level)));
        let [of_x0, of_x, variance] = posterior(alpha_bar, t, next);
        let mut terms = vec![(of_x0, &x0), (of_x, &x)];
        let z = normal_tensor(&stream, k as u64, samples.clone(), &picture, trained.device);
        if next > 0 {
            terms.push((variance.sqrt(), &z));
        }
        x = Tensor::combine(&terms);
        first.get_or_insert_with(|| x.shallow_clone());
    }
    [first.unwrap_or_else(|| x.shallow_clone()), x]
}

/// Both schedules, and what the chain makes of the same noise under each.
pub fn cosine_bug(trained: &Trained) -> Result<Figure> {
    let steps = trained.process.schedule.steps();
    let right = NoiseSchedule::cosine(steps)?;
    let wrong = alpha_bars(&wrong_betas(steps));
    let times = Spacing::Even.times(steps, STEPS.min(steps))?;
    let share: Vec<f64> = (0..=steps).map(|t| t as f64 / steps as f64).collect();
    let chart = Chart::new("$t / T$", r"$\bar{\alpha}_t$")
        .series(Series::line("$u = t / T$", &share, right.alpha_bars()).color(BLUE))
        .series(Series::line("$u = t / T$ in integers", &share, &wrong).color(VERMILION))
        .height(330.0);
    let [_, good] = chain(trained, right.alpha_bars(), &times);
    let [once, end] = chain(trained, &wrong, &times);
    let rows = Tensor::cat(&[good, once, end], 0).clamp(-1.0, 1.0);
    let labels = ["right, at the end", "wrong, after one step", "wrong, at the end"];
    let grid = ImageGrid::new(pictures(&rows)?, SAMPLES).tile(70.0).gap(3.0).row_labels(labels);
    let last = wrong_betas(steps)[steps - 1];
    Ok(Figure::new()
        .title("The cosine schedule in integer arithmetic")
        .row([
            Cell::new(chart).title("(a) Signal left"),
            Cell::new(grid).title("(b) Ancestral samples from the same noise").weight(2.0),
        ])
        .caption(format!(
            "With $t$ and $T$ integers, $u = t / T$ is 0 for all $t < T$ and 1 at $T$: every $\\beta_t$ is 0 but the last, which is the cap {last}. \
             The first step then jumps to $\\hat{{x}}_0$ of pure noise, and in every later one $x_{{t-1}}$ has the coefficients 0/0. Public code with this \
             schedule holds only the variance above $10^{{-20}}$ and returns NaN; here the divisors are held there as well, both coefficients are 0, and \
             the result is grey. The network knows the right schedule; {} of {steps} steps. {}",
            times.len(),
            provenance(trained)
        )))
}
