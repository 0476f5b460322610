//! Text-conditional GAN: GAN-CLS, GAN-INT and the style encoder.
//!
//! Reed, Akata, Yan, Logeswaran, Schiele, Lee: Generative Adversarial Text to Image Synthesis, ICML 2016, arXiv:1605.05396.
//!
//! | of the paper | here |
//! |---|---|
//! | eqs. 2 to 4, structured joint embedding | [`loss::structured_hinge`], [`EmbeddingLearner`] |
//! | section 4.1, networks | [`Generator`], [`Discriminator`] |
//! | Algorithm 1, GAN-CLS | [`loss::discriminator_loss`], [`TextGanLearner`] |
//! | what GAN-CLS optimises (not in the paper) | [`optimum`] |
//! | eq. 5, GAN-INT | [`interpolate::with_midpoints`], [`loss::generator_loss`] |
//! | GAN, GAN-CLS, GAN-INT, GAN-INT-CLS | [`Variant`] |
//! | eq. 6, style encoder | [`loss::style_loss`], [`StyleLearner`] |
//! | pairs that do not belong together | [`mismatch`] |
//!
//! Not of the paper: samples come from a moving average of G's weights; D has a gradient penalty ([`gan::penalty`]) in
//! place of batch normalisation and may see pictures augmented (`gan::augment`); G doubles its maps by repeating pixels
//! ([`TextGanConfig`]; the preset `paper` has none of these).
//! Left out: the residual blocks that only the released code has, and training the text encoder together with the GAN
//! (GAN-E2E of the supplement).
pub mod config;
pub mod embedding;
pub mod interpolate;
pub mod learner;
pub mod loss;
pub mod mismatch;
pub mod model;
pub mod optimum;
pub mod style;
pub mod text;
pub mod variant;

pub use config::TextGanConfig;
pub use embedding::{EmbeddingConfig, EmbeddingLearner};
pub use learner::{Pairs, TextGanLearner, TrainConfig};
pub use model::{Discriminator, Generator, PictureEncoder};
pub use style::StyleLearner;
pub use text::{EncoderKind, TextEncoder};
pub use variant::Variant;
