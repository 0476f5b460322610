//! Property tests of ControlGAN's mathematics and networks.

mod attentions;
mod common;
mod conditioning;
mod correlations;
mod errata;
mod gradients;
mod learners;
mod losses;
mod matching;
mod networks;
