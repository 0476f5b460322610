//! Random tensors of proptest seeds, and comparison.

use std::collections::BTreeMap;

use controlgan::{ControlGanConfig, TextFeatures};
use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_core::weights::Weights;
use tch::{Device, Kind, Tensor};

/// Standard normals f64 of this shape.
pub fn normal(seed: u64, purpose: &str, shape: &[i64]) -> Tensor {
    let stream = Noise::new(seed).purpose(purpose);
    normal_tensor(&stream, 0, 0..shape[0] as u64, &shape[1..], Device::Cpu).to_kind(Kind::Double)
}

/// Largest absolute difference.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    let difference = (a - b).abs().to_kind(Kind::Double);
    if difference.numel() == 0 { 0.0 } else { difference.max().double_value(&[]) }
}

/// All entries of a tensor of any shape.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).reshape([-1])).unwrap()
}

/// bool `[B, L]`: the first `lengths[b]` of each row.
pub fn mask(lengths: &[i64], longest: i64) -> Tensor {
    let at = Tensor::arange(longest, (Kind::Int64, Device::Cpu)).unsqueeze(0);
    at.lt_tensor(&Tensor::from_slice(lengths).unsqueeze(1))
}

/// Whether every weight where `mask` is false is exactly 0; broadcasts.
pub fn silent(weights: &Tensor, mask: &Tensor) -> bool {
    (weights * mask.logical_not().to_kind(weights.kind())).abs().sum(Kind::Double).double_value(&[]) == 0.0
}

/// Text features of random words, f32.
pub fn text(seed: u64, config: &ControlGanConfig, lengths: &[i64], longest: i64) -> TextFeatures {
    let b = lengths.len() as i64;
    let f32 = |t: Tensor| t.to_kind(Kind::Float);
    TextFeatures {
        words: f32(normal(seed, "words", &[b, config.width, longest])),
        sentence: f32(normal(seed, "sentence", &[b, config.width])),
        mask: mask(lengths, longest),
    }
}

/// The trunk with weights of chance, under the names of the file that is fetched, and a layer that it does not need.
pub fn vgg_file() -> Weights {
    let mut tensors = BTreeMap::new();
    let mut layer = |name: &str, inputs: i64, outputs: i64| {
        let kernel = normal(inputs as u64, name, &[outputs, inputs, 3, 3]) * (2.0 / (9 * inputs) as f64).sqrt();
        tensors.insert(format!("{name}.weight"), kernel.to_kind(Kind::Float));
        tensors.insert(format!("{name}.bias"), Tensor::zeros([outputs], (Kind::Float, Device::Cpu)));
    };
    for (name, inputs, outputs) in [
        ("block1_conv1", 3, 64),
        ("block1_conv2", 64, 64),
        ("block2_conv1", 64, 128),
        ("block2_conv2", 128, 128),
        ("fuse", 5, 1),
    ] {
        layer(name, inputs, outputs);
    }
    Weights { path: "hed.safetensors".into(), tensors, metadata: BTreeMap::new() }
}
