//! ControlGAN: word-level attention and discrimination.
//!
//! Li, Qi, Lukasiewicz, Torr: Controllable Text-to-Image Generation, NeurIPS 2019, arXiv:1909.07083.

pub mod attention;
pub mod captions;
pub mod conditioning;
pub mod config;
pub mod correlation;
pub mod damsm;
pub mod discriminator;
pub mod encoder;
pub mod features;
pub mod generator;
pub mod learner;
pub mod loss;
pub mod model;
pub mod perceptual;

pub use config::{ConfigError, ControlGanConfig};
pub use correlation::CorreMode;
pub use discriminator::{Discriminator, WordPerception};
pub use encoder::ImageEncoder;
pub use features::{ImageFeatures, TextFeatures};
pub use generator::{Generated, Generator};
pub use model::{ControlGan, Frozen};
pub use perceptual::AttributeNet;
