//! Generative adversarial networks.
//!
//! Goodfellow et al.: Generative Adversarial Nets, NIPS 2014, arXiv:1406.2661; Radford, Metz, Chintala: DCGAN, ICLR 2016, arXiv:1511.06434.

pub mod blocks;
pub mod game;
pub mod loss;

pub use loss::Loss;
