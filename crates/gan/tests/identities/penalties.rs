//! The gradient penalty.

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use gan::penalty::gradient_penalty;
use tch::{Device, Kind, Tensor};

fn normals(seed: u64, shape: &[i64]) -> Tensor {
    normal_tensor(&Noise::new(seed).purpose("normals"), 0, 0..shape[0] as u64, &shape[1..], Device::Cpu)
        .to_kind(Kind::Double)
        * 3.0
}

fn number(x: &Tensor) -> f64 {
    x.double_value(&[])
}

/// A bilinear score has gradients that are known: that by the picture is M h, that by the text is Mᵀ x.
#[test]
fn the_penalty_is_the_sixth_power_of_the_joint_gradient() {
    let (x, h, m) = (normals(1, &[3, 1, 2, 2]), normals(2, &[3, 5]), normals(3, &[4, 5]) * 0.1);
    let leaf = |t: &Tensor| t.detach().copy().set_requires_grad(true);
    let score = |x: &Tensor, h: &Tensor, m: &Tensor| (x.flatten(1, -1).matmul(m) * h).sum_dim_intlist(1, false, None);
    let (lx, lh, lm) = (leaf(&x), leaf(&h), leaf(&m));
    let penalty = gradient_penalty(&score(&lx, &lh, &lm), &lx, &lh);
    let length = |t: Tensor, i: i64| t.get(i).square().sum(Kind::Double).double_value(&[]);
    let expected: f64 =
        (0..3).map(|i| length(h.matmul(&m.tr()), i) + length(x.flatten(1, -1).matmul(&m), i)).map(|s| s.powi(3)).sum();
    assert!((number(&penalty) / (expected / 3.0) - 1.0).abs() < 1e-9);

    // It teaches: its own gradient by the weights, by differences.
    const H: f64 = 1e-5;
    let gradient = &Tensor::run_backward(&[penalty], &[&lm], false, false)[0];
    for (i, j) in [(0, 0), (1, 3), (3, 4)] {
        let moved = |by: f64| {
            let m = m.copy();
            let _ = m.get(i).get(j).g_add_scalar_(by);
            let (x, h) = (leaf(&x), leaf(&h));
            number(&gradient_penalty(&score(&x, &h, &m), &x, &h))
        };
        let difference = (moved(H) - moved(-H)) / (2.0 * H);
        assert!((difference / gradient.double_value(&[i, j]) - 1.0).abs() < 1e-5, "{i}, {j}");
    }
}
