//! 10,000 handwritten digits of MNIST, embedded: a fresh machine needs no download.
//!
//! `assets/DIGITS.md` tells where they come from, and `examples/pack_digits.rs` makes the embedded file.

use std::sync::OnceLock;

use crate::dataset::{Dataset, DatasetError, Split};

/// Pictures in the embedded file; the first [`TRAIN`] of them are the training split.
pub const COUNT: usize = 10_000;
/// Pictures of the training split; the test split is the last 10 % of each class.
pub const TRAIN: usize = 9_000;
/// Height and width.
pub const SIDE: usize = 28;
/// Names of the classes, by label.
pub const CLASSES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
/// BLAKE3 of the decoded bytes: [`COUNT`] labels, then [`COUNT`] pictures.
pub const HASH: &str = "58adaaedf79c4257a1f63e39ce25131f3d5764dc09c16f61720ee2a1343fc4e9";

static PACKED: &[u8] = include_bytes!("../assets/digits.zst");
static DECODED: OnceLock<Result<Vec<u8>, DigitsError>> = OnceLock::new();

/// The embedded file is not the one that was packed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DigitsError {
    /// It does not decompress.
    #[error("crates/data/assets/digits.zst is damaged ({0}); check it out again and rebuild")]
    Damaged(String),
    /// It decompresses to something else.
    #[error("crates/data/assets/digits.zst decodes to BLAKE3 {found}, expected {HASH}; check it out again and rebuild")]
    Hash {
        /// BLAKE3 of what was decoded.
        found: String,
    },
    /// Its parts do not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// The digits of a split: u8 `[9000 | 1000, 1, 28, 28]`, white on black, labels 0..=9, captions as
/// "a handwritten seven". The order is shuffled once and fixed. Decoded and verified on first use.
pub fn digits(split: Split) -> Result<Dataset, DigitsError> {
    let decoded = DECODED.get_or_init(decode).as_ref().map_err(Clone::clone)?;
    let (labels, images) = decoded.split_at(COUNT);
    let range = match split {
        Split::Train => 0..TRAIN,
        Split::Test => TRAIN..COUNT,
    };
    let images = &images[range.start * SIDE * SIDE..range.end * SIDE * SIDE];
    let labels = &labels[range.clone()];
    Ok(Dataset::new("digits", [range.len(), 1, SIDE, SIDE], images)?
        .with_labels(labels.iter().map(|&l| i64::from(l)).collect(), CLASSES.map(String::from).to_vec())?
        .with_captions(labels.iter().map(|&l| format!("a handwritten {}", CLASSES[usize::from(l)])).collect())?)
}

fn decode() -> Result<Vec<u8>, DigitsError> {
    let decoded = zstd::decode_all(PACKED).map_err(|e| DigitsError::Damaged(e.to_string()))?;
    let found = blake3::hash(&decoded).to_hex().to_string();
    if found == HASH { Ok(decoded) } else { Err(DigitsError::Hash { found }) }
}
