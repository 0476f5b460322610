//! The perceptual loss and the network behind it.
//!
//! The paper compares the activations relu2_2 of a VGG-16 that knows ImageNet (Johnson et al. 2016). [`Vgg`] is that trunk, with
//! weights that have to be fetched. In its place stands, by default, a network with the same two levels (conv1_1, conv1_2, pool,
//! conv2_1, conv2_2) that is trained to name what the captions of the data say, and frozen.

use std::collections::BTreeMap;

use easel_core::weights::Weights;
use easel_nn::layers::{Conv2d, GroupNorm, Linear};
use easel_nn::{NnError, Params, Path};
use tch::{Device, Kind, Tensor, no_grad};

/// Channels of the last map, and numbers of the feature vector.
pub const FEATURES: i64 = 64;
const GROUPS: i64 = 4;

/// Names the words that are true of a picture.
#[derive(Debug)]
pub struct AttributeNet {
    first: [Conv2d; 2],
    second: [Conv2d; 2],
    third: Conv2d,
    fourth: Conv2d,
    norms: [GroupNorm; 2],
    head: Linear,
}

impl AttributeNet {
    /// Declares the weights: `widths` channels in the two levels, one logit for each of `attributes`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, widths: [i64; 2], attributes: i64) -> Result<Self, NnError> {
        let conv = |name: &str, inputs, outputs| Conv2d::new(&path.sub(name), inputs, outputs, 3);
        let [a, b] = widths;
        Ok(Self {
            first: [conv("conv1_1", 3, a)?, conv("conv1_2", a, a)?],
            second: [conv("conv2_1", a, b)?, conv("conv2_2", b, b)?],
            third: conv("conv3_1", b, FEATURES)?.strided(2, 1),
            fourth: conv("conv4_1", FEATURES, FEATURES)?.strided(2, 1),
            norms: [
                GroupNorm::new(&path.sub("norm3"), GROUPS, FEATURES, 1e-5)?,
                GroupNorm::new(&path.sub("norm4"), GROUPS, FEATURES, 1e-5)?,
            ],
            head: Linear::new(&path.sub("head"), 2 * FEATURES, attributes)?,
        })
    }

    /// $\phi$, relu2_2: `[B, C, side / 2, side / 2]` of pictures f32 `[B, 3, side, side]` in [-1, 1].
    pub fn relu2_2(&self, images: &Tensor) -> Tensor {
        let x = level(images, &self.first).max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        level(&x, &self.second)
    }

    /// Mean and maximum over places of the last map, `[B, 2 FEATURES]`: the mean tells the ground, the maximum the things.
    pub fn features(&self, images: &Tensor) -> Tensor {
        let x = self.relu2_2(images).max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        let x = self.norms[0].forward(&self.third.forward(&x)).relu();
        let x = self.norms[1].forward(&self.fourth.forward(&x)).relu();
        let mean = x.mean_dim([2i64, 3].as_slice(), false, Kind::Float);
        Tensor::cat(&[mean, x.amax([2i64, 3].as_slice(), false)], 1)
    }

    /// Logits `[B, attributes]`.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        self.head.forward(&self.features(images))
    }
}

/// The first two levels of a VGG-16 (Simonyan and Zisserman 2014) with fixed weights.
#[derive(Debug)]
pub struct Vgg {
    levels: [[Conv2d; 2]; 2],
    mean: Tensor,
    /// Factor of the features.
    scale: f64,
}

/// Mean colour of ImageNet, blue, green, red in 0..=255, as the weights came from Caffe.
const MEAN: [f32; 3] = [104.006_99, 116.668_77, 122.678_92];
/// Channels of the two levels.
const VGG: [i64; 2] = [64, 128];

impl Vgg {
    /// The levels from a file with `block1_conv1.weight` to `block2_conv2.bias`; others are left aside.
    ///
    /// # Errors
    /// One of these is missing or of another shape.
    pub fn load(weights: &Weights, device: Device) -> Result<Self, NnError> {
        let params = Params::zeros(device);
        let conv = |name: &str, inputs, outputs| Conv2d::new(&params.root().sub(name), inputs, outputs, 3);
        let [a, b] = VGG;
        let levels = [
            [conv("block1_conv1", 3, a)?, conv("block1_conv2", a, a)?],
            [conv("block2_conv1", a, b)?, conv("block2_conv2", b, b)?],
        ];
        let ours = |name: &str| name.starts_with("block1_") || name.starts_with("block2_");
        let tensors: BTreeMap<String, Tensor> = weights
            .tensors
            .iter()
            .filter(|(name, _)| ours(name))
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect();
        params.load(&Weights { path: weights.path.clone(), tensors, metadata: BTreeMap::new() })?;
        for (_, tensor) in params.named() {
            let _ = tensor.set_requires_grad(false);
        }
        Ok(Self { levels, mean: Tensor::from_slice(&MEAN).view([3, 1, 1]).to_device(device), scale: 1.0 })
    }

    /// The same with features that have a root mean square of 1 on these pictures, so that the weight of the loss means what it
    /// means for other networks.
    pub fn scaled_to(mut self, images: &Tensor) -> Self {
        let square = no_grad(|| self.relu2_2(images)).square().mean(Kind::Float).double_value(&[]);
        self.scale /= square.sqrt().max(1e-12);
        self
    }

    /// $\phi$, relu2_2: `[B, 128, side / 2, side / 2]` of pictures f32 `[B, 3, side, side]` in [-1, 1].
    pub fn relu2_2(&self, images: &Tensor) -> Tensor {
        let caffe = (images.flip([1]) + 1.0) * 127.5 - &self.mean;
        let x = level(&caffe, &self.levels[0]).max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        level(&x, &self.levels[1]) * self.scale
    }
}

/// Two rectified convolutions.
fn level(x: &Tensor, convs: &[Conv2d; 2]) -> Tensor {
    convs[1].forward(&convs[0].forward(x).relu()).relu()
}

// excerpt: perceptual
/// $\mathcal L_{per} = \frac{1}{CHW}\lVert\phi(I') - \phi(I)\rVert_2^2$ (Li et al. 2019, eq. 7), the mean over a batch of
/// features `[B, C, H, W]`. The norm is squared.
pub fn perceptual_loss(generated: &Tensor, real: &Tensor) -> Tensor {
    (generated - real).square().mean(generated.kind())
}
// end excerpt
