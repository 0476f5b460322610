//! Orders of convergence, measured where the score is exact.

use easel_core::sampling::{Draw, NoiseLevel, Schedule, VpLinear};
use ndarray::{Array1, Array2};
use solvers::Sampler;
use solvers::catalogue::{ALL, find};
use solvers::exponential::Form;
use solvers::multistep::{Multistep, SecondOrder, ThirdOrder};
use solvers::unipc::{BFunction, UniPc};

use crate::common::{mixture, normals, quietly, with_run};

/// Even steps in lambda from t = 1 to t = 0.01.
fn grid(steps: usize) -> Vec<f64> {
    let schedule = VpLinear::PUBLISHED;
    let (high, low) = (schedule.level(1.0).lambda(), schedule.level(1e-2).lambda());
    let at = |i: usize| schedule.level_of_lambda(high + (low - high) * i as f64 / steps as f64).t;
    (0..=steps).map(at).collect()
}

fn solve(sampler: Sampler, steps: usize) -> Array2<f64> {
    let mixture = mixture();
    let denoise = |x: &Array2<f64>, level| mixture.estimate(x, level);
    quietly(&VpLinear::PUBLISHED, &grid(steps), denoise, |run| sampler.sample(run, normals(0, 64)))
}

/// Root mean squared distance to `reference` at 160, 320 and 640 steps, and the mean slope between.
fn order(sampler: Sampler, reference: &Array2<f64>) -> (f64, [f64; 3]) {
    let error = |steps| (&solve(sampler, steps) - reference).mapv(|d| d * d).mean().expect("not empty").sqrt();
    let errors = [160, 320, 640].map(error);
    ((errors[0] / errors[2]).log2() / 2.0, errors)
}

fn reference() -> Array2<f64> {
    solve(find("unipc3").expect("it exists").sampler, 5000)
}

#[test]
fn every_deterministic_solver_converges_with_its_order() {
    let reference = reference();
    let mut wrong = Vec::new();
    for entry in ALL.iter().filter(|e| !e.sampler.is_stochastic()) {
        let (found, errors) = order(entry.sampler, &reference);
        let stated = f64::from(entry.order.expect("every deterministic one has an order"));
        println!("{:<14} stated {stated}, measured {found:.2}, errors {errors:?}", entry.name);
        if (found - stated).abs() > 0.2 {
            wrong.push(entry.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn options_do_not_change_the_order() {
    let reference = reference();
    let linear = Sampler::Multistep(Multistep { second: SecondOrder::Linear, ..Multistep::new(Form::Data, 2) });
    let unipc = |form, order, b, correct| Sampler::UniPc(UniPc { form, order, b, correct });
    for (sampler, stated) in [
        (linear, 2.0),
        (unipc(Form::Data, 2, BFunction::H, true), 3.0),
        (unipc(Form::Data, 2, BFunction::Exponential, false), 2.0),
        (unipc(Form::Data, 3, BFunction::H, false), 3.0),
        (unipc(Form::Epsilon, 2, BFunction::Exponential, true), 3.0),
        (Sampler::Lms(2), 2.0),
        (Sampler::Lms(3), 3.0),
    ] {
        let (found, errors) = order(sampler, &reference);
        assert!((found - stated).abs() < 0.2, "{sampler:?}: {found} of {stated}, {errors:?}");
    }
}

#[test]
fn published_third_order_converges_with_order_two() {
    let reference = reference();
    for form in [Form::Data, Form::Epsilon] {
        let third = |third| Sampler::Multistep(Multistep { third, ..Multistep::new(form, 3) });
        let (published, errors) = order(third(ThirdOrder::Published), &reference);
        assert!((published - 2.0).abs() < 0.2, "{form:?}: {published}, {errors:?}");
        let (corrected, better) = order(third(ThirdOrder::Corrected), &reference);
        assert!((corrected - 3.0).abs() < 0.2, "{form:?}: {corrected}, {better:?}");
        assert!(better[2] < errors[2] / 5.0);
    }
}

/// The exact variance of a sampler's result on data N(0, 0.25): a state is the row of coefficients of x_T and of every
/// normal drawn, which all samplers transform linearly, so no random number is needed.
fn variance(sampler: Sampler, times: &[f64]) -> f64 {
    const DATA: f64 = 0.25;
    let schedule = VpLinear::PUBLISHED;
    let spread = |l: NoiseLevel| l.alpha * l.alpha * DATA + l.sigma * l.sigma;
    let denoise = |x: &Array1<f64>, l: NoiseLevel| x * (l.alpha * DATA / spread(l));
    let size = times.len() + 1;
    let mut start = Array1::zeros(size);
    start[0] = spread(schedule.level(times[0])).sqrt();
    let mut unit = |draw: &Draw| {
        assert_eq!(draw.part, 0, "one normal a step");
        let mut z = Array1::zeros(size);
        z[1 + draw.step] = 1.0;
        z
    };
    let end = with_run(&schedule, times, denoise, &mut unit, |run| sampler.sample(run, start));
    end.dot(&end) / spread(schedule.level(times[times.len() - 1]))
}

fn weak_order(sampler: Sampler) -> (f64, [f64; 3]) {
    let errors = [160, 320, 640].map(|steps| (variance(sampler, &grid(steps)) - 1.0).abs());
    ((errors[0] / errors[2]).log2() / 2.0, errors)
}

#[test]
fn every_stochastic_solver_converges_in_law_with_its_order() {
    for entry in ALL.iter().filter(|e| e.sampler.is_stochastic()) {
        let Some(stated) = entry.order else { continue };
        let (found, errors) = weak_order(entry.sampler);
        println!("{:<14} stated {stated}, measured {found:.2}, errors {errors:?}", entry.name);
        assert!((found - f64::from(stated)).abs() < 0.2, "{}: {found} of {stated}, {errors:?}", entry.name);
    }
}

#[test]
fn published_stochastic_third_order_converges_with_order_one() {
    let solver = |third| Sampler::Multistep(Multistep { third, ..Multistep::new(Form::DataSde, 3) });
    let (published, errors) = weak_order(solver(ThirdOrder::Published));
    assert!((published - 1.0).abs() < 0.2, "{published}, {errors:?}");
    let (_, second) = weak_order(find("dpm++2m-sde").expect("it exists").sampler);
    assert!(second[2] < errors[2], "the second order is ahead of it: {second:?} {errors:?}");
}
