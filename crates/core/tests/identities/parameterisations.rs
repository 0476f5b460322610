//! Conversions between what networks predict.

use easel_core::{NoiseSchedule, Parameterisation};
use proptest::prelude::*;

use crate::common::{relative_error, schedule_and_time};

/// A schedule, a time, and scalar x_0 and epsilon.
fn points() -> impl Strategy<Value = (NoiseSchedule, usize, f64, f64)> {
    (schedule_and_time(), -2.0..2.0f64, -3.0..3.0f64)
        .prop_map(|((schedule, t), x0, epsilon)| (schedule, t, x0, epsilon))
}

fn levels(schedule: &NoiseSchedule, t: usize) -> (f64, f64) {
    (schedule.alpha_bar(t), schedule.alpha_bar(t - 1))
}

/// The five outputs by their definitions, not by the conversions.
fn definition(p: Parameterisation, schedule: &NoiseSchedule, t: usize, x0: f64, epsilon: f64) -> f64 {
    let (signal, noise) = (schedule.sqrt_alpha_bar(t), schedule.sqrt_one_minus_alpha_bar(t));
    match p {
        Parameterisation::Epsilon => epsilon,
        Parameterisation::X0 => x0,
        Parameterisation::V => signal * epsilon - noise * x0,
        Parameterisation::Score => -epsilon / noise,
        Parameterisation::Mean => {
            let posterior = schedule.posterior(t - 1, t);
            posterior.x0 * x0 + posterior.x_t * (signal * x0 + noise * epsilon)
        }
    }
}

proptest! {
    #[test]
    fn every_output_recovers_x0_and_epsilon((schedule, t, x0, epsilon) in points()) {
        let (now, prev) = levels(&schedule, t);
        let (signal, noise) = (now.sqrt(), (1.0 - now).sqrt());
        let x_t = signal * x0 + noise * epsilon;
        for p in Parameterisation::ALL {
            let output = definition(p, &schedule, t, x0, epsilon);
            // The mean at small steps hides x_0 behind its coefficient beta.
            let hidden = if p == Parameterisation::Mean { 1.0 / schedule.posterior(t - 1, t).x0 } else { 1.0 };
            let tolerance = 1e-10 * hidden / signal;
            prop_assert!((p.to_x0(now, prev).apply(x_t, output) - x0).abs() < tolerance, "{:?}", p);
            let tolerance = tolerance / noise;
            prop_assert!((p.to_epsilon(now, prev).apply(x_t, output) - epsilon).abs() < tolerance, "{:?}", p);
        }
    }

    #[test]
    fn targets_from_x0_are_the_definitions((schedule, t, x0, epsilon) in points()) {
        let (now, prev) = levels(&schedule, t);
        let x_t = now.sqrt() * x0 + (1.0 - now).sqrt() * epsilon;
        for p in Parameterisation::ALL {
            let target = p.from_x0(now, prev).apply(x_t, x0);
            let tolerance = 1e-10 / (1.0 - now);
            prop_assert!((target - definition(p, &schedule, t, x0, epsilon)).abs() < tolerance, "{:?}", p);
        }
    }

    #[test]
    fn conversions_there_and_back_are_the_identity((schedule, t, output, x_t) in points()) {
        let (now, prev) = levels(&schedule, t);
        for from in Parameterisation::ALL {
            for to in Parameterisation::ALL {
                let (there, back) = (from.convert(to, now, prev), to.convert(from, now, prev));
                let other = there.apply(x_t, output);
                let returned = back.apply(x_t, other);
                // Rounding grows with the coefficients that undo each other.
                let size = 1.0 + back.other.abs() * (there.x_t.abs() + there.other.abs() + other.abs()) + back.x_t.abs();
                prop_assert!((returned - output).abs() < 1e-12 * size, "{:?} -> {:?}", from, to);
            }
        }
    }

    #[test]
    fn conversions_commute((schedule, t, output, x_t) in points()) {
        let (now, prev) = levels(&schedule, t);
        for from in Parameterisation::ALL {
            for to in Parameterisation::ALL {
                let converted = from.convert(to, now, prev).apply(x_t, output);
                let direct = from.to_x0(now, prev);
                let around = to.to_x0(now, prev);
                let size = 1.0 + (around.other * converted).abs() + (around.x_t * x_t).abs() + direct.apply(x_t, output).abs();
                let error = (around.apply(x_t, converted) - direct.apply(x_t, output)).abs();
                prop_assert!(error < 1e-10 * size / now.sqrt(), "{:?} -> {:?}", from, to);
            }
        }
    }

    #[test]
    fn x_t_and_v_are_a_rotation_of_x0_and_epsilon((schedule, t, x0, epsilon) in points()) {
        let x_t = schedule.sqrt_alpha_bar(t) * x0 + schedule.sqrt_one_minus_alpha_bar(t) * epsilon;
        let v = definition(Parameterisation::V, &schedule, t, x0, epsilon);
        prop_assert!((x_t * x_t + v * v - x0 * x0 - epsilon * epsilon).abs() < 1e-12);
    }

    #[test]
    fn losses_convert_by_signal_to_noise((schedule, t, x0, wrong) in points()) {
        let (now, prev) = levels(&schedule, t);
        let x_t = now.sqrt() * x0 + (1.0 - now).sqrt() * 0.7;
        for p in Parameterisation::ALL {
            let target = p.from_x0(now, prev);
            let loss = (target.apply(x_t, x0) - target.apply(x_t, wrong)).powi(2);
            let expected = p.loss_in_x0(now, prev) * (x0 - wrong).powi(2);
            let size = target.apply(x_t.abs(), x0.abs()).abs().max((target.x_t * x_t).abs()).powi(2);
            prop_assert!((loss - expected).abs() < 1e-9 * expected + 1e-13 * size, "{:?}", p);
        }
        prop_assert!(relative_error(Parameterisation::Epsilon.loss_in_x0(now, prev), schedule.snr(t)) < 1e-12);
        prop_assert!(relative_error(Parameterisation::V.loss_in_x0(now, prev), schedule.snr(t) + 1.0) < 1e-12);
        prop_assert_eq!(Parameterisation::X0.loss_in_x0(now, prev), 1.0);
    }
}

#[test]
fn without_signal_v_still_gives_x0() {
    let (x_t, v) = (0.3, -0.8);
    assert_eq!(Parameterisation::V.to_x0(0.0, 0.1).apply(x_t, v), 0.8);
    assert_eq!(Parameterisation::V.to_epsilon(0.0, 0.1).apply(x_t, v), x_t);
    assert!(!Parameterisation::Epsilon.to_x0(0.0, 0.1).apply(x_t, v).is_finite());
}
