//! Random windows and tensors for the tests.

use draw::attention::{Attention, Filters, Grid, Use};
use easel_core::Noise;
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

/// Numbers and device of tests that compare with mathematics.
pub const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);
/// Numbers and device of training.
pub const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Standard normals f64 `[rows, columns]`.
pub fn normals(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise::new(seed).purpose("test").normal_f64(0, 0, &mut values);
    Array2::from_shape_vec((rows, columns), values).expect("as many as asked for")
}

/// Uniforms on [0, 1), f64 `[rows, columns]`.
pub fn uniforms(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise::new(seed).purpose("test").uniform(0, 0, &mut values);
    Array2::from_shape_vec((rows, columns), values).expect("as many as asked for")
}

/// An array as a tensor.
pub fn tensor(array: &Array2<f64>, kind: Kind) -> Tensor {
    easel_core::tensor::to_tensor(array, Device::Cpu).to_kind(kind)
}

/// The layer whose five outputs are its input.
pub fn identity(grid: Grid, purpose: Use, options: (Kind, Device)) -> Attention {
    Attention::from_tensors(Tensor::eye(5, options), Tensor::zeros([5], options), grid, purpose, options)
}

/// The filterbanks of given outputs `[B, 5]`.
pub fn filters(outputs: &Tensor, grid: Grid, purpose: Use) -> Filters {
    identity(grid, purpose, (outputs.kind(), Device::Cpu)).glimpses().filters(outputs)
}

/// The largest entry of |a - b|.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}
