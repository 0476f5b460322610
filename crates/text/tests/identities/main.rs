//! Property tests of tokenizers and text encoders.

mod char_cnn;
mod common;
mod lstm;
mod minilm;
mod tokenizers;
mod vectors;
