//! The blocks of DCGAN (Radford et al. 2016), with kernels of 4 x 4 and stride 2 as in the authors' Torch port.
//!
//! Convolutions that a batch normalisation follows have no bias, which it would take away again. With
//! `InitScheme::Dcgan` weights are N(0, 0.02) and gains N(1, 0.02).

use easel_nn::layers::{BatchNorm, Conv2d, ConvTranspose2d};
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Slope of D's rectifiers below 0.
pub const SLOPE: f32 = 0.2;

/// max(x, 0.2 x) of every element.
pub fn leaky_relu(x: &Tensor) -> Tensor {
    x.prelu(&Tensor::from_slice(&[SLOPE]).to_device(x.device()).to_kind(x.kind()))
}

/// From a vector to the first map of a generator: a linear map (the transposed convolution of a single pixel, computed as
/// one product of matrices), batch normalisation, ReLU.
#[derive(Debug)]
pub struct Project {
    weight: Tensor, // [in, out, side, side]
    norm: BatchNorm,
}

impl Project {
    /// From `[B, inputs]` to `[B, outputs, side, side]`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, outputs: i64, side: i64) -> Result<Self, NnError> {
        let weight = path.sub("conv").declare("weight", &[inputs, outputs, side, side], Role::Weight)?;
        Ok(Self { weight, norm: BatchNorm::new(&path.sub("norm"), outputs)? })
    }

    /// `[B, inputs]` to `[B, outputs, side, side]`; statistics of the batch where `train`, else the running ones.
    pub fn forward(&self, z: &Tensor, train: bool) -> Tensor {
        let size = self.weight.size();
        let map = z.matmul(&self.weight.flatten(1, -1)).reshape([-1, size[1], size[2], size[3]]);
        self.norm.forward(&map, train).relu()
    }
}

/// How a generator doubles a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubling {
    /// Transposed convolution of 4 x 4, as in DCGAN. Each of four neighbours has weights of its own, so that flat colours have
    /// to be learned.
    Transposed,
    /// Every pixel four times, then a convolution of 3 x 3: what is flat stays flat (Odena et al. 2016, "Deconvolution and
    /// checkerboard artifacts").
    Nearest,
}

#[derive(Debug)]
enum Double {
    Transposed(ConvTranspose2d),
    Nearest(Conv2d),
}

impl Double {
    fn new(path: &Path, kind: Doubling, inputs: i64, outputs: i64) -> Result<Self, NnError> {
        Ok(match kind {
            Doubling::Transposed => {
                Self::Transposed(ConvTranspose2d::without_bias(&path.sub("conv"), inputs, outputs, 4, 2, 1)?)
            }
            Doubling::Nearest => Self::Nearest(Conv2d::without_bias(&path.sub("conv"), inputs, outputs, 3)?),
        })
    }

    /// `[B, inputs, H, W]` to `[B, outputs, 2 H, 2 W]`.
    fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Transposed(conv) => conv.forward(x),
            Self::Nearest(conv) => {
                let (_, _, h, w) = x.size4().unwrap_or_default();
                conv.forward(&x.upsample_nearest2d([2 * h, 2 * w], None, None))
            }
        }
    }
}

/// Doubles a map, then batch normalisation, ReLU.
#[derive(Debug)]
pub struct UpBlock {
    double: Double,
    norm: BatchNorm,
}

impl UpBlock {
    /// From `inputs` to `outputs` channels.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, outputs: i64, kind: Doubling) -> Result<Self, NnError> {
        Ok(Self {
            double: Double::new(path, kind, inputs, outputs)?,
            norm: BatchNorm::new(&path.sub("norm"), outputs)?,
        })
    }

    /// `[B, inputs, H, W]` to `[B, outputs, 2 H, 2 W]`; statistics of the batch where `train`, else the running ones.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        self.norm.forward(&self.double.forward(x), train).relu()
    }
}

/// The last block of a generator: doubles the map into a picture in [-1, 1]; no normalisation, which would fix the
/// mean and spread of every batch of pictures.
#[derive(Debug)]
pub struct ToPicture {
    double: Double,
}

impl ToPicture {
    /// From `inputs` to `channels` channels.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, channels: i64, kind: Doubling) -> Result<Self, NnError> {
        Ok(Self { double: Double::new(path, kind, inputs, channels)? })
    }

    /// `[B, inputs, H, W]` to `[B, channels, 2 H, 2 W]` in [-1, 1].
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.double.forward(x).tanh()
    }
}

/// Halves a map: strided convolution, batch normalisation except where it reads pictures, leaky ReLU.
#[derive(Debug)]
pub struct DownBlock {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl DownBlock {
    /// From `inputs` to `outputs` channels.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, outputs: i64, normalised: bool) -> Result<Self, NnError> {
        let conv = Conv2d::without_bias(&path.sub("conv"), inputs, outputs, 4)?.strided(2, 1);
        let norm = normalised.then(|| BatchNorm::new(&path.sub("norm"), outputs)).transpose()?;
        Ok(Self { conv, norm })
    }

    /// Without normalisation, and with a bias.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn plain(path: &Path, inputs: i64, outputs: i64) -> Result<Self, NnError> {
        Ok(Self { conv: Conv2d::new(&path.sub("conv"), inputs, outputs, 4)?.strided(2, 1), norm: None })
    }

    /// `[B, inputs, H, W]` to `[B, outputs, H / 2, W / 2]`; statistics of the batch where `train`, else the running ones.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let x = self.conv.forward(x);
        leaky_relu(&match &self.norm {
            Some(norm) => norm.forward(&x, train),
            None => x,
        })
    }
}

/// From the last map of a discriminator to a vector: a linear map (the convolution that sees its whole map at once, computed
/// as one product of matrices), batch normalisation, leaky ReLU.
#[derive(Debug)]
pub struct Collapse {
    weight: Tensor, // [out, in, side, side]
    norm: BatchNorm,
}

impl Collapse {
    /// From `[B, inputs, side, side]` to `[B, outputs]`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, outputs: i64, side: i64) -> Result<Self, NnError> {
        let weight = path.sub("conv").declare("weight", &[outputs, inputs, side, side], Role::Weight)?;
        Ok(Self { weight, norm: BatchNorm::new(&path.sub("norm"), outputs)? })
    }

    /// `[B, inputs, side, side]` to `[B, outputs]`; statistics of the batch where `train`, else the running ones.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        leaky_relu(&self.norm.forward(&whole(x, &self.weight), train))
    }
}

/// The last block of a discriminator: one number a picture from its last map or vector.
#[derive(Debug)]
pub struct ToLogit {
    weight: Tensor, // [1, in, side, side]
}

impl ToLogit {
    /// From maps `[B, inputs, side, side]`, or vectors `[B, inputs]` for side 1.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, side: i64) -> Result<Self, NnError> {
        Ok(Self { weight: path.sub("conv").declare("weight", &[1, inputs, side, side], Role::Weight)? })
    }

    /// `[B, inputs, side, side]` to `[B]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        whole(x, &self.weight).flatten(0, -1)
    }
}

/// The convolution of whole maps `[B, in, side, side]` with `weight` `[out, in, side, side]`, `[B, out]`.
fn whole(x: &Tensor, weight: &Tensor) -> Tensor {
    x.flatten(1, -1).linear(&weight.flatten(1, -1), None::<&Tensor>)
}

/// Side of a transposed convolution's output, $(H-1)s-2p+k+o$, from the side H, kernel k, stride s, padding p and output
/// padding o.
pub fn transposed_side(side: i64, kernel: i64, stride: i64, padding: i64, output_padding: i64) -> i64 {
    (side - 1) * stride - 2 * padding + kernel + output_padding
}
