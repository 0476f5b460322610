//! The two towers and what they learn from (Radford et al. 2021, arXiv:2103.00020, section 2.3).

use anyhow::{Result, ensure};
use easel_metrics::classifier::prepare;
use easel_nn::layers::{Conv2d, GroupNorm, Linear};
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use easel_text::{BiLstm, BiLstmConfig, TextError, Tokens};
use tch::{Kind, Tensor};

use super::config::TowerConfig;
use super::pairs::SIDE;

/// Features of a picture, of which distances are made: few, so that the bias of the Frechet distance stays small.
pub const FEATURES: i64 = 64;
/// Width of the space in which pictures and captions meet.
const JOINT: i64 = 64;
const GROUPS: i64 = 8;
const EPS: f64 = 1e-5;
/// Initial and largest factor of the cosines.
const FIRST_SCALE: f64 = 1.0 / 0.07;
const LARGEST_SCALE: f64 = 100.0;

/// A strided convolution, normalised over groups of channels, then rectified.
#[derive(Debug)]
struct Block {
    conv: Conv2d,
    norm: GroupNorm,
}

impl Block {
    fn new(path: &Path, inputs: i64, outputs: i64) -> Result<Self, NnError> {
        let conv = Conv2d::new(&path.sub("conv"), inputs, outputs, 3)?.strided(2, 1);
        Ok(Self { conv, norm: GroupNorm::new(&path.sub("norm"), GROUPS, outputs, EPS)? })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.norm.forward(&self.conv.forward(x)).relu()
    }
}

/// Picture tower, text tower, the factor of their cosines, and a head for the style of a picture.
#[derive(Debug)]
pub struct Towers {
    blocks: Vec<Block>,
    features: Linear,
    picture: Linear,
    lstm: BiLstm,
    text: Linear,
    scale: Tensor, // ln of the factor over its first value
    style: Option<Linear>,
}

impl Towers {
    /// Declares the weights for captions of `vocabulary` ids and pictures of `styles` styles (0 for none).
    ///
    /// # Errors
    /// Channels that 8 does not divide, a size below 1.
    pub fn new(path: &Path, config: TowerConfig, vocabulary: i64, styles: i64) -> Result<Self, TextError> {
        let image = path.sub("image");
        let [a, b, c] = config.channels;
        let blocks = [(3, a), (a, b), (b, c)].into_iter().enumerate();
        let blocks = blocks.map(|(i, (from, to))| Block::new(&image.sub(format!("blocks.{i}")), from, to));
        let last = (SIDE / 8) as i64;
        let lstm = BiLstmConfig { vocabulary, embedding: config.words, hidden: config.hidden };
        let text = path.sub("text");
        Ok(Self {
            blocks: blocks.collect::<Result<_, _>>()?,
            features: Linear::new(&image.sub("features"), c * last * last, FEATURES)?,
            picture: Linear::new(&image.sub("projection"), FEATURES, JOINT)?,
            lstm: BiLstm::new(&text, lstm)?,
            text: Linear::new(&text.sub("projection"), 2 * config.hidden, JOINT)?,
            scale: path.declare("log_scale", &[1], Role::Offset)?,
            style: (styles > 0).then(|| Linear::new(&path.sub("style"), FEATURES, styles)).transpose()?,
        })
    }

    /// Features f32 `[B, 64]` of prepared pictures f32 `[B, 3, 32, 32]`.
    pub fn features(&self, images: &Tensor) -> Tensor {
        let x = self.blocks.iter().fold(images.shallow_clone(), |x, block| block.forward(&x));
        self.features.forward(&x.flatten(1, -1)).relu()
    }

    /// Pictures by their features in the joint space, `[B, 64]` of length 1.
    pub fn pictures(&self, features: &Tensor) -> Tensor {
        unit(&self.picture.forward(features))
    }

    /// Captions in the joint space, `[B, 64]` of length 1.
    ///
    /// # Errors
    /// Ids beyond the vocabulary.
    pub fn captions(&self, tokens: &Tokens) -> Result<Tensor, TextError> {
        Ok(unit(&self.text.forward(&self.lstm.forward(tokens)?.sentence)))
    }

    /// The factor of the cosines, at most 100.
    pub fn scale(&self) -> Tensor {
        (self.scale.exp() * FIRST_SCALE).clamp_max(LARGEST_SCALE)
    }

    /// Log-probabilities of the styles `[B, styles]` by the features, where the towers have that head.
    pub fn styles(&self, features: &Tensor) -> Option<Tensor> {
        Some(self.style.as_ref()?.forward(features).log_softmax(-1, Kind::Float))
    }
}

fn unit(x: &Tensor) -> Tensor {
    x / (x.square().sum_dim_intlist(-1, true, Kind::Float) + 1e-12).sqrt()
}

/// InfoNCE in both directions (Radford et al. 2021, figure 3) with near misses, in nats.
///
/// `logits` `[B, B + K]`: pictures against their own captions, column i being picture i's, and K further captions.
/// `masked` (bool, the same shape) marks captions that match a picture too without being its own: no negatives. The mean
/// of picture to caption over all columns and of caption to picture over the first B.
pub fn contrastive(logits: &Tensor, masked: &Tensor) -> Tensor {
    let b = logits.size()[0];
    let logits = logits.masked_fill(masked, f64::NEG_INFINITY);
    let own = Tensor::arange(b, (Kind::Int64, logits.device()));
    let cross_entropy = |scores: &Tensor| scores.log_softmax(-1, scores.kind()).nll_loss(&own);
    let (to_caption, to_picture) = (cross_entropy(&logits), cross_entropy(&logits.narrow(1, 0, b).tr()));
    (to_caption + to_picture) / 2.0
}

/// Pictures as the towers see them: u8 or f32 in [-1, 1], rounded to 256 levels, f32 `[N, 3, 32, 32]`. Sides of a multiple
/// of 32 are averaged over squares; one channel is repeated.
///
/// # Errors
/// Another shape or element type.
pub fn prepared(images: &Tensor) -> Result<Tensor> {
    let (kind, size) = (images.kind(), images.size());
    let side = SIDE as i64;
    let fits = matches!(size[..], [_, 1 | 3, h, w] if h == w && h >= side && h % side == 0);
    ensure!(
        fits && matches!(kind, Kind::Uint8 | Kind::Float),
        "pictures are {kind:?} {size:?}, expected u8 or f32 [N, 3, S, S] with S a multiple of {side}"
    );
    let images = prepare(images);
    let factor = size[2] / side;
    let images = if factor > 1 { images.avg_pool2d(factor, factor, 0, false, true, None::<i64>) } else { images };
    Ok(if size[1] == 1 { images.expand([-1, 3, -1, -1], false).contiguous() } else { images })
}

#[cfg(test)]
mod tests {
    use easel_nn::{InitScheme, Params};
    use tch::Device;

    use super::*;

    const TOWERS: TowerConfig = TowerConfig { channels: [8, 8, 16], words: 6, hidden: 5 };

    #[test]
    fn equal_scores_cost_the_logarithm_of_the_candidates() {
        let (b, k) = (5, 3);
        let (logits, masked) = (
            Tensor::ones([b, b + k], (Kind::Float, Device::Cpu)),
            Tensor::zeros([b, b + k], (Kind::Bool, Device::Cpu)),
        );
        let expected = (((b + k) as f64).ln() + (b as f64).ln()) / 2.0;
        assert!((contrastive(&logits, &masked).double_value(&[]) - expected).abs() < 1e-5);
        // A masked caption is no candidate, whatever its score.
        let _ = masked.get(0).get(1).fill_(1);
        let _ = logits.get(0).get(1).fill_(50.0);
        let rows = (b - 1) as f64 * ((b + k) as f64).ln() + ((b + k - 1) as f64).ln();
        let columns = (b - 1) as f64 * (b as f64).ln() + ((b - 1) as f64).ln();
        let expected = (rows + columns) / (2 * b) as f64;
        assert!((contrastive(&logits, &masked).double_value(&[]) - expected).abs() < 1e-5);
    }

    #[test]
    fn both_directions_are_those_written_out() {
        let logits = Tensor::from_slice2(&[[1.0, -0.5, 0.3], [0.2, 2.0, -1.0]]);
        let masked = Tensor::zeros([2, 3], (Kind::Bool, Device::Cpu));
        let l = |i: i64, j: i64| logits.double_value(&[i, j]);
        let lse = |values: &[f64]| values.iter().map(|v| v.exp()).sum::<f64>().ln();
        let rows: f64 = (0..2).map(|i| lse(&[l(i, 0), l(i, 1), l(i, 2)]) - l(i, i)).sum();
        let columns: f64 = (0..2).map(|j| lse(&[l(0, j), l(1, j)]) - l(j, j)).sum();
        assert!((contrastive(&logits, &masked).double_value(&[]) - (rows + columns) / 4.0).abs() < 1e-9);
    }

    #[test]
    fn gradients_reach_every_weight() {
        let params = Params::new(Device::Cpu, 0, InitScheme::Public);
        let towers = Towers::new(&params.root(), TOWERS, 9, 4).expect("valid sizes");
        let images = Tensor::rand([3, 3, 32, 32], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
        let features = towers.features(&images);
        let captions = towers.captions(&Tokens::new(&[vec![2, 3], vec![4], vec![5, 6, 7]], 0)).expect("known ids");
        let logits = towers.pictures(&features).matmul(&captions.tr()) * towers.scale();
        let masked = Tensor::zeros([3, 3], (Kind::Bool, Device::Cpu));
        let style = towers.styles(&features).expect("a head").nll_loss(&Tensor::from_slice(&[0i64, 1, 3]));
        (contrastive(&logits, &masked) + style).backward();
        for (name, tensor) in params.named() {
            assert!(tensor.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0, "{name}");
        }
        assert!((towers.scale().double_value(&[0]) - 1.0 / 0.07).abs() < 1e-4);
    }

    #[test]
    fn pictures_of_other_sizes_are_averaged_or_refused() {
        let small = Tensor::randint(256, [2, 3, 32, 32], (Kind::Uint8, Device::Cpu));
        let seen = prepared(&small).expect("pictures");
        assert_eq!(seen.size(), [2, 3, 32, 32]);
        let large = small.repeat_interleave_self_int(2, 2, None).repeat_interleave_self_int(2, 3, None);
        assert!((prepared(&large).expect("pictures") - &seen).abs().max().double_value(&[]) < 1e-6);
        let grey = prepared(&small.narrow(1, 0, 1)).expect("pictures");
        assert_eq!(grey.select(1, 0), grey.select(1, 2));
        for wrong in [small.narrow(2, 0, 16), small.to_kind(Kind::Double)] {
            assert!(prepared(&wrong).expect_err("refused").to_string().contains("expected u8 or f32"));
        }
    }
}
