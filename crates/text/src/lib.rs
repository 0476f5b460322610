//! Tokenizers and text encoders.
