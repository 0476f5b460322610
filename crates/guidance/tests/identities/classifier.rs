//! Classifier guidance with the exact classifier.

use ddim::{StepNoise, ddim};
use easel_core::sampling::{Denoiser, Draw, NoiseLevel, Run, Schedule, StepVariance, epsilon, falling};
use easel_core::{GaussianMixture, ModelVariance, NoiseSchedule, Parameterisation, Spacing};
use guidance::classifier::{guided_epsilon, guided_x0};
use guidance::{ClassifierFree, ClassifierGuided, GuidanceScale, ddpm_mean_shift};
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::common::{mixture, normals, quietly, schedule_and_step, schedule_and_times, times, with_run};
use crate::exact::{Exact, component, distance, gradient};

fn at(schedule: &NoiseSchedule, t: usize) -> NoiseLevel {
    Schedule::level(schedule, t as f64)
}

fn exact_epsilon(mixture: &GaussianMixture, x: &Array2<f64>, level: NoiseLevel) -> Array2<f64> {
    mixture.epsilon(x.view(), level.alpha_bar())
}

/// One step from t to s with the exact unconditional model.
fn step(
    (schedule, s, t): &(NoiseSchedule, usize, usize),
    x: &Array2<f64>,
    scale: f64,
    variance: StepVariance,
    mut denoiser: impl Denoiser<Array2<f64>>,
) -> Array2<f64> {
    let (times, class) = ([*t as f64, *s as f64], 1);
    let mut noise = |_: &Draw| normals(77, x.nrows());
    let run = Run { denoiser: &mut denoiser, schedule, times: &times, noise: &mut noise, observer: &mut |_| {} };
    ddpm_mean_shift(run, x.clone(), gradient(class), scale, variance)
}

/// A denoiser with a variance output.
struct WithVariance(f64);

impl Denoiser<Array2<f64>> for WithVariance {
    fn x0(&mut self, x: &Array2<f64>, level: NoiseLevel) -> Array2<f64> {
        mixture().estimate(x, level)
    }

    fn x0_and_variance(&mut self, x: &Array2<f64>, level: NoiseLevel) -> (Array2<f64>, Option<Array2<f64>>) {
        (self.x0(x, level), Some(Array2::from_elem(x.dim(), self.0)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_minus_sign_gives_the_conditional_epsilon(
        (schedule, _, t) in schedule_and_step(), class in 0usize..3, seed in 0u64..1000
    ) {
        let (level, x) = (at(&schedule, t), normals(seed, 4));
        let unconditional = exact_epsilon(&mixture(), &x, level);
        let guided = guided_epsilon(&unconditional, &gradient(class)(&x, level), 1.0, level);
        let size = unconditional.iter().fold(1.0f64, |m, e| m.max(e.abs()));
        prop_assert!(distance(&guided, &exact_epsilon(&component(class), &x, level)) < 1e-10 * size);
    }

    #[test]
    fn both_forms_are_one((schedule, _, t) in schedule_and_step(), scale in -2.0..8.0, seed in 0u64..1000) {
        let (level, x) = (at(&schedule, t), normals(seed, 4));
        prop_assume!(level.alpha > 0.05);
        let g = gradient(0)(&x, level);
        let x0 = mixture().estimate(&x, level);
        let by_epsilon = guided_epsilon(&epsilon(&x, &x0, level), &g, scale, level);
        let by_x0 = epsilon(&x, &guided_x0(&x0, &g, scale, level), level);
        let size = by_x0.iter().fold(1.0f64, |m, e| m.max(e.abs()));
        prop_assert!(distance(&by_epsilon, &by_x0) < 1e-10 * size);
    }

    /// Ho and Salimans, section 3.2: the implicit classifier p(y|x) ~ p(x|y) / p(x) of exact models is the classifier.
    #[test]
    fn classifier_guidance_is_classifier_free_guidance_of_the_exact_model(
        (schedule, _, t) in schedule_and_step(), class in 0usize..3, s in 0.0..8.0, seed in 0u64..1000
    ) {
        let (level, x) = (at(&schedule, t), normals(seed, 4));
        prop_assume!(level.alpha > 0.05);
        let all = mixture();
        let denoiser = |x: &Array2<f64>, l: NoiseLevel| all.estimate(x, l);
        let mut by_classifier = ClassifierGuided { denoiser, gradient: gradient(class), scale: s };
        let mut free = ClassifierFree::new(Exact::new(class), Parameterisation::X0, GuidanceScale::from_s(s));
        let (a, b) = (by_classifier.x0(&x, level), free.x0(&x, level));
        let size = a.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        prop_assert!(distance(&a, &b) < 1e-9 * size, "{a} {b}");
    }

    #[test]
    fn scale_zero_is_unguided_bit_for_bit((schedule, list) in schedule_and_times(), seed in 0u64..1000) {
        let (times, all, start) = (falling(&list), mixture(), normals(seed, 3));
        let unevaluated = |_: &Array2<f64>, _: NoiseLevel| -> Array2<f64> { panic!("a gradient for scale 0") };
        let denoiser = |x: &Array2<f64>, l: NoiseLevel| all.estimate(x, l);
        let sampler = |run: Run<'_, Array2<f64>>| ddim(run, start.clone(), StepNoise::Eta(0.0));
        let mut guided = ClassifierGuided { denoiser, gradient: unevaluated, scale: 0.0 };
        let end = quietly(&schedule, &times, |x: &Array2<f64>, l| guided.x0(x, l), sampler);
        prop_assert_eq!(end, quietly(&schedule, &times, denoiser, sampler));
    }

    #[test]
    fn the_mean_moves_by_s_sigma_g(case in schedule_and_step(), scale in -2.0..8.0, output in -1.0..=1.0f64, seed in 0u64..1000) {
        prop_assume!(case.1 >= 1);
        let (x, level) = (normals(seed, 4), at(&case.0, case.2));
        let (small, large) = (case.0.posterior(case.1, case.2).variance, case.0.transition(case.1, case.2).variance);
        let learned = (0.5 * ((1.0 - output) * small.ln() + (1.0 + output) * large.ln())).exp();
        for (variance, sigma) in [
            (StepVariance::Fixed(ModelVariance::FixedSmall), small),
            (StepVariance::Fixed(ModelVariance::FixedLarge), large),
            (StepVariance::LearnedRange, learned),
        ] {
            let guided = step(&case, &x, scale, variance, WithVariance(output));
            let plain = step(&case, &x, 0.0, variance, WithVariance(output));
            let shift = scale * sigma * gradient(1)(&x, level);
            let size = shift.iter().fold(1.0f64, |m, v| m.max(v.abs()));
            prop_assert!(distance(&(guided - &plain), &shift) < 1e-9 * size, "{variance:?}");
            // What is left is the unguided step: N(mean, Sigma).
            let posterior = case.0.posterior(case.1, case.2);
            let mean = posterior.x0 * mixture().estimate(&x, level) + posterior.x_t * &x;
            let noise = (plain - mean) / sigma.sqrt();
            prop_assert!(distance(&noise, &normals(77, 4)) < 1e-6, "{variance:?}");
        }
    }

    #[test]
    fn the_unguided_chain_is_ddpm((schedule, list) in schedule_and_times(), seed in 0u64..1000) {
        let (times, all, start) = (falling(&list), mixture(), normals(seed, 3));
        let denoiser = |x: &Array2<f64>, l: NoiseLevel| all.estimate(x, l);
        let mut source = |draw: &Draw| normals(100 + draw.step as u64, 3);
        let small = StepVariance::Fixed(ModelVariance::FixedSmall);
        let shifted = with_run(&schedule, &times, denoiser, &mut source, |run| {
            ddpm_mean_shift(run, start.clone(), gradient(0), 0.0, small)
        });
        let expected =
            with_run(&schedule, &times, denoiser, &mut source, |run| ddim(run, start.clone(), StepNoise::Eta(1.0)));
        prop_assert!(distance(&shifted, &expected) < 1e-6, "{shifted} {expected}");
    }
}

/// The lecture adds $s\sigma_t\nabla\ln p(y|x_t)$ to epsilon: the sign of the form for means.
#[test]
fn the_lectures_plus_sign_misses_the_conditional_epsilon() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let x = Array2::from_shape_fn((81, 1), |(i, _)| -2.0 + 0.05 * i as f64);
    let (mut minus, mut plus) = (0.0f64, 0.0f64);
    for t in [10, 50, 100, 200, 500, 800] {
        let level = at(&schedule, t);
        for class in 0..3 {
            let target = exact_epsilon(&component(class), &x, level);
            let (base, g) = (exact_epsilon(&mixture(), &x, level), gradient(class)(&x, level));
            minus = minus.max(distance(&guided_epsilon(&base, &g, 1.0, level), &target));
            let lecture = &base + level.sigma * &g;
            let error = distance(&lecture, &target);
            assert!(error > 1e-3, "t = {t}, class {class}");
            plus = plus.max(error);
        }
    }
    assert!(minus < 1e-11 && plus > 1.0, "minus {minus}, plus {plus}");
}

/// The lecture's $\sigma_t$ is, two pages earlier, DDIM's noise of a step: 0 for the deterministic sampler.
#[test]
fn the_noise_of_a_step_does_not_guide() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let (from, to) = (at(&schedule, 500), at(&schedule, 480));
    let x = array![[0.5]];
    let (base, g) = (exact_epsilon(&mixture(), &x, from), gradient(2)(&x, from));
    let with = |sigma: f64| &base - sigma * &g;
    let target = exact_epsilon(&component(2), &x, from);
    assert!(distance(&with(from.sigma), &target) < 1e-12);
    assert_eq!(with(ddim::process::sigma(0.0, from, to)), base);
    assert!(distance(&with(ddim::process::sigma(1.0, from, to)), &target) > 0.1);
}

/// With a conditional base the exponent of p(y|x) is 1 + s.
#[test]
fn a_conditional_base_adds_one_to_the_exponent() {
    let level = at(&NoiseSchedule::linear(1000).expect("a schedule"), 300);
    let (x, g) = (normals(3, 5), gradient(0)(&normals(3, 5), level));
    let from_conditional = guided_epsilon(&exact_epsilon(&component(0), &x, level), &g, 2.0, level);
    let from_unconditional = guided_epsilon(&exact_epsilon(&mixture(), &x, level), &g, 3.0, level);
    assert!(distance(&from_conditional, &from_unconditional) < 1e-11);
}

/// Shifting epsilon moves the posterior's mean by $s g\,\beta_t/\sqrt{\alpha_t}$, the form for means by $s\Sigma g$.
#[test]
fn both_forms_agree_as_steps_shrink() {
    let ratio = |steps: usize| {
        let (schedule, t) = (NoiseSchedule::linear(steps).expect("a schedule"), steps / 2 + 1);
        let by_epsilon = -schedule.posterior_epsilon(t - 1, t).epsilon * schedule.sqrt_one_minus_alpha_bar(t);
        (schedule.posterior(t - 1, t).variance, by_epsilon)
    };
    let (sigma, by_epsilon) = ratio(1000);
    assert!((sigma - 1.005134e-2).abs() < 1e-8 && (by_epsilon - 1.011095e-2).abs() < 1e-8, "{sigma} {by_epsilon}");
    assert!((sigma / by_epsilon - 0.9941).abs() < 1e-4);
    let gap = |steps| 1.0 - ratio(steps).0 / ratio(steps).1;
    assert!(gap(10_000) < 0.11 * gap(1000) && gap(100_000) < 0.011 * gap(1000));
}

/// With the exact classifier and s = 1 the chain of Algorithm 1 samples the class.
#[test]
fn guided_ancestral_samples_follow_the_condition() {
    const COUNT: usize = 1500;
    let (schedule, all) = (NoiseSchedule::cosine(1000).expect("a schedule"), mixture());
    let times = times(&schedule, Spacing::Trailing, 250);
    let mut source = |draw: &Draw| normals(1000 + draw.step as u64, COUNT);
    for (class, mean, deviation) in [(0, -1.0, 0.25), (2, 1.2, 0.2)] {
        let denoiser = |x: &Array2<f64>, l: NoiseLevel| all.estimate(x, l);
        let small = StepVariance::Fixed(ModelVariance::FixedSmall);
        let end = with_run(&schedule, &times, denoiser, &mut source, |run| {
            ddpm_mean_shift(run, normals(9, COUNT), gradient(class), 1.0, small)
        });
        let (m, d) = (end.mean().expect("not empty"), end.std(0.0));
        assert!((m - mean).abs() < 0.03 && (d - deviation).abs() < 0.03, "class {class}: {m} +- {d}");
    }
}

/// Exact values of the mixture, computed independently: index 99 is t = 100.
#[test]
fn published_values_of_the_mixture() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let rows = [
        (
            100,
            0.5,
            [0.00119983, 0.71100884, 0.28779134],
            -0.15173854,
            [2.91985087, 0.3770729, -1.47101028],
            [-9.57156179, -1.64786066, 4.11106086],
            -4.10955376,
        ),
        (
            500,
            0.5,
            [0.24441493, 0.30896579, 0.44661928],
            0.40634546,
            [0.80862022, 0.42997241, 0.16985347],
            [-0.41907879, -0.02461391, 0.24637085],
            -0.30313050,
        ),
        (
            800,
            -1.0,
            [0.31508584, 0.29964129, 0.38527288],
            -1.0099602,
            [-0.96150278, -1.0123787, -1.04770894],
            [-0.04849458, 0.00242035, 0.03777769],
            -1.12320642,
        ),
    ];
    for (t, x, posterior, unconditional, conditional, gradients, free) in rows {
        let (x, level, all) = (array![[x]], at(&schedule, t), mixture());
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 2e-8, "t = {t}: {found}, {expected}");
        let found = all.diffuse(level.alpha_bar()).responsibilities(x.view());
        near(exact_epsilon(&all, &x, level)[[0, 0]], unconditional);
        for class in 0..3 {
            near(found[[0, class]], posterior[class]);
            near(exact_epsilon(&component(class), &x, level)[[0, 0]], conditional[class]);
            near(gradient(class)(&x, level)[[0, 0]], gradients[class]);
        }
        let (a, b) = (exact_epsilon(&all, &x, level), exact_epsilon(&component(2), &x, level));
        near(guidance::combine(&a, &b, GuidanceScale::from_s(3.0))[[0, 0]], free);
    }
}
