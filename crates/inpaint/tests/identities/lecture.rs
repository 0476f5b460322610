//! What the lecture's page on inpainting leaves out, measured.

use ddim::{StepNoise, ddim};
use easel_core::NoiseSchedule;
use easel_core::sampling::{NoiseLevel, Run, Schedule, falling};
use inpaint::known::noised;
use inpaint::replacement::KNOWN_PART;
use inpaint::resize::{nearest, shrink};
use inpaint::{Known, KnownNoise, Mask, Merge, Polarity, Start, Update, ddim_step, replacement, sdedit};
use ndarray::Array2;

use crate::law::{Gaussian, Law, exactly, known, watched};

fn all_times(steps: usize) -> Vec<f64> {
    falling(&(1..=steps).collect::<Vec<_>>())
}

/// Replacement after the step with the noise of the level before it.
fn one_level_late(known: &Known<Law>) -> impl Update<Law> {
    let mut step = ddim_step(StepNoise::Eta(1.0));
    move |run: &mut Run<'_, Law>, index: usize, x: &Law, from: NoiseLevel, to: NoiseLevel| {
        let (next, x0) = step(run, index, x, from, to);
        let z = run.normal(index, KNOWN_PART, to, from);
        (known.mask.merge(&noised(&known.x0, from, &z), &next), x0)
    }
}

#[test]
fn known_part_of_another_level_breaks_the_marginal_and_never_gets_clean() {
    let (data, known) = (Gaussian::correlated(), known([1.0, 0.0], 1.0));
    let schedule = NoiseSchedule::linear(50).expect("a schedule");
    let mut off = (0.0, 0.0);
    let see = |x: &Law, level: NoiseLevel| {
        if level.t < 50.0 {
            let (mean, variance) = ((x.mean(0) - level.alpha).abs(), (x.variance(0) - level.sigma.powi(2)).abs());
            off = (f64::max(off.0, mean), f64::max(off.1, variance));
        }
    };
    let late = watched(&data, &schedule, &all_times(50), see, |run| run.walk(Law::start(), one_level_late(&known)));
    assert!(off.0 > 0.03 && off.1 > 0.03, "the network is told another level: {off:?}");
    assert!(late.variance(0) > 1e-3 && late.mean(0) < 1.0, "the last known part is noisy");
    let right = exactly(&data, &schedule, &all_times(50), |run| {
        replacement(run, Law::start(), &known, Merge::After, KnownNoise::Fresh, StepNoise::Eta(1.0))
    });
    assert_eq!((right.mean(0), right.variance(0)), (1.0, 0.0));
    assert!((late.mean(1) - 0.5833).abs() < 1e-4 && (right.mean(1) - 0.6020).abs() < 1e-4, "more bias");
}

/// Stable Diffusion's last level keeps 6.8 % of the original, what is to be removed included.
#[test]
fn a_start_from_the_noised_original_leaks_what_should_be_removed() {
    let schedule = NoiseSchedule::scaled_linear(1000, 0.00085, 0.012).expect("a schedule");
    let leak = schedule.sqrt_alpha_bar(1000);
    assert!((leak - 0.0683).abs() < 1e-4, "{leak}");
    let (data, times) = (Gaussian::independent(0.0, 0.25), all_times(1000));
    let noised_start = |value: f64| {
        let original = Law::constant([value; 2]);
        exactly(&data, &schedule, &times, |run| {
            sdedit(run, &original, Start::Strength(1.0), |run, x| ddim(run, x, StepNoise::Eta(0.0)))
        })
        .expect("a possible start")
    };
    let (removed, other) = (noised_start(1.0), noised_start(-1.0));
    let seen = (removed.mean(1) - other.mean(1)) / 2.0;
    // The ODE takes N(., 1) at the end to the deviation 0.5 of the data.
    assert!((seen - 0.5 * leak).abs() < 2e-3, "{seen} {leak}");
    let random = exactly(&data, &schedule, &times, |run| ddim(run, Law::start(), StepNoise::Eta(0.0)));
    assert_eq!(random.mean(1), 0.0);
}

/// With alpha_bar_T = 0 both starts are one.
#[test]
fn at_zero_terminal_signal_both_starts_coincide() {
    let schedule = NoiseSchedule::scaled_linear(1000, 0.00085, 0.012).expect("a schedule");
    let schedule = schedule.rescale_zero_terminal_snr().expect("a schedule");
    let last = Schedule::level(&schedule, 1000.0);
    let start = noised(&Law::constant([5.0; 2]), last, &Law::start());
    assert_eq!((start.difference(&Law::start(), 0), last.alpha), (0.0, 0.0));
}

/// A line one pixel wide in a picture of 64, on a latent grid of 8.
#[test]
fn a_thin_hole_vanishes_from_latents_unless_pooled() {
    let line = Array2::from_shape_fn((64, 64), |(row, _)| f64::from(row == 37));
    let mask = Mask::new(line, Polarity::Repaint).expect("zeros and ones");
    assert_eq!(nearest(&mask, (8, 8)).expect("a size").ones(Polarity::Repaint).sum(), 0.0);
    assert_eq!(shrink(&mask, (8, 8)).expect("a size").ones(Polarity::Repaint).sum(), 8.0);
}
