//! AlignDRAW: pictures from captions by soft alignment.
//!
//! Mansimov, Parisotto, Ba, Salakhutdinov: Generating Images from Captions with Attention, ICLR 2016, arXiv:1511.02793.

pub mod alignment;
pub mod config;
pub mod latent;
pub mod learner;
pub mod loss;
pub mod model;
pub mod oracle;
pub mod sample;
pub mod source;

pub use config::AlignDrawConfig;
pub use learner::AlignDrawLearner;
pub use model::AlignDraw;
