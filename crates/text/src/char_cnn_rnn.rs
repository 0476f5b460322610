//! The character-level text encoder of the text-conditional GAN (Reed et al., "Learning Deep Representations of
//! Fine-Grained Visual Descriptions", CVPR 2016; layers as in its released code).

use easel_nn::layers::Linear;
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::TextError;

/// The released alphabet: 70 characters, of which "-" stands twice, so that its first column is never set.
pub const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} ";
/// Width of every convolution in characters.
const KERNEL: i64 = 4;

/// Sizes of a [`CharCnnRnn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CharCnnRnnConfig {
    /// Characters that are read; a longer text is cut, a shorter one filled with zeros.
    pub characters: i64,
    /// Channels of the three convolutions; the last is the width of the recurrent state.
    pub channels: [i64; 3],
    /// Width and stride of the pooling behind each convolution; `[1, 1]` is none.
    pub pools: [[i64; 2]; 3],
    /// Width of the text vector.
    pub outputs: i64,
}

impl CharCnnRnnConfig {
    /// The published encoder of birds and flowers: 201 characters, 8 recurrent steps, 1024 numbers.
    pub fn paper() -> Self {
        Self { characters: 201, channels: [384, 512, 256], pools: [[3, 3], [3, 3], [3, 2]], outputs: 1024 }
    }

    /// An encoder that trains in minutes: 64 characters, 10 recurrent steps, 128 numbers.
    pub fn small() -> Self {
        Self { characters: 64, channels: [64, 96, 128], pools: [[2, 2], [2, 2], [1, 1]], outputs: 128 }
    }

    /// Recurrent steps: what the convolutions and poolings leave of the characters.
    ///
    /// # Errors
    /// [`TextError::Config`] for a size below 1, or a text too short for the layers.
    pub fn steps(&self) -> Result<i64, TextError> {
        let sizes = [("outputs", self.outputs), ("channels", self.channels.into_iter().min().unwrap_or(0))];
        let pools = self.pools.iter().flatten().copied().min().unwrap_or(0);
        for (key, value) in sizes.into_iter().chain([("pools", pools)]) {
            if value < 1 {
                return Err(TextError::Config { key, value, expected: "at least 1" });
            }
        }
        let left = self.pools.iter().fold(self.characters, |length, [width, stride]| {
            let convolved = length - KERNEL + 1;
            if convolved < *width { 0 } else { (convolved - width) / stride + 1 }
        });
        if left < 1 {
            let expected = "enough characters for three convolutions and their poolings";
            return Err(TextError::Config { key: "characters", value: self.characters, expected });
        }
        Ok(left)
    }
}

/// A convolution over time without padding.
#[derive(Debug)]
struct Conv1d {
    weight: Tensor, // [out, in, KERNEL]
    bias: Tensor,   // [out]
}

impl Conv1d {
    fn new(path: &Path, inputs: i64, outputs: i64) -> Result<Self, NnError> {
        Ok(Self {
            weight: path.declare("weight", &[outputs, inputs, KERNEL], Role::Weight)?,
            bias: path.declare("bias", &[outputs], Role::Bias { fan_in: inputs * KERNEL })?,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.conv1d(&self.weight, Some(&self.bias), 1, 0, 1, 1)
    }
}

/// Three convolutions over one-hot characters, a rectified recurrent layer whose states are averaged, a linear map.
#[derive(Debug)]
pub struct CharCnnRnn {
    config: CharCnnRnnConfig,
    convs: Vec<Conv1d>,
    input: Linear,
    state: Linear,
    output: Linear,
}

impl CharCnnRnn {
    /// Declares `conv1`, `conv2`, `conv3`, `rnn.i2h`, `rnn.h2h` and `linear`.
    ///
    /// # Errors
    /// Sizes that [`CharCnnRnnConfig::steps`] refuses, or a name that is taken.
    pub fn new(path: &Path, config: CharCnnRnnConfig) -> Result<Self, TextError> {
        config.steps()?;
        let [first, second, hidden] = config.channels;
        let convs = [(ALPHABET.len() as i64, first), (first, second), (second, hidden)];
        let convs = convs.into_iter().enumerate();
        let convs = convs.map(|(i, (from, to))| Conv1d::new(&path.sub(format!("conv{}", i + 1)), from, to));
        Ok(Self {
            config,
            convs: convs.collect::<Result<_, _>>()?,
            input: Linear::new(&path.sub("rnn.i2h"), hidden, hidden)?,
            state: Linear::new(&path.sub("rnn.h2h"), hidden, hidden)?,
            output: Linear::new(&path.sub("linear"), hidden, config.outputs)?,
        })
    }

    /// Its sizes.
    pub fn config(&self) -> CharCnnRnnConfig {
        self.config
    }

    /// Captions as one-hot characters f32 `[B, 70, characters]`.
    pub fn one_hot(&self, captions: &[impl AsRef<str>], device: Device) -> Tensor {
        let columns: Vec<i64> = captions.iter().flat_map(|c| columns(c.as_ref(), self.config.characters)).collect();
        let columns = Tensor::from_slice(&columns).reshape([captions.len() as i64, self.config.characters]);
        // Column -1 (unknown) is moved behind the alphabet and cut off.
        let size = ALPHABET.len() as i64;
        let all = columns.remainder(size + 1).one_hot(size + 1).narrow(-1, 0, size);
        all.transpose(1, 2).to_kind(Kind::Float).contiguous().to_device(device)
    }

    /// Text vectors `[B, outputs]` of [`CharCnnRnn::one_hot`] characters.
    pub fn forward(&self, one_hot: &Tensor) -> Tensor {
        let mut x = one_hot.shallow_clone();
        for (conv, [width, stride]) in self.convs.iter().zip(self.config.pools) {
            x = conv.forward(&x).relu();
            if width > 1 || stride > 1 {
                x = x.max_pool1d(width, stride, 0, 1, false);
            }
        }
        // h_1 = relu(W x_1 + b), h_t = relu(W x_t + b + U h_{t-1} + c).
        let inputs = self.input.forward(&x.transpose(1, 2)); // [B, steps, hidden]
        let mut states = vec![inputs.select(1, 0).relu()];
        for t in 1..inputs.size()[1] {
            states.push((inputs.select(1, t) + self.state.forward(&states[states.len() - 1])).relu());
        }
        self.output.forward(&Tensor::stack(&states, 0).mean_dim(0, false, Kind::Float))
    }
}

/// Columns of the alphabet for the first `characters` characters of a text, in lower case; -1 where there is none.
fn columns(text: &str, characters: i64) -> Vec<i64> {
    let known = text.chars().flat_map(char::to_lowercase).map(|c| ALPHABET.rfind(c).map_or(-1, |i| i as i64));
    known.chain(std::iter::repeat(-1)).take(characters as usize).collect()
}
