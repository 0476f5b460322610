//! All networks that a finished model holds.

use easel_core::weights::Weights;
use easel_nn::{Params, Path};
use easel_text::{BiLstm, BiLstmConfig, TextError};
use tch::{Device, Tensor, no_grad};

use crate::config::ControlGanConfig;
use crate::discriminator::WordPerception;
use crate::encoder::ImageEncoder;
use crate::features::TextFeatures;
use crate::generator::{Generated, Generator};
use crate::perceptual::AttributeNet;

/// The text encoder of a model with a vocabulary of this many ids.
///
/// # Errors
/// A name that is taken.
pub fn text_encoder(path: &Path, config: &ControlGanConfig, vocabulary: usize) -> Result<BiLstm, TextError> {
    let sizes = BiLstmConfig { vocabulary: vocabulary as i64, embedding: config.embedding, hidden: config.width / 2 };
    BiLstm::new(path, sizes)
}

/// What is trained before the players and frozen then.
#[derive(Debug)]
pub struct Frozen {
    /// Words and sentences.
    pub text: BiLstm,
    /// Regions and global features of pictures.
    pub image: ImageEncoder,
    /// The network of the perceptual loss.
    pub attributes: AttributeNet,
}

impl Frozen {
    /// Declares `text`, `image` and `attributes` below `path`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(
        path: &Path,
        config: &ControlGanConfig,
        vocabulary: usize,
        attributes: usize,
    ) -> Result<Self, TextError> {
        Ok(Self {
            text: text_encoder(&path.sub("text"), config, vocabulary)?,
            image: ImageEncoder::new(&path.sub("image"), config)?,
            attributes: AttributeNet::new(&path.sub("attributes"), config.perceptual, attributes as i64)?,
        })
    }

    /// Filled from a file, without gradients.
    ///
    /// # Errors
    /// A file that does not fit.
    pub fn load(
        weights: &Weights,
        config: &ControlGanConfig,
        vocabulary: usize,
        attributes: usize,
        device: Device,
    ) -> Result<Self, TextError> {
        let params = Params::zeros(device);
        let frozen = Self::new(&params.root(), config, vocabulary, attributes)?;
        params.load(weights)?;
        for (_, tensor) in params.named() {
            let _ = tensor.set_requires_grad(false);
        }
        Ok(frozen)
    }
}

/// A finished model.
#[derive(Debug)]
pub struct ControlGan {
    /// Text encoder, picture encoder, attributes.
    pub frozen: Frozen,
    /// G.
    pub generator: Generator,
    /// F' of the word-level discriminator.
    pub perception: WordPerception,
}

impl ControlGan {
    /// Declares everything below `path`: `text`, `image`, `attributes`, `generator`, `perception`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(
        path: &Path,
        config: &ControlGanConfig,
        vocabulary: usize,
        attributes: usize,
    ) -> Result<Self, TextError> {
        Ok(Self {
            frozen: Frozen::new(path, config, vocabulary, attributes)?,
            generator: Generator::new(&path.sub("generator"), config)?,
            perception: WordPerception::new(&path.sub("perception"), config)?,
        })
    }

    /// Pictures of captions, from the noise `z` `[B, z]` and `epsilon` `[B, conditioning]`: a function of these three alone.
    pub fn generate(&self, text: &TextFeatures, z: &Tensor, epsilon: &Tensor) -> Generated {
        no_grad(|| self.generator.forward(text, z, epsilon, false))
    }
}
