//! Muon: what an orthogonalisation does to singular values, and which parameters it updates.

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_train::muon::{Muon, orthogonalised};
use easel_train::{Group, MuonConfig, OptimConfig, RateConfig, TrainError};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::common::{bits, single_threaded, values};

/// Normals of this shape, the same for a seed.
fn normals(seed: u64, shape: &[i64]) -> Tensor {
    normal_tensor(&Noise::new(seed).purpose("matrix"), 0, 0..1, shape, Device::Cpu).squeeze_dim(0)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

fn with_muon(lr: f64) -> OptimConfig {
    let rate = RateConfig { warmup: 0, ..RateConfig::default() };
    OptimConfig { rate, muon: MuonConfig { lr, momentum: 0.9 }, clip: 0.0, ..OptimConfig::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn singular_values_come_near_to_one(seed in 0u64..1000, rows in 2i64..24, columns in 2i64..24) {
        single_threaded();
        let side = rows.min(columns);
        let (u, _, v) = normals(seed, &[1, rows, columns]).svd(true, true);
        // From 1 down to 0.05: none too small for five iterations, whose norm is at most sqrt(side).
        let s = Tensor::linspace(1.0, 0.05, side, (Kind::Float, Device::Cpu));
        let matrix = (&u * s.unsqueeze(0).unsqueeze(0)).bmm(&v.transpose(1, 2));
        let (_, found, _) = orthogonalised(&matrix).svd(true, true);
        for s in values(&found) {
            prop_assert!((0.6..1.3).contains(&s), "{s}");
        }
        // The directions stay: U^T X V is diagonal.
        let core = u.transpose(1, 2).bmm(&orthogonalised(&matrix)).bmm(&v);
        let off = &core - core.diagonal(0, 1, 2).diag_embed(0, 1, 2);
        prop_assert!(off.abs().max().double_value(&[]) < 1e-3);
    }

    #[test]
    fn scale_is_forgotten_and_matrices_of_a_stack_do_not_meet(seed in 0u64..1000, factor in 0.01..100.0) {
        single_threaded();
        let stack = normals(seed, &[3, 6, 9]);
        let all = orthogonalised(&stack);
        prop_assert!(distance(&all, &orthogonalised(&(&stack * factor))) < 1e-4);
        prop_assert!(distance(&all.narrow(0, 1, 1), &orthogonalised(&stack.narrow(0, 1, 1))) < 1e-5);
        prop_assert!(distance(&all.transpose(1, 2), &orthogonalised(&stack.transpose(1, 2))) < 1e-5);
    }

    /// Momentum, Nesterov's look ahead and the size of the step, against the same in matrices of their own.
    #[test]
    fn a_step_is_the_published_one(seed in 0u64..1000, lr in 0.001..0.5, momentum in 0.0..0.99, share in 0.0..1.0) {
        single_threaded();
        let muon = Muon::new(MuonConfig { lr, momentum }, Kind::Float, &[(4, 6), (4, 6), (8, 2)]);
        prop_assert_eq!(muon.numel(), 64);
        let (start, state) = (normals(seed, &[70]), normals(seed + 1, &[70]));
        let (parameters, m, g) = (start.copy(), state.copy(), normals(seed + 2, &[70]));
        no_grad(|| muon.step(&parameters, &g, &m, share));
        for (offset, rows, columns) in [(0, 4, 6), (24, 4, 6), (48, 8, 2)] {
            let of = |flat: &Tensor| flat.narrow(0, offset, rows * columns).view([1, rows, columns]);
            let expected_m = of(&state) * momentum + of(&g) * (1.0 - momentum);
            prop_assert!(distance(&of(&m), &expected_m) < 1e-5);
            let direction = orthogonalised(&(&expected_m * momentum + of(&g) * (1.0 - momentum)));
            let size = lr * share * (rows as f64 / columns as f64).max(1.0).sqrt();
            prop_assert!(distance(&of(&parameters), &(of(&start) - direction * size)) < 1e-4);
        }
        // What is not a matrix of Muon's stays.
        prop_assert_eq!(bits(&parameters.narrow(0, 64, 6)), bits(&start.narrow(0, 64, 6)));
        prop_assert_eq!(bits(&m.narrow(0, 64, 6)), bits(&state.narrow(0, 64, 6)));
    }
}

/// Weights of two layers; the first is hidden.
fn layers() -> Vec<(String, Tensor)> {
    let shapes: [(&str, &[i64]); 4] =
        [("out.weight", &[2, 6]), ("body.bias", &[6]), ("body.weight", &[6, 3, 2]), ("out.bias", &[2])];
    let leaf = |(i, (name, shape)): (usize, &(&str, &[i64]))| {
        (name.to_string(), normals(i as u64, shape).set_requires_grad(true))
    };
    shapes.iter().enumerate().map(leaf).collect()
}

fn loss(named: &[(String, Tensor)]) -> Tensor {
    let of = |name: &str| &named.iter().find(|(n, _)| n == name).expect("a layer").1;
    let x = normals(9, &[5, 6]);
    let hidden = x.linear(&of("body.weight").reshape([6, 6]), Some(of("body.bias"))).tanh();
    hidden.linear(of("out.weight"), Some(of("out.bias"))).square().mean(Kind::Float)
}

/// Their group; the layer `body` is hidden.
fn group(named: &[(String, Tensor)], config: OptimConfig) -> Group {
    let copies = named.iter().map(|(name, t)| (name.clone(), t.shallow_clone())).collect();
    Group::with_hidden("g", copies, Kind::Float, config, 10, |name| name.starts_with("body")).expect("a group")
}

/// The layers after so many updates.
fn trained(config: OptimConfig, updates: usize) -> Vec<(String, Tensor)> {
    let named = layers();
    let mut group = group(&named, config);
    for _ in 0..updates {
        let _ = group.update(&loss(&named)).expect("an update");
    }
    named
}

/// The first update sees the same gradient under both optimisers, so only hidden matrices may differ after it.
#[test]
fn only_hidden_matrices_leave_adam() {
    single_threaded();
    for ((name, adam), (_, muon)) in trained(with_muon(0.0), 1).iter().zip(trained(with_muon(0.1), 1)) {
        assert_eq!(bits(adam) == bits(&muon), name != "body.weight", "{name}");
    }
}

#[test]
fn the_loss_falls_and_a_saved_state_goes_on() {
    single_threaded();
    let config = with_muon(0.1);
    assert!(loss(&trained(config, 10)).double_value(&[]) < 0.9 * loss(&layers()).double_value(&[]));
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (layers(), layers());
    let (mut whole, mut resumed) = (group(&first, config), group(&second, config));
    let _ = whole.update(&loss(&first)).unwrap();
    whole.save(folder.path(), &Default::default()).unwrap();
    resumed.load(folder.path()).unwrap();
    let _ = whole.update(&loss(&first)).unwrap();
    let _ = resumed.update(&loss(&second)).unwrap();
    for ((name, a), (_, b)) in first.iter().zip(&second) {
        assert_eq!(bits(a), bits(b), "{name}");
    }
}

#[test]
fn muon_without_a_hidden_matrix_is_refused() {
    let error = Group::new("g", layers(), Kind::Float, with_muon(0.1), 10).unwrap_err();
    assert!(matches!(&error, TrainError::Model(text) if text.contains("no hidden matrices")), "{error}");
    let mut decayed = with_muon(0.1);
    decayed.adam.weight_decay = 0.01;
    assert!(decayed.validate().is_err_and(|e| e.to_string().contains("no weight decay")));
    for (lr, momentum) in [(-1.0, 0.9), (f64::NAN, 0.9), (0.1, 1.0)] {
        assert!(MuonConfig { lr, momentum }.validate().is_err(), "{lr} {momentum}");
    }
}
