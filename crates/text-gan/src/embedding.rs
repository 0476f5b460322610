//! Training of the text encoder by the structured joint embedding (section 3.3; Reed et al. 2016b).

use std::collections::BTreeMap;
use std::path::Path;

use easel_core::{Noise, Stream, weights};
use easel_data::Dataset;
use easel_data::loader::scaled;
use easel_nn::{InitScheme, Params};
use easel_text::Vocabulary;
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use gan::augment::Augment;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::config::TextGanConfig;
use crate::loss::structured_hinge;
use crate::model::PictureEncoder;
use crate::text::{EncoderKind, TextEncoder};

/// Everything about the embedding's training but its length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingConfig {
    /// Classes a step, K; one picture and one text of each.
    pub classes: usize,
    /// What reads the captions.
    pub encoder: EncoderKind,
    /// Entries of a word's vector, for words.
    pub words: i64,
    /// Augmentation of the pictures.
    pub augment: Augment,
    /// The optimiser.
    pub optim: OptimConfig,
}

/// Text and picture encoder in training, so that the vectors of a class belong together.
#[derive(Debug)]
pub struct EmbeddingLearner {
    /// The text encoder.
    pub text: TextEncoder,
    picture: PictureEncoder,
    text_params: Params,
    picture_params: Params,
    group: Group,
    images: Tensor,
    by_class: Vec<Vec<usize>>,
    captions: Vec<Vec<String>>,
    config: EmbeddingConfig,
    classes: Stream,
    pictures: Stream,
    texts: Stream,
    moves: Stream,
}

impl EmbeddingLearner {
    /// Fresh encoders from `seed`, for `steps` on the pictures of `data`; `captions[c]` describe class c, and classes
    /// without pictures are left out.
    ///
    /// # Errors
    /// Ranges, a data set without labels, fewer than two classes, a class without captions.
    pub fn new(
        model: &TextGanConfig,
        config: &EmbeddingConfig,
        data: &Dataset,
        captions: &[Vec<String>],
        seed: u64,
        steps: u64,
        device: Device,
    ) -> Result<Self, TrainError> {
        let other = |e: &dyn std::fmt::Display| TrainError::Model(e.to_string());
        let labels = data.labels().ok_or_else(|| TrainError::Model("the data set has no classes".into()))?;
        let mut groups = BTreeMap::<usize, Vec<usize>>::new();
        labels.iter().enumerate().for_each(|(i, &l)| groups.entry(l as usize).or_default().push(i));
        let spoken = |class: &usize| captions.get(*class).filter(|c| !c.is_empty());
        if let Some(silent) = groups.keys().find(|class| spoken(class).is_none()) {
            return Err(TrainError::Model(format!("class {silent} has no captions")));
        }
        if config.classes < 2 || groups.len() < 2 {
            let value = config.classes.min(groups.len()).to_string();
            return Err(TrainError::Range { key: "embedding.train.classes", value, expected: "2 or more" });
        }
        let captions: Vec<Vec<String>> = groups.keys().map(|&class| captions[class].clone()).collect();
        let vocabulary = Vocabulary::from_captions(captions.iter().flatten(), 1);
        let text_params = Params::new(device, seed, InitScheme::Public);
        let picture_params = Params::new(device, seed, InitScheme::Public);
        let root = text_params.root();
        let text = TextEncoder::new(&root, config.encoder, vocabulary, config.words, model.text);
        let text = text.map_err(|e| other(&e))?;
        let picture =
            PictureEncoder::new(&picture_params.root().sub("picture"), model, model.text).map_err(|e| other(&e))?;
        let mut trained = text_params.trained();
        trained.extend(picture_params.trained());
        let images = Tensor::from_slice(data.images()).view(data.shape().map(|n| n as i64)).to_device(device);
        let purpose = |name: &str| Noise::new(seed).purpose(name);
        Ok(Self {
            text,
            picture,
            group: Group::new("embedding", trained, Kind::Float, config.optim, steps)?,
            text_params,
            picture_params,
            images,
            by_class: groups.into_values().collect(),
            captions,
            config: EmbeddingConfig { classes: config.classes.min(labels.len()), ..config.clone() },
            classes: purpose("embedding/classes"),
            pictures: purpose("embedding/pictures"),
            texts: purpose("embedding/texts"),
            moves: purpose("embedding/augment"),
        })
    }

    /// The averaged weights of the text encoder by name, f32.
    pub fn text_weights(&self) -> Vec<(String, Tensor)> {
        let names: Vec<String> = self.text_params.named().into_iter().map(|(name, _)| name).collect();
        self.group.average().into_iter().filter(|(name, _)| names.contains(name)).collect()
    }

    /// Inner products `[K, K]` of the pictures with the texts of K different classes at `step`.
    fn scores(&self, step: u64) -> Result<Tensor, TrainError> {
        let mut classes = self.classes.permutation(step, self.by_class.len());
        classes.truncate(self.config.classes);
        let pick = |stream: &Stream, i: usize, n: usize| stream.below(step, i as u64, n);
        let rows: Vec<i64> = (classes.iter().enumerate())
            .map(|(i, &c)| self.by_class[c][pick(&self.pictures, i, self.by_class[c].len())] as i64)
            .collect();
        let captions: Vec<&str> = (classes.iter().enumerate())
            .map(|(i, &c)| self.captions[c][pick(&self.texts, i, self.captions[c].len())].as_str())
            .collect();
        let rows = Tensor::from_slice(&rows).to_device(self.images.device());
        let pictures = scaled(&self.images.index_select(0, &rows));
        let pictures = self.picture.forward(&self.config.augment.apply(&pictures, &self.moves, step, 0), true);
        let texts = self.text.encode(&captions).map_err(|e| TrainError::Model(e.to_string()))?;
        Ok(pictures.matmul(&texts.tr()))
    }
}

impl Learner for EmbeddingLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let scores = self.scores(step)?;
        let loss = structured_hinge(&scores);
        let norm = self.group.update(&loss)?;
        let classes = Tensor::arange(scores.size()[0], (Kind::Int64, scores.device()));
        let right = scores.detach().argmax(1, false).eq_tensor(&classes).to_kind(Kind::Float).mean(Kind::Float);
        Ok(vec![("embedding", loss.detach()), ("embedding_right", right), ("grad_embedding", norm)])
    }

    fn save_extra(&self, folder: &Path) -> Result<(), TrainError> {
        let statistics = self.picture_params.untrained();
        Ok(weights::write(&folder.join("embedding.statistics.safetensors"), &statistics, &BTreeMap::new())?)
    }

    fn load_extra(&mut self, folder: &Path) -> Result<(), TrainError> {
        let file = weights::read(&folder.join("embedding.statistics.safetensors"))?;
        Ok(weights::load_strict(&mut self.picture_params.untrained(), &file)?)
    }
}
