//! The generator: a first stage from noise and sentence, later ones from the words.

use easel_nn::layers::{BatchNorm, Conv2d};
use easel_nn::params::Role;
use easel_nn::{NnError, Path};
use tch::Tensor;

use crate::attention::{self, Attended};
use crate::conditioning::{Conditioning, ConditioningNet};
use crate::config::ControlGanConfig;
use crate::features::TextFeatures;

/// Side of the first map.
const START: i64 = 4;

/// Convolution, batch normalisation, gated linear unit: `outputs` channels of twice as many.
#[derive(Debug)]
struct Gated {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Gated {
    fn new(path: &Path, inputs: i64, outputs: i64) -> Result<Self, NnError> {
        Ok(Self {
            conv: Conv2d::without_bias(&path.sub("conv"), inputs, 2 * outputs, 3)?,
            norm: BatchNorm::new(&path.sub("norm"), 2 * outputs)?,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        self.norm.forward(&self.conv.forward(x), train).glu(1)
    }
}

/// Doubles a map by nearest neighbours, then a gated convolution.
#[derive(Debug)]
struct Up(Gated);

impl Up {
    fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let (_, _, h, w) = x.size4().unwrap_or_default();
        self.0.forward(&x.upsample_nearest2d([2 * h, 2 * w], None, None), train)
    }
}

/// A gated convolution, a plain one, and a skip.
#[derive(Debug)]
struct Residual {
    gated: Gated,
    conv: Conv2d,
    norm: BatchNorm,
}

impl Residual {
    fn new(path: &Path, channels: i64) -> Result<Self, NnError> {
        Ok(Self {
            gated: Gated::new(&path.sub("gated"), channels, channels)?,
            conv: Conv2d::without_bias(&path.sub("conv"), channels, channels, 3)?,
            norm: BatchNorm::new(&path.sub("norm"), channels)?,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        x + self.norm.forward(&self.conv.forward(&self.gated.forward(x, train)), train)
    }
}

/// The first stage: from augmented sentence and z to hidden features.
#[derive(Debug)]
struct FirstStage {
    weight: Tensor, // [2 channels 4 4, conditioning + z]
    norm: BatchNorm,
    ups: Vec<Up>,
    channels: i64,
}

impl FirstStage {
    fn new(path: &Path, config: &ControlGanConfig) -> Result<Self, NnError> {
        let doublings = (config.stage_side(0) / START).ilog2();
        let channels = config.generator << doublings;
        let numbers = 2 * channels * START * START;
        let inputs = config.conditioning + config.z;
        let up = |i: u32| {
            let inputs = channels >> i;
            Ok(Up(Gated::new(&path.sub("ups").sub(i), inputs, inputs / 2)?))
        };
        Ok(Self {
            weight: path.declare("weight", &[numbers, inputs], Role::Weight)?,
            norm: BatchNorm::new(&path.sub("norm"), numbers)?,
            ups: (0..doublings).map(up).collect::<Result<_, NnError>>()?,
            channels,
        })
    }

    fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        let vector = self.norm.forward(&input.linear(&self.weight, None::<Tensor>), train).glu(1);
        let map = vector.view([-1, self.channels, START, START]);
        self.ups.iter().fold(map, |x, up| up.forward(&x, train))
    }
}

/// What a later stage attended to.
#[derive(Debug)]
pub struct StageAttention {
    /// $\beta$ `[B, HW, L]`: words for each place of the stage's input.
    pub spatial: Tensor,
    /// $\alpha$ `[B, C, L]`: words for each channel, where there is channel-wise attention.
    pub channel: Option<Tensor>,
    /// The hidden features v that the stage started from, `[B, C, H, W]`.
    pub hidden: Tensor,
}

/// A later stage: attention to words, residual blocks, twice the size.
#[derive(Debug)]
struct NextStage {
    spatial: Tensor,         // U, [C, D]
    channel: Option<Tensor>, // F, [HW, D]
    channel_scale: f64,
    official_wiring: bool,
    residual: Vec<Residual>,
    up: Up,
}

impl NextStage {
    /// The stage that starts from features of this `side`.
    fn new(path: &Path, config: &ControlGanConfig, side: i64) -> Result<Self, NnError> {
        let c = config.generator;
        let channel = || path.declare("channel", &[side * side, config.width], Role::Weight);
        let channels = if config.channel_attention { 3 * c } else { 2 * c };
        Ok(Self {
            spatial: path.declare("spatial", &[c, config.width], Role::Weight)?,
            channel: config.channel_attention.then(channel).transpose()?,
            channel_scale: config.channel_scale(side),
            official_wiring: config.official_wiring,
            residual: (0..config.residual)
                .map(|i| Residual::new(&path.sub("residual").sub(i), channels))
                .collect::<Result<_, NnError>>()?,
            up: Up(Gated::new(&path.sub("up"), channels, c)?),
        })
    }

    fn forward(&self, v: &Tensor, text: &TextFeatures, train: bool) -> (Tensor, StageAttention) {
        let spatial = attention::spatial(v, &self.spatial.matmul(&text.words), &text.mask);
        let channel = self.channel.as_ref().map(|f| self.attend_channels(f, v, &spatial, text));
        let mut parts = vec![v.shallow_clone(), spatial.features];
        let channel = channel.map(|Attended { features, weights }| {
            parts.push(features);
            weights
        });
        let joined = self.residual.iter().fold(Tensor::cat(&parts, 1), |x, block| block.forward(&x, train));
        let attention = StageAttention { spatial: spatial.weights, channel, hidden: v.shallow_clone() };
        (self.up.forward(&joined, train), attention)
    }

    fn attend_channels(&self, f: &Tensor, v: &Tensor, spatial: &Attended, text: &TextFeatures) -> Attended {
        let perceived = f.matmul(&text.words);
        if self.official_wiring {
            let all = text.mask.ones_like();
            attention::channel(&spatial.features, &perceived, &all, self.channel_scale)
        } else {
            attention::channel(v, &perceived, &text.mask, self.channel_scale)
        }
    }
}

/// What the generator makes.
#[derive(Debug)]
pub struct Generated {
    /// A picture a stage, f32 `[B, 3, side, side]` in [-1, 1], the smallest first.
    pub images: Vec<Tensor>,
    /// The distribution that the sentence was drawn from.
    pub conditioning: Conditioning,
    /// What every stage after the first attended to.
    pub attention: Vec<StageAttention>,
}

impl Generated {
    /// The last stage's pictures.
    pub fn last(&self) -> &Tensor {
        &self.images[self.images.len() - 1]
    }
}

/// The generator.
#[derive(Debug)]
pub struct Generator {
    conditioning: ConditioningNet,
    first: FirstStage,
    next: Vec<NextStage>,
    heads: Vec<Conv2d>,
}

impl Generator {
    /// Declares the weights at `path`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &ControlGanConfig) -> Result<Self, NnError> {
        let stage = |k: i64| path.sub("stages").sub(k);
        Ok(Self {
            conditioning: ConditioningNet::new(&path.sub("conditioning"), config.width, config.conditioning)?,
            first: FirstStage::new(&stage(0), config)?,
            next: (1..config.stages)
                .map(|k| NextStage::new(&stage(k), config, config.stage_side(k - 1)))
                .collect::<Result<_, NnError>>()?,
            heads: (0..config.stages)
                .map(|k| Conv2d::without_bias(&path.sub("heads").sub(k), config.generator, 3, 3))
                .collect::<Result<_, NnError>>()?,
        })
    }

    /// Pictures of captions, from `z` `[B, z]` and the noise `epsilon` `[B, conditioning]` of the conditioning augmentation.
    ///
    /// With `train` the batch's statistics are used, and the running ones moved.
    pub fn forward(&self, text: &TextFeatures, z: &Tensor, epsilon: &Tensor, train: bool) -> Generated {
        let conditioning = self.conditioning.forward(&text.sentence);
        let mut v = self.first.forward(&Tensor::cat(&[&conditioning.sample(epsilon), z], 1), train);
        let mut images = vec![self.heads[0].forward(&v).tanh()];
        let mut attention = Vec::new();
        for (stage, head) in self.next.iter().zip(&self.heads[1..]) {
            let (next, attended) = stage.forward(&v, text, train);
            images.push(head.forward(&next).tanh());
            attention.push(attended);
            v = next;
        }
        Generated { images, conditioning, attention }
    }
}
