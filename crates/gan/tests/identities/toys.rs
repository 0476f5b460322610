//! Games whose solution is known.

use gan::toy::{Toy, ToyConfig, modes_covered, pushforward};
use ndarray::{Array2, array};
use proptest::prelude::*;

proptest! {
    /// Mass is kept, and a linear map spreads it evenly.
    #[test]
    fn the_pushforward_of_a_line_is_uniform(a in -3.0..3.0f64, slope in prop_oneof![-3.0..-0.1f64, 0.1..3.0f64]) {
        let x: Vec<f64> = (0..=100).map(|i| a + slope * f64::from(i) / 100.0).collect();
        let edges: Vec<f64> = (0..=140).map(|i| -7.0 + f64::from(i) / 10.0).collect();
        let mass = pushforward(&x, &edges);
        prop_assert!((mass.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let (low, high) = (a.min(a + slope), a.max(a + slope));
        for (bin, m) in mass.iter().enumerate() {
            let inside = (edges[bin + 1].min(high) - edges[bin].max(low)).max(0.0) / (high - low);
            prop_assert!((m - inside).abs() < 1e-9, "{bin}: {m} {inside}");
        }
    }
}

#[test]
fn a_folded_map_adds_up_and_a_point_has_a_place() {
    // |z| on (-1, 1) is uniform on (0, 1).
    let x: Vec<f64> = (0..=200).map(|i| (f64::from(i) / 100.0 - 1.0).abs()).collect();
    let mass = pushforward(&x, &[-1.0, 0.0, 0.25, 0.5, 1.0]);
    for (m, expected) in mass.iter().zip([0.0, 0.25, 0.25, 0.5]) {
        assert!((m - expected).abs() < 1e-9, "{mass:?}");
    }
    assert_eq!(pushforward(&[0.5, 0.5, 0.5], &[0.0, 0.4, 0.6, 1.0]), [0.0, 1.0, 0.0]);
}

#[test]
fn modes_are_counted_where_samples_are() {
    let means = array![[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]];
    let samples = Array2::from_shape_fn((10, 2), |(i, axis)| if axis == 0 && i < 5 { 4.1 } else { 0.0 });
    assert_eq!(modes_covered(&samples, &means, 0.5, 0.1), (2, 1.0));
    assert_eq!(modes_covered(&(samples + 100.0), &means, 0.5, 0.1), (0, 0.0));
}

/// The paper's Fig. 1: at the end p_g is p_data and D is one half.
#[test]
fn the_game_on_the_line_finds_its_solution() {
    let config = ToyConfig { steps: 400, batch: 128, ..ToyConfig::line() };
    let mut toy = Toy::new(&config, 0).expect("valid");
    let moments = |toy: &Toy| {
        let x = toy.samples(4000);
        (x.mean().expect("samples"), x.std(0.0))
    };
    let before = moments(&toy);
    assert!((before.0 - 4.0).abs() > 2.0, "nothing is learned yet: {before:?}");
    while toy.steps() < config.steps {
        toy.play().expect("a round");
    }
    let (mean, deviation) = moments(&toy);
    assert!((mean - 4.0).abs() < 0.2 && (deviation - 0.5).abs() < 0.2, "{mean} {deviation}");
    let x = Array2::from_shape_fn((21, 1), |(i, _)| 3.0 + 0.1 * i as f64);
    let off = toy.discriminate(&x).iter().map(|d| (d - 0.5).abs()).sum::<f64>() / 21.0;
    assert!(off < 0.15, "D is {off} from one half");
}

#[test]
fn a_game_follows_from_its_seed() {
    let config = ToyConfig { steps: 5, batch: 16, ..ToyConfig::ring(8) };
    let run = |seed| {
        let mut toy = Toy::new(&config, seed).expect("valid");
        (0..5).for_each(|_| toy.play().expect("a round"));
        toy.samples(10)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
