//! The text encoder $\varphi(t)$, in the paper's form and a smaller one.

use std::collections::BTreeMap;

use easel_core::weights::Weights;
use easel_nn::Path;
use easel_text::{BiLstm, BiLstmConfig, CharCnnRnn, CharCnnRnnConfig, TextError, Vocabulary};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

/// Words of a caption that are read.
const LONGEST: usize = 24;
/// Keys of a weight file's metadata.
const KIND: &str = "text_encoder";
const WIDTH: &str = "text_width";
const WORDS: &str = "text_words";

/// What reads a caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// A bidirectional LSTM over words: the last forward beside the first backward state.
    Words,
    /// Convolutions and a recurrent network over characters (section 3.2 of Reed et al. 2016b), as the paper has it.
    Characters,
}

/// A text encoder that is trained here.
#[derive(Debug)]
pub struct TextEncoder {
    form: Form,
    width: i64,
    device: Device,
}

#[derive(Debug)]
enum Form {
    Words { vocabulary: Vocabulary, lstm: BiLstm },
    Characters(CharCnnRnn),
}

impl TextEncoder {
    /// Declares the weights of an encoder with vectors of `width` entries (T; even for words): words come from
    /// `vocabulary` and have vectors of `words` entries.
    ///
    /// # Errors
    /// A size out of range, a name that is taken.
    pub fn new(
        path: &Path,
        kind: EncoderKind,
        vocabulary: Vocabulary,
        words: i64,
        width: i64,
    ) -> Result<Self, TextError> {
        let form = match kind {
            EncoderKind::Characters => Form::Characters(CharCnnRnn::new(
                path,
                CharCnnRnnConfig { outputs: width, ..CharCnnRnnConfig::small() },
            )?),
            EncoderKind::Words if width % 2 != 0 => {
                return Err(TextError::Config { key: "model.text", value: width, expected: "even" });
            }
            EncoderKind::Words => {
                let sizes = BiLstmConfig { vocabulary: vocabulary.len() as i64, embedding: words, hidden: width / 2 };
                Form::Words { lstm: BiLstm::new(path, sizes)?, vocabulary }
            }
        };
        Ok(Self { form, width, device: path.device() })
    }

    /// Captions to vectors f32 `[B, T]`.
    ///
    /// # Errors
    /// libtorch's refusal.
    pub fn encode(&self, captions: &[impl AsRef<str>]) -> Result<Tensor, TextError> {
        match &self.form {
            Form::Words { vocabulary, lstm } => {
                let tokens = vocabulary.encode_batch(captions, LONGEST).to_device(self.device);
                Ok(lstm.forward(&tokens)?.sentence)
            }
            Form::Characters(network) => Ok(network.forward(&network.one_hot(captions, self.device))),
        }
    }

    /// What a weight file must say for [`TextEncoder::from_metadata`].
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::from([(WIDTH.to_string(), self.width.to_string())]);
        match &self.form {
            Form::Words { vocabulary, lstm } => {
                metadata.extend([vocabulary.metadata(), (WORDS.into(), lstm.config().embedding.to_string())]);
                metadata.insert(KIND.into(), "words".into());
            }
            Form::Characters(_) => {
                metadata.insert(KIND.into(), "characters".into());
            }
        }
        metadata
    }

    /// The encoder that a weight file is of, with fresh weights below `path`.
    ///
    /// # Errors
    /// Metadata that are missing or damaged.
    pub fn from_metadata(path: &Path, weights: &Weights) -> Result<Self, TextError> {
        let stored = |key: &str, expected: &str| TextError::Stored {
            what: format!("{}, metadata `{key}`", weights.path.display()),
            message: format!("found {:?}, expected {expected}", weights.metadata.get(key)),
        };
        let number = |key: &str| -> Result<i64, TextError> {
            let found = weights.metadata.get(key).and_then(|text| text.parse().ok());
            found.ok_or_else(|| stored(key, "a number"))
        };
        let width = number(WIDTH)?;
        match weights.metadata.get(KIND).map(String::as_str) {
            Some("words") => {
                Self::new(path, EncoderKind::Words, Vocabulary::from_metadata(weights)?, number(WORDS)?, width)
            }
            Some("characters") => {
                Self::new(path, EncoderKind::Characters, Vocabulary::from_captions([""; 0], 1), 1, width)
            }
            _ => Err(stored(KIND, "`words` or `characters`")),
        }
    }
}
