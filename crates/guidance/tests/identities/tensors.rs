//! Inputs that several tests use, and what guidance does with tensors.

use easel_core::Noise;
use easel_core::sampling::{Denoiser, NoiseLevel};
use easel_core::tensor::{normal_tensor, to_tensor};
use easel_core::{NoiseSchedule, Parameterisation};
use easel_nn::unet_config::{DownBlockType, SampleSize, UpBlockType};
use easel_nn::{InitScheme, Params, UNet2D, UNet2DConfig};
use guidance::{
    ClassifierFree, ConditionalModel, GuidanceScale, Interval, LearnedRange, PerSample, combine, in_one_pass,
};
use tch::{Device, Kind, Tensor};

use crate::common::normals;

/// Standard normals, f32.
pub fn normal(seed: u64, shape: &[i64]) -> Tensor {
    tch::set_num_threads(1);
    normal_tensor(&Noise::new(seed).purpose("test"), 0, 0..shape[0] as u64, &shape[1..], Device::Cpu)
}

/// The largest |a - b|.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}

/// A level of the linear schedule.
pub fn level(t: usize) -> NoiseLevel {
    easel_core::sampling::Schedule::level(&NoiseSchedule::linear(1000).expect("a schedule"), t as f64)
}

/// A small U-Net of 8 x 8 pictures with `outputs` channels that knows three classes and their absence, label 3.
struct Network {
    unet: UNet2D,
    labels: Vec<i64>,
}

const NULL: i64 = 3;

impl Network {
    fn new(outputs: i64) -> Self {
        let config = UNet2DConfig {
            sample_size: Some(SampleSize::Square(8)),
            in_channels: 2,
            out_channels: outputs,
            down_block_types: vec![DownBlockType::DownBlock2D],
            up_block_types: vec![UpBlockType::UpBlock2D],
            block_out_channels: vec![8],
            layers_per_block: 1,
            norm_num_groups: Some(4),
            attention_head_dim: None,
            num_class_embeds: Some(NULL + 1),
            ..UNet2DConfig::default()
        };
        let params = Params::new(Device::Cpu, 4, InitScheme::Public);
        Self { unet: UNet2D::new(&params.root(), &config).expect("a network"), labels: vec![0, 2, 1] }
    }

    fn at(&self, x: &Tensor, level: NoiseLevel, labels: &[i64]) -> Tensor {
        let t = Tensor::full([x.size()[0]], level.t, (Kind::Float, Device::Cpu));
        tch::no_grad(|| self.unet.forward(x, &t, Some(&Tensor::from_slice(labels)), false)).expect("a forward pass")
    }
}

impl ConditionalModel<Tensor> for Network {
    fn conditional(&mut self, x: &Tensor, level: NoiseLevel) -> Tensor {
        self.at(x, level, &self.labels)
    }

    fn both(&mut self, x: &Tensor, level: NoiseLevel) -> (Tensor, Tensor) {
        let labels = [vec![NULL; self.labels.len()], self.labels.clone()].concat();
        in_one_pass(x, |both| self.at(both, level, &labels))
    }
}

#[test]
fn one_pass_over_a_doubled_batch_is_two_passes() {
    let (x, level) = (normal(1, &[3, 2, 8, 8]), level(300));
    let mut network = Network::new(2);
    let (unconditional, conditional) = network.both(&x, level);
    assert!(distance(&unconditional, &network.at(&x, level, &[NULL; 3])) < 1e-6);
    assert!(distance(&conditional, &network.conditional(&x, level)) < 1e-6);
    assert!(distance(&unconditional, &conditional) > 1e-3, "the network must see its labels");
}

#[test]
fn of_a_learned_variance_only_the_prediction_is_guided() {
    let (x, scale) = (normal(1, &[3, 2, 8, 8]), GuidanceScale::from_s(4.0));
    let outputs = |level| Network::new(4).both(&x, level);
    let guided = ClassifierFree::new(LearnedRange::new(Network::new(4)), Parameterisation::Epsilon, scale);
    let mut guided = ClassifierFree { interval: Interval { low: 0.3, high: 10.0 }, ..guided };
    let inside = level(400);
    let (unconditional, conditional) = outputs(inside);
    let (x0, variance) = guided.x0_and_variance(&x, inside);
    let half = |output: &Tensor, i: i64| output.narrow(1, 2 * i, 2);
    let epsilon = combine(&half(&unconditional, 0), &half(&conditional, 0), scale);
    let expected = (&x - epsilon * inside.sigma) / inside.alpha;
    assert!(distance(&x0, &expected) < 1e-5);
    assert!(distance(&variance.expect("a variance"), &half(&conditional, 1)) < 1e-6);
    assert!(distance(&half(&unconditional, 1), &half(&conditional, 1)) > 1e-3);
    // Outside the interval prediction and variance are the condition's.
    let outside = level(2);
    let (_, conditional) = outputs(outside);
    assert!(distance(&guided.output(&x, outside), &half(&conditional, 0)) < 1e-6);
    assert!(distance(&guided.model.variance().expect("a variance"), &half(&conditional, 1)) < 1e-6);
}

#[test]
fn tensors_are_combined_and_rescaled_as_arrays_are() {
    let (a, b) = (normals(1, 24), normals(2, 24) * 2.0 + 0.3);
    let shaped = |x: &ndarray::Array2<f64>| x.clone().into_shape_with_order((3, 2, 4)).expect("24 elements");
    let (a, b) = (shaped(&a), shaped(&b));
    let tensor = |x: &ndarray::Array3<f64>| to_tensor(x, Device::Cpu);
    let scale = GuidanceScale::from_w(2.5);
    assert!(distance(&combine(&tensor(&a), &tensor(&b), scale), &tensor(&combine(&a, &b, scale))) < 1e-14);
    let expected = guidance::rescale(a.clone(), &b, 0.7);
    assert!(distance(&guidance::rescale(tensor(&a), &tensor(&b), 0.7), &tensor(&expected)) < 1e-13);
    let flat = Tensor::from_slice(&[2.0, 2.0, 0.0, 4.0]).view([2, 2]);
    let other = Tensor::from_slice(&[0.0, 1.0, 0.0, 2.0]).view([2, 2]);
    assert_eq!(flat.with_deviation_of(&other), Tensor::from_slice(&[2.0, 2.0, 0.0, 2.0]).view([2, 2]));
    for (s, expected) in [(0.0, &tensor(&a)), (1.0, &tensor(&b))] {
        assert_eq!(&combine(&tensor(&a), &tensor(&b), GuidanceScale::from_s(s)), expected);
    }
}
