//! Sharpening: a convolutional generator adds a residual to the picture that AlignDRAW drew.
//!
//! AlignDRAW's released code does this with one level of a Laplacian pyramid of adversarial networks (Denton, Chintala, Szlam,
//! Fergus 2015, arXiv:1506.05751), trained apart: pictures, halved and enlarged again, are to be restored so that a
//! discriminator cannot tell. Beside the picture the networks see a plane made from the caption; the generator also sees
//! a plane of noise, which is zero when it is used.

use easel_nn::layers::{Conv2d, Linear};
use easel_nn::{NnError, Path};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

/// Sizes of the two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharpenConfig {
    /// Channels C of a picture.
    pub channels: i64,
    /// Side H = W of a picture, even.
    pub side: i64,
    /// Width of a caption's vector.
    pub sentence: i64,
    /// Feature maps of the convolutions; 128 in the released code.
    pub features: i64,
}

/// The generator: convolutions 7 x 7, 7 x 7 and 5 x 5 that keep the size.
#[derive(Debug)]
pub struct Sharpener {
    config: SharpenConfig,
    plane: Linear,
    convolutions: [Conv2d; 3],
}

/// The discriminator: two strided convolutions and a linear map.
#[derive(Debug)]
pub struct Discriminator {
    config: SharpenConfig,
    plane: Linear,
    convolutions: [Conv2d; 2],
    head: Linear,
}

impl Sharpener {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &SharpenConfig) -> Result<Self, NnError> {
        let SharpenConfig { channels, side, sentence, features } = *config;
        let conv = |name, inputs, outputs, kernel| Conv2d::new(&path.sub(name), inputs, outputs, kernel);
        Ok(Self {
            config: *config,
            plane: Linear::new(&path.sub("plane"), sentence, side * side)?,
            convolutions: [
                conv("conv1", channels + 2, features, 7)?,
                conv("conv2", features, features, 7)?,
                conv("conv3", features, channels, 5)?,
            ],
        })
    }

    /// The residual `[B, C, H, W]` of pictures `x` of that shape in [0, 1], captions `[B, sentence]` and noise `[B, 1, H, W]`.
    pub fn residual(&self, x: &Tensor, sentence: &Tensor, noise: &Tensor) -> Tensor {
        let plane = plane(&self.plane, sentence, self.config.side);
        let [first, second, last] = &self.convolutions;
        last.forward(&second.forward(&first.forward(&Tensor::cat(&[noise, &plane, x], 1)).relu()).relu())
    }

    /// The sharpened pictures in [0, 1], with zero noise; without gradients.
    pub fn forward(&self, x: &Tensor, sentence: &Tensor) -> Tensor {
        no_grad(|| (x + self.residual(x, sentence, &x.narrow(1, 0, 1).zeros_like())).clamp(0.0, 1.0))
    }
}

impl Discriminator {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &SharpenConfig) -> Result<Self, NnError> {
        let SharpenConfig { channels, side, sentence, features } = *config;
        let quarter = (side + 3) / 4;
        let conv = |name, inputs| Conv2d::new(&path.sub(name), inputs, features, 5).map(|conv| conv.strided(2, 2));
        Ok(Self {
            config: *config,
            plane: Linear::new(&path.sub("plane"), sentence, side * side)?,
            convolutions: [conv("conv1", channels + 1)?, conv("conv2", features)?],
            head: Linear::new(&path.sub("head"), features * quarter * quarter, 1)?,
        })
    }

    /// Logits `[B]` that pictures `[B, C, H, W]` are real.
    pub fn forward(&self, x: &Tensor, sentence: &Tensor) -> Tensor {
        let plane = plane(&self.plane, sentence, self.config.side);
        let features = self.convolutions.iter().fold(Tensor::cat(&[x, &plane], 1), |h, conv| conv.forward(&h).relu());
        self.head.forward(&features.flatten(1, -1)).squeeze_dim(-1)
    }
}

/// relu(affine(sentence)) as a plane `[B, 1, H, W]`.
fn plane(layer: &Linear, sentence: &Tensor, side: i64) -> Tensor {
    layer.forward(sentence).relu().view([-1, 1, side, side])
}

/// Pictures `[B, C, H, W]` without their finest detail: halved by means of 2 x 2 pixels and enlarged bilinearly.
pub fn blurred(x: &Tensor) -> Tensor {
    let size = [x.size()[2], x.size()[3]];
    x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None).upsample_bilinear2d(size, false, None, None)
}

/// Mean length of the gradient of pictures `[B, C, H, W]` by forward differences: how sharp they are.
pub fn sharpness(x: &Tensor) -> f64 {
    let (h, w) = (x.size()[2], x.size()[3]);
    let across = x.narrow(3, 1, w - 1) - x.narrow(3, 0, w - 1);
    let down = x.narrow(2, 1, h - 1) - x.narrow(2, 0, h - 1);
    let squares = across.narrow(2, 0, h - 1).square() + down.narrow(3, 0, w - 1).square();
    squares.sqrt().mean(Kind::Double).double_value(&[])
}
