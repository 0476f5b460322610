//! Between ndarray and libtorch, shape checks, and noise as tensors.

use std::ops::Range;

use ndarray::{Array, ArrayBase, Data, Dimension, IxDyn};
use tch::{Device, Kind, TchError, Tensor};

use crate::noise::Stream;

/// A tensor that is not what its receiver needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Another shape.
    #[error("{name} has shape {found:?}, expected {expected}")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape expected; `_` stands for any size.
        expected: String,
        /// Shape given.
        found: Vec<i64>,
    },
    /// Another element type.
    #[error("{name} holds {found:?}, expected {expected:?}; convert it with to_kind first")]
    Kind {
        /// Name of the tensor.
        name: String,
        /// Element type expected.
        expected: Kind,
        /// Element type given.
        found: Kind,
    },
    /// libtorch refused.
    #[error("{name}: {source}")]
    Torch {
        /// Name of the tensor.
        name: String,
        /// What libtorch said.
        source: TchError,
    },
}

/// Element types that ndarray and libtorch share: f32, f64, i64, u8.
pub trait Element: tch::kind::Element + Copy + Default {}

impl Element for f32 {}
impl Element for f64 {}
impl Element for i64 {}
impl Element for u8 {}

/// Copies an array of any dimension and layout to a tensor of the same shape and element type.
pub fn to_tensor<T: Element, S: Data<Elem = T>, D: Dimension>(array: &ArrayBase<S, D>, device: Device) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|&n| n as i64).collect();
    let values: Vec<T> = array.iter().copied().collect();
    Tensor::from_slice(&values).reshape(shape).to_device(device)
}

/// Copies a tensor to an array; `D` fixes the number of dimensions (`IxDyn` takes any).
///
/// # Errors
/// Another element type than `T`, or another number of dimensions than `D`; `name` is used in the message.
pub fn to_array<T: Element, D: Dimension>(name: &str, tensor: &Tensor) -> Result<Array<T, D>, TensorError> {
    let found = tensor.kind();
    if found != T::KIND {
        return Err(TensorError::Kind { name: name.to_owned(), expected: T::KIND, found });
    }
    let torch = |source| TensorError::Torch { name: name.to_owned(), source };
    let host = tensor.detach().f_to_device(Device::Cpu).and_then(|t| t.f_contiguous()).map_err(torch)?;
    let mut values = vec![T::default(); host.numel()];
    host.f_copy_data(&mut values, host.numel()).map_err(torch)?;
    let size = tensor.size();
    let shape: Vec<usize> = size.iter().map(|&n| n as usize).collect();
    let wrong = |_| TensorError::Shape {
        name: name.to_owned(),
        expected: D::NDIM.map_or("any".to_owned(), |n| format!("{n} dimension(s)")),
        found: size.clone(),
    };
    Array::from_shape_vec(IxDyn(&shape), values).and_then(|a| a.into_dimensionality::<D>()).map_err(wrong)
}

/// Checks a shape; -1 in `expected` stands for any size.
///
/// # Errors
/// Another number of dimensions or another size; `name` is used in the message.
pub fn check_shape(name: &str, tensor: &Tensor, expected: &[i64]) -> Result<(), TensorError> {
    let found = tensor.size();
    let fits = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| *e == -1 || f == e);
    if fits {
        return Ok(());
    }
    let sizes: Vec<String> = expected.iter().map(|&e| if e == -1 { "_".into() } else { e.to_string() }).collect();
    Err(TensorError::Shape { name: name.to_owned(), expected: format!("[{}]", sizes.join(", ")), found })
}

/// Standard normals f32 `[N, shape..]`, row i being `stream.normal(step, samples.start + i)`.
///
/// # Panics
/// When the device cannot hold the tensor.
pub fn normal_tensor(stream: &Stream, step: u64, samples: Range<u64>, shape: &[i64], device: Device) -> Tensor {
    let each = shape.iter().product::<i64>() as usize;
    let count = samples.end.saturating_sub(samples.start);
    let mut values = vec![0f32; each * count as usize];
    for (row, sample) in values.chunks_exact_mut(each.max(1)).zip(samples) {
        stream.normal(step, sample, row);
    }
    let size: Vec<i64> = std::iter::once(count as i64).chain(shape.iter().copied()).collect();
    Tensor::from_slice(&values).reshape(size).to_device(device)
}

/// Times t ~ U{1..=T} as i64 `[N]`, entry i being `stream.time(step, samples.start + i, steps)`.
///
/// # Panics
/// When `steps` (T) is 0.
pub fn time_tensor(stream: &Stream, step: u64, samples: Range<u64>, steps: usize, device: Device) -> Tensor {
    let times: Vec<i64> = samples.map(|sample| stream.time(step, sample, steps) as i64).collect();
    Tensor::from_slice(&times).to_device(device)
}
