//! Per-time coefficients: computed in f64, used as f32 tensors.

use std::ops::RangeInclusive;

use tch::{Device, Tensor};

/// A table over t of one coefficient, such as $\sqrt{\bar\alpha_t}$.
#[derive(Debug)]
pub struct Coefficients {
    values: Vec<f64>,
    table: Tensor, // f32 [T + 1]
}

impl Coefficients {
    /// Evaluates `f` at every time of `times`; earlier times hold NaN, so that using one shows.
    pub fn from_fn(times: RangeInclusive<usize>, device: Device, f: impl Fn(usize) -> f64) -> Self {
        let undefined = vec![f64::NAN; *times.start()];
        let values: Vec<f64> = undefined.into_iter().chain(times.map(f)).collect();
        let rounded: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        let table = Tensor::from_slice(&rounded).to_device(device);
        Self { values, table }
    }

    /// The value at time t, in f64.
    ///
    /// # Panics
    /// When t is beyond the table.
    pub fn at(&self, t: usize) -> f64 {
        self.values[t]
    }

    /// The values at times i64 `[B]`, as f32 `[B, 1, 1, 1]`.
    ///
    /// # Panics
    /// When a time is beyond the table.
    pub fn gather(&self, t: &Tensor) -> Tensor {
        self.table.index_select(0, t).reshape([-1, 1, 1, 1])
    }

    /// The values at times i64 `[B]`, as f32 `[B, 1, ..]` with as many dimensions as `x`.
    ///
    /// # Panics
    /// When a time is beyond the table.
    pub fn gather_like(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let mut shape = vec![1; x.dim()];
        shape[0] = -1;
        self.table.index_select(0, t).reshape(shape)
    }
}
