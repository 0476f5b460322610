//! The long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates (Gers et al. 2000), one step at a time.

use tch::Tensor;

use crate::error::NnError;
use crate::params::{Path, Role};

/// An LSTM cell: gates in the order input, forget, candidate, output; no peepholes.
///
/// Names and layout are PyTorch's `LSTMCell`, with its two biases.
#[derive(Debug)]
pub struct LstmCell {
    weight_ih: Tensor, // [4 hidden, in]
    weight_hh: Tensor, // [4 hidden, hidden]
    bias_ih: Tensor,   // [4 hidden]
    bias_hh: Tensor,   // [4 hidden]
}

/// Hidden state and cell, each `[B, hidden]`.
#[derive(Debug)]
pub struct LstmState {
    /// h.
    pub hidden: Tensor,
    /// c.
    pub cell: Tensor,
}

impl LstmCell {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, hidden: i64) -> Result<Self, NnError> {
        let bias = Role::Bias { fan_in: hidden };
        Ok(Self {
            weight_ih: path.declare("weight_ih", &[4 * hidden, inputs], Role::Weight)?,
            weight_hh: path.declare("weight_hh", &[4 * hidden, hidden], Role::Weight)?,
            bias_ih: path.declare("bias_ih", &[4 * hidden], bias)?,
            bias_hh: path.declare("bias_hh", &[4 * hidden], bias)?,
        })
    }

    /// `weight_ih` `[4 hidden, in]`, `weight_hh` `[4 hidden, hidden]`, and the sum of both biases `[4 hidden]`: for a caller
    /// that joins them with other layers of the same inputs.
    pub fn weights(&self) -> (&Tensor, &Tensor, Tensor) {
        (&self.weight_ih, &self.weight_hh, &self.bias_ih + &self.bias_hh)
    }

    /// One step on `x` `[B, in]`.
    pub fn forward(&self, x: &Tensor, state: &LstmState) -> LstmState {
        let (ih, hh) = (Some(&self.bias_ih), Some(&self.bias_hh));
        let (hidden, cell) = x.lstm_cell(&[&state.hidden, &state.cell], &self.weight_ih, &self.weight_hh, ih, hh);
        LstmState { hidden, cell }
    }
}
