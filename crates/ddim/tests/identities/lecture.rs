//! Where the lecture's formulas differ from the paper's: the identities that break.

use ddim::process::{coefficients, gamma, sigma};
use ddim::{StepNoise, ddim};
use easel_core::NoiseSchedule;
use easel_core::sampling::{NoiseLevel, Schedule, VpLinear};

use crate::common::quietly;

fn linear() -> NoiseSchedule {
    NoiseSchedule::linear(1000).expect("a schedule")
}

#[test]
fn lecture_update_breaks_the_marginals() {
    let schedule = linear();
    let (t, s) = (501, 500);
    let (from, to) = (Schedule::level(&schedule, t as f64), Schedule::level(&schedule, s as f64));
    let right = coefficients(StepNoise::Eta(1.0), from, to);
    // sqrt(alpha_s) in place of sqrt(alpha_bar_s), sqrt(sigma) in place of sigma.
    let (signal, noise) = (schedule.alpha(s).sqrt(), right.noise.sqrt());
    assert!((signal - 0.994967).abs() < 1e-4 && (schedule.sqrt_alpha_bar(s) - 0.280334).abs() < 1e-3);
    assert!((noise - 0.3166).abs() < 1e-3 && (right.noise - 0.1003).abs() < 1e-3);
    let variance = right.epsilon * right.epsilon + noise * noise;
    assert!((signal - to.alpha).abs() > 0.5, "the mean of x_(t-1) is right");
    assert!((variance - to.sigma * to.sigma).abs() > 0.05, "the variance of x_(t-1) is right");
}

#[test]
fn the_weights_of_the_bound_depend_on_the_time() {
    let schedule = linear();
    let weight = |t: usize| {
        let (from, to) = (Schedule::level(&schedule, t as f64), Schedule::level(&schedule, t as f64 - 1.0));
        gamma(sigma(1.0, from, to), from, to)
    };
    let (early, late) = (weight(2), weight(500));
    assert!(early / late > 20.0, "a constant would do for every time: {early} {late}");
}

/// Data N(0, 0.25): Euler's method in t on the probability-flow ODE and DDIM take different steps to the same end.
#[test]
fn eulers_method_in_time_is_another_method() {
    let (schedule, data) = (VpLinear::PUBLISHED, 0.25);
    let times: Vec<f64> = (0..=20).map(|i| 1.0 - f64::from(i) * 0.0495).collect();
    let spread = |l: NoiseLevel| l.alpha * l.alpha * data + l.sigma * l.sigma;
    let x = 0.7;
    let by_ddim = quietly(
        &schedule,
        &times,
        |x: &f64, l: NoiseLevel| x * l.alpha * data / spread(l),
        |run| ddim(run, x, StepNoise::Eta(0.0)),
    );
    // dx/dt = -beta (x + score) / 2
    let by_euler = times.windows(2).fold(x, |x, pair| {
        let l = schedule.level(pair[0]);
        x - 0.5 * schedule.beta(pair[0]) * (x - x / spread(l)) * (pair[1] - pair[0])
    });
    let (start, end) = (schedule.level(times[0]), schedule.level(times[20]));
    let exact = x * (spread(end) / spread(start)).sqrt();
    let (own, other) = ((by_ddim - exact).abs(), (by_euler - exact).abs());
    assert!(own < 0.1 && other < 0.2 && (by_ddim - by_euler).abs() > 0.01, "{by_ddim} {by_euler} {exact}");
}
