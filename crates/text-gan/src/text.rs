//! The text encoder $\varphi(t)$.

use std::collections::BTreeMap;

use easel_core::weights::Weights;
use easel_nn::Path;
use easel_text::{BiLstm, BiLstmConfig, TextError, Vocabulary};
use tch::Tensor;

/// Words of a caption that are read.
const LONGEST: usize = 24;

/// A bidirectional LSTM over words; the paper reads characters with convolutions and a recurrent network.
///
/// The vector of a caption is the last forward beside the first backward state.
#[derive(Debug)]
pub struct WordEncoder {
    vocabulary: Vocabulary,
    lstm: BiLstm,
}

impl WordEncoder {
    /// Declares the weights: word embeddings of `embedding` entries, vectors of `width` (T, even).
    ///
    /// # Errors
    /// An odd or non-positive width, a name that is taken.
    pub fn new(path: &Path, vocabulary: Vocabulary, embedding: i64, width: i64) -> Result<Self, TextError> {
        if width % 2 != 0 {
            return Err(TextError::Config { key: "text", value: width, expected: "even" });
        }
        let sizes = BiLstmConfig { vocabulary: vocabulary.len() as i64, embedding, hidden: width / 2 };
        Ok(Self { lstm: BiLstm::new(path, sizes)?, vocabulary })
    }

    /// Captions to vectors f32 `[B, T]`.
    ///
    /// # Errors
    /// libtorch's refusal.
    pub fn encode(&self, captions: &[impl AsRef<str>]) -> Result<Tensor, TextError> {
        Ok(self.lstm.forward(&self.vocabulary.encode_batch(captions, LONGEST))?.sentence)
    }

    /// Words that the encoder was trained on.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What a weight file must say for [`WordEncoder::from_metadata`].
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let width = (2 * self.lstm.config().hidden).to_string();
        let embedding = self.lstm.config().embedding.to_string();
        BTreeMap::from([self.vocabulary.metadata(), ("width".into(), width), ("embedding".into(), embedding)])
    }

    /// The encoder that wrote a weight file, with fresh weights below `path`.
    ///
    /// # Errors
    /// Metadata that are missing or damaged.
    pub fn from_metadata(path: &Path, weights: &Weights) -> Result<Self, TextError> {
        let number = |key: &str| -> Result<i64, TextError> {
            let found = weights.metadata.get(key);
            found.and_then(|text| text.parse().ok()).ok_or_else(|| TextError::Stored {
                what: format!("{}, metadata `{key}`", weights.path.display()),
                message: format!("found {found:?}, expected a number"),
            })
        };
        Self::new(path, Vocabulary::from_metadata(weights)?, number("embedding")?, number("width")?)
    }
}
