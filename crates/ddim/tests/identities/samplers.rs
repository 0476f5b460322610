//! The sampler on data whose score is known.

use approx::assert_relative_eq;
use ddim::{StepNoise, ddim, slerp};
use easel_core::sampling::{Draw, NoiseLevel, Schedule, VpLinear, falling};
use easel_core::{Noise, NoiseSchedule, Spacing};
use ndarray::{Array1, Array2, Axis};
use proptest::prelude::*;

use crate::common::{mixture, normals, quietly, schedule_and_times, times, with_run};

/// Normals of a seed, one for each step.
fn source(seed: u64, count: usize) -> impl FnMut(&Draw) -> Array2<f64> {
    move |draw| {
        let mut values = vec![0.0; count];
        Noise::new(seed).purpose("noise").normal_f64(draw.step as u64, 0, &mut values);
        Array2::from_shape_vec((count, 1), values).expect("one column")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_point_is_returned_by_every_sigma_and_every_sub_sequence(
        (schedule, list) in schedule_and_times(), eta in 0.0..1.5, point in -1.0..1.0, seed in 0u64..1000
    ) {
        let start = normals(seed, 3);
        let exact = |x: &Array2<f64>, _: NoiseLevel| Array2::from_elem(x.dim(), point);
        let end = with_run(&schedule, &falling(&list), exact, &mut source(seed, 3), |run| {
            ddim(run, start, StepNoise::Eta(eta))
        });
        prop_assert!(end.iter().all(|x| (x - point).abs() < 1e-12));
    }

    #[test]
    fn eta_zero_is_euler_in_sigma_hat((schedule, list) in schedule_and_times(), seed in 0u64..1000) {
        prop_assume!(list[0] >= 1);
        let (mixture, start) = (mixture(), normals(seed, 4));
        let times = falling(&list);
        let end = quietly(&schedule, &times, |x: &Array2<f64>, l| mixture.estimate(x, l), |run| {
            ddim(run, start.clone(), StepNoise::Eta(0.0))
        });
        let mut bar = &start / Schedule::level(&schedule, times[0]).alpha;
        for pair in times.windows(2) {
            let (a, b) = (Schedule::level(&schedule, pair[0]).sigma_hat(), Schedule::level(&schedule, pair[1]).sigma_hat());
            let denoised = mixture.denoise(bar.view(), a);
            bar = &bar + (b - a) * (&bar - &denoised) / a;
        }
        let scale = 1e-9 / Schedule::level(&schedule, times[0]).alpha;
        prop_assert!((&end - &bar).iter().all(|d| d.abs() < scale), "{end} {bar}");
    }

    #[test]
    fn rows_do_not_see_each_other_and_deterministic_samplers_see_no_noise(
        (schedule, list) in schedule_and_times(), seed in 0u64..1000
    ) {
        let (mixture, start) = (mixture(), normals(seed, 4));
        let times = falling(&list);
        let sample = |start: Array2<f64>, eta, noise_seed| {
            with_run(&schedule, &times, |x: &Array2<f64>, l| mixture.estimate(x, l), &mut source(noise_seed, 4), |run| {
                ddim(run, start, StepNoise::Eta(eta))
            })
        };
        let end = sample(start.clone(), 0.0, 1);
        prop_assert_eq!(&end, &sample(start.clone(), 0.0, 2));
        let mut flipped = start.clone();
        flipped.invert_axis(Axis(0));
        let mut again = sample(flipped, 0.0, 1);
        again.invert_axis(Axis(0));
        prop_assert_eq!(&end, &again);
        if times.len() > 2 {
            prop_assert_ne!(sample(start.clone(), 1.0, 1), sample(start, 1.0, 2));
        }
    }

    #[test]
    fn slerp_keeps_norms_and_ends(seed in 0u64..1000, part in 0.0..=1.0) {
        let vector = |n: u64| {
            let mut v = vec![0.0; 16];
            Noise::new(seed).purpose("slerp").normal_f64(n, 0, &mut v);
            let v = Array1::from(v);
            let norm = v.dot(&v).sqrt();
            v / norm
        };
        let (a, b) = (vector(0), vector(1));
        let mixed = slerp(&a, &b, part);
        prop_assert!((mixed.dot(&mixed) - 1.0).abs() < 1e-12);
        prop_assert!((&slerp(&a, &b, 0.0) - &a).iter().chain((&slerp(&a, &b, 1.0) - &b).iter()).all(|d| d.abs() < 1e-12));
        prop_assert!((&mixed - &slerp(&b, &a, 1.0 - part)).iter().all(|d| d.abs() < 1e-12));
        prop_assert!((&slerp(&a, &a, part) - &a).iter().all(|d| d.abs() < 1e-12));
    }
}

/// Gaussian data N(m, s^2): the limit of DDIM is $m + s(x_T-\sqrt{\bar\alpha_T}m)/\sqrt{\bar\alpha_Ts^2+1-\bar\alpha_T}$.
#[test]
fn gaussian_data_is_reached_with_order_one() {
    let (m, s) = (0.4, 0.5);
    let schedule = VpLinear::PUBLISHED;
    let start = schedule.level(1.0);
    let spread = |l: NoiseLevel| (l.alpha * l.alpha * s * s + l.sigma * l.sigma).sqrt();
    let error = |steps: usize| {
        let (high, low) = (start.lambda(), schedule.level(1e-3).lambda());
        let lambda = |i: usize| high + (low - high) * i as f64 / steps as f64;
        let times: Vec<f64> = (0..=steps).map(|i| schedule.level_of_lambda(lambda(i)).t).collect();
        let denoiser = |x: &f64, l: NoiseLevel| m + l.alpha * s * s / spread(l).powi(2) * (x - l.alpha * m);
        let x = 0.7;
        let end = quietly(&schedule, &times, denoiser, |run| ddim(run, x, StepNoise::Eta(0.0)));
        let last = schedule.level(times[steps]);
        let exact = last.alpha * m + spread(last) / spread(start) * (x - start.alpha * m);
        (end - exact).abs()
    };
    let slope = (error(160) / error(320)).log2();
    assert!((slope - 1.0).abs() < 0.15, "order {slope}");
}

/// The law of the samples is the data's for every eta: moments, and a two-sample Kolmogorov-Smirnov test.
#[test]
fn every_eta_samples_the_data() {
    const COUNT: usize = 4000;
    let (mixture, schedule) = (mixture(), NoiseSchedule::cosine(1000).expect("a schedule"));
    let times = times(&schedule, Spacing::Trailing, 250);
    let sorted = |values: Array2<f64>| {
        let mut values = values.into_raw_vec_and_offset().0;
        values.sort_by(f64::total_cmp);
        values
    };
    let data = sorted(mixture.sample(&Noise::new(5).purpose("data"), 0, 0, COUNT));
    let moments = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        (mean, v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64)
    };
    for eta in [0.0, 0.5, 1.0] {
        let end = with_run(
            &schedule,
            &times,
            |x: &Array2<f64>, l| mixture.estimate(x, l),
            &mut source(7, COUNT),
            |run| ddim(run, normals(3, COUNT), StepNoise::Eta(eta)),
        );
        let end = sorted(end);
        let ((m, v), (m_data, v_data)) = (moments(&end), moments(&data));
        assert!((m - m_data).abs() < 0.06 && (v - v_data).abs() < 0.06, "eta {eta}: {m} {v}, data {m_data} {v_data}");
        let below = |x: f64| data.partition_point(|d| *d <= x) as f64 / COUNT as f64;
        let distance =
            end.iter().enumerate().map(|(i, x)| ((i + 1) as f64 / COUNT as f64 - below(*x)).abs()).fold(0.0, f64::max);
        // 1.95 sqrt(2 / n) is the 0.1 % point of the two-sample statistic.
        assert!(distance < 1.95 * (2.0 / COUNT as f64).sqrt(), "eta {eta}: distance {distance}");
    }
}

/// The numbers of the published update on the public betas, with $e(x, t) = \tanh(x/2)+0.1\cos(t/100)$.
#[test]
fn published_numbers_of_the_trailing_chain() {
    let schedule = NoiseSchedule::scaled_linear(1000, 0.00085, 0.012).expect("a schedule");
    for (steps, expected) in
        [(20, [5.639917, -1.499670, 0.931103, 16.967357]), (1000, [5.280869, -1.451004, 0.838933, 16.635125])]
    {
        let times = times(&schedule, Spacing::Trailing, steps);
        let denoiser = |x: &Array1<f64>, l: NoiseLevel| {
            let timestep = l.t - 1.0;
            (x - &(x.mapv(|x| (x / 2.0).tanh() + 0.1 * (timestep / 100.0).cos()) * l.sigma)) / l.alpha
        };
        let start = Array1::from(vec![1.0, -0.5, 0.25, 2.0]);
        let end = quietly(&schedule, &times, denoiser, |run| ddim(run, start, StepNoise::Eta(0.0)));
        for (a, b) in end.iter().zip(expected) {
            assert_relative_eq!(*a, b, max_relative = 2e-5);
        }
    }
}
