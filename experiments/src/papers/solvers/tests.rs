//! What the study states of the catalogue.

use easel_core::sampling::{NoiseLevel, Run, Step, VpLinear, no_noise};
use serde_json::json;
use solvers::catalogue::{ALL, find};

use super::measure::{EQUAL, SAMPLERS, steps_within};
use super::results::Results;

const REFERENCE: &str = include_str!("../../../../docs/samplers.md");

#[test]
fn every_sampler_has_a_heading_in_its_reference() {
    let headings: Vec<&str> = REFERENCE.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    for entry in ALL {
        assert!(headings.contains(&format!("`{}`", entry.name).as_str()), "docs/samplers.md: {}", entry.name);
    }
}

/// The reference's table states order and evaluations as the catalogue does.
#[test]
fn the_reference_agrees_with_the_catalogue() {
    for entry in ALL {
        let start = format!("| [`{}`]", entry.name);
        let line = REFERENCE.lines().find(|line| line.starts_with(&start));
        let cells: Vec<&str> = line.unwrap_or_default().split('|').map(str::trim).collect();
        let order = entry.order.map_or("-".into(), |o| o.to_string());
        let random = if entry.sampler.is_stochastic() { "yes" } else { "no" };
        let expected = [order.as_str(), &entry.evaluations.to_string(), random, entry.source];
        assert_eq!(cells.get(2..6), Some(expected.as_slice()), "docs/samplers.md: {}", entry.name);
    }
}

#[test]
fn a_budget_is_never_passed() {
    for name in SAMPLERS {
        let sampler = find(name).expect("it is in the catalogue").sampler;
        for budget in 2..40 {
            let Some(steps) = steps_within(sampler, budget) else { continue };
            assert!(steps >= 2 && sampler.evaluations(steps) <= budget && sampler.evaluations(steps + 1) > budget);
        }
    }
}

/// Those left out of the measurements walk the same states.
#[test]
fn equal_samplers_are_equal() {
    let times: Vec<f64> = (0..=8).rev().map(|i| f64::from(i) / 8.0).collect();
    let states = |name: &str| {
        let mut states = Vec::new();
        let mut denoiser = |x: &f64, l: NoiseLevel| (x * l.alpha).tanh();
        let stochastic = find(name).expect("it is in the catalogue").sampler.is_stochastic();
        let mut fixed = |d: &easel_core::sampling::Draw| (d.step as f64).sin();
        let run = Run {
            denoiser: &mut denoiser,
            schedule: &VpLinear::PUBLISHED,
            times: &times,
            noise: if stochastic { &mut fixed } else { &mut no_noise },
            observer: &mut |step: &Step<f64>| states.push(*step.x),
        };
        find(name).expect("it is in the catalogue").sampler.sample(run, 0.7);
        states
    };
    for (left_out, measured) in EQUAL {
        assert!(!SAMPLERS.contains(left_out) && SAMPLERS.contains(measured));
        for (a, b) in states(left_out).iter().zip(states(measured)) {
            assert!((a - b).abs() < 1e-12, "{left_out} {measured}: {a} {b}");
        }
    }
}

#[test]
fn evaluations_count_only_where_more_do_no_harm() {
    let metrics = json!({
        "reference": { "ddim-250": 10.0 },
        "fd": { "a": { "5": 30.0, "10": 10.4, "20": 9.0 }, "b": { "5": 10.4, "10": 30.0, "20": 10.4 }, "c": { "5": 9.0, "10": 11.0 } },
    });
    let results = Results(metrics.as_object().expect("an object"));
    let needed = ["a", "b", "c"].map(|s| results.needed_in_words(s).expect("it was measured"));
    assert_eq!(needed, ["10", "20", "more than 10"]);
}
