//! The discriminators of pictures, one a stage, and the word-level discriminator's perception layer.

use easel_nn::layers::{BatchNorm, Conv2d};
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use gan::blocks::{DownBlock, leaky_relu};
use tch::Tensor;

use crate::config::ControlGanConfig;

/// Side of the last map of every trunk.
pub const LAST_SIDE: i64 = 4;
/// Widest map in front of the heads, in units of ndf.
const WIDEST: i64 = 8;

/// A 3 x 3 convolution that keeps the map, normalised or with a bias, leaky rectified.
#[derive(Debug)]
struct Keep {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl Keep {
    fn new(path: &Path, inputs: i64, outputs: i64, normalised: bool) -> Result<Self, NnError> {
        let conv = path.sub("conv");
        Ok(match normalised {
            true => Self {
                conv: Conv2d::without_bias(&conv, inputs, outputs, 3)?,
                norm: Some(BatchNorm::new(&path.sub("norm"), outputs)?),
            },
            false => Self { conv: Conv2d::new(&conv, inputs, outputs, 3)?, norm: None },
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let x = self.conv.forward(x);
        leaky_relu(&match &self.norm {
            Some(norm) => norm.forward(&x, train),
            None => x,
        })
    }
}

/// Of a picture: whether it is real, and whether it is and fits its caption.
#[derive(Debug)]
pub struct Discriminator {
    down: Vec<DownBlock>,
    narrow: Vec<Keep>,
    unconditional: Conv2d,
    joint: Keep,
    conditional: Conv2d,
}

impl Discriminator {
    /// Declares the weights for pictures of this `side`: as many halvings as lead to 4 x 4, channels doubling from ndf; where
    /// they pass 8 ndf, they are halved again at 4 x 4.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &ControlGanConfig, side: i64) -> Result<Self, NnError> {
        let ndf = config.discriminator;
        let halvings = i64::from((side / LAST_SIDE).ilog2());
        let down = |i: i64| {
            let inputs = if i == 0 { 3 } else { ndf << (i - 1) };
            let place = path.sub("down").sub(i);
            match config.normalised {
                true => DownBlock::new(&place, inputs, ndf << i, i > 0),
                false => DownBlock::plain(&place, inputs, ndf << i),
            }
        };
        let (top, last) = (1i64 << (halvings - 1), WIDEST.min(1 << (halvings - 1)));
        let keep = |place: Path, inputs, outputs| Keep::new(&place, inputs, outputs, config.normalised);
        let narrow = |i: i64| keep(path.sub("narrow").sub(i), ndf * (top >> i), ndf * (top >> (i + 1)));
        let head = |name: &str| {
            Ok::<_, NnError>(Conv2d::new(&path.sub(name), ndf * last, 1, LAST_SIDE)?.strided(LAST_SIDE, 0))
        };
        Ok(Self {
            down: (0..halvings).map(down).collect::<Result<_, _>>()?,
            narrow: (0..i64::from((top / last).ilog2())).map(narrow).collect::<Result<_, _>>()?,
            unconditional: head("unconditional")?,
            joint: keep(path.sub("joint"), ndf * last + config.width, ndf * last)?,
            conditional: head("conditional")?,
        })
    }

    /// Features `[B, C, 4, 4]` of pictures f32 `[B, 3, side, side]`.
    pub fn features(&self, images: &Tensor, train: bool) -> Tensor {
        let x = self.down.iter().fold(images.shallow_clone(), |x, block| block.forward(&x, train));
        self.narrow.iter().fold(x, |x, block| block.forward(&x, train))
    }

    /// Logits `[B]` of being real.
    pub fn unconditional(&self, features: &Tensor) -> Tensor {
        self.unconditional.forward(features).flatten(0, -1)
    }

    /// Logits `[B]` of being real and fitting the captions with these sentence features `[B, D]`.
    pub fn conditional(&self, features: &Tensor, sentence: &Tensor, train: bool) -> Tensor {
        let (b, _, h, w) = features.size4().unwrap_or_default();
        let tiled = sentence.unsqueeze(-1).unsqueeze(-1).expand([b, sentence.size()[1], h, w], false);
        let joint = self.joint.forward(&Tensor::cat(&[features, &tiled], 1), train);
        self.conditional.forward(&joint).flatten(0, -1)
    }
}

/// The trainable part of the word-level discriminator: the perception layer F' from the picture encoder's features to words.
#[derive(Debug)]
pub struct WordPerception {
    weight: Tensor, // [D, C]
}

impl WordPerception {
    /// Declares F'.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &ControlGanConfig) -> Result<Self, NnError> {
        let local = config.encoder[config.encoder.len() - 2];
        Ok(Self { weight: path.declare("weight", &[config.width, local], Role::Weight)? })
    }

    /// $\tilde n = F'n$ `[B, D, M]` of the encoder's local features n `[B, C, M]`.
    pub fn forward(&self, local: &Tensor) -> Tensor {
        self.weight.matmul(local)
    }

    /// As [`WordPerception::forward`], without a gradient to F'.
    pub fn forward_frozen(&self, local: &Tensor) -> Tensor {
        self.weight.detach().matmul(local)
    }
}
