//! What the networks say of captions and pictures.

use easel_text::{BiLstm, TextError, Tokens};
use tch::Tensor;

/// Captions as features.
#[derive(Debug)]
pub struct TextFeatures {
    /// w, f32 `[B, D, L]`.
    pub words: Tensor,
    /// s, f32 `[B, D]`.
    pub sentence: Tensor,
    /// Which of the L positions are words, bool `[B, L]`.
    pub mask: Tensor,
}

impl TextFeatures {
    /// Of captions, by the text encoder.
    ///
    /// # Errors
    /// Ids that it does not know.
    pub fn of(encoder: &BiLstm, tokens: &Tokens) -> Result<Self, TextError> {
        let encoded = encoder.forward(tokens)?;
        let (words, mask) = (encoded.words.transpose(1, 2), tokens.mask.shallow_clone());
        Ok(Self { words, sentence: encoded.sentence, mask })
    }

    /// The captions `rows`, i64 `[n]`, in that order.
    pub fn select(&self, rows: &Tensor) -> Self {
        let pick = |t: &Tensor| t.index_select(0, rows);
        Self { words: pick(&self.words), sentence: pick(&self.sentence), mask: pick(&self.mask) }
    }
}

/// Pictures as features of the picture encoder.
#[derive(Debug)]
pub struct ImageFeatures {
    /// The last map before the projection, n, f32 `[B, C, M]`.
    pub local: Tensor,
    /// v, f32 `[B, D, M]`.
    pub regions: Tensor,
    /// The whole picture, f32 `[B, D]`.
    pub global: Tensor,
}
