//! Closed-form laws of the unknown pixel: data N(0, [[1, .9], [.9, 1]]), the first pixel known to be 1, so that the true
//! mean is 0.9 and the true variance 0.19.

use ddim::StepNoise;
use ddim::process::{coefficients_of_sigma, sigma};
use easel_core::sampling::{Draw, NoiseLevel, Run, State, epsilon, falling};
use easel_core::{NoiseSchedule, Spacing};
use inpaint::{Known, KnownNoise, Mask, Merge, Polarity, Resampling, Update, ddim_step, repaint, replacement};
use ndarray::{Array2, array};

use crate::common::{times, with_run};
use crate::law::{Gaussian, Law, cholesky, exactly, known};

const MERGES: [Merge; 2] = [Merge::Before, Merge::After];

fn linear(steps: usize) -> NoiseSchedule {
    NoiseSchedule::linear(steps).expect("a schedule")
}

fn all_times(steps: usize) -> Vec<f64> {
    falling(&(1..=steps).collect::<Vec<_>>())
}

fn assert_law(what: &str, law: &Law, mean: f64, variance: f64) {
    let (m, v) = (law.mean(1), law.variance(1));
    println!("{what:<44} {m:.4} {v:.4}, expected {mean:.4} {variance:.4}");
    assert!((m - mean).abs() < 1e-4 && (v - variance).abs() < 1e-4, "{what}: {m} {v}, expected {mean} {variance}");
}

fn replaced(schedule: &NoiseSchedule, times: &[f64], merge: Merge, noise: KnownNoise<Law>, eta: f64) -> Law {
    exactly(&Gaussian::correlated(), schedule, times, |run| {
        replacement(run, Law::start(), &known([1.0, 0.0], 1.0), merge, noise, StepNoise::Eta(eta))
    })
}

fn resampled(steps: usize, resampling: Resampling, merge: Merge, step: impl Update<Law>) -> Law {
    exactly(&Gaussian::correlated(), &linear(steps), &all_times(steps), |run| {
        repaint(run, Law::start(), &known([1.0, 0.0], 1.0), resampling, merge, step).expect("a possible path")
    })
}

fn ancestral() -> impl Update<Law> {
    ddim_step(StepNoise::Eta(1.0))
}

#[test]
fn ancestral_replacement() {
    for (steps, mean, variance) in [(50, 0.6020, 0.2737), (250, 0.6221, 0.3003), (1000, 0.6256, 0.3078)] {
        for merge in MERGES {
            let law = replaced(&linear(steps), &all_times(steps), merge, KnownNoise::Fresh, 1.0);
            assert_law(&format!("ancestral, T = {steps}, {merge:?}"), &law, mean, variance);
        }
    }
}

#[test]
fn deterministic_replacement() {
    let schedule = linear(1000);
    for (steps, mean, fresh, fixed) in
        [(50, 0.4475, 0.4021, 0.4855), (250, 0.4472, 0.4285, 0.5147), (1000, 0.4470, 0.4339, 0.5207)]
    {
        let times = times(&schedule, Spacing::Leading, steps);
        for merge in MERGES {
            let law = replaced(&schedule, &times, merge, KnownNoise::Fresh, 0.0);
            assert_law(&format!("eta 0, N = {steps}, fresh, {merge:?}"), &law, mean, fresh);
            let law = replaced(&schedule, &times, merge, KnownNoise::Fixed(Law::lasting()), 0.0);
            assert_law(&format!("eta 0, N = {steps}, fixed, {merge:?}"), &law, mean, fixed);
        }
    }
}

#[test]
fn stochastic_replacement_on_few_steps() {
    let schedule = linear(1000);
    for (steps, mean, variance) in [(10, 0.5034, 0.2369), (50, 0.6028, 0.2741), (250, 0.6221, 0.3003)] {
        let times = times(&schedule, Spacing::Leading, steps);
        for merge in MERGES {
            let law = replaced(&schedule, &times, merge, KnownNoise::Fresh, 1.0);
            assert_law(&format!("eta 1, N = {steps}, {merge:?}"), &law, mean, variance);
        }
    }
}

#[test]
fn resampling_with_the_small_variance() {
    for (steps, jump, count, mean, variance) in [
        (250, 10, 2, 0.7603, 0.2297),
        (250, 10, 5, 0.8500, 0.1905),
        (250, 10, 10, 0.8748, 0.1782),
        (250, 10, 20, 0.8851, 0.1735),
        (250, 1, 10, 0.8783, 0.1701),
        (1000, 10, 10, 0.8796, 0.1891),
        (1000, 10, 20, 0.8902, 0.1817),
    ] {
        for merge in MERGES {
            let law = resampled(steps, Resampling { jump, count }, merge, ancestral());
            assert_law(&format!("RePaint, T = {steps}, j = {jump}, r = {count}, {merge:?}"), &law, mean, variance);
        }
    }
}

/// The reverse step with the whole covariance of $p(x_s|x_t)$, which no network gives.
fn exact_reverse(data: &Gaussian) -> impl Update<Law> {
    move |run: &mut Run<'_, Law>, index: usize, x: &Law, from: NoiseLevel, to: NoiseLevel| {
        let x0 = run.x0(x, from);
        let c = coefficients_of_sigma(sigma(1.0, from, to), to);
        let mean = Law::combine(&[(c.x0, &x0), (c.epsilon, &epsilon(x, &x0, from))]);
        let of_x0 = c.x0 - c.epsilon * from.alpha / from.sigma;
        let mut covariance = data.uncertainty(from) * (of_x0 * of_x0);
        covariance.diag_mut().mapv_inplace(|v| v + c.noise * c.noise);
        let z = run.normal(index, 0, from, to).map(&cholesky(&covariance));
        (Law::combine(&[(1.0, &mean), (1.0, &z)]), x0)
    }
}

#[test]
fn resampling_with_the_exact_reverse_covariance() {
    for (count, mean, variance) in [(10, 0.8748, 0.2032), (20, 0.8851, 0.1999)] {
        let data = Gaussian::correlated();
        let law = resampled(250, Resampling { jump: 10, count }, Merge::After, exact_reverse(&data));
        assert_law(&format!("RePaint, exact covariance, r = {count}"), &law, mean, variance);
    }
}

#[test]
fn bias_falls_with_resamplings_and_not_with_steps() {
    let bias = |law: Law| 0.9 - law.mean(1);
    let of_count = |count| bias(resampled(250, Resampling { jump: 10, count }, Merge::After, ancestral()));
    let biases: Vec<f64> = [1, 2, 3, 5, 10, 20, 40].map(of_count).to_vec();
    assert!(biases.windows(2).all(|b| 0.0 < b[1] && b[1] < b[0]), "{biases:?}");
    let slow = bias(replaced(&linear(1000), &all_times(1000), Merge::After, KnownNoise::Fresh, 1.0));
    assert!(slow > 0.27 && biases[0] > 0.27, "more steps leave the bias: {slow}, {biases:?}");
}

/// One resampling is replacement.
#[test]
fn one_resampling_is_replacement() {
    let times = all_times(50);
    for merge in MERGES {
        let once = resampled(50, Resampling { jump: 10, count: 1 }, merge, ancestral());
        let plain = replaced(&linear(50), &times, merge, KnownNoise::Fresh, 1.0);
        assert!(once.difference(&plain, 0) == 0.0 && once.difference(&plain, 1) == 0.0);
    }
}

/// The trick of these tests against a run whose normals all stay apart.
#[test]
fn folding_normals_changes_no_law() {
    let (steps, schedule) = (50, linear(50));
    let columns = 3 + 2 * steps;
    let unit = |column: usize| {
        let mut rows: Array2<f64> = Array2::zeros((2, columns));
        (rows[[0, column]], rows[[1, column + 1]]) = (1.0, 1.0);
        rows
    };
    let denoise = |x: &Array2<f64>, l: NoiseLevel| {
        let q = 0.9 * l.alpha * l.alpha;
        let (own, other) = (l.alpha * (1.0 - 0.9 * q) / (1.0 - q * q), l.alpha * (0.9 - q) / (1.0 - q * q));
        array![[own, other], [other, own]].dot(x)
    };
    let mut one = Array2::zeros((2, columns));
    one[[0, 0]] = 1.0;
    let known_pixel = Known { mask: Mask::new(array![[1.0], [0.0]], Polarity::Keep).expect("hard"), x0: one };
    // Of the known pixel only the known data's normals last, of the other only the step's: they can share columns.
    let mut source = |draw: &Draw| unit(3 + 2 * draw.step);
    let end = with_run(&schedule, &all_times(steps), denoise, &mut source, |run| {
        replacement(run, unit(1), &known_pixel, Merge::After, KnownNoise::Fresh, StepNoise::Eta(1.0))
    });
    let variance: f64 = (1..columns).map(|k| end[[1, k]].powi(2)).sum();
    let folded = replaced(&schedule, &all_times(steps), Merge::After, KnownNoise::Fresh, 1.0);
    assert!((end[[1, 0]] - folded.mean(1)).abs() < 1e-12 && (variance - folded.variance(1)).abs() < 1e-12);
}
