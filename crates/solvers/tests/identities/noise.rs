//! Noise along one Brownian path.

use easel_core::sampling::{BrownianPath, Draw, NoiseLevel, NoiseSource, Schedule, VpLinear};
use easel_core::{Noise, Stream};
use ndarray::Array1;
use solvers::catalogue::find;

use crate::common::with_run;

const COUNT: usize = 4000;

fn nodes(stream: Stream) -> impl FnMut(u64) -> Array1<f64> {
    move |node| {
        let mut values = vec![0.0; COUNT];
        stream.normal_f64(node, 0, &mut values);
        Array1::from(values)
    }
}

fn draw(from: f64, to: f64) -> Draw {
    let level = |t| VpLinear::PUBLISHED.level(t);
    Draw { step: 0, remaining: 1, part: 0, from: level(from), to: level(to) }
}

fn moment(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    a.dot(b) / COUNT as f64
}

#[test]
fn normals_are_standard_and_those_of_disjoint_intervals_independent() {
    let stream = Noise::new(1).purpose("path");
    let mut path = BrownianPath::new(nodes(stream));
    let list: Vec<Array1<f64>> =
        [(1.0, 0.7), (0.7, 0.4), (0.4, 0.39), (0.39, 0.01)].iter().map(|(a, b)| path.normal(&draw(*a, *b))).collect();
    for (i, a) in list.iter().enumerate() {
        for (j, b) in list.iter().enumerate() {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((moment(a, b) - expected).abs() < 0.1, "{i} {j}: {}", moment(a, b));
        }
    }
}

#[test]
fn an_interval_is_the_sum_of_its_parts_in_any_order() {
    let stream = Noise::new(2).purpose("path");
    let clock = |t: f64| VpLinear::PUBLISHED.level(t).sigma_hat().powi(-2);
    let whole = BrownianPath::new(nodes(stream)).normal(&draw(0.8, 0.2));
    let mut path = BrownianPath::new(nodes(stream));
    let late = path.normal(&draw(0.5, 0.2));
    let early = path.normal(&draw(0.8, 0.5));
    let (a, b) = ((clock(0.5) - clock(0.8)).sqrt(), (clock(0.2) - clock(0.5)).sqrt());
    let sum = (early * a + late * b) / a.hypot(b);
    assert!((&sum - &whole).iter().all(|d| d.abs() < 1e-6));
}

/// With one path the result of the SDE settles as the steps grow; with fresh normals it does not.
#[test]
fn one_path_gives_one_result_at_any_number_of_steps() {
    let schedule = VpLinear::PUBLISHED;
    let data = 0.25;
    let denoise =
        |x: &Array1<f64>, l: NoiseLevel| x * (l.alpha * data / (l.alpha * l.alpha * data + l.sigma * l.sigma));
    let grid = |steps: usize| -> Vec<f64> {
        let (high, low) = (schedule.level(1.0).lambda(), schedule.level(1e-2).lambda());
        (0..=steps).map(|i| schedule.level_of_lambda(high + (low - high) * i as f64 / steps as f64).t).collect()
    };
    let start = nodes(Noise::new(3).purpose("start"))(0);
    let sampler = find("dpm++2m-sde").expect("it exists").sampler;
    let mut on_path = |steps| {
        let mut path = BrownianPath::new(nodes(Noise::new(4).purpose("path")));
        with_run(&schedule, &grid(steps), denoise, &mut path, |run| sampler.sample(run, start.clone()))
    };
    let results = [20, 40, 80].map(&mut on_path);
    let distance = |a: &Array1<f64>, b: &Array1<f64>| {
        let d = a - b;
        moment(&d, &d).sqrt()
    };
    let (coarse, fine) = (distance(&results[0], &results[1]), distance(&results[1], &results[2]));
    assert!(fine < 0.6 * coarse && fine < 0.05, "{coarse} {fine}");
    let fresh = |steps: usize| {
        let mut source = |d: &Draw| nodes(Noise::new(5).purpose("fresh"))(1000 * steps as u64 + d.step as u64);
        with_run(&schedule, &grid(steps), denoise, &mut source, |run| sampler.sample(run, start.clone()))
    };
    assert!(distance(&fresh(40), &fresh(80)) > 10.0 * fine);
}
