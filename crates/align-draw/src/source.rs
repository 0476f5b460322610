//! Where pictures with captions come from.

use easel_data::captioned_digits::CaptionedDigits;
use easel_data::{Dataset, order};
use easel_text::{Tokens, Vocabulary};
use tch::{Device, Kind, Tensor};

/// Longest caption in words.
pub const MAX_WORDS: usize = 30;

/// Pictures and captions of one step.
#[derive(Debug)]
pub struct Batch {
    /// f32 `[B, H, C W]` in [0, 1].
    pub x: Tensor,
    /// The captions.
    pub tokens: Tokens,
}

/// An endless list, or the pictures of a data set.
#[derive(Debug)]
pub enum Pictures {
    /// Scenes in the order of their index.
    Scenes(CaptionedDigits),
    /// Pictures in an order that follows from the seed; each epoch shows every one once.
    Listed {
        /// The pictures; all have captions.
        data: Dataset,
        /// Seed of the order.
        seed: u64,
    },
}

/// A data set that cannot be learnt from.
#[derive(Debug, thiserror::Error)]
#[error("data set {name}: {problem}")]
pub struct SourceError {
    name: String,
    problem: &'static str,
}

impl Pictures {
    /// The pictures of a data set in the order of `seed`.
    ///
    /// # Errors
    /// No pictures, or none with captions.
    pub fn listed(data: Dataset, seed: u64) -> Result<Self, SourceError> {
        let refuse = |problem| Err(SourceError { name: data.name().to_owned(), problem });
        if data.is_empty() {
            refuse("holds no pictures")
        } else if data.captions().is_none() {
            refuse("its pictures have no captions")
        } else {
            Ok(Self::Listed { data, seed })
        }
    }

    /// `[C, H, W]` of a picture.
    pub fn picture_shape(&self) -> [i64; 3] {
        match self {
            Self::Scenes(list) => [1, list.side() as i64, list.side() as i64],
            Self::Listed { data, .. } => {
                let [_, c, h, w] = data.shape().map(|n| n as i64);
                [c, h, w]
            }
        }
    }

    /// Pictures u8 `[B, C, H, W]` and captions of step `step`, a function of the step alone.
    pub fn raw(&self, step: u64, batch: usize) -> (Tensor, Vec<String>) {
        let [c, h, w] = self.picture_shape();
        let (mut bytes, mut captions) = (Vec::new(), Vec::with_capacity(batch));
        match self {
            Self::Scenes(list) => {
                let first = step * batch as u64;
                for scene in (first..first + batch as u64).map(|index| list.scene(index)) {
                    bytes.extend(list.render(&scene));
                    captions.push(list.caption(&scene));
                }
            }
            Self::Listed { data, seed } => {
                let texts = data.captions().unwrap_or_default();
                for index in order::batch_indices(*seed, step, batch, data.len()) {
                    bytes.extend_from_slice(data.image(index));
                    captions.push(texts[index].clone());
                }
            }
        }
        (Tensor::from_data_size(&bytes, &[batch as i64, c, h, w], Kind::Uint8), captions)
    }

    /// What step `step` learns from.
    pub fn batch(&self, step: u64, batch: usize, vocabulary: &Vocabulary, device: Device) -> Batch {
        let (images, captions) = self.raw(step, batch);
        Batch {
            x: rows(&(images.to_device(device).to_kind(Kind::Float) / 255.0)),
            tokens: vocabulary.encode_batch(&captions, MAX_WORDS).to_device(device),
        }
    }
}

/// Pictures `[B, C, H, W]` as rows of all channels side by side, `[B, H, C W]`.
pub fn rows(images: &Tensor) -> Tensor {
    match images.size()[..] {
        [b, 1, h, w] => images.reshape([b, h, w]),
        _ => images.transpose(1, 2).flatten(2, 3),
    }
}

/// [`rows`] undone: `[B, C, H, W]` of `[B, H, C W]`.
pub fn channels(rows: &Tensor, channels: i64) -> Tensor {
    let size = rows.size();
    rows.view([size[0], size[1], channels, -1]).transpose(1, 2).contiguous()
}
