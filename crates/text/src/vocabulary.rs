//! Captions as words.

use std::collections::{BTreeMap, HashMap};

use easel_core::weights::Weights;

use crate::error::TextError;
use crate::tokens::Tokens;

/// Id of padding.
pub const PADDING: i64 = 0;
/// Id of every word that the vocabulary lacks.
pub const UNKNOWN: i64 = 1;
/// Ids below this stand for no word.
const SPECIAL: usize = 2;
/// Key of a vocabulary in the metadata of a weight file.
const KEY: &str = "vocabulary";

/// Words of a caption: runs of letters and digits in lower case; every other visible character is a word of its own.
pub fn words(caption: &str) -> Vec<String> {
    let lower = caption.to_lowercase();
    let mut words = Vec::new();
    let mut rest = lower.as_str();
    while let Some(first) = rest.chars().next() {
        let run = match first.is_alphanumeric() {
            true => rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, after) = rest.split_at(run);
        if !first.is_whitespace() {
            words.push(word.to_owned());
        }
        rest = after;
    }
    words
}

/// The words that a model knows, each with an id: 0 is padding, 1 an unknown word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<String>,
    ids: HashMap<String, i64>,
}

impl Vocabulary {
    /// The words that occur at least `min_count` times, most frequent first, equally frequent ones in alphabetical order.
    pub fn from_captions<S: AsRef<str>>(captions: impl IntoIterator<Item = S>, min_count: usize) -> Self {
        let mut counts = BTreeMap::<String, usize>::new();
        for caption in captions {
            words(caption.as_ref()).into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        }
        let mut kept: Vec<(String, usize)> = counts.into_iter().filter(|(_, count)| *count >= min_count).collect();
        kept.sort_by_key(|(_, count)| std::cmp::Reverse(*count)); // stable: the alphabet decides among equals
        Self::of(kept.into_iter().map(|(word, _)| word).collect())
    }

    fn of(words: Vec<String>) -> Self {
        let ids = words.iter().enumerate().map(|(i, word)| (word.clone(), (i + SPECIAL) as i64)).collect();
        Self { words, ids }
    }

    /// Number of ids, padding and unknown included: the rows of a table of embeddings.
    pub fn len(&self) -> usize {
        self.words.len() + SPECIAL
    }

    /// Whether no word is known.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The word of an id; none for padding, unknown and ids beyond the vocabulary.
    pub fn word(&self, id: i64) -> Option<&str> {
        let index = usize::try_from(id).ok()?.checked_sub(SPECIAL)?;
        self.words.get(index).map(String::as_str)
    }

    /// Ids of a caption's words.
    pub fn encode(&self, caption: &str) -> Vec<i64> {
        words(caption).iter().map(|word| self.ids.get(word).copied().unwrap_or(UNKNOWN)).collect()
    }

    /// Captions as one batch, each cut after `max_len` words; a caption without words becomes one unknown word.
    ///
    /// # Panics
    /// When `max_len` is 0.
    pub fn encode_batch(&self, captions: &[impl AsRef<str>], max_len: usize) -> Tokens {
        assert!(max_len > 0, "captions of 0 words");
        let row = |caption: &str| {
            let mut ids = self.encode(caption);
            ids.truncate(max_len);
            if ids.is_empty() {
                ids.push(UNKNOWN);
            }
            ids
        };
        let rows: Vec<Vec<i64>> = captions.iter().map(|caption| row(caption.as_ref())).collect();
        Tokens::new(&rows, PADDING)
    }

    /// The entry of a weight file's metadata that holds the words.
    pub fn metadata(&self) -> (String, String) {
        (KEY.to_owned(), self.to_text())
    }

    /// The vocabulary in a weight file's metadata.
    ///
    /// # Errors
    /// [`TextError::Stored`] when there is none, or one that is damaged.
    pub fn from_metadata(weights: &Weights) -> Result<Self, TextError> {
        let what = || format!("{}, metadata `{KEY}`", weights.path.display());
        let missing = || TextError::Stored { what: what(), message: "missing, expected a list of words".into() };
        let text = weights.metadata.get(KEY).ok_or_else(missing)?;
        Self::from_text(text).map_err(|message| TextError::Stored { what: what(), message })
    }

    /// The words in the order of their ids, one a line.
    pub fn to_text(&self) -> String {
        self.words.join("\n")
    }

    /// Reads what [`Vocabulary::to_text`] wrote.
    ///
    /// # Errors
    /// A line that is not exactly one word, or a word that stands twice; the message says which.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.lines().map(str::to_owned).collect();
        for (line, word) in words.iter().enumerate() {
            if self::words(word) != [word.clone()] {
                return Err(format!("line {} is \"{word}\", expected one word in lower case", line + 1));
            }
        }
        let vocabulary = Self::of(words);
        if vocabulary.ids.len() != vocabulary.words.len() {
            return Err(format!("{} words, but only {} different ones", vocabulary.words.len(), vocabulary.ids.len()));
        }
        Ok(vocabulary)
    }
}
