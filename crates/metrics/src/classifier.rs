//! A small convolutional classifier, whose penultimate activations are the features of the distances.
//!
//! Three strided convolutions bring every picture of 25 to 32 pixels a side to 4 x 4. Group normalisation
//! instead of batch normalisation: a picture's features do not depend on the pictures beside it, nor on a mode
//! that someone forgets to switch. The network must not also guide or train a generator that it judges.

use std::ops::RangeInclusive;

use easel_core::tensor::{TensorError, check_shape};
use easel_core::weights::WeightsError;
use easel_nn::layers::{Conv2d, GroupNorm, Linear};
use easel_nn::{NnError, Path};
use tch::{Kind, Tensor};

use crate::MetricError;
use crate::classes::Confusion;

/// Number of features d: small, so that the bias of the Frechet distance (about d^2 / 4N) stays small.
pub const FEATURES: i64 = 64;
/// Heights and widths that the network takes.
pub const SIDES: RangeInclusive<i64> = 28..=32;
/// Pictures in one pass of an evaluation.
pub(crate) const BATCH: i64 = 250;
const GROUPS: i64 = 8;
const EPS: f64 = 1e-5;
/// Side of the last map.
const LAST_SIDE: i64 = 4;
const DROPOUT: f64 = 0.3;

/// Why a classifier could not be built, loaded or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// The parameters cannot be declared or filled.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The weight file cannot be read or does not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Pictures or labels of another shape or element type.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A score of the outputs is undefined.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The weight file does not say what it holds.
    #[error("{}: metadata `{key}` is {found}, expected {expected}; write it with ClassifierConfig::metadata", path.display())]
    Metadata {
        /// The file.
        path: std::path::PathBuf,
        /// The key.
        key: &'static str,
        /// Its value, or that it is missing.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Pictures that the network cannot read.
    #[error("pictures {found}, expected u8 or f32 [B, {channels}, H, W] with H and W from 28 to 32")]
    Pictures {
        /// Kind and shape of what was given.
        found: String,
        /// Channels that the network reads.
        channels: i64,
    },
}

/// What the classifier reads and tells apart.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Name of the data set, which names the features: `digits` gives `fd-digits`.
    pub name: String,
    /// Channels C of a picture: 1 or 3.
    pub channels: i64,
    /// Number of classes.
    pub classes: i64,
}

impl ClassifierConfig {
    /// The embedded handwritten digits: one channel, ten classes.
    pub fn digits() -> Self {
        Self { name: "digits".into(), channels: 1, classes: 10 }
    }
}

/// A convolution, normalised over groups of channels, then rectified.
#[derive(Debug)]
struct Block {
    conv: Conv2d,
    norm: GroupNorm,
}

impl Block {
    fn new(path: &Path, inputs: i64, outputs: i64, stride: i64) -> Result<Self, NnError> {
        let conv = Conv2d::new(&path.sub("conv"), inputs, outputs, 3)?.strided(stride, 1);
        Ok(Self { conv, norm: GroupNorm::new(&path.sub("norm"), GROUPS, outputs, EPS)? })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.norm.forward(&self.conv.forward(x)).relu()
    }
}

/// The classifier: 160,000 parameters, 6 million multiply-adds for a grey 28 x 28 picture.
#[derive(Debug)]
pub struct Classifier {
    config: ClassifierConfig,
    blocks: Vec<Block>,
    features: Linear,
    head: Linear,
}

impl Classifier {
    /// Declares the parameters below `path`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &ClassifierConfig) -> Result<Self, ClassifierError> {
        let shapes = [(config.channels, 32, 1), (32, 64, 2), (64, 64, 2), (64, 64, 2)]; // 28 28 14 7 4
        let block = |(i, (inputs, outputs, stride)): (usize, _)| {
            Block::new(&path.sub(format!("blocks.{i}")), inputs, outputs, stride)
        };
        Ok(Self {
            config: config.clone(),
            blocks: shapes.into_iter().enumerate().map(block).collect::<Result<_, _>>()?,
            features: Linear::new(&path.sub("features"), 64 * LAST_SIDE * LAST_SIDE, FEATURES)?,
            head: Linear::new(&path.sub("head"), FEATURES, config.classes)?,
        })
    }

    /// What the network was built for.
    pub fn config(&self) -> &ClassifierConfig {
        &self.config
    }

    /// Log-probabilities f32 `[B, classes]` of pictures `[B, C, H, W]`, u8 or f32 in [-1, 1] (see [`prepare`]).
    ///
    /// Dropout acts where `train`, from libtorch's generator.
    ///
    /// # Errors
    /// [`ClassifierError::Pictures`].
    pub fn forward(&self, pictures: &Tensor, train: bool) -> Result<Tensor, ClassifierError> {
        Ok(self.log_probabilities(&self.rectified(pictures, train)?))
    }

    /// Features f32 `[B, 64]` of pictures `[B, C, H, W]`, u8 or f32 in [-1, 1]; non-negative.
    ///
    /// # Errors
    /// [`ClassifierError::Pictures`].
    pub fn features(&self, pictures: &Tensor) -> Result<Tensor, ClassifierError> {
        self.rectified(pictures, false)
    }

    /// Log-probabilities f32 `[B, classes]` of features `[B, 64]`.
    pub fn log_probabilities(&self, features: &Tensor) -> Tensor {
        self.head.forward(features).log_softmax(-1, Kind::Float)
    }

    fn rectified(&self, pictures: &Tensor, train: bool) -> Result<Tensor, ClassifierError> {
        self.check(pictures)?;
        let map = self.blocks.iter().fold(prepare(pictures), |x, block| block.forward(&x));
        Ok(self.features.forward(&map.flatten(1, -1).dropout(DROPOUT, train)).relu())
    }

    pub(crate) fn check(&self, pictures: &Tensor) -> Result<(), ClassifierError> {
        let (kind, size) = (pictures.kind(), pictures.size());
        let fits = matches!(kind, Kind::Uint8 | Kind::Float)
            && matches!(size[..], [_, c, h, w] if c == self.config.channels && SIDES.contains(&h) && SIDES.contains(&w));
        if fits {
            return Ok(());
        }
        Err(ClassifierError::Pictures { found: format!("are {kind:?} {size:?}"), channels: self.config.channels })
    }

    /// Mean negative log-likelihood of labels i64 `[B]`, a scalar in nats, with dropout where `train`.
    ///
    /// # Errors
    /// Pictures that the network cannot read, labels that are not i64 `[B]` or outside the classes.
    pub fn loss(&self, pictures: &Tensor, labels: &Tensor, train: bool) -> Result<Tensor, ClassifierError> {
        self.labels(pictures, labels)?;
        let log_p = self.forward(pictures, train)?;
        Ok(log_p.nll_loss(labels))
    }

    /// Confusion matrix and mean loss on labelled pictures of any number, in batches, without gradients.
    ///
    /// # Errors
    /// Those of [`Classifier::loss`]; [`MetricError::TooFew`] without pictures.
    pub fn evaluate(&self, pictures: &Tensor, labels: &Tensor) -> Result<Evaluation, ClassifierError> {
        let truth = self.labels(pictures, labels)?;
        if truth.is_empty() {
            return Err(MetricError::TooFew { what: "an evaluation", need: 1, got: 0 }.into());
        }
        let _no_grad = tch::no_grad_guard();
        let (mut predicted, mut loss) = (Vec::with_capacity(truth.len()), 0.0);
        for (pictures, labels) in pictures.split(BATCH, 0).iter().zip(labels.split(BATCH, 0)) {
            let log_p = self.forward(pictures, false)?;
            loss += log_p.nll_loss(&labels).double_value(&[]) * labels.size()[0] as f64;
            predicted.extend(indices(&log_p.argmax(-1, false))?);
        }
        let confusion = Confusion::of(&truth, &predicted, self.config.classes as usize)?;
        Ok(Evaluation { accuracy: confusion.accuracy()?, loss: loss / truth.len() as f64, confusion })
    }

    /// The labels as indices, after checking that there is one of the classes for each picture.
    fn labels(&self, pictures: &Tensor, labels: &Tensor) -> Result<Vec<usize>, ClassifierError> {
        self.check(pictures)?;
        check_shape("labels", labels, &[pictures.size()[0]])?;
        let labels = indices(labels)?;
        let classes = self.config.classes as usize;
        match labels.iter().position(|&l| l >= classes) {
            Some(index) => Err(MetricError::Label { index, label: labels[index], classes }.into()),
            None => Ok(labels),
        }
    }
}

/// How well a classifier does on labelled pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Share of correct predictions.
    pub accuracy: f64,
    /// Mean negative log-likelihood in nats.
    pub loss: f64,
    /// Counts, truth by prediction.
    pub confusion: Confusion,
}

/// The one preparation of pictures, real and generated: u8 levels, or f32 in [-1, 1] which is clamped and rounded
/// to the 256 levels, to f32 `level / 127.5 - 1`. Any shape.
///
/// A generated picture is thereby judged as the file that would be saved of it, and a real one passes unchanged.
pub fn prepare(pictures: &Tensor) -> Tensor {
    let levels = match pictures.kind() {
        Kind::Uint8 => pictures.to_kind(Kind::Float),
        _ => ((pictures.clamp(-1.0, 1.0) + 1.0) * 127.5).round(),
    };
    levels / 127.5 - 1.0
}

/// A tensor i64 `[B]` as indices; a negative one becomes an index beyond every range.
fn indices(labels: &Tensor) -> Result<Vec<usize>, ClassifierError> {
    let labels: ndarray::Array1<i64> = easel_core::tensor::to_array("labels", labels)?;
    Ok(labels.iter().map(|&l| usize::try_from(l).unwrap_or(usize::MAX)).collect())
}
