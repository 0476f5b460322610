//! Inputs that several property tests draw from.

use easel_core::{NoiseSchedule, ScheduleConfig};
use proptest::prelude::*;

/// One configuration of every kind; all of them leave some signal at T.
pub fn configs() -> Vec<ScheduleConfig> {
    vec![
        ScheduleConfig::Linear {},
        ScheduleConfig::LinearBetween { beta_first: 1e-4, beta_last: 0.02 },
        ScheduleConfig::ScaledLinear { beta_first: 0.00085, beta_last: 0.012 },
        ScheduleConfig::Cosine { s: 0.008, beta_cap: 0.999 },
        ScheduleConfig::Sigmoid { beta_first: 1e-4, beta_last: 0.02 },
        ScheduleConfig::SigmoidAlphaBar { start: -3.0, end: 3.0, tau: 1.0 },
        ScheduleConfig::Sqrt { s: 1e-4 },
    ]
}

/// A schedule of any kind with 21 to 1200 steps.
pub fn schedules() -> impl Strategy<Value = NoiseSchedule> {
    (prop::sample::select(configs()), 21usize..1200)
        .prop_map(|(config, steps)| config.build(steps).expect("every kind exists from 21 steps on"))
}

/// A schedule and one of its times, 1 <= t <= T.
pub fn schedule_and_time() -> impl Strategy<Value = (NoiseSchedule, usize)> {
    schedules().prop_flat_map(|schedule| {
        let steps = schedule.steps();
        (Just(schedule), 1..=steps)
    })
}

/// A schedule and two of its times, 0 <= s < t <= T.
pub fn schedule_and_gap() -> impl Strategy<Value = (NoiseSchedule, usize, usize)> {
    schedule_and_time().prop_flat_map(|(schedule, t)| (Just(schedule), 0..t, Just(t)))
}

/// The size of a rounding error against the larger of the two values.
pub fn relative_error(a: f64, b: f64) -> f64 {
    let size = a.abs().max(b.abs());
    if size == 0.0 { 0.0 } else { (a - b).abs() / size }
}
