//! Layers and blocks one by one.

use easel_nn::attention::{AttentionBlock, AttentionConfig};
use easel_nn::layers::{BatchNorm, Conv2d, ConvTranspose2d};
use easel_nn::params::Role;
use easel_nn::parity::relative_error;
use easel_nn::recurrent::{LstmCell, LstmState};
use easel_nn::sampling::{fir_downsample, fir_upsample};
use easel_nn::{InitScheme, Params};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::common::{CPU, pattern};

#[test]
fn attention_does_not_see_the_order_of_pixels() {
    let params = Params::new(Device::Cpu, 3, InitScheme::Public);
    let config = AttentionConfig { channels: 12, head_dim: 5, groups: Some(3), eps: 1e-6, output_scale: 1.5 };
    let block = AttentionBlock::new(&params.root(), &config).unwrap();
    assert_eq!(params.get("to_q.weight").unwrap().size(), [10, 12], "two heads of width 5");
    let x = pattern(&[2, 12, 4, 6]);
    let flipped = block.forward(&x.flip([2, 3])).flip([2, 3]);
    assert!(relative_error(&flipped, &block.forward(&x)) < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Inner products: <down x, y> = <x, up y> / 4, and flat images stay flat away from the border.
    #[test]
    fn fir_filters_are_adjoint(height in 2i64..6, width in 2i64..6, shift in 0.0f64..3.0) {
        let x = pattern(&[2, 3, 2 * height, 2 * width]) + shift;
        let y = pattern(&[2, 3, height, width]) - shift;
        let left = (fir_downsample(&x) * &y).sum(Kind::Double).double_value(&[]);
        let right = (&x * fir_upsample(&y)).sum(Kind::Double).double_value(&[]) / 4.0;
        prop_assert!((left - right).abs() < 1e-4 * (1.0 + left.abs()));
        let inside = fir_upsample(&Tensor::full([1, 2, height + 2, width + 2], shift, CPU));
        let inside = inside.narrow(2, 1, 2 * height + 2).narrow(3, 1, 2 * width + 2);
        prop_assert!((inside - shift).abs().max().double_value(&[]) < 1e-5);
    }
}

/// $\langle Cx, y\rangle = \langle x, C^\top y\rangle$ for a convolution and the transposed one with its weights.
#[test]
fn transposed_convolution_is_the_adjoint() {
    for (kernel, stride, padding, side) in [(4, 2, 1, 8), (3, 1, 1, 5), (4, 1, 0, 4)] {
        let params = Params::new(Device::Cpu, 3, InitScheme::Dcgan);
        let forward = Conv2d::new(&params.root().sub("a"), 3, 5, kernel).expect("new").strided(stride, padding);
        let adjoint = ConvTranspose2d::new(&params.root().sub("b"), 5, 3, kernel, stride, padding).expect("new");
        tch::no_grad(|| params.get("b.weight").expect("declared").copy_(forward.weight()));
        let x = Tensor::randn([2, 3, side, side], (Kind::Float, Device::Cpu));
        let cx = forward.forward(&x);
        let y = cx.randn_like();
        let (left, right) = ((&cx * &y).sum(Kind::Double), (&x * adjoint.forward(&y)).sum(Kind::Double));
        assert_eq!(adjoint.forward(&y).size(), x.size());
        approx::assert_relative_eq!(
            left.double_value(&[]),
            right.double_value(&[]),
            max_relative = 1e-4,
            epsilon = 1e-4
        );
    }
}

/// Normalised channels in training; outputs that do not depend on the other pictures otherwise.
#[test]
fn batch_normalisation_by_mode() {
    let params = Params::new(Device::Cpu, 3, InitScheme::Public);
    let norm = BatchNorm::new(&params.root(), 4).expect("new");
    let x = Tensor::randn([16, 4, 6, 6], (Kind::Float, Device::Cpu)) * 3.0 + 2.0;
    let y = norm.forward(&x, true);
    let axes: &[i64] = &[0, 2, 3];
    assert!(y.mean_dim(axes, false, Kind::Float).abs().max().double_value(&[]) < 1e-5);
    assert!((y.var_dim(axes, false, false) - 1.0).abs().max().double_value(&[]) < 1e-3);
    let moved = params.get("running_mean").expect("declared");
    let expected = x.mean_dim(axes, false, Kind::Float) * 0.1;
    assert!((moved - expected).abs().max().double_value(&[]) < 1e-6);
    let (all, alone) = (norm.forward(&x, false), norm.forward(&x.narrow(0, 3, 1), false));
    assert_eq!(all.narrow(0, 3, 1), alone);
    let names = |named: Vec<(String, Tensor)>| named.into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    assert_eq!(names(params.trained()), ["weight", "bias"]);
    assert_eq!(names(params.untrained()), ["running_mean", "running_var"]);
}

/// $W W^\top = I$ or $W^\top W = I$, whichever is the smaller.
#[test]
fn orthogonal_weights() {
    let params = Params::new(Device::Cpu, 5, InitScheme::Orthogonal);
    for (outputs, inputs, kernel) in [(6, 20, 1), (20, 6, 1), (8, 3, 3)] {
        let w = params.root().sub(format!("{outputs}.{inputs}")).declare(
            "weight",
            &[outputs, inputs, kernel],
            Role::Weight,
        );
        let w = w.expect("declared").detach().reshape([outputs, -1]);
        let gram = if outputs <= inputs * kernel { w.matmul(&w.tr()) } else { w.tr().matmul(&w) };
        let identity = Tensor::eye(gram.size()[0], (Kind::Float, Device::Cpu));
        assert!((gram - identity).abs().max().double_value(&[]) < 1e-5, "{outputs} x {inputs}");
    }
}

/// One step of the LSTM against its equations.
#[test]
fn lstm_cell_follows_its_equations() {
    let params = Params::new(Device::Cpu, 7, InitScheme::Public);
    let cell = LstmCell::new(&params.root(), 3, 5).expect("new");
    let random = |shape: [i64; 2]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
    let (x, state) = (random([2, 3]), LstmState { hidden: random([2, 5]), cell: random([2, 5]) });
    let next = cell.forward(&x, &state);
    let get = |name: &str| params.get(name).expect("declared");
    let gates = x.linear(&get("weight_ih"), Some(&get("bias_ih")))
        + state.hidden.linear(&get("weight_hh"), Some(&get("bias_hh")));
    let [i, f, g, o] = <[Tensor; 4]>::try_from(gates.chunk(4, 1)).expect("four gates");
    let c = f.sigmoid() * &state.cell + i.sigmoid() * g.tanh();
    let h = o.sigmoid() * c.tanh();
    assert!((next.cell - c).abs().max().double_value(&[]) < 1e-6);
    assert!((next.hidden - h).abs().max().double_value(&[]) < 1e-6);
}
