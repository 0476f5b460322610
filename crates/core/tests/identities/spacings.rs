//! Lists of sampling times.

use easel_core::spacing::{self, time, timestep};
use easel_core::{MathError, Spacing};
use proptest::prelude::*;

const ALL: [Spacing; 6] =
    [Spacing::Leading, Spacing::Trailing, Spacing::Linspace, Spacing::Quadratic, Spacing::Even, Spacing::Stride];

fn timesteps(times: Vec<usize>) -> Vec<usize> {
    times.into_iter().map(timestep).collect()
}

proptest! {
    #[test]
    fn times_rise_within_the_schedule(steps in 1usize..1500, fraction in 0.0..1.0f64) {
        let count = 1 + (fraction * (steps - 1) as f64) as usize;
        for rule in ALL {
            let times = match rule.times(steps, count) {
                Ok(times) => times,
                Err(_) => { prop_assert_eq!(rule, Spacing::Stride); continue }
            };
            prop_assert!(times.windows(2).all(|w| w[0] < w[1]), "{:?}", rule);
            prop_assert!(times[0] >= 1 && times[times.len() - 1] <= steps, "{:?}", rule);
            prop_assert!(times.len() == count || rule == Spacing::Quadratic, "{:?} {}", rule, times.len());
        }
    }

    #[test]
    fn all_times_are_all_times(steps in 1usize..300) {
        let all: Vec<usize> = (1..=steps).collect();
        for rule in [Spacing::Leading, Spacing::Trailing, Spacing::Linspace, Spacing::Even, Spacing::Stride] {
            prop_assert_eq!(rule.times(steps, steps).unwrap(), all.clone(), "{:?}", rule);
        }
    }

    #[test]
    fn ends_are_where_the_rules_put_them(steps in 2usize..1500, fraction in 0.0..1.0f64) {
        let count = 2 + (fraction * (steps - 2) as f64) as usize;
        let ends = |rule: Spacing| rule.times(steps, count).map(|t| (t[0], t[t.len() - 1])).unwrap();
        prop_assert_eq!(ends(Spacing::Trailing).1, steps);
        prop_assert_eq!(ends(Spacing::Linspace), (1, steps));
        prop_assert_eq!(ends(Spacing::Even), (1, steps));
        prop_assert_eq!(ends(Spacing::Leading).0, 1);
    }
}

#[test]
fn published_lists() {
    let even = timesteps(spacing::even(1000, 10).unwrap());
    assert_eq!(even, [0, 111, 222, 333, 444, 555, 666, 777, 888, 999]);
    let quadratic = |count| timesteps(spacing::quadratic(1000, count).unwrap());
    assert_eq!(quadratic(10), [0, 9, 39, 88, 158, 246, 355, 483, 632, 800]);
    assert_eq!(
        quadratic(20),
        [0, 2, 8, 19, 35, 55, 79, 108, 141, 179, 221, 268, 319, 374, 434, 498, 567, 640, 718, 800]
    );
    let leading = timesteps(spacing::leading(1000, 50, 1).unwrap());
    assert_eq!((leading[0], leading[1], leading[48], leading[49]), (1, 21, 961, 981));
    let trailing = timesteps(spacing::trailing(1000, 50).unwrap());
    assert_eq!((trailing[0], trailing[48], trailing[49]), (19, 979, 999));
    let linspace = timesteps(spacing::linspace(1000, 50).unwrap());
    assert_eq!((linspace[0], linspace[1]), (0, 20));
    assert_eq!(linspace[46..], [938, 958, 979, 999]);
    assert_eq!(timesteps(spacing::stride(1000, 10).unwrap()), (0..1000).step_by(100).collect::<Vec<_>>());
}

#[test]
fn sections_are_spread_each_on_its_own() {
    let times = timesteps(spacing::even_sections(100, &[10, 10, 3, 2, 2]).unwrap());
    assert_eq!(times.len(), 27);
    assert_eq!(times[20..], [40, 50, 59, 60, 79, 80, 99]);
}

#[test]
fn counting_from_zero_and_back() {
    assert_eq!((timestep(1), time(0), timestep(1000)), (0, 1, 999));
}

#[test]
fn impossible_counts_are_refused() {
    for rule in ALL {
        for count in [0, 11] {
            assert!(matches!(rule.times(10, count), Err(MathError::Spacing { .. })), "{rule:?}");
        }
    }
    let message = spacing::stride(1000, 300).unwrap_err().to_string();
    assert_eq!(message, "cannot choose 300 of 1000 times: no integer stride gives that many; choose a divisor of T");
    assert!(spacing::leading(10, 10, 1).is_err());
    assert!(spacing::even_sections(10, &[]).is_err());
    assert!(spacing::even_sections(10, &[6, 1]).is_err());
}
