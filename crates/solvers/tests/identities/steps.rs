//! Single steps and whole chains that must agree.

use ddim::{StepNoise, ddim};
use easel_core::sampling::{Draw, Edm, Rescaled, Schedule, falling};
use easel_core::{Noise, NoiseSchedule, Spacing};
use ndarray::Array2;
use proptest::prelude::*;
use solvers::Sampler;
use solvers::catalogue::{ALL, find};
use solvers::euler::{Churn, euler, euler_ancestral, heun};
use solvers::exponential::Form;
use solvers::multistep::{Multistep, ThirdOrder};
use solvers::singlestep::singlestep;
use solvers::unipc::{BFunction, UniPc};

use crate::common::{mixture, normals, quietly, schedules, times, with_run};

/// A falling list of times of a schedule, ending at 0.
fn chains() -> impl Strategy<Value = (NoiseSchedule, Vec<f64>)> {
    schedules().prop_flat_map(|schedule| {
        let steps = schedule.steps();
        let times =
            prop::collection::btree_set(1..=steps, 2..10).prop_map(|set| falling(&set.into_iter().collect::<Vec<_>>()));
        (Just(schedule), times)
    })
}

fn deterministic(sampler: Sampler, schedule: &dyn Schedule, times: &[f64]) -> Array2<f64> {
    let mixture = mixture();
    quietly(schedule, times, |x: &Array2<f64>, l| mixture.estimate(x, l), |run| sampler.sample(run, normals(1, 4)))
}

fn stochastic(
    schedule: &dyn Schedule,
    times: &[f64],
    sample: impl FnOnce(easel_core::sampling::Run<'_, Array2<f64>>) -> Array2<f64>,
) -> Array2<f64> {
    let mixture = mixture();
    let mut source = |draw: &Draw| normals(100 + draw.step as u64, 4);
    with_run(schedule, times, |x: &Array2<f64>, l| mixture.estimate(x, l), &mut source, sample)
}

fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) -> bool {
    let size = a.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    (a - b).iter().all(|d| d.abs() <= tolerance * size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn first_orders_are_ddim((schedule, times) in chains()) {
        let expected = deterministic(Sampler::Ddim(StepNoise::Eta(0.0)), &schedule, &times);
        for sampler in [
            Sampler::Singlestep(Form::Epsilon, 1),
            Sampler::Singlestep(Form::Data, 1),
            Sampler::Multistep(Multistep::new(Form::Epsilon, 1)),
            Sampler::Multistep(Multistep::new(Form::Data, 1)),
            Sampler::Lms(1),
            Sampler::EulerAncestral(0.0),
            Sampler::UniPc(UniPc { form: Form::Data, order: 1, b: BFunction::H, correct: false }),
        ] {
            prop_assert!(close(&deterministic(sampler, &schedule, &times), &expected, 1e-7), "{sampler:?}");
        }
        let mixture = mixture();
        let by_euler = quietly(&schedule, &times, |x: &Array2<f64>, l| mixture.estimate(x, l), |run| euler(run, normals(1, 4)));
        prop_assert!(close(&by_euler, &expected, 1e-9));
    }

    #[test]
    fn eta_one_is_euler_ancestral_and_the_first_order_sde((schedule, times) in chains()) {
        let expected = stochastic(&schedule, &times, |run| ddim(run, normals(1, 4), StepNoise::Eta(1.0)));
        let ancestral = stochastic(&schedule, &times, |run| euler_ancestral(run, normals(1, 4), 1.0));
        let sde = stochastic(&schedule, &times, |run| Multistep::new(Form::DataSde, 1).sample(run, normals(1, 4)));
        prop_assert!(close(&ancestral, &expected, 1e-7) && close(&sde, &expected, 1e-7));
    }

    #[test]
    fn corrected_third_order_is_the_predictor_of_unipc((schedule, times) in chains()) {
        let solver = Multistep { second: solvers::multistep::SecondOrder::Midpoint, ..Multistep::new(Form::Data, 3) };
        let predictor = UniPc { form: Form::Data, order: 3, b: BFunction::Exponential, correct: false };
        let (a, b) = (
            deterministic(Sampler::Multistep(solver), &schedule, &times),
            deterministic(Sampler::UniPc(predictor), &schedule, &times),
        );
        prop_assert!(close(&a, &b, 1e-8));
    }

    #[test]
    fn every_sampler_returns_a_point_and_asks_as_often_as_it_says((schedule, times) in chains(), point in -1.0..1.0) {
        for entry in ALL {
            let mut asked = 0;
            let exact = |x: &Array2<f64>, _| { asked += 1; Array2::from_elem(x.dim(), point) };
            let mut source = |draw: &Draw| normals(draw.step as u64, 2);
            let end = with_run(&schedule, &times, exact, &mut source, |run| entry.sampler.sample(run, normals(1, 2)));
            // The four slopes of a Runge-Kutta step magnify rounding with every large jump; they have a test of their own.
            let exact = entry.name == "pndm" || end.iter().all(|x| (x - point).abs() < 1e-9);
            prop_assert!(exact, "{}: {end}", entry.name);
            prop_assert_eq!(asked, entry.sampler.evaluations(times.len() - 1), "{}", entry.name);
        }
    }

    #[test]
    fn no_churn_is_the_deterministic_method((schedule, times) in chains(), low in 0.0..1.0) {
        // No level lies above the highest, so nothing is raised.
        let churn = Churn { churn: 10.0, sigma_min: 1e9 + low, sigma_max: 2e9, noise: 1.0 };
        let quiet = stochastic(&schedule, &times, |run| heun(run, normals(1, 4), churn));
        let plain = deterministic(Sampler::Heun(Churn::default()), &schedule, &times);
        prop_assert_eq!(quiet, plain);
    }
}

#[test]
fn pndm_returns_a_point_where_its_steps_are_small() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let times = times(&schedule, Spacing::Trailing, 50);
    let exact = |x: &Array2<f64>, _| Array2::from_elem(x.dim(), 0.3);
    let end = quietly(&schedule, &times, exact, |run| solvers::pndm::pndm(run, normals(1, 4)));
    assert!(end.iter().all(|x| (x - 0.3).abs() < 1e-9), "{end}");
}

/// One answer in the coordinates of EDM and of the process, but for a middle that is one of times, and for
/// sigma-hat, which measures its noise before the step and adds it behind.
#[test]
fn the_coordinates_do_not_matter() {
    let schedule = NoiseSchedule::linear(1000).expect("a schedule");
    let times = times(&schedule, Spacing::Trailing, 12);
    let sigma_max = schedule.sigma_hat(1000);
    let edm = Edm::new(sigma_max).expect("positive");
    let edm_times: Vec<f64> = times.iter().map(|t| Schedule::level(&schedule, *t).sigma_hat()).collect();
    let mixture = mixture();
    for entry in ALL.iter().filter(|e| !matches!(e.name, "pndm" | "sigma-hat") && !e.sampler.adds_noise()) {
        let vp = stochastic(&schedule, &times, |run| entry.sampler.sample(run, normals(1, 4)));
        let start = normals(1, 4) / Schedule::level(&schedule, times[0]).alpha;
        let mut source = |draw: &Draw| normals(100 + draw.step as u64, 4);
        let own = |x: &Array2<f64>, l| mixture.estimate(x, l);
        let mut rescaled = Rescaled { inner: own, schedule: &schedule };
        let run = easel_core::sampling::Run {
            denoiser: &mut rescaled,
            schedule: &edm,
            times: &edm_times,
            noise: &mut source,
            observer: &mut |_| {},
        };
        assert!(close(&entry.sampler.sample(run, start), &vp, 1e-6), "{}", entry.name);
    }
}

/// On a schedule that ends in pure noise, samplers that divide by alpha are the ones that say so.
#[test]
fn only_ddim_starts_from_pure_noise() {
    let schedule = NoiseSchedule::linear(100).and_then(|s| s.rescale_zero_terminal_snr()).expect("a schedule");
    let times = times(&schedule, Spacing::Trailing, 10);
    for entry in ALL {
        let denoise = |x: &Array2<f64>, l: easel_core::sampling::NoiseLevel| x * (l.alpha * 0.25);
        let mut source = |draw: &Draw| normals(100 + draw.step as u64, 4);
        let end = with_run(&schedule, &times, denoise, &mut source, |run| entry.sampler.sample(run, normals(1, 4)));
        assert_eq!(end.iter().all(|x| x.is_finite()), !entry.sampler.needs_signal(), "{}", entry.name);
    }
}

#[test]
fn the_published_third_order_is_another_sampler_and_orders_two_agree_in_both_files() {
    let schedule = NoiseSchedule::cosine(200).expect("a schedule");
    let times = times(&schedule, Spacing::Trailing, 20);
    let third = |third| Sampler::Multistep(Multistep { third, ..Multistep::new(Form::Data, 3) });
    let (a, b) = (
        deterministic(third(ThirdOrder::Corrected), &schedule, &times),
        deterministic(third(ThirdOrder::Published), &schedule, &times),
    );
    assert!(!close(&a, &b, 1e-6));
    let by_name = find("dpm++2s").expect("it exists").sampler;
    let mixture = mixture();
    let direct = quietly(
        &schedule,
        &times,
        |x: &Array2<f64>, l| mixture.estimate(x, l),
        |run| singlestep(run, normals(1, 4), Form::Data, 2),
    );
    assert_eq!(deterministic(by_name, &schedule, &times), direct);
}

/// eta = 1 is DDPM in distribution: moments of both chains on the mixture.
#[test]
fn eta_one_samples_what_ddpm_samples() {
    const COUNT: usize = 4000;
    let (mixture, schedule) = (mixture(), NoiseSchedule::cosine(200).expect("a schedule"));
    let times = times(&schedule, Spacing::Even, 200);
    let noise = |purpose: &str, step: u64| {
        let mut values = vec![0.0; COUNT];
        Noise::new(9).purpose(purpose).normal_f64(step, 0, &mut values);
        Array2::from_shape_vec((COUNT, 1), values).expect("one column")
    };
    let mut source = |draw: &Draw| noise("a", draw.step as u64);
    let ours = with_run(
        &schedule,
        &times,
        |x: &Array2<f64>, l| mixture.estimate(x, l),
        &mut source,
        |run| ddim(run, noise("start a", 0), StepNoise::Eta(1.0)),
    );
    let mut x = noise("start b", 0);
    for t in (1..=200).rev() {
        let x0 = mixture.posterior_mean(x.view(), schedule.alpha_bar(t));
        let posterior = schedule.posterior(t - 1, t);
        x = x0 * posterior.x0 + x * posterior.x_t + noise("b", t as u64) * posterior.variance.sqrt();
    }
    let moments = |x: &Array2<f64>| [1, 2, 3, 4].map(|k| x.mapv(|v| v.powi(k)).mean().expect("not empty"));
    for (a, b) in moments(&ours).into_iter().zip(moments(&x)) {
        assert!((a - b).abs() < 0.1, "{a} {b}");
    }
}
