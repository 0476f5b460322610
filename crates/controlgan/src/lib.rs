//! ControlGAN: word-level attention and discrimination.
//!
//! Li, Qi, Lukasiewicz, Torr: Controllable Text-to-Image Generation, NeurIPS 2019, arXiv:1909.07083.
