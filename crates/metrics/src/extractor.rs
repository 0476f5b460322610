//! Features and log-probabilities of pictures from a trained classifier.

use std::collections::BTreeMap;
use std::path::Path;

use easel_core::tensor::to_array;
use easel_core::weights::{self, Weights};
use easel_nn::Params;
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use crate::classifier::{BATCH, Classifier, ClassifierConfig, ClassifierError};

impl ClassifierConfig {
    /// The strings to store beside the weights, from which [`FeatureExtractor::load`] rebuilds the network.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("classifier_name", self.name.clone()),
            ("classifier_channels", self.channels.to_string()),
            ("classifier_classes", self.classes.to_string()),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value)).into()
    }

    fn from_metadata(weights: &Weights) -> Result<Self, ClassifierError> {
        let wrong = |key, expected| ClassifierError::Metadata {
            path: weights.path.clone(),
            key,
            found: weights.metadata.get(key).map_or("missing".into(), |v| format!("\"{v}\"")),
            expected,
        };
        let text = |key| weights.metadata.get(key);
        let number = |key, expected| {
            let value = text(key).and_then(|v| v.parse().ok()).filter(|v| *v > 0);
            value.ok_or_else(|| wrong(key, expected))
        };
        Ok(Self {
            name: text("classifier_name").ok_or_else(|| wrong("classifier_name", "the data set's name"))?.clone(),
            channels: number("classifier_channels", "a positive integer")?,
            classes: number("classifier_classes", "a positive integer")?,
        })
    }
}

/// What a classifier says of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// Penultimate activations `[N, 64]`, for the distances.
    pub features: Array2<f64>,
    /// Log-probabilities `[N, classes]`, for the scores.
    pub log_probabilities: Array2<f64>,
}

/// A trained classifier in use: pictures in, f64 arrays out, no gradients.
#[derive(Debug)]
pub struct FeatureExtractor {
    classifier: Classifier,
    device: Device,
}

impl FeatureExtractor {
    /// Wraps a classifier whose parameters are on `device`; it goes on sharing them.
    pub fn new(classifier: Classifier, device: Device) -> Self {
        Self { classifier, device }
    }

    /// Loads a classifier from `safetensors`: exactly its parameters, and [`ClassifierConfig::metadata`].
    ///
    /// # Errors
    /// [`ClassifierError::Weights`], [`ClassifierError::Metadata`], [`ClassifierError::Network`].
    pub fn load(path: &Path, device: Device) -> Result<Self, ClassifierError> {
        Self::from_weights(&weights::read(path)?, device)
    }

    /// Like [`FeatureExtractor::load`], from weights that were read already.
    ///
    /// # Errors
    /// [`ClassifierError::Weights`], [`ClassifierError::Metadata`], [`ClassifierError::Network`].
    pub fn from_weights(weights: &Weights, device: Device) -> Result<Self, ClassifierError> {
        let config = ClassifierConfig::from_metadata(weights)?;
        let params = Params::zeros(device);
        let classifier = Classifier::new(&params.root(), &config)?;
        params.load(weights)?;
        Ok(Self::new(classifier, device))
    }

    /// The name that a number computed with these features carries, such as `fd-digits`.
    pub fn name(&self, metric: &str) -> String {
        format!("{metric}-{}", self.classifier.config().name)
    }

    /// The classifier.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// Features and log-probabilities of pictures `[N, C, H, W]`, u8 or f32 in [-1, 1], on any device.
    ///
    /// # Errors
    /// [`ClassifierError::Pictures`].
    pub fn extract(&self, pictures: &Tensor) -> Result<Extracted, ClassifierError> {
        self.classifier.check(pictures)?;
        let _no_grad = tch::no_grad_guard();
        let (mut features, mut log_probabilities) = (Vec::new(), Vec::new());
        for batch in pictures.split(BATCH, 0) {
            let rectified = self.classifier.features(&batch.to_device(self.device))?;
            log_probabilities.push(self.classifier.log_probabilities(&rectified));
            features.push(rectified);
        }
        let stack = |name, parts: &[Tensor]| to_array(name, &Tensor::cat(parts, 0).to_kind(Kind::Double));
        Ok(Extracted {
            features: stack("features", &features)?,
            log_probabilities: stack("log-probabilities", &log_probabilities)?,
        })
    }
}
