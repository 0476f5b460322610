//! Tokenizers and text encoders.
//!
//! | of the papers | here | test |
//! |---|---|---|
//! | words of a caption as ids | [`Vocabulary`], [`vocabulary::words`] | `vocabularies_come_back_from_text`, `captions_are_padded_on_the_right` |
//! | byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019) | [`Bpe`] | `every_text_comes_back_from_its_pieces` |
//! | bidirectional LSTM over words (Mansimov et al. 2016, section 3.2; Xu et al. 2018, section 3.1) | [`BiLstm`] | `reversing_the_caption_and_swapping_the_directions_reverses_and_swaps`, `batch_mates_and_padding_change_nothing`, `packed_sequences_give_the_same` |
//! | character-level encoder (Reed et al. 2016) | [`CharCnnRnn`] | `the_published_encoder_has_eight_steps`, `the_recurrence_is_the_published_one` |
//! | MiniLM-L6 sentence encoder (Reimers and Gurevych 2019) | [`MiniLm`] | `published_similarities` |
//!
//! [`TextVectors`] keeps the vectors of a frozen encoder in a file. Everything that makes ids gives [`Tokens`].
//!
//! Left out: dropout in the encoders (the captions here are small in number, and the encoders are frozen where it
//! would matter), and the loss that trains [`CharCnnRnn`], which is the text-conditional GAN's.

pub mod bpe;
pub mod char_cnn_rnn;
pub mod error;
pub mod lstm;
pub mod minilm;
pub mod tokens;
pub mod vectors;
pub mod vocabulary;

pub use bpe::Bpe;
pub use char_cnn_rnn::{CharCnnRnn, CharCnnRnnConfig};
pub use error::TextError;
pub use lstm::{BiLstm, BiLstmConfig, Encoded};
pub use minilm::MiniLm;
pub use tokens::Tokens;
pub use vectors::TextVectors;
pub use vocabulary::Vocabulary;
