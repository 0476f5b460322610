//! The terms of the bound and the objectives against core's scalar formulas.

use ddpm::loss::{BITS, Variance, discretised_log_likelihood, gaussian_kl, l_simple, mean_flat, prior_kl, vlb_term};
use easel_core::bound::{step_constant, step_weight};
use easel_core::gaussian::{self, Cdf};
use easel_core::posterior::learned_range_log_variance;
use easel_core::{ModelVariance, NoiseSchedule, Parameterisation};
use proptest::prelude::*;
use tch::{Kind, Tensor};

use crate::common::{cases, distance, levels, normal, process, schedule_and_times, schedules, times, values};

const FIXED: [ModelVariance; 2] = [ModelVariance::FixedSmall, ModelVariance::FixedLarge];

proptest! {
    #![proptest_config(cases(24))]

    /// Times 1 and T are always among those checked, so that the decoder is.
    #[test]
    fn a_term_is_core_s_divergence_or_decoder((schedule, mut t) in schedule_and_times(), seed: u64, learned: bool) {
        t.extend([1, schedule.steps()]);
        let (shape, steps) = ([t.len() as i64, 1, 4, 4], times(&t));
        let (x0, epsilon, output) = (levels(seed, &shape), normal(seed ^ 1, &shape), normal(seed ^ 2, &shape));
        let process = process(&schedule, Parameterisation::X0);
        let x_t = process.q_sample(&x0, &steps, &epsilon);
        let x0_hat = &x0 + normal(seed ^ 3, &shape) * 0.05;
        let fixed = FIXED[(seed % 2) as usize];
        let variance = if learned { Variance::LearnedRange(&output) } else { Variance::Fixed(fixed) };
        let found = vlb_term(&process, &x0, &x_t, &steps, &x0_hat, &variance);
        prop_assert_eq!(found.size(), [t.len() as i64]);

        let (x0, x_t, x0_hat, output) = (values(&x0), values(&x_t), values(&x0_hat), values(&output));
        for (row, (&t, found)) in t.iter().zip(values(&found)).enumerate() {
            let posterior = schedule.posterior(t - 1, t);
            let nats: f64 = (16 * row..16 * (row + 1)).map(|i| {
                let mean = |x0: f64| posterior.x0 * x0 + posterior.x_t * x_t[i];
                let log_variance = match learned {
                    true => learned_range_log_variance(&schedule, t, output[i]),
                    false => fixed.log_variance(&schedule, t),
                };
                match t {
                    1 => -gaussian::discretised_log_likelihood(x0[i], mean(x0_hat[i]), log_variance, Cdf::Erf),
                    _ => gaussian::kl(mean(x0[i]), posterior.variance.ln(), mean(x0_hat[i]), log_variance),
                }
            }).sum();
            let expected = nats / 16.0 / std::f64::consts::LN_2;
            let tolerance = 1e-4 * expected + 1e-6;
            prop_assert!((found - expected).abs() < tolerance, "t = {}: {}, expected {}", t, found, expected);
        }
    }

    /// Ho et al. 2020, eq. 12.
    #[test]
    fn with_a_fixed_variance_a_term_is_a_weighted_error_of_epsilon(
        (schedule, mut t) in schedule_and_times(),
        seed: u64,
    ) {
        t.retain(|&t| t >= 2);
        prop_assume!(!t.is_empty());
        let (shape, steps) = ([t.len() as i64, 1, 4, 4], times(&t));
        let (x0, epsilon, epsilon_hat) = (levels(seed, &shape), normal(seed ^ 1, &shape), normal(seed ^ 2, &shape));
        let process = process(&schedule, Parameterisation::Epsilon);
        let x_t = process.q_sample(&x0, &steps, &epsilon);
        let x0_hat = process.predicted_x0(&x_t, &epsilon_hat, &steps);
        let errors = values(&l_simple(&epsilon, &epsilon_hat));
        for fixed in FIXED {
            let found = vlb_term(&process, &x0, &x_t, &steps, &x0_hat, &Variance::Fixed(fixed));
            for ((&t, found), error) in t.iter().zip(values(&found)).zip(&errors) {
                let variance = fixed.variance(&schedule, t);
                let weight = step_weight(Parameterisation::Epsilon, &schedule, t, variance);
                let expected = weight * error + step_constant(&schedule, t, variance);
                let (found, tolerance) = (found / BITS, 1e-3 * expected + 1e-6);
                prop_assert!((found - expected).abs() < tolerance, "{:?}, {}: {}, not {}", fixed, t, found, expected);
            }
        }
    }

    #[test]
    fn the_256_bins_of_the_decoder_sum_to_1(mean in -1.2f64..1.2, log_scale in -5.3f64..0.0) {
        let x0 = Tensor::arange(256, (Kind::Float, tch::Device::Cpu)) / 127.5 - 1.0;
        let full = |value: f64| Tensor::full_like(&x0, value);
        let log_mass = discretised_log_likelihood(&x0, &full(mean), &full(log_scale));
        let total: f64 = values(&log_mass).iter().map(|l| l.exp()).sum();
        prop_assert!((total - 1.0).abs() < 2e-6, "{}", total);
        for (x0, found) in values(&x0).into_iter().zip(values(&log_mass)).step_by(15) {
            // The tensor holds the mean in f32.
            let expected = gaussian::discretised_log_likelihood(x0, f64::from(mean as f32), 2.0 * log_scale, Cdf::Erf);
            let expected = expected.max(f64::MIN_POSITIVE.ln());
            let tolerance = 2e-4 * expected.abs().max(1.0);
            prop_assert!((found - expected).abs() < tolerance, "{}: {}, expected {}", x0, found, expected);
        }
    }

    #[test]
    fn the_prior_term_is_core_s(schedule in schedules(), seed: u64) {
        let x0 = normal(seed, &[3, 2, 4, 4]);
        let found = prior_kl(&process(&schedule, Parameterisation::V), &x0);
        let last = schedule.alpha_bar(schedule.steps());
        let bits = |&x: &f64| gaussian::prior_kl(x, last) / std::f64::consts::LN_2;
        let each: Vec<f64> = values(&x0).iter().map(bits).collect();
        for (found, picture) in values(&found).iter().zip(each.chunks(32)) {
            let expected = picture.iter().sum::<f64>() / 32.0;
            prop_assert!((found - expected).abs() < 1e-5 * expected.abs() + 1e-9, "{}, expected {}", found, expected);
        }
    }

    #[test]
    fn divergences_are_core_s(m1 in -2.0f64..2.0, l1 in -9.0f64..1.0, m2 in -2.0f64..2.0, l2 in -9.0f64..1.0) {
        let tensor = |value: f64| Tensor::from(value);
        let kl = |m1, l1, m2, l2| gaussian_kl(&tensor(m1), &tensor(l1), &tensor(m2), &tensor(l2)).double_value(&[]);
        let expected = gaussian::kl(m1, l1, m2, l2);
        prop_assert!((kl(m1, l1, m2, l2) / expected - 1.0).abs() < 1e-9);
        prop_assert_eq!(kl(m1, l1, m1, l1), 0.0);
    }
}

/// At large t a term of the bound is about this small, and there are many of them.
#[test]
fn small_divergences_survive_f32() {
    let zero = Tensor::zeros([1], (Kind::Float, tch::Device::Cpu));
    let found = gaussian_kl(&zero, &zero, &(&zero + 1e-4), &zero).double_value(&[0]);
    assert!((found / gaussian::kl(0.0, 0.0, 1e-4, 0.0) - 1.0).abs() < 1e-5, "{found}");
}

/// For x_0 ~ N(0, 1) the reverse process with the output epsilon = sqrt(1 - alpha_bar_t) x_t and variance beta_t is the
/// true one, so that the bound, with a continuous decoder, is the entropy of x_0. Every other term is quadratic in x_0
/// and epsilon, so four pixels of signs average exactly.
#[test]
fn the_bound_is_tight_where_the_model_is_true() {
    for schedule in [NoiseSchedule::linear(1000).unwrap(), NoiseSchedule::linear(60).unwrap()] {
        let process = process(&schedule, Parameterisation::Epsilon);
        let t: Vec<usize> = (2..=schedule.steps()).collect();
        let (steps, rows) = (times(&t), t.len() as i64);
        let signs = |values: [f32; 4]| Tensor::from_slice(&values).reshape([1, 1, 2, 2]).repeat([rows, 1, 1, 1]);
        let (x0, epsilon) = (signs([1.0, 1.0, -1.0, -1.0]), signs([1.0, -1.0, 1.0, -1.0]));
        let x_t = process.q_sample(&x0, &steps, &epsilon);
        let noise: Vec<f32> = t.iter().map(|&t| schedule.sqrt_one_minus_alpha_bar(t) as f32).collect();
        let x0_hat = process.predicted_x0(&x_t, &(Tensor::from_slice(&noise).reshape([-1, 1, 1, 1]) * &x_t), &steps);
        let sum = |variance| {
            let terms = vlb_term(&process, &x0, &x_t, &steps, &x0_hat, &Variance::Fixed(variance));
            terms.sum(Kind::Double).double_value(&[])
        };
        let prior = values(&prior_kl(&process, &x0))[0];
        let decoder = gaussian::entropy(schedule.beta(1).ln());
        let bound = |variance| (prior + sum(variance)) / BITS + decoder;
        let (large, entropy) = (bound(ModelVariance::FixedLarge), gaussian::entropy(0.0));
        assert!((large - entropy).abs() < 2e-5, "{large}, expected {entropy}");
        assert!(bound(ModelVariance::FixedSmall) > entropy + 1e-2);
    }
}

/// Both branches of the term are computed for every t; the one that is not used must not spoil the gradient.
#[test]
fn gradients_are_finite_however_wrong_the_estimate() {
    let schedule = NoiseSchedule::linear(100).unwrap();
    let process = process(&schedule, Parameterisation::X0);
    let (steps, shape) = (times(&[1, 2, 50, 100]), [4, 1, 4, 4]);
    let x0 = levels(1, &shape);
    let x_t = process.q_sample(&x0, &steps, &normal(2, &shape));
    for error in [0.0, 1.0, 100.0] {
        let x0_hat = (&x0 + error).set_requires_grad(true);
        let output = (normal(4, &shape) * 2.0).set_requires_grad(true);
        let loss = vlb_term(&process, &x0, &x_t, &steps, &x0_hat, &Variance::LearnedRange(&output)).sum(Kind::Float);
        let gradients = Tensor::run_backward(&[loss], &[&x0_hat, &output], false, false);
        assert!(gradients.iter().all(|g| bool::try_from(g.isfinite().all()).unwrap()), "error {error}");
        if error == 1.0 {
            let later = gradients[0].narrow(0, 1, 3).abs().min();
            assert!(later.double_value(&[]) > 0.0, "the estimate gets no gradient");
        }
    }
}

#[test]
fn l_simple_is_the_mean_square_of_each_picture() {
    let (a, b) = (normal(1, &[3, 2, 4, 5]), normal(2, &[3, 2, 4, 5]));
    let squares: Vec<f64> = values(&a).iter().zip(values(&b)).map(|(a, b)| (a - b).powi(2)).collect();
    let expected: Vec<f32> = squares.chunks(40).map(|c| (c.iter().sum::<f64>() / 40.0) as f32).collect();
    assert!(distance(&l_simple(&a, &b), &Tensor::from_slice(&expected)) < 1e-6);
    assert_eq!(mean_flat(&Tensor::ones([2, 3], (Kind::Float, tch::Device::Cpu))).size(), [2]);
}
