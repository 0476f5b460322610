//! Text-conditional GAN: GAN-CLS, GAN-INT and the style encoder.
//!
//! Reed, Akata, Yan, Logeswaran, Schiele, Lee: Generative Adversarial Text to Image Synthesis, ICML 2016, arXiv:1605.05396.
pub mod augment;
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
