//! What the networks say of captions and pictures.

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
    /// The captions `rows`, i64 `[n]`, in that order.
    pub fn select(&self, rows: &Tensor) -> Self {
        let pick = |t: &Tensor| t.index_select(0, rows);
        Self { words: pick(&self.words), sentence: pick(&self.sentence), mask: pick(&self.mask) }
    }

    /// Cut off from the networks that made them.
    pub fn detach(&self) -> Self {
        Self { words: self.words.detach(), sentence: self.sentence.detach(), mask: self.mask.shallow_clone() }
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
