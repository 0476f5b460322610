//! Replacement on any data, and the denoiser that knows.

use ddim::{StepNoise, ddim};
use easel_core::sampling::{Denoiser, Draw, Edm, NoiseLevel, Schedule, State, epsilon, falling};
use easel_core::{Noise, NoiseSchedule, Spacing};
use inpaint::replacement::KNOWN_PART;
use inpaint::{
    Known, KnownData, KnownNoise, Mask, Merge, Polarity, Resampling, ddim_step, repaint, replacement, replacing,
};
use ndarray::Array2;
use proptest::prelude::*;
use solvers::catalogue::ALL;

use crate::common::{mixture, normals, quietly, schedule_and_times, times, with_run};
use crate::law::{Gaussian, Law, STEP_NOISES, exactly, known, watched};

const PIXELS: usize = 6;
const MERGES: [Merge; 2] = [Merge::Before, Merge::After];

/// Normals of a seed, one for each part of each step.
fn source(seed: u64) -> impl FnMut(&Draw) -> Array2<f64> {
    move |draw| {
        let mut values = vec![0.0; PIXELS];
        Noise::new(seed).purpose("noise").normal_f64(draw.step as u64, draw.part as u64, &mut values);
        Array2::from_shape_vec((PIXELS, 1), values).expect("one column")
    }
}

fn known_where(keep: &[bool], seed: u64) -> Known<Array2<f64>> {
    let mask = Array2::from_shape_fn((PIXELS, 1), |(i, _)| f64::from(keep[i]));
    let x0 = mixture().sample(&Noise::new(seed).purpose("data"), 0, 0, PIXELS);
    Known { mask: Mask::new(mask, Polarity::Keep).expect("zeros and ones"), x0 }
}

fn sampled(
    schedule: &NoiseSchedule,
    list: &[usize],
    known: &Known<Array2<f64>>,
    merge: Merge,
    eta: f64,
    seed: u64,
) -> Array2<f64> {
    let mixture = mixture();
    let denoise = |x: &Array2<f64>, l| mixture.estimate(x, l);
    with_run(schedule, &falling(list), denoise, &mut source(seed), |run| {
        replacement(run, normals(seed, PIXELS), known, merge, KnownNoise::Fresh, StepNoise::Eta(eta))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_known_part_is_returned_to_the_bit(
        (schedule, list) in schedule_and_times(), keep in prop::collection::vec(any::<bool>(), PIXELS),
        eta in 0.0..1.5, seed in 0u64..1000, jump in 1usize..4, count in 1usize..4
    ) {
        let known = known_where(&keep, seed);
        let after = sampled(&schedule, &list, &known, Merge::After, eta, seed);
        let before = known.composite(&sampled(&schedule, &list, &known, Merge::Before, eta, seed));
        let mixture = mixture();
        let repainted = with_run(
            &schedule, &falling(&list), |x: &Array2<f64>, l| mixture.estimate(x, l), &mut source(seed),
            |run| {
                let resampling = Resampling { jump, count };
                repaint(run, normals(seed, PIXELS), &known, resampling, Merge::After, ddim_step(StepNoise::Eta(eta)))
            },
        ).expect("a possible path");
        for i in (0..PIXELS).filter(|&i| keep[i]) {
            prop_assert_eq!([after[[i, 0]], before[[i, 0]], repainted[[i, 0]]], [known.x0[[i, 0]]; 3]);
        }
    }

    #[test]
    fn where_all_is_known_nothing_is_generated(
        (schedule, list) in schedule_and_times(), eta in 0.0..1.5, seed in 0u64..1000
    ) {
        let known = known_where(&[true; PIXELS], seed);
        prop_assert_eq!(&sampled(&schedule, &list, &known, Merge::After, eta, seed), &known.x0);
        prop_assert_eq!(&known.composite(&sampled(&schedule, &list, &known, Merge::Before, eta, seed)), &known.x0);
    }

    #[test]
    fn where_nothing_is_known_it_is_the_sampler_itself(
        (schedule, list) in schedule_and_times(), eta in 0.0..1.5, seed in 0u64..1000
    ) {
        let known = known_where(&[false; PIXELS], seed);
        let mixture = mixture();
        let denoise = |x: &Array2<f64>, l| mixture.estimate(x, l);
        let plain = with_run(&schedule, &falling(&list), denoise, &mut source(seed), |run| {
            ddim(run, normals(seed, PIXELS), StepNoise::Eta(eta))
        });
        for merge in MERGES {
            prop_assert_eq!(&sampled(&schedule, &list, &known, merge, eta, seed), &plain);
        }
    }

    /// A wrapper of the denoiser in place of one of the step: with eta = 0 the same, on correlated pixels.
    #[test]
    fn known_data_is_replacement_with_the_noise_of_the_start((schedule, list) in schedule_and_times()) {
        let (data, times) = (Gaussian::correlated(), falling(&list));
        let (known, start) = (known([1.0, 0.0], 0.7), Law::lasting());
        let noise = epsilon(&start, &known.x0, Schedule::level(&schedule, times[0]));
        let inner = |x: &Law, l: NoiseLevel| data.estimate(x, l);
        let mut knowing = KnownData { inner, known: &known };
        let knowing = |x: &Law, l: NoiseLevel| Denoiser::x0(&mut knowing, x, l);
        let wrapped = quietly(&schedule, &times, knowing, |run| ddim(run, start.clone(), StepNoise::Eta(0.0)));
        for merge in MERGES {
            let fixed = KnownNoise::Fixed(noise.clone());
            let replaced = known.composite(&quietly(&schedule, &times, inner, |run| {
                replacement(run, start.clone(), &known, merge, fixed, StepNoise::Eta(0.0))
            }));
            let scale = 1e-9 / Schedule::level(&schedule, times[0]).alpha;
            prop_assert!(wrapped.difference(&replaced, 0) < scale && wrapped.difference(&replaced, 1) < scale);
        }
    }
}

fn chains() -> Vec<(NoiseSchedule, Vec<f64>)> {
    let linear = NoiseSchedule::linear(250).expect("a schedule");
    let cosine = NoiseSchedule::cosine(1000).expect("a schedule");
    let some = times(&cosine, Spacing::Trailing, 20);
    let all = times(&linear, Spacing::Trailing, 250);
    vec![(linear, all), (cosine, some)]
}

/// Mean and variance of the known pixel are those of its level.
fn assert_marginal(x: &Law, level: NoiseLevel, value: f64, what: &str) {
    let (mean, variance) = (x.mean(0), x.variance(0));
    let close = (mean - level.alpha * value).abs() < 1e-12 && (variance - level.sigma.powi(2)).abs() < 1e-12;
    assert!(close, "{what} at {level:?}: mean {mean}, variance {variance}");
}

#[test]
fn the_network_is_told_the_level_of_the_known_part() {
    let (data, value) = (Gaussian::correlated(), 1.3);
    let known = known([1.0, 0.0], value);
    for (schedule, times) in chains() {
        for merge in MERGES {
            for step_noise in STEP_NOISES {
                for noise in [KnownNoise::Fresh, KnownNoise::Fixed(Law::lasting())] {
                    // Replaced after the step, the known part is pure noise at the first.
                    let mut seen = 0;
                    let see = |x: &Law, level: NoiseLevel| {
                        if seen > 0 || merge == Merge::Before {
                            assert_marginal(x, level, value, "replacement");
                        }
                        seen += 1;
                    };
                    watched(&data, &schedule, &times, see, |run| {
                        replacement(run, Law::start(), &known, merge, noise, step_noise)
                    });
                    assert_eq!(seen, times.len() - 1);
                }
            }
            let mut seen = 0;
            let see = |x: &Law, level: NoiseLevel| {
                if seen > 0 || merge == Merge::Before {
                    assert_marginal(x, level, value, "RePaint");
                }
                seen += 1;
            };
            let resampling = Resampling { jump: 5, count: 3 };
            watched(&data, &schedule, &times, see, |run| {
                repaint(run, Law::start(), &known, resampling, merge, ddim_step(StepNoise::Eta(1.0)))
            })
            .expect("a possible path");
        }
    }
}

#[test]
fn without_the_last_composite_the_known_part_is_within_the_last_noise() {
    let known = known([1.0, 0.0], 1.0);
    for (schedule, times) in chains() {
        let last = Schedule::level(&schedule, times[times.len() - 2]);
        for step_noise in STEP_NOISES {
            let end = exactly(&Gaussian::correlated(), &schedule, &times, |run| {
                replacement(run, Law::start(), &known, Merge::Before, KnownNoise::Fresh, step_noise)
            });
            // The root mean square is one deviation, with a little of the other pixel's doubt; so nearly all draws are
            // within three.
            let distance = (end.mean(0) - 1.0).hypot(end.variance(0).sqrt());
            assert!(0.0 < distance && distance <= 1.05 * last.sigma, "{distance} {}", last.sigma);
        }
    }
}

#[test]
fn independent_pixels_do_not_notice_what_is_known() {
    let (data, known) = (Gaussian::independent(0.3, 0.25), known([1.0, 0.0], 1.0));
    for (schedule, times) in chains() {
        for step_noise in STEP_NOISES {
            let plain = exactly(&data, &schedule, &times, |run| ddim(run, Law::start(), step_noise));
            for merge in MERGES {
                for noise in [KnownNoise::Fresh, KnownNoise::Fixed(Law::lasting())] {
                    let end = exactly(&data, &schedule, &times, |run| {
                        replacement(run, Law::start(), &known, merge, noise, step_noise)
                    });
                    assert!(end.difference(&plain, 1) < 1e-12 && end.covariance(0, 1).abs() < 1e-12);
                }
            }
        }
    }
}

/// DDPM's larger variance is exact on standard normal data, whatever the steps.
#[test]
fn on_independent_pixels_an_exact_sampler_stays_exact() {
    let (data, known) = (Gaussian::independent(0.0, 1.0), known([1.0, 0.0], 2.0));
    let see = |x: &Law, level: NoiseLevel| {
        let what = (x.mean(1), x.variance(1));
        assert!(what.0.abs() < 1e-12 && (what.1 - 1.0).abs() < 1e-12, "{level:?}: {what:?}");
    };
    for (schedule, times) in chains() {
        for merge in MERGES {
            watched(&data, &schedule, &times, see, |run| {
                replacement(run, Law::start(), &known, merge, KnownNoise::Fresh, StepNoise::SigmaHat)
            });
            watched(&data, &schedule, &times, see, |run| {
                repaint(run, Law::start(), &known, Resampling::PUBLISHED, merge, ddim_step(StepNoise::SigmaHat))
            })
            .expect("a possible path");
        }
    }
}

#[test]
fn known_data_serves_every_sampler() {
    let (mixture, schedule) = (mixture(), NoiseSchedule::linear(1000).expect("a schedule"));
    let times = times(&schedule, Spacing::Trailing, 12);
    let keep = [true, false, true, true, false, false];
    let known = known_where(&keep, 1);
    for entry in ALL {
        let mut denoiser = KnownData { inner: |x: &Array2<f64>, l: NoiseLevel| mixture.estimate(x, l), known: &known };
        let denoise = |x: &Array2<f64>, l: NoiseLevel| Denoiser::x0(&mut denoiser, x, l);
        let end =
            with_run(&schedule, &times, denoise, &mut source(3), |run| entry.sampler.sample(run, normals(3, PIXELS)));
        let distance = (0..PIXELS).filter(|&i| keep[i]).map(|i| (end[[i, 0]] - known.x0[[i, 0]]).abs());
        let distance = distance.fold(0.0, f64::max);
        assert!(distance < 1e-9, "{}: {distance}", entry.name);
    }
}

#[test]
fn fresh_noise_has_its_own_part_and_interval() {
    let schedule = NoiseSchedule::linear(100).expect("a schedule");
    let times = times(&schedule, Spacing::Trailing, 5);
    let known = known_where(&[true, false, true, false, true, false], 1);
    for merge in MERGES {
        let mut draws = Vec::new();
        let mut noise = |draw: &Draw| {
            draws.push(*draw);
            normals(0, PIXELS)
        };
        let denoise = |x: &Array2<f64>, _: NoiseLevel| Array2::zeros(x.dim());
        with_run(&schedule, &times, denoise, &mut noise, |run| {
            run.walk(normals(1, PIXELS), replacing(&known, merge, KnownNoise::Fresh, ddim_step(StepNoise::Eta(1.0))))
        });
        let of_known: Vec<_> = draws.iter().filter(|d| d.part == KNOWN_PART).collect();
        // Clean data needs none: after the last step, where nothing is drawn for the step either.
        let levels: Vec<f64> = of_known.iter().map(|d| d.to.t).collect();
        let expected = if merge == Merge::Before { &times[..5] } else { &times[1..5] };
        assert_eq!(levels, expected);
        assert!(of_known.iter().all(|d| d.from.is_data() && d.remaining == 5 - d.step));
        assert_eq!(draws.len() - of_known.len(), 4);
    }
}

#[test]
fn known_states_of_edms_process_are_not_scaled() {
    let schedule = Edm::new(80.0).expect("a process");
    let (data, known) = (Gaussian::correlated(), known([1.0, 0.0], 1.0));
    let times = [80.0, 20.0, 5.0, 1.0, 0.2, 0.0];
    let mut seen = 0;
    let see = |x: &Law, level: NoiseLevel| {
        assert_eq!(level.alpha, 1.0);
        if seen > 0 {
            assert_marginal(x, level, 1.0, "EDM");
        }
        seen += 1;
    };
    let start = Law::combine(&[(80.0, &Law::start())]);
    let end = watched(&data, &schedule, &times, see, |run| {
        replacement(run, start, &known, Merge::After, KnownNoise::Fresh, StepNoise::Eta(1.0))
    });
    assert_eq!((end.mean(0), end.variance(0)), (1.0, 0.0));
}
