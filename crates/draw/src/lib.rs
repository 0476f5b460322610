//! DRAW: recurrent attention over a canvas.
//!
//! Gregor, Danihelka, Graves, Rezende, Wierstra: DRAW: A Recurrent Neural Network For Image Generation, ICML 2015, arXiv:1502.04623.

pub mod attention;
pub mod bound;
pub mod config;
pub mod learner;
pub mod loss;
pub mod model;
pub mod pass;
pub mod sample;
pub mod vae;
pub mod window;

pub use config::DrawConfig;
pub use learner::BoundLearner;
pub use model::Draw;
pub use vae::{Vae, VaeConfig};
