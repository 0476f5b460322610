//! The tensor form of the forward process is core's scalar form.

use easel_core::posterior::learned_range_log_variance;
use easel_core::{ModelVariance, Parameterisation};
use proptest::prelude::*;
use tch::{Kind, Tensor};

use crate::common::{cases, distance, normal, process, scalar, schedule_and_times, times, values};

/// Applies `f(t, a, b)` to each value of `a` and `b` (`[B, ..]`), t by row.
fn by_row(t: &[usize], a: &Tensor, b: &Tensor, f: impl Fn(usize, f64, f64) -> f64) -> Vec<f64> {
    let each = a.numel() / t.len();
    values(a).iter().zip(values(b)).enumerate().map(|(i, (&a, b))| f(t[i / each], a, b)).collect()
}

fn assert_close(found: &Tensor, expected: &[f64], scale: impl Fn(usize) -> f64) {
    let each = expected.len() / found.size()[0] as usize;
    assert_eq!(found.kind(), Kind::Float);
    for (i, (f, e)) in values(found).iter().zip(expected).enumerate() {
        let tolerance = 1e-6 * scale(i / each);
        assert!((f - e).abs() <= tolerance, "entry {i}: {f}, expected {e} within {tolerance}");
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn noising_is_equation_4((schedule, t) in schedule_and_times(), seed: u64) {
        let shape = [t.len() as i64, 2, 3, 3];
        let (x0, epsilon) = (normal(seed, &shape), normal(seed ^ 1, &shape));
        let x_t = process(&schedule, Parameterisation::V).q_sample(&x0, &times(&t), &epsilon);
        let expected = by_row(&t, &x0, &epsilon, |t, x0, epsilon| {
            schedule.alpha_bar(t).sqrt() * x0 + (1.0 - schedule.alpha_bar(t)).sqrt() * epsilon
        });
        assert_close(&x_t, &expected, |_| 4.0);
    }

    #[test]
    fn targets_and_estimates_are_core_s_for_every_parameterisation(
        (schedule, t) in schedule_and_times(),
        which in prop::sample::select(Parameterisation::ALL.to_vec()),
        seed: u64,
    ) {
        let shape = [t.len() as i64, 1, 3, 3];
        let (x0, epsilon, steps) = (normal(seed, &shape), normal(seed ^ 1, &shape), times(&t));
        let process = process(&schedule, which);
        let x_t = process.q_sample(&x0, &steps, &epsilon);
        let target = process.target(&x0, &x_t, &steps, &epsilon);
        let levels = |t: usize| (schedule.alpha_bar(t), schedule.alpha_bar(t - 1));

        // x_t is rounded to f32, which the map from (x_t, x_0) magnifies by its coefficients.
        let from = |t: usize| which.from_x0(levels(t).0, levels(t).1);
        let expected = by_row(&t, &x_t, &x0, |t, x_t, x0| from(t).apply(x_t, x0));
        assert_close(&target, &expected, |row| 1.0 + 4.0 * (from(t[row]).x_t.abs() + from(t[row]).other.abs()));

        let to = |t: usize| which.to_x0(levels(t).0, levels(t).1);
        let estimate = process.predicted_x0(&x_t, &target, &steps);
        let expected = by_row(&t, &x_t, &target, |t, x_t, target| to(t).apply(x_t, target));
        let largest = values(&target).iter().fold(1.0f64, |m, v| m.max(v.abs()));
        let scale = |row: usize| 1.0 + 4.0 * to(t[row]).x_t.abs() + largest * to(t[row]).other.abs();
        assert_close(&estimate, &expected, scale);
        assert_close(&estimate, &values(&x0), scale);
    }

    #[test]
    fn posteriors_and_variances_are_core_s((schedule, t) in schedule_and_times(), seed: u64) {
        let shape = [t.len() as i64, 1, 3, 3];
        let (x0, x_t, steps) = (normal(seed, &shape), normal(seed ^ 1, &shape), times(&t));
        let process = process(&schedule, Parameterisation::Epsilon);
        let expected = by_row(&t, &x0, &x_t, |t, x0, x_t| {
            let posterior = schedule.posterior(t - 1, t);
            posterior.x0 * x0 + posterior.x_t * x_t
        });
        assert_close(&process.posterior_mean(&x0, &x_t, &steps), &expected, |_| 4.0);

        for variance in [ModelVariance::FixedSmall, ModelVariance::FixedLarge] {
            let expected: Vec<f64> = t.iter().map(|&t| variance.log_variance(&schedule, t)).collect();
            assert_close(&process.log_variance(variance, &steps), &expected, |_| 16.0);
        }
        let expected = by_row(&t, &x0, &x0, |t, output, _| learned_range_log_variance(&schedule, t, output));
        assert_close(&process.learned_range_log_variance(&x0, &steps), &expected, |_| 32.0);
    }

    #[test]
    fn the_learned_range_ends_at_both_fixed_variances((schedule, t) in schedule_and_times()) {
        let (process, steps) = (process(&schedule, Parameterisation::Epsilon), times(&t));
        let like = normal(0, &[t.len() as i64, 1, 1, 1]);
        let at = |output: f64| process.learned_range_log_variance(&Tensor::full_like(&like, output), &steps);
        let small: Vec<f64> = t.iter().map(|&t| schedule.posterior_log_variance(t)).collect();
        let large: Vec<f64> = t.iter().map(|&t| schedule.beta(t).ln()).collect();
        assert_close(&at(-1.0), &small, |_| 16.0);
        assert_close(&at(1.0), &large, |_| 16.0);
        let middle = (at(-1.0) + at(1.0)) / 2.0;
        prop_assert!(distance(&at(0.0), &middle) < 1e-5);
    }
}

#[test]
fn noised_pictures_have_the_levels_of_their_time() {
    let schedule = easel_core::NoiseSchedule::linear(50).unwrap();
    let process = process(&schedule, Parameterisation::V);
    let epsilon = normal(3, &[1, 1, 300, 300]);
    for t in [1, 20, 50] {
        let x_t = process.q_sample(&scalar(0.7, &epsilon).to_kind(Kind::Float), &times(&[t]), &epsilon);
        let (mean, variance) = (x_t.mean(Kind::Double).double_value(&[]), x_t.var(true).double_value(&[]));
        let noise = 1.0 - schedule.alpha_bar(t);
        assert!((mean - 0.7 * schedule.sqrt_alpha_bar(t)).abs() < 4.0 * (noise / 9e4).sqrt(), "{t}: {mean}");
        assert!((variance / noise - 1.0).abs() < 4.0 * (2.0f64 / 9e4).sqrt(), "{t}: {variance}");
    }
}
