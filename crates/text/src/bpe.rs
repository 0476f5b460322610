//! Byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019, section 2.2), learned from captions.
//!
//! Every byte is a piece, so that every text can be written and comes back exactly.

use std::collections::BTreeMap;

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

use crate::error::TextError;
use crate::tokens::Tokens;

/// Pieces that stand for every single byte.
const BYTES: usize = 256;
/// Name of the piece that pads, whose id is 0 as in [`crate::Vocabulary`].
const PAD: &str = "<pad>";

/// A learned vocabulary of pieces; id 0 is padding and never the result of encoding a text.
#[derive(Debug, Clone)]
pub struct Bpe {
    tokenizer: Tokenizer,
}

impl Bpe {
    /// Learns up to `size` pieces (at least 257: padding and the bytes) from captions; pairs seen once are not merged.
    ///
    /// # Errors
    /// [`TextError::Config`] for a smaller size.
    pub fn train<S: AsRef<str>>(captions: impl IntoIterator<Item = S>, size: usize) -> Result<Self, TextError> {
        if size <= BYTES {
            return Err(TextError::Config { key: "size", value: size as i64, expected: "at least 257 pieces" });
        }
        let bytes = ByteLevel::default().add_prefix_space(false);
        let mut tokenizer = Tokenizer::new(BPE::default());
        tokenizer.with_pre_tokenizer(Some(bytes)).with_decoder(Some(bytes));
        let trainer = BpeTrainer::builder()
            .vocab_size(size)
            .min_frequency(2)
            .show_progress(false)
            .special_tokens(vec![AddedToken::from(PAD, true)])
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        let texts: Vec<String> = captions.into_iter().map(|caption| caption.as_ref().to_owned()).collect();
        tokenizer.train(&mut TrainerWrapper::from(trainer), texts.into_iter()).map_err(TextError::tokenizer)?;
        Ok(Self { tokenizer: plain(tokenizer) })
    }

    /// Reads what [`Bpe::to_json`] wrote; `what` names its origin in errors.
    ///
    /// # Errors
    /// [`TextError::Stored`].
    pub fn from_json(what: &str, json: &str) -> Result<Self, TextError> {
        let wrong = |message: String| TextError::Stored { what: what.to_owned(), message };
        let tokenizer: Tokenizer = json.parse().map_err(|e: tokenizers::Error| wrong(e.to_string()))?;
        if tokenizer.token_to_id(PAD) != Some(0) || tokenizer.get_vocab_size(true) <= BYTES {
            return Err(wrong(format!("not a byte-level vocabulary whose id 0 is {PAD}")));
        }
        Ok(Self { tokenizer: plain(tokenizer) })
    }

    /// The pieces and merges as JSON, in the layout of public `tokenizer.json` files.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    pub fn to_json(&self) -> Result<String, TextError> {
        self.tokenizer.to_string(false).map_err(TextError::tokenizer)
    }

    /// Number of ids, padding included.
    pub fn len(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Never: every byte is a piece.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Ids of a text.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, TextError> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(TextError::tokenizer)?;
        Ok(encoding.get_ids().iter().map(|&id| i64::from(id)).collect())
    }

    /// The text of ids; padding and ids beyond the vocabulary are left out, bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    pub fn decode(&self, ids: &[i64]) -> Result<String, TextError> {
        let ids: Vec<u32> = ids.iter().filter_map(|&id| u32::try_from(id).ok()).filter(|&id| id != 0).collect();
        self.tokenizer.decode(&ids, true).map_err(TextError::tokenizer)
    }

    /// Captions as one batch, each cut after `max_len` pieces; an empty caption becomes one space.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`].
    ///
    /// # Panics
    /// When `max_len` is 0.
    pub fn encode_batch(&self, captions: &[impl AsRef<str>], max_len: usize) -> Result<Tokens, TextError> {
        assert!(max_len > 0, "captions of 0 pieces");
        let row = |caption: &str| {
            let mut ids = self.encode(if caption.is_empty() { " " } else { caption })?;
            ids.truncate(max_len);
            Ok(ids)
        };
        let rows: Vec<Vec<i64>> = captions.iter().map(|c| row(c.as_ref())).collect::<Result<_, TextError>>()?;
        Ok(Tokens::new(&rows, 0))
    }

    /// Pieces by id, as they are written in `tokenizer.json` (a space is "Ġ").
    pub fn pieces(&self) -> BTreeMap<i64, String> {
        self.tokenizer.get_vocab(true).into_iter().map(|(piece, id)| (i64::from(id), piece)).collect()
    }
}

/// The tokenizer with text that looks like a special token read as text, so that the round trip is exact.
fn plain(mut tokenizer: Tokenizer) -> Tokenizer {
    tokenizer.set_encode_special_tokens(true);
    tokenizer
}
