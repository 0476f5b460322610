//! Random windows and tensors for the tests.

use draw::attention::{Attention, Filters, Grid, Use};
use draw::bound::{Bounded, latent_noise};
use draw::{Draw, DrawConfig};
use easel_core::Noise;
use easel_nn::{InitScheme, Params};
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

/// A small model with weights large enough to matter, and its parameters.
pub fn model(attention: bool, seed: u64) -> (Draw, Params) {
    tch::set_num_threads(1);
    let config = DrawConfig { attention, read: 3, write: 4, hidden: 12, ..DrawConfig::smoke() };
    let params = Params::new(Device::Cpu, seed, InitScheme::Public);
    let model = Draw::new(&params.root(), &config).expect("the sizes fit");
    // Starts are zero at first; here they shall matter.
    for (name, mut start) in params.named().into_iter().filter(|(name, _)| name.ends_with("_start")) {
        let values =
            tensor(&normals(seed + name.len() as u64, 1, start.numel()), Kind::Float).view(start.size().as_slice());
        tch::no_grad(|| start.copy_(&(values * 0.5)));
    }
    (model, params)
}

/// Binary pictures `[B, 784]`.
pub fn binary(seed: u64, batch: usize) -> Tensor {
    tensor(&uniforms(seed, batch, 784), Kind::Float).ge(0.7).to_kind(Kind::Float)
}

/// Standard normals `[T, B, d_z]` for a model.
pub fn noise_for(model: &dyn Bounded, batch: u64, step: u64) -> Tensor {
    latent_noise(&Noise::new(1).purpose("test"), step, 0..batch, model.noise_shape(), Device::Cpu)
}
