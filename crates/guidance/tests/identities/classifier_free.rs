//! Classifier-free guidance on exact models.

use ddim::{StepNoise, ddim};
use easel_core::sampling::{Denoiser, Edm, NoiseLevel, Run, Schedule};
use easel_core::{NoiseSchedule, Parameterisation, Spacing};
use guidance::{ClassifierFree, ClassifierGuided, GuidanceScale, Interval, PerSample, combine, rescale};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

use crate::common::{mixture, normals, quietly, schedule_and_step, schedule_and_times, times};
use crate::exact::{Exact, component, distance, gradient};

const LINEAR: [Parameterisation; 4] =
    [Parameterisation::Epsilon, Parameterisation::X0, Parameterisation::V, Parameterisation::Score];

fn at(schedule: &NoiseSchedule, t: usize) -> NoiseLevel {
    Schedule::level(schedule, t as f64)
}

/// Pictures of three rows and their guided versions.
fn pictures() -> (Array2<f64>, Array2<f64>) {
    let picture = |seed| normals(seed, 24).into_shape_with_order((3, 8)).expect("24 elements");
    (picture(3), picture(4) * 3.0 + 0.5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_parameterisation_is_combined_alike((schedule, _, t) in schedule_and_step(), s in -1.0..8.0, seed in 0u64..1000) {
        let (level, scale) = (at(&schedule, t), GuidanceScale::from_s(s));
        prop_assume!(level.alpha > 0.05);
        let (x, a, b) = (normals(seed, 4), normals(seed + 1, 4), normals(seed + 2, 4));
        let expected = combine(&a, &b, scale);
        for parameterisation in LINEAR {
            let from = parameterisation.from_x0(level.alpha_bar(), 1.0);
            let to = parameterisation.to_x0(level.alpha_bar(), 1.0);
            let output = |x0: &Array2<f64>| from.x_t * &x + from.other * x0;
            let guided = to.x_t * &x + to.other * combine(&output(&a), &output(&b), scale);
            prop_assert!(distance(&guided, &expected) < 1e-10, "{parameterisation:?}");
        }
    }

    #[test]
    fn rescaling_gives_the_conditional_deviation(phi in 0.0..=1.0f64) {
        let (conditional, guided) = pictures();
        let mixed = rescale(guided.clone(), &conditional, phi);
        for row in 0..3 {
            let deviation = |a: &Array2<f64>| a.index_axis(Axis(0), row).std(0.0);
            let expected = phi * deviation(&conditional) + (1.0 - phi) * deviation(&guided);
            prop_assert!((deviation(&mixed) - expected).abs() < 1e-12);
        }
        prop_assert_eq!(rescale(guided.clone(), &conditional, 0.0), guided.clone());
        // s = 1: nothing to rescale.
        prop_assert!(distance(&rescale(conditional.clone(), &conditional, phi), &conditional) < 1e-14);
        // Samples do not see each other.
        let reversed = |a: &Array2<f64>| a.select(Axis(0), &[2, 1, 0]);
        prop_assert_eq!(rescale(reversed(&guided), &reversed(&conditional), phi), reversed(&mixed));
    }

    /// Bit for bit, whatever the rest of the settings.
    #[test]
    fn guided_chains_at_the_ends_of_the_scale_are_unguided(
        (schedule, list) in schedule_and_times(), class in 0usize..3, seed in 0u64..1000
    ) {
        let times = easel_core::sampling::falling(&list);
        let chain = |denoiser: &mut dyn Denoiser<Array2<f64>>| {
            quietly(&schedule, &times, |x: &Array2<f64>, l| denoiser.x0(x, l), |run| {
                ddim(run, normals(seed, 3), StepNoise::Eta(0.0))
            })
        };
        for epsilon in [false, true] {
            let model = Exact { epsilon, ..Exact::new(class) };
            let parameterisation = if epsilon { Parameterisation::Epsilon } else { Parameterisation::X0 };
            let guided = |s| ClassifierFree::new(model.clone(), parameterisation, GuidanceScale::from_s(s));
            for (s, conditional) in [(0.0, mixture()), (1.0, component(class))] {
                let mut plain = Exact { conditional, ..model.clone() };
                let mut unguided = ClassifierFree::new(&mut plain, parameterisation, GuidanceScale::CONDITIONAL);
                prop_assert_eq!(chain(&mut guided(s)), chain(&mut unguided));
            }
        }
    }
}

#[test]
fn a_sample_without_deviation_stays() {
    let flat = array![[2.0, 2.0], [0.0, 4.0]];
    assert_eq!(flat.with_deviation_of(&array![[0.0, 1.0], [0.0, 2.0]]), array![[2.0, 2.0], [0.0, 2.0]]);
    assert_eq!(3.0.with_deviation_of(&5.0), 3.0);
}

#[test]
fn outside_the_interval_only_the_condition_is_evaluated() {
    let schedule = Edm::new(80.0).unwrap();
    let x = normals(5, 3);
    let scale = GuidanceScale::from_s(3.0);
    let mut model = Exact::new(1);
    for (sigma, inside) in [(0.28, false), (0.2801, true), (1.0, true), (5.42, true), (5.43, false), (80.0, false)] {
        model.calls = (0, 0);
        let interval = Interval { low: 0.28, high: 5.42 };
        let mut guided =
            ClassifierFree { interval, rescale: 0.5, ..ClassifierFree::new(&mut model, Parameterisation::X0, scale) };
        let level = schedule.level(sigma);
        let found = guided.x0(&x, level);
        assert_eq!(model.calls, if inside { (0, 1) } else { (1, 0) }, "sigma {sigma}");
        assert_eq!(found == model.conditional.estimate(&x, level), !inside);
    }
    let noise = NoiseLevel::of_sigma_hat(1.0, f64::INFINITY);
    assert!(Interval::ALWAYS.contains(noise) && !Interval { low: 0.0, high: 80.0 }.contains(noise));
}

/// The conditional model alone costs one pass.
#[test]
fn the_conditional_scale_needs_no_second_pass() {
    let mut model = Exact::new(0);
    ClassifierFree::new(&mut model, Parameterisation::X0, GuidanceScale::from_w(0.0))
        .x0(&normals(1, 2), Edm::new(80.0).unwrap().level(1.0));
    assert_eq!(model.calls, (1, 0));
}

#[test]
fn clipping_comes_after_the_combination() {
    let (x, level) = (array![[0.5]], Edm::new(80.0).unwrap().level(0.5));
    let scale = GuidanceScale::from_s(4.0);
    let mut guided = ClassifierFree::new(Exact::new(2), Parameterisation::X0, scale);
    let free = guided.x0(&x, level)[[0, 0]];
    guided.clip = Some(1.0);
    let model = Exact::new(2);
    let (a, b) = (model.unconditional.estimate(&x, level)[[0, 0]], model.conditional.estimate(&x, level)[[0, 0]]);
    let first = combine(&a.clamp(-1.0, 1.0), &b.clamp(-1.0, 1.0), scale);
    assert!(free > 1.0 && guided.x0(&x, level)[[0, 0]] == 1.0);
    assert!((first - 1.0).abs() > 0.1, "clipped first {first}");
}

/// Numbers of exact chains, 50 leading steps of the linear schedule from x_T = 0.7: the overshoot over the component's
/// mean 1.2 grows with s.
#[test]
fn published_chains_of_the_mixture() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let times = times(&schedule, Spacing::Leading, 50);
    for (s, expected) in [(0.0, 1.13538373), (1.0, 1.32171917), (3.0, 1.49583170), (7.5, 1.71901734)] {
        let model = Exact { epsilon: true, ..Exact::new(2) };
        let mut guided = ClassifierFree::new(model, Parameterisation::Epsilon, GuidanceScale::from_s(s));
        let chain = |denoiser: &mut dyn Denoiser<Array2<f64>>| {
            let sampler = |run: Run<'_, Array2<f64>>| ddim(run, array![[0.7]], StepNoise::Eta(0.0));
            let end = quietly(&schedule, &times, |x: &Array2<f64>, l| denoiser.x0(x, l), sampler);
            assert!((end[[0, 0]] - expected).abs() < 1e-7, "s = {s}: {end}");
        };
        chain(&mut guided);
        let denoiser = |x: &Array2<f64>, l: NoiseLevel| mixture().estimate(x, l);
        chain(&mut ClassifierGuided { denoiser, gradient: gradient(2), scale: s });
    }
}
