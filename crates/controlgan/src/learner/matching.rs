//! DAMSM: text encoder and picture encoder learn to find each other.

use easel_data::loader::Loader;
use easel_nn::{InitScheme, Params};
use easel_text::BiLstm;
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use tch::{Device, Kind, Tensor, no_grad};

use super::model;
use crate::captions::Captions;
use crate::config::ControlGanConfig;
use crate::damsm::{self, Gammas};
use crate::encoder::ImageEncoder;
use crate::features::TextFeatures;
use crate::model::text_encoder;

/// Trains the two encoders.
#[derive(Debug)]
pub struct MatchLearner {
    text: BiLstm,
    image: ImageEncoder,
    group: Group,
    loader: Loader,
    captions: Captions,
    gammas: Gammas,
    device: Device,
}

impl MatchLearner {
    /// A learner of `steps` steps; `captions` are those of the loader's pictures.
    ///
    /// # Errors
    /// Settings out of range.
    pub fn new(
        config: &ControlGanConfig,
        vocabulary: usize,
        optim: OptimConfig,
        (loader, captions): (Loader, Captions),
        (seed, steps): (u64, u64),
        device: Device,
    ) -> Result<Self, TrainError> {
        let params = Params::new(device, seed, InitScheme::Public);
        Ok(Self {
            text: text_encoder(&params.root().sub("text"), config, vocabulary).map_err(model)?,
            image: ImageEncoder::new(&params.root().sub("image"), config).map_err(model)?,
            group: Group::new("damsm", params.trained(), Kind::Float, optim, steps)?,
            loader,
            captions,
            gammas: config.gammas,
            device,
        })
    }

    /// The averaged weights, under `text` and `image`.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        self.group.average()
    }
}

impl Learner for MatchLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.loader.batch(step);
        let text = TextFeatures::of(&self.text, &self.captions.tokens(&batch.indices, self.device)).map_err(model)?;
        let seen = self.image.forward(&batch.images);
        let same = self.captions.same(&batch.indices, self.device);
        let loss =
            damsm::loss((&text.words, &text.sentence, &text.mask), (&seen.regions, &seen.global), &same, self.gammas);
        let total = loss.total();
        let found = no_grad(|| top_one(&damsm::sentence_cosines(&seen.global, &text.sentence), &same));
        let norm = self.group.update(&total)?;
        let words = no_grad(|| (&loss.words[0] + &loss.words[1]) * 0.5);
        let sentences = no_grad(|| (&loss.sentences[0] + &loss.sentences[1]) * 0.5);
        Ok(vec![
            ("damsm", total.detach()),
            ("damsm/words", words.detach()),
            ("damsm/sentences", sentences.detach()),
            ("damsm/found", found),
            ("damsm/grad_norm", norm),
        ])
    }
}

/// Share of pictures whose own caption, or one equal to it, has the highest score.
fn top_one(scores: &Tensor, same: &Tensor) -> Tensor {
    let best = scores.argmax(-1, true);
    same.gather(1, &best, false).to_kind(Kind::Float).mean(Kind::Float)
}
