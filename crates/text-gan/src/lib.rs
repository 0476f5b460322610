//! Text-conditional GAN: GAN-CLS, GAN-INT and the style encoder.
//!
//! Reed et al.: Generative Adversarial Text to Image Synthesis, ICML 2016, arXiv:1605.05396.
