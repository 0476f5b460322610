//! RePaint's schedule and its kernel upwards.

use std::collections::HashSet;

use ddim::StepNoise;
use easel_core::sampling::{Draw, NoiseLevel, Run, Schedule, Step};
use easel_core::{NoiseSchedule, Spacing};
use inpaint::repaint::renoising;
use inpaint::{Merge, Resampling, ddim_step, repaint};
use proptest::prelude::*;

use crate::common::{schedule_and_step, times};
use crate::law::{Gaussian, Law, exactly, known, normals};

fn counted(path: &[usize]) -> (usize, usize) {
    let down = path.windows(2).filter(|w| w[1] < w[0]).count();
    (down, path.len() - 1 - down)
}

#[test]
fn published_counts_of_moves() {
    for (steps, jump, count, moves) in [
        (250, 10, 10, (2410, 2160)),
        (50, 10, 10, (410, 360)),
        (50, 5, 5, (230, 180)),
        (37, 4, 3, (109, 72)),
        (100, 7, 6, (590, 490)),
    ] {
        let resampling = Resampling { jump, count };
        let path = resampling.path(steps).expect("a possible path");
        assert_eq!(counted(&path), moves);
        assert_eq!(resampling.moves(steps), Ok(moves));
    }
    assert_eq!(Resampling::PUBLISHED.path(250).expect("a possible path").len(), 4571);
}

/// The beginning of the released schedule for T = 6, j = 2, r = 2, with one added to its times.
#[test]
fn a_short_path() {
    let path = Resampling { jump: 2, count: 2 }.path(6).expect("a possible path");
    assert_eq!(path, [6, 5, 4, 3, 4, 5, 4, 3, 2, 1, 2, 3, 2, 1, 0]);
    let each = Resampling { jump: 1, count: 3 }.path(3).expect("a possible path");
    assert_eq!(each, [3, 2, 3, 2, 3, 2, 1, 2, 1, 2, 1, 0], "algorithm 1: every step but the last three times");
}

proptest! {
    #[test]
    fn paths_walk_single_levels_from_noise_to_data(steps in 1usize..300, jump in 1usize..40, count in 1usize..12) {
        let resampling = Resampling { jump, count };
        let path = resampling.path(steps).expect("a possible path");
        prop_assert_eq!((path[0], path[path.len() - 1]), (steps, 0));
        prop_assert!(path.windows(2).all(|w| w[0].abs_diff(w[1]) == 1));
        let (down, up) = counted(&path);
        prop_assert_eq!(down - up, steps);
        prop_assert_eq!(resampling.moves(steps), Ok((down, up)));
        prop_assert!(path.iter().all(|&level| level <= steps));
    }

    #[test]
    fn one_resampling_walks_plainly_down(steps in 1usize..300, jump in 1usize..40) {
        let path = Resampling { jump, count: 1 }.path(steps).expect("a possible path");
        prop_assert!(path.iter().copied().eq((0..=steps).rev()));
    }

    #[test]
    fn single_steps_upwards_make_one_jump((schedule, s, t) in schedule_and_step()) {
        let level = |t: usize| Schedule::level(&schedule, t as f64);
        let (mut scale, mut variance) = (1.0, 0.0);
        for t in s..t {
            let (c, deviation) = renoising(level(t), level(t + 1));
            scale *= c;
            variance = c * c * variance + deviation * deviation;
        }
        let (c, deviation) = renoising(level(s), level(t));
        let ratio = schedule.alpha_bar(t) / schedule.alpha_bar(s);
        prop_assert!((scale - c).abs() < 1e-12 && (c - ratio.sqrt()).abs() < 1e-12);
        prop_assert!((variance - deviation * deviation).abs() < 1e-12 && (variance - (1.0 - ratio)).abs() < 1e-12);
    }

    /// Both ways round: a state at the level of s, renoised, is at the level of t.
    #[test]
    fn renoising_reaches_the_level((schedule, s, t) in schedule_and_step()) {
        let (from, to) = (Schedule::level(&schedule, s as f64), Schedule::level(&schedule, t as f64));
        let (scale, deviation) = renoising(from, to);
        prop_assert!((scale * from.alpha - to.alpha).abs() < 1e-12);
        prop_assert!(((scale * from.sigma).powi(2) + deviation.powi(2) - to.sigma.powi(2)).abs() < 1e-12);
    }
}

#[test]
fn the_observer_sees_every_move_and_every_move_has_its_own_draws() {
    let schedule = NoiseSchedule::linear(100).expect("a schedule");
    let times = times(&schedule, Spacing::Leading, 20);
    let resampling = Resampling { jump: 4, count: 3 };
    let path = resampling.path(20).expect("a possible path");
    let (data, known) = (Gaussian::correlated(), known([1.0, 0.0], 1.0));
    let (mut visited, mut drawn, mut evaluations) = (vec![times[0]], HashSet::new(), 0);
    let mut denoiser = |x: &Law, level: NoiseLevel| {
        evaluations += 1;
        data.estimate(x, level)
    };
    let mut noise = |draw: &Draw| {
        assert!(drawn.insert((draw.step, draw.part)), "drawn twice: {draw:?}");
        assert_eq!(draw.remaining, path.len() - 1 - draw.step);
        normals(draw)
    };
    let mut observer = |step: &Step<Law>| {
        assert_eq!(step.index + 1, visited.len());
        visited.push(step.level.t);
    };
    let run =
        Run { denoiser: &mut denoiser, schedule: &schedule, times: &times, noise: &mut noise, observer: &mut observer };
    repaint(run, Law::start(), &known, resampling, Merge::Before, ddim_step(StepNoise::Eta(1.0))).expect("a path");
    let expected: Vec<f64> = path.iter().map(|&level| times[20 - level]).collect();
    assert_eq!(visited, expected);
    assert_eq!(evaluations, resampling.moves(20).expect("possible").0);
}

#[test]
fn impossible_paths_are_refused() {
    for (steps, jump, count) in [(0, 10, 10), (10, 0, 10), (10, 10, 0)] {
        assert!(Resampling { jump, count }.path(steps).is_err());
        assert!(Resampling { jump, count }.moves(steps).is_err());
    }
    let schedule = NoiseSchedule::linear(100).expect("a schedule");
    let refused = exactly(&Gaussian::correlated(), &schedule, &[3.0, 5.0, 0.0], |run| {
        let step = ddim_step(StepNoise::Eta(1.0));
        repaint(run, Law::start(), &known([1.0, 0.0], 1.0), Resampling::PUBLISHED, Merge::After, step).is_err()
    });
    assert!(refused, "times that rise");
}
