//! Layers with weights: convolutions, linear map, group and batch normalisation, table of embeddings; and activations.
//!
//! No layer keeps anything derived from its weights, so that a trainer may change them in place, move them into one
//! buffer or convert them. All follow the memory layout of their input.

use serde::{Deserialize, Serialize};
use tch::{Tensor, no_grad};

use crate::error::NnError;
use crate::params::{Params, Path, Role};

/// A square 2-D convolution.
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor,       // [out, in, k, k]
    bias: Option<Tensor>, // [out]
    stride: i64,
    padding: i64,
}

impl Conv2d {
    /// Declares `weight` `[outputs, inputs, kernel, kernel]` and `bias`; stride 1, padding that keeps the size.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, outputs: i64, kernel: i64) -> Result<Self, NnError> {
        Self::with_role(path, inputs, outputs, kernel, Role::Weight)
    }

    /// [`Conv2d::new`] for the last layer of a residual branch or of the network.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn last(path: &Path, inputs: i64, outputs: i64, kernel: i64) -> Result<Self, NnError> {
        Self::with_role(path, inputs, outputs, kernel, Role::LastWeight)
    }

    /// [`Conv2d::new`] without a bias, for a convolution that a batch normalisation follows.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn without_bias(path: &Path, inputs: i64, outputs: i64, kernel: i64) -> Result<Self, NnError> {
        let weight = path.declare("weight", &[outputs, inputs, kernel, kernel], Role::Weight)?;
        Ok(Self { weight, bias: None, stride: 1, padding: kernel / 2 })
    }

    fn with_role(path: &Path, inputs: i64, outputs: i64, kernel: i64, role: Role) -> Result<Self, NnError> {
        let weight = path.declare("weight", &[outputs, inputs, kernel, kernel], role)?;
        let bias = path.declare("bias", &[outputs], Role::Bias { fan_in: inputs * kernel * kernel })?;
        Ok(Self { weight, bias: Some(bias), stride: 1, padding: kernel / 2 })
    }

    /// The same layer with this stride and padding.
    pub fn strided(self, stride: i64, padding: i64) -> Self {
        Self { stride, padding, ..self }
    }

    /// `[B, in, H, W]` to `[B, out, H', W']`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        x.conv2d(&self.weight, self.bias.as_ref(), stride, padding, [1, 1], 1)
    }

    /// The weights `[out, in, k, k]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }
}

/// A transposed 2-D convolution (the adjoint of [`Conv2d`] with the same weights, but for the bias).
#[derive(Debug)]
pub struct ConvTranspose2d {
    weight: Tensor,       // [in, out, k, k]
    bias: Option<Tensor>, // [out]
    stride: i64,
    padding: i64,
}

impl ConvTranspose2d {
    /// Declares `weight` `[inputs, outputs, kernel, kernel]` and `bias`. A side H becomes (H - 1) stride - 2 padding +
    /// kernel: kernel 4, stride 2, padding 1 doubles it.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(
        path: &Path,
        inputs: i64,
        outputs: i64,
        kernel: i64,
        stride: i64,
        padding: i64,
    ) -> Result<Self, NnError> {
        let layer = Self::without_bias(path, inputs, outputs, kernel, stride, padding)?;
        // PyTorch counts the fan-in of a transposed convolution over its second axis.
        let bias = path.declare("bias", &[outputs], Role::Bias { fan_in: outputs * kernel * kernel })?;
        Ok(Self { bias: Some(bias), ..layer })
    }

    /// [`ConvTranspose2d::new`] without a bias, for a convolution that a batch normalisation follows.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn without_bias(
        path: &Path,
        inputs: i64,
        outputs: i64,
        kernel: i64,
        stride: i64,
        padding: i64,
    ) -> Result<Self, NnError> {
        let weight = path.declare("weight", &[inputs, outputs, kernel, kernel], Role::Weight)?;
        Ok(Self { weight, bias: None, stride, padding })
    }

    /// `[B, in, H, W]` to `[B, out, H', W']`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        x.conv_transpose2d(&self.weight, self.bias.as_ref(), stride, padding, [0, 0], 1, [1, 1])
    }
}

/// A linear map with bias, on the last dimension.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor, // [out, in]
    bias: Tensor,   // [out]
}

impl Linear {
    /// Declares `weight` `[outputs, inputs]` and `bias`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, outputs: i64) -> Result<Self, NnError> {
        Self::with_role(path, inputs, outputs, Role::Weight)
    }

    /// [`Linear::new`] for the last layer of a residual branch.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn last(path: &Path, inputs: i64, outputs: i64) -> Result<Self, NnError> {
        Self::with_role(path, inputs, outputs, Role::LastWeight)
    }

    fn with_role(path: &Path, inputs: i64, outputs: i64, role: Role) -> Result<Self, NnError> {
        let weight = path.declare("weight", &[outputs, inputs], role)?;
        let bias = path.declare("bias", &[outputs], Role::Bias { fan_in: inputs })?;
        Ok(Self { weight, bias })
    }

    /// `[.., in]` to `[.., out]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    /// The weights `[out, in]` and biases `[out]`.
    pub fn weights(&self) -> (&Tensor, &Tensor) {
        (&self.weight, &self.bias)
    }
}

/// Group normalisation with a gain and an offset for each channel (Wu and He 2018, arXiv:1803.08494).
#[derive(Debug)]
pub struct GroupNorm {
    weight: Tensor, // [channels]
    bias: Tensor,   // [channels]
    groups: i64,
    eps: f64,
}

impl GroupNorm {
    /// Declares `weight` and `bias`, both `[channels]`.
    ///
    /// # Errors
    /// Channels that the groups do not divide, or a name that is taken.
    pub fn new(path: &Path, groups: i64, channels: i64, eps: f64) -> Result<Self, NnError> {
        if groups < 1 || channels % groups != 0 {
            return Err(NnError::Groups { layer: path.name().to_owned(), channels, groups });
        }
        let weight = path.declare("weight", &[channels], Role::Gain)?;
        let bias = path.declare("bias", &[channels], Role::Offset)?;
        Ok(Self { weight, bias, groups, eps })
    }

    /// `[B, channels, ..]` to the same shape.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.group_norm(self.groups, Some(&self.weight), Some(&self.bias), self.eps, true)
    }
}

/// Share of a batch's statistics in the running ones of [`BatchNorm`].
const MOMENTUM: f64 = 0.1;

/// Batch normalisation with a gain and an offset for each channel (Ioffe and Szegedy 2015, arXiv:1502.03167).
///
/// In training it uses the batch's own mean and variance, and moves the running ones by a tenth of the way; otherwise it uses the
/// running ones, so that an output depends on its own input alone.
#[derive(Debug)]
pub struct BatchNorm {
    weight: Tensor,       // [channels]
    bias: Tensor,         // [channels]
    running_mean: Tensor, // [channels]
    running_var: Tensor,  // [channels]
}

impl BatchNorm {
    /// Declares `weight`, `bias` and the untrained `running_mean` and `running_var`, all `[channels]`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, channels: i64) -> Result<Self, NnError> {
        Ok(Self {
            weight: path.declare("weight", &[channels], Role::Gain)?,
            bias: path.declare("bias", &[channels], Role::Offset)?,
            running_mean: path.declare("running_mean", &[channels], Role::Statistic { value: 0.0 })?,
            running_var: path.declare("running_var", &[channels], Role::Statistic { value: 1.0 })?,
        })
    }

    /// `[B, channels, ..]` to the same shape.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let (gain, offset) = (Some(&self.weight), Some(&self.bias));
        x.batch_norm(gain, offset, Some(&self.running_mean), Some(&self.running_var), train, MOMENTUM, 1e-5, true)
    }
}

/// Runs `f` with running statistics that belong to the present weights (a moving average of them, say): those of
/// `batches` passes in training mode, each weighted as [`BatchNorm`] does, with no trace of what was there before. The
/// former statistics are back afterwards. All that is untrained in `params` has to be statistics of [`BatchNorm`].
pub fn with_settled_statistics<R>(
    params: &Params,
    batches: u64,
    mut pass: impl FnMut(u64),
    f: impl FnOnce() -> R,
) -> R {
    no_grad(|| {
        let statistics = || params.untrained().into_iter().map(|(_, t)| t);
        let kept: Vec<Tensor> = statistics().map(|t| t.copy()).collect();
        statistics().for_each(|mut t| drop(t.zero_()));
        (0..batches).for_each(&mut pass);
        // Started at 0, a running mean lacks the share that its start still has.
        let share = 1.0 - (1.0 - MOMENTUM).powi(batches as i32);
        statistics().for_each(|mut t| drop(t.g_div_scalar_(share)));
        let result = f();
        statistics().zip(&kept).for_each(|(mut t, former)| t.copy_(former));
        result
    })
}

/// A table of learned vectors.
#[derive(Debug)]
pub struct Embedding {
    weight: Tensor, // [count, width]
    count: i64,
}

impl Embedding {
    /// Declares `weight` `[count, width]`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, count: i64, width: i64) -> Result<Self, NnError> {
        let weight = path.declare("weight", &[count, width], Role::Table)?;
        Ok(Self { weight, count })
    }

    /// Rows i64 `[..]` to vectors `[.., width]`; `input` names the rows in errors.
    ///
    /// # Errors
    /// Rows that are not integers, or beyond the table.
    pub fn forward(&self, input: &'static str, rows: &Tensor) -> Result<Tensor, NnError> {
        if rows.is_floating_point() {
            let message = format!("a table is indexed by integers, but this holds {:?}", rows.kind());
            return Err(NnError::Input { input, message });
        }
        let rows = rows.to_kind(tch::Kind::Int64);
        let range = (rows.min().int64_value(&[]), rows.max().int64_value(&[]));
        if range.0 < 0 || range.1 >= self.count {
            let message =
                format!("values from {} to {}, but the table has rows 0 to {}", range.0, range.1, self.count - 1);
            return Err(NnError::Input { input, message });
        }
        Ok(Tensor::embedding(&self.weight, &rows, -1, false, false))
    }
}

/// An elementwise nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Activation {
    /// x sigmoid(x), also called swish.
    Silu,
    /// x tanh(softplus(x)).
    Mish,
    /// x Phi(x), with the exact normal distribution function.
    Gelu,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// The activation of every element.
    pub fn forward(self, x: &Tensor) -> Tensor {
        match self {
            Self::Silu => x.silu(),
            Self::Mish => x.mish(),
            Self::Gelu => x.gelu("none"),
            Self::Relu => x.relu(),
        }
    }
}

impl TryFrom<String> for Activation {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.to_lowercase().as_str() {
            "silu" | "swish" => Ok(Self::Silu),
            "mish" => Ok(Self::Mish),
            "gelu" => Ok(Self::Gelu),
            "relu" => Ok(Self::Relu),
            _ => Err(format!("unknown activation \"{name}\", expected silu, swish, mish, gelu or relu")),
        }
    }
}

impl From<Activation> for &'static str {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Silu => "silu",
            Activation::Mish => "mish",
            Activation::Gelu => "gelu",
            Activation::Relu => "relu",
        }
    }
}
