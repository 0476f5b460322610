use easel_metrics::manifold::{nearest_neighbours, precision_recall_density_coverage};
use ndarray::{Array2, ArrayView1, Axis, concatenate};
use proptest::prelude::*;

use crate::random::{cases, normal, orthogonal, rng, shuffled};

fn euclidean(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Distance of each row to its k-th neighbour in the same set, by sorting.
fn radii(x: &Array2<f64>, k: usize) -> Vec<f64> {
    let radius = |i: usize| {
        let others = (0..x.nrows()).filter(|&j| j != i);
        let mut distances: Vec<f64> = others.map(|j| euclidean(x.row(i), x.row(j))).collect();
        distances.sort_by(f64::total_cmp);
        distances[k - 1]
    };
    (0..x.nrows()).map(radius).collect()
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn ball_counts_are_their_definitions(
        seed: u64, n in 6_usize..60, m in 6_usize..200, d in 1_usize..6, k in 1_usize..5, shift in 0.0..2.0_f64,
    ) {
        let mut rng = rng(seed);
        let (real, fake) = (normal(&mut rng, n, d), normal(&mut rng, m, d) + shift);
        let (real_radius, fake_radius) = (radii(&real, k), radii(&fake, k));
        let distance = |i: usize, j: usize| euclidean(real.row(i), fake.row(j));
        let balls = |j: usize| (0..n).filter(|&i| distance(i, j) <= real_radius[i]).count();
        let precise = (0..m).filter(|&j| balls(j) > 0).count();
        let recalled = (0..n).filter(|&i| (0..m).any(|j| distance(i, j) <= fake_radius[j])).count();
        let covered = (0..n).filter(|&i| (0..m).any(|j| distance(i, j) <= real_radius[i])).count();

        let got = precision_recall_density_coverage(real.view(), fake.view(), k).unwrap();
        prop_assert_eq!(got.precision, precise as f64 / m as f64);
        prop_assert_eq!(got.recall, recalled as f64 / n as f64);
        prop_assert_eq!(got.density, (0..m).map(balls).sum::<usize>() as f64 / (k * m) as f64);
        prop_assert_eq!(got.coverage, covered as f64 / n as f64);

        // Precision and recall change places with the sets; nothing depends on order, rotation or place.
        let swapped = precision_recall_density_coverage(fake.view(), real.view(), k).unwrap();
        prop_assert_eq!((swapped.precision, swapped.recall), (got.recall, got.precision));
        let q = orthogonal(&mut rng, d);
        let moved = |x: &Array2<f64>| x.dot(&q) * 3.0 + 5.0;
        let (real, fake) = (moved(&shuffled(&mut rng, &real)), moved(&shuffled(&mut rng, &fake)));
        prop_assert_eq!(got, precision_recall_density_coverage(real.view(), fake.view(), k).unwrap());
    }

    #[test]
    fn neighbours_are_those_of_a_full_sort(seed: u64, n in 1_usize..300, m in 5_usize..50, k in 1_usize..6) {
        let mut rng = rng(seed);
        // Grid points, so that equal distances occur.
        let (queries, base) = (normal(&mut rng, n, 2).mapv(f64::round), normal(&mut rng, m, 2).mapv(f64::round));
        let found = nearest_neighbours(queries.view(), base.view(), k.min(m)).unwrap();
        for q in 0..n {
            let mut all: Vec<(f64, usize)> = (0..m).map(|i| (euclidean(queries.row(q), base.row(i)), i)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for (rank, &(distance, index)) in all[..k.min(m)].iter().enumerate() {
                prop_assert_eq!(found.distance[[q, rank]], distance);
                prop_assert_eq!(found.index[[q, rank]], index);
            }
        }
    }
}

#[test]
fn identical_and_distant_sets() {
    let x = normal(&mut rng(30), 300, 8);
    let same = precision_recall_density_coverage(x.view(), x.view(), 5).unwrap();
    assert_eq!((same.precision, same.recall, same.coverage), (1.0, 1.0, 1.0));
    // Every real ball holds its centre and its k neighbours.
    assert_eq!(same.density, 6.0 / 5.0);
    let far = precision_recall_density_coverage(x.view(), (&x + 100.0).view(), 5).unwrap();
    assert_eq!((far.precision, far.recall, far.density, far.coverage), (0.0, 0.0, 0.0, 0.0));
}

#[test]
fn a_dropped_mode_costs_diversity_only() {
    let mut rng = rng(31);
    let modes =
        |rng: &mut _, n| concatenate(Axis(0), &[normal(rng, n, 4).view(), (normal(rng, n, 4) + 20.0).view()]).unwrap();
    let real = modes(&mut rng, 300);
    let both = modes(&mut rng, 300);
    let one = normal(&mut rng, 600, 4);
    let complete = precision_recall_density_coverage(real.view(), both.view(), 5).unwrap();
    let dropped = precision_recall_density_coverage(real.view(), one.view(), 5).unwrap();
    assert!(complete.precision > 0.9 && complete.recall > 0.9 && complete.coverage > 0.9, "{complete:?}");
    assert!((0.8..1.2).contains(&complete.density), "{complete:?}");
    assert!(dropped.precision > 0.9 && dropped.density > 0.8, "{dropped:?}");
    assert!(dropped.recall <= 0.5 && dropped.coverage <= 0.5, "{dropped:?}");
}

#[test]
fn copies_have_distance_zero() {
    let mut rng = rng(32);
    let train = normal(&mut rng, 500, 784) * 0.5 - 0.8;
    let copied = [3, 499, 42];
    let found = nearest_neighbours(train.select(Axis(0), &copied).view(), train.view(), 2).unwrap();
    assert_eq!(found.index.column(0).to_vec(), copied);
    assert!(found.distance.column(0).iter().all(|&d| d == 0.0));
    assert!(found.distance.column(1).iter().all(|&d| d > 1.0));
    // Twins in a set make a ball of radius 0, which still holds a copy of them.
    let twins = concatenate(Axis(0), &[train.view(), train.view()]).unwrap();
    let got = precision_recall_density_coverage(twins.view(), train.view(), 1).unwrap();
    assert_eq!((got.precision, got.coverage), (1.0, 1.0));
}

#[test]
fn impossible_neighbour_counts_are_refused() {
    let x = normal(&mut rng(33), 5, 2);
    assert!(nearest_neighbours(x.view(), x.view(), 0).is_err());
    assert!(nearest_neighbours(x.view(), x.view(), 6).is_err());
    assert!(nearest_neighbours(x.view(), x.view(), 5).is_ok());
    assert!(precision_recall_density_coverage(x.view(), x.view(), 5).is_err());
    assert!(precision_recall_density_coverage(x.view(), x.view(), 0).is_err());
}
