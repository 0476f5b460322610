//! Schedules: published values, the family's invariants, and the errors.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use easel_core::{MathError, NoiseSchedule, ScheduleConfig};
use proptest::prelude::*;

use crate::common::{configs, relative_error, schedule_and_time, schedules};

fn sd() -> NoiseSchedule {
    NoiseSchedule::scaled_linear(1000, 0.00085, 0.012).unwrap()
}

fn check_quarters(schedule: &NoiseSchedule, expected: [f64; 5]) {
    let steps = schedule.steps();
    let times = [1, steps / 4, steps / 2, 3 * steps / 4, steps];
    for (t, want) in times.into_iter().zip(expected) {
        assert_relative_eq!(schedule.alpha_bar(t), want, max_relative = 2e-7, epsilon = 2e-10);
    }
}

#[test]
fn published_alpha_bars() {
    let linear = NoiseSchedule::linear(1000).unwrap();
    check_quarters(&linear, [0.9999, 0.5240853738, 0.0785872429, 0.0033505504, 4.035830e-5]);
    let long = NoiseSchedule::linear(4000).unwrap();
    check_quarters(&long, [0.999975, 0.5237807703, 0.0789448733, 0.0034186012, 4.246652e-5]);
    check_quarters(&sd(), [0.99915, 0.6754324137, 0.2776696505, 0.0566234916, 4.660099e-3]);
    let cosine = NoiseSchedule::cosine(1000).unwrap();
    check_quarters(&cosine, [0.9999587158, 0.8470121613, 0.4938435904, 0.1442721024, 2.428767e-9]);
    let sigmoid = NoiseSchedule::sigmoid(1000, 1e-4, 0.02).unwrap();
    check_quarters(&sigmoid, [0.9998507948, 0.9037446654, 0.3019310566, 0.0057321989, 3.968182e-5]);
    let jabri = NoiseSchedule::sigmoid_alpha_bar(1000, -3.0, 3.0, 1.0).unwrap();
    check_quarters(&jabri, [0.999699721, 0.850853548, 0.5, 0.149146452, 3.002792e-7]);
    let sqrt = NoiseSchedule::sqrt(1000, 1e-4).unwrap();
    check_quarters(&sqrt, [0.97659975, 0.504949505, 0.295780315, 0.135269559, 4.546e-7]);
}

#[test]
fn published_betas_and_noise_levels() {
    let linear = NoiseSchedule::linear(1000).unwrap();
    assert_relative_eq!(NoiseSchedule::cosine(1000).unwrap().beta(1), 4.12842e-5, max_relative = 1e-6);
    assert_abs_diff_eq!(linear.sigma_hat(1), 0.010001, epsilon = 1e-6);
    assert_relative_eq!(linear.sigma_hat(1000), 157.407281, max_relative = 1e-8);
    assert_abs_diff_eq!(sd().sigma_hat(1), 0.029167, epsilon = 1e-6);
    assert_relative_eq!(sd().sigma_hat(1000), 14.614641, max_relative = 1e-7);
    assert_abs_diff_eq!(NoiseSchedule::linear(200).unwrap().alpha_bar(200), 3.03e-5, epsilon = 1e-7);
    assert_abs_diff_eq!(NoiseSchedule::linear(100).unwrap().alpha_bar(100), 2.04e-5, epsilon = 1e-7);
}

#[test]
fn published_zero_terminal_snr() {
    let rescaled = sd().rescale_zero_terminal_snr().unwrap();
    assert_relative_eq!(rescaled.alpha_bar(500), 0.242359167, max_relative = 1e-8);
    assert_relative_eq!(rescaled.alpha_bar(999), 1.967888e-7, max_relative = 1e-6);
    let rescaled = NoiseSchedule::linear(1000).unwrap().rescale_zero_terminal_snr().unwrap();
    assert_relative_eq!(rescaled.alpha_bar(500), 0.0760287505, max_relative = 1e-8);
    assert_relative_eq!(rescaled.alpha_bar(999), 4.213262e-9, max_relative = 1e-6);
}

#[test]
fn cosine_is_sound_for_every_length() {
    // An integer division in u = t/T, a shifted end point or a missing factor 1/2 fails here.
    let f = |u: f64| ((u + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
    for steps in 2..2000 {
        let schedule = NoiseSchedule::cosine(steps).unwrap();
        assert_eq!(schedule.alpha_bar(0), 1.0);
        assert!(schedule.alpha_bar(steps) <= 1e-3);
        for t in 1..=steps {
            assert!(schedule.beta(t) > 0.0 && schedule.beta(t) < 1.0);
            assert!(schedule.alpha_bar(t) < schedule.alpha_bar(t - 1));
        }
        for t in (1..=steps).take_while(|&t| schedule.beta(t) < 0.999) {
            let closed = f(t as f64 / steps as f64) / f(0.0);
            assert!(relative_error(schedule.alpha_bar(t), closed) < 1e-9, "T = {steps}, t = {t}");
        }
    }
}

#[test]
fn every_kind_follows_its_closed_form_where_no_beta_is_capped() {
    let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
    type Curve = Box<dyn Fn(f64) -> f64>;
    let kinds: [(ScheduleConfig, Curve); 2] = [
        (ScheduleConfig::Sqrt { s: 1e-4 }, Box::new(|u| 1.0 - (u + 1e-4).sqrt())),
        (
            ScheduleConfig::SigmoidAlphaBar { start: -3.0, end: 3.0, tau: 0.7 },
            Box::new(move |u| logistic(3.0 / 0.7) - logistic((6.0 * u - 3.0) / 0.7)),
        ),
    ];
    for (config, curve) in kinds {
        let schedule = config.build(300).unwrap();
        for t in (1..=300).take_while(|&t| schedule.beta(t) < 0.999) {
            let closed = curve(t as f64 / 300.0) / curve(0.0);
            assert!(relative_error(schedule.alpha_bar(t), closed) < 1e-9, "{config:?} at {t}");
        }
    }
}

#[test]
fn alpha_bar_is_the_product_of_alphas_in_f64() {
    // f32 cumulative products miss this by 1e-5 at T = 1000.
    for config in configs() {
        let schedule = config.build(1000).unwrap();
        let logs: f64 = (1..=1000).map(|t| (-schedule.beta(t)).ln_1p()).sum();
        assert_relative_eq!(schedule.alpha_bar(1000).ln(), logs, max_relative = 1e-12);
    }
}

proptest! {
    #[test]
    fn alpha_bar_starts_at_one_and_falls((schedule, t) in schedule_and_time()) {
        prop_assert_eq!(schedule.alpha_bar(0), 1.0);
        prop_assert!(schedule.alpha_bar(t) < schedule.alpha_bar(t - 1) && schedule.alpha_bar(t) > 0.0);
        prop_assert!(1.0 - schedule.alpha_bar(t) > 0.0);
        prop_assert!(schedule.beta(t) > 0.0 && schedule.beta(t) < 1.0);
        prop_assert!(relative_error(schedule.alpha(t), schedule.alpha_bar(t) / schedule.alpha_bar(t - 1)) < 1e-12);
    }

    #[test]
    fn signal_and_noise_make_one((schedule, t) in schedule_and_time()) {
        let sum = schedule.sqrt_alpha_bar(t).powi(2) + schedule.sqrt_one_minus_alpha_bar(t).powi(2);
        prop_assert!((sum - 1.0).abs() < 1e-15);
    }

    #[test]
    fn views_of_the_noise_level_agree((schedule, t) in schedule_and_time()) {
        prop_assert!(relative_error(schedule.snr(t), schedule.log_snr(t).exp()) < 1e-11);
        prop_assert!(relative_error(schedule.sigma_hat(t), (-schedule.lambda(t)).exp()) < 1e-11);
        prop_assert!(relative_error(schedule.snr(t), schedule.sigma_hat(t).powi(-2)) < 1e-12);
        prop_assert!(schedule.lambda(t) < schedule.lambda(t - 1));
    }

    #[test]
    fn betas_and_alpha_bars_build_the_same_schedule(schedule in schedules()) {
        let betas: Vec<f64> = (1..=schedule.steps()).map(|t| schedule.beta(t)).collect();
        prop_assert_eq!(&NoiseSchedule::from_betas(&betas).unwrap(), &schedule);
        let rebuilt = NoiseSchedule::from_alpha_bar(schedule.alpha_bars().to_vec()).unwrap();
        for t in 1..=schedule.steps() {
            prop_assert!((rebuilt.beta(t) - schedule.beta(t)).abs() < 1e-15);
        }
    }

    #[test]
    fn respacing_to_all_times_is_the_identity(schedule in schedules()) {
        let all: Vec<usize> = (1..=schedule.steps()).collect();
        let respaced = schedule.respace(&all).unwrap();
        for t in 0..=schedule.steps() {
            prop_assert_eq!(respaced.schedule.alpha_bar(t), schedule.alpha_bar(t));
            prop_assert!(relative_error(respaced.schedule.beta(t), schedule.beta(t)) < 1e-11);
            prop_assert_eq!(respaced.times[t], t);
        }
    }

    #[test]
    fn respacing_keeps_alpha_bar_at_kept_times(schedule in schedules(), keep in prop::collection::vec(any::<bool>(), 1200)) {
        let times: Vec<usize> = (1..=schedule.steps()).filter(|&t| t == 1 || keep[t - 1]).collect();
        let respaced = schedule.respace(&times).unwrap();
        prop_assert_eq!(&respaced.times[1..], &times[..]);
        let mut product = 1.0;
        for (k, &t) in respaced.times.iter().enumerate() {
            product *= respaced.schedule.alpha(k);
            prop_assert!((respaced.schedule.alpha_bar(k) - schedule.alpha_bar(t)).abs() < 1e-12);
            prop_assert!((product - schedule.alpha_bar(t)).abs() < 1e-12);
        }
    }

    #[test]
    fn zero_terminal_snr_moves_only_what_it_must(schedule in schedules()) {
        let rescaled = schedule.rescale_zero_terminal_snr().unwrap();
        prop_assert_eq!(rescaled.alpha_bar(schedule.steps()), 0.0);
        prop_assert_eq!(rescaled.beta(schedule.steps()), 1.0);
        prop_assert_eq!(rescaled.alpha_bar(0), 1.0);
        prop_assert_eq!(rescaled.alpha_bar(1), schedule.alpha_bar(1));
        for t in 2..=schedule.steps() {
            prop_assert!(rescaled.alpha_bar(t) < rescaled.alpha_bar(t - 1));
            prop_assert!(rescaled.alpha_bar(t) <= schedule.alpha_bar(t));
        }
    }
}

#[test]
fn errors_name_what_is_wrong() {
    assert_eq!(NoiseSchedule::cosine(0), Err(MathError::TooFewSteps { steps: 0, minimum: 1 }));
    assert_eq!(NoiseSchedule::linear(0), Err(MathError::TooFewSteps { steps: 0, minimum: 1 }));
    assert_eq!(NoiseSchedule::from_betas(&[]), Err(MathError::TooFewSteps { steps: 0, minimum: 1 }));
    assert_eq!(
        NoiseSchedule::linear(20),
        Err(MathError::BetaOutOfRange { t: 20, value: 1.0 }),
        "20 linear steps would destroy everything in the last one"
    );
    for value in [0.0, 1.0, -0.1, 1.5, f64::INFINITY] {
        let betas = NoiseSchedule::from_betas(&[0.1, value]);
        assert_eq!(betas, Err(MathError::BetaOutOfRange { t: 2, value }));
    }
    assert!(matches!(NoiseSchedule::from_betas(&[f64::NAN]), Err(MathError::BetaOutOfRange { t: 1, .. })));
    assert!(matches!(NoiseSchedule::linear_between(5, f64::NAN, 0.1), Err(MathError::BetaOutOfRange { t: 1, .. })));
    assert_eq!(
        NoiseSchedule::from_betas(&[0.5, 1e-17]),
        Err(MathError::NotDecreasing { t: 2, previous: 0.5, value: 0.5 })
    );
    assert_eq!(
        NoiseSchedule::from_alpha_bar(vec![1.0, 0.5, 0.6]),
        Err(MathError::NotDecreasing { t: 2, previous: 0.5, value: 0.6 })
    );
    assert_eq!(
        NoiseSchedule::from_alpha_bar(vec![0.99, 0.5]),
        Err(MathError::AlphaBarOutOfRange { t: 0, value: 0.99 })
    );
    assert_eq!(
        NoiseSchedule::from_alpha_bar(vec![1.0, 0.0, 0.0]),
        Err(MathError::AlphaBarOutOfRange { t: 1, value: 0.0 })
    );
    assert!(matches!(NoiseSchedule::cosine_with(9, -0.1, 0.999), Err(MathError::Parameter { name: "s", .. })));
    assert!(matches!(NoiseSchedule::cosine_with(9, 0.1, 1.0), Err(MathError::Parameter { name: "beta_cap", .. })));
    assert!(matches!(
        NoiseSchedule::sigmoid_alpha_bar(9, 3.0, 3.0, 1.0),
        Err(MathError::Parameter { name: "start", .. })
    ));
    assert!(matches!(
        NoiseSchedule::sigmoid_alpha_bar(9, -3.0, 3.0, 0.0),
        Err(MathError::Parameter { name: "tau", .. })
    ));
    let one = NoiseSchedule::cosine(1).unwrap();
    assert_eq!(one.rescale_zero_terminal_snr(), Err(MathError::TooFewSteps { steps: 1, minimum: 2 }));
    let ten = NoiseSchedule::cosine(10).unwrap();
    assert_eq!(ten.respace(&[3, 3]), Err(MathError::TimesNotIncreasing { previous: 3, t: 3 }));
    assert_eq!(ten.respace(&[0, 3]), Err(MathError::TimeOutOfRange { t: 0, steps: 10 }));
    assert_eq!(ten.respace(&[11]), Err(MathError::TimeOutOfRange { t: 11, steps: 10 }));
    assert!(ten.respace(&[]).is_err());
    let message = NoiseSchedule::linear(20).unwrap_err().to_string();
    assert_eq!(message, "beta_20 = 1 is outside (0, 1); use more steps or a smaller range of betas");
}

#[test]
fn short_schedules_exist_where_they_make_sense() {
    for steps in [1, 2, 3] {
        for config in &configs()[1..] {
            assert_eq!(config.build(steps).unwrap().steps(), steps, "{config:?}");
        }
    }
}

#[test]
fn a_config_names_a_schedule_and_refuses_what_it_does_not_know() {
    for config in configs() {
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ScheduleConfig>(&text).unwrap(), config);
    }
    let parse = |text: &str| serde_json::from_str::<ScheduleConfig>(text);
    let cosine = parse(r#"{"kind": "cosine"}"#).unwrap().build(50).unwrap();
    assert_eq!(cosine, NoiseSchedule::cosine(50).unwrap());
    let nested = r#"{"kind": "zero_terminal_snr", "base": {"kind": "linear"}}"#;
    let expected = NoiseSchedule::linear(50).unwrap().rescale_zero_terminal_snr().unwrap();
    assert_eq!(parse(nested).unwrap().build(50).unwrap(), expected);
    for wrong in [r#"{"kind": "linear", "beta_last": 0.1}"#, r#"{"kind": "cosine", "S": 1}"#, r#"{"kind": "cubic"}"#] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
