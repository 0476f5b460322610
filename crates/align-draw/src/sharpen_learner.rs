//! Training of the sharpening stage.

use easel_core::noise::{Noise, Stream};
use easel_core::tensor::normal_tensor;
use easel_nn::{InitScheme, Params};
use easel_text::Vocabulary;
use easel_train::{Group, Learner, LoopConfig, OptimConfig, Scalars, TrainError};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use crate::model::AlignDraw;
use crate::sharpen::{Discriminator, SharpenConfig, Sharpener, blurred};
use crate::source::{Pictures, channels};

/// How the sharpening stage is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharpenTraining {
    /// Feature maps of the convolutions; 0 leaves the stage out.
    pub features: i64,
    /// Pictures a step.
    pub batch: usize,
    /// Length and rhythm.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// The optimiser of both networks.
    pub optim: OptimConfig,
}

/// The two networks in training; the language encoder is that of a trained AlignDRAW and stays as it is.
#[derive(Debug)]
pub struct SharpenLearner {
    language: AlignDraw,
    sharpener: Sharpener,
    discriminator: Discriminator,
    groups: [Group; 2],
    config: SharpenTraining,
    vocabulary: Vocabulary,
    train: Pictures,
    noise: Stream,
    device: Device,
}

/// The sharpener's sizes for a network and a number of feature maps.
pub fn sizes(model: &AlignDraw, features: i64) -> SharpenConfig {
    let config = model.config();
    SharpenConfig { channels: config.channels, side: config.side, sentence: 2 * config.language, features }
}

impl SharpenLearner {
    /// Fresh networks from `seed` beside a trained AlignDRAW.
    ///
    /// # Errors
    /// An odd side, pictures of another shape, optimisers that cannot be.
    pub fn new(
        language: AlignDraw,
        config: SharpenTraining,
        vocabulary: Vocabulary,
        train: Pictures,
        seed: u64,
        device: Device,
    ) -> Result<Self, TrainError> {
        let sizes = sizes(&language, config.features);
        if sizes.side % 2 != 0 || config.batch == 0 || config.features < 1 {
            let message = "sharpening needs pictures of an even side, and a batch and features of at least 1";
            return Err(TrainError::Model(message.into()));
        }
        let (expected, found) = ([sizes.channels, sizes.side, sizes.side], train.picture_shape());
        if found != expected {
            return Err(TrainError::Model(format!("pictures have shape {found:?}, the network draws {expected:?}")));
        }
        let other = |e: easel_nn::NnError| TrainError::Model(e.to_string());
        let params = [(); 2].map(|()| Params::new(device, seed, InitScheme::Dcgan));
        let group =
            |name, params: &Params| Group::new(name, params.named(), Kind::Float, config.optim, config.steps.steps);
        Ok(Self {
            sharpener: Sharpener::new(&params[0].root().sub("sharpener"), &sizes).map_err(other)?,
            discriminator: Discriminator::new(&params[1].root().sub("discriminator"), &sizes).map_err(other)?,
            groups: [group("sharpener", &params[0])?, group("discriminator", &params[1])?],
            language,
            config,
            vocabulary,
            train,
            noise: Noise::new(seed).purpose("align-draw/sharpen"),
            device,
        })
    }

    /// The averaged weights of the sharpener by name, f32.
    pub fn average(&self) -> Vec<(String, Tensor)> {
        self.groups[0].average()
    }
}

impl Learner for SharpenLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        self.groups.iter_mut().collect()
    }

    /// The discriminator's step, then the sharpener's on the same pictures (Goodfellow et al. 2014, with its
    /// non-saturating loss).
    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.train.batch(step, self.config.batch, &self.vocabulary, self.device);
        let real = channels(&batch.x, self.language.config().channels);
        let pass = no_grad(|| self.language.pass(&batch.tokens)).map_err(|e| TrainError::Model(e.to_string()))?;
        let sentence = pass.sentence;
        let (coarse, size) = (blurred(&real), real.size());
        let noise = normal_tensor(&self.noise, step, 0..size[0] as u64, &[1, size[2], size[3]], self.device);
        let restored = &coarse + self.sharpener.residual(&coarse, &sentence, &noise);
        let verdict = |x: &Tensor, value: f64| {
            let logits = self.discriminator.forward(x, &sentence);
            let target = logits.full_like(value);
            logits.binary_cross_entropy_with_logits(&target, None::<Tensor>, None::<Tensor>, Reduction::Mean)
        };
        let discriminator = (verdict(&real, 1.0) + verdict(&restored.detach(), 0.0)) * 0.5;
        let _ = self.groups[1].update(&discriminator)?;
        let generator = verdict(&restored, 1.0);
        let _ = self.groups[0].update(&generator)?;
        let error = (restored.detach() - &real).square().mean(Kind::Float);
        Ok(vec![("generator", generator.detach()), ("discriminator", discriminator.detach()), ("squared_error", error)])
    }
}
