//! A data set's captions as words.

use easel_text::vocabulary::{PADDING, UNKNOWN, words};
use easel_text::{Tokens, Vocabulary};
use tch::{Device, Kind, Tensor};

/// All captions of a data set, as ids, and which of them are equal.
#[derive(Debug)]
pub struct Captions {
    rows: Vec<Vec<i64>>,
    classes: Vec<i64>,
}

/// A caption with words that the model does not know.
#[derive(Debug, thiserror::Error)]
#[error("\"{caption}\": unknown {}: {}; known words: {}", if unknown.len() == 1 { "word" } else { "words" }, unknown.join(", "), known.join(" "))]
pub struct UnknownWords {
    /// The caption.
    pub caption: String,
    /// Its unknown words.
    pub unknown: Vec<String>,
    /// What is known, in alphabetical order.
    pub known: Vec<String>,
}

/// The words of a vocabulary in alphabetical order.
pub fn known_words(vocabulary: &Vocabulary) -> Vec<String> {
    let mut known: Vec<String> =
        (0..vocabulary.len() as i64).filter_map(|id| vocabulary.word(id).map(str::to_owned)).collect();
    known.sort_unstable();
    known
}

/// Ids of a caption's words, at most `max_words`.
///
/// # Errors
/// Words outside the vocabulary; a caption without any word.
pub fn encode(vocabulary: &Vocabulary, caption: &str, max_words: i64) -> Result<Vec<i64>, UnknownWords> {
    let mut ids = vocabulary.encode(caption);
    let refuse = |unknown| UnknownWords { caption: caption.into(), unknown, known: known_words(vocabulary) };
    if ids.is_empty() {
        return Err(refuse(vec!["(none is there)".into()]));
    }
    let unknown: Vec<String> =
        words(caption).into_iter().zip(&ids).filter(|(_, id)| **id == UNKNOWN).map(|(word, _)| word).collect();
    if !unknown.is_empty() {
        return Err(refuse(unknown));
    }
    ids.truncate(max_words as usize);
    Ok(ids)
}

impl Captions {
    /// The captions, each cut after `max_words`.
    ///
    /// # Errors
    /// Words outside the vocabulary.
    pub fn new(vocabulary: &Vocabulary, captions: &[String], max_words: i64) -> Result<Self, UnknownWords> {
        let rows = captions.iter().map(|c| encode(vocabulary, c, max_words)).collect::<Result<Vec<_>, _>>()?;
        let mut first = std::collections::HashMap::new();
        let classes = rows.iter().enumerate().map(|(i, row)| *first.entry(row.clone()).or_insert(i as i64)).collect();
        Ok(Self { rows, classes })
    }

    /// Number of captions.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The captions `indices` as a batch.
    ///
    /// # Panics
    /// When there is no such caption.
    pub fn tokens(&self, indices: &[usize], device: Device) -> Tokens {
        let rows: Vec<Vec<i64>> = indices.iter().map(|&i| self.rows[i].clone()).collect();
        Tokens::new(&rows, PADDING).to_device(device)
    }

    /// Which pairs of the captions `indices` are equal, bool `[B, B]`.
    ///
    /// # Panics
    /// When there is no such caption.
    pub fn same(&self, indices: &[usize], device: Device) -> Tensor {
        let classes: Vec<i64> = indices.iter().map(|&i| self.classes[i]).collect();
        let classes = Tensor::from_slice(&classes).to_device(device);
        classes.unsqueeze(0).eq_tensor(&classes.unsqueeze(1))
    }

    /// For each of a batch's pictures the next in turn whose caption differs, i64 `[B]`; the very next where none does.
    ///
    /// # Panics
    /// When there is no such caption.
    pub fn others(&self, indices: &[usize], device: Device) -> Tensor {
        let n = indices.len();
        let differs = |i: usize, j: usize| self.classes[indices[i]] != self.classes[indices[j]];
        let other = |i: usize| (1..n).map(|k| (i + k) % n).find(|&j| differs(i, j)).unwrap_or((i + 1) % n) as i64;
        Tensor::from_slice(&(0..n).map(other).collect::<Vec<_>>()).to_device(device)
    }
}

/// The words that tell pictures apart: those in at least one caption of a hundred and at most nine of ten, in the order of
/// their ids.
pub fn attribute_words(vocabulary: &Vocabulary, captions: &[String]) -> Vec<String> {
    let mut counts = vec![0usize; vocabulary.len()];
    for caption in captions {
        let mut ids = vocabulary.encode(caption);
        ids.sort_unstable();
        ids.dedup();
        ids.iter().for_each(|&id| counts[id as usize] += 1);
    }
    let telling = |count: usize| (0.01..=0.9).contains(&(count as f64 / captions.len().max(1) as f64));
    let chosen = counts.iter().enumerate().filter(|(_, count)| telling(**count));
    chosen.filter_map(|(id, _)| vocabulary.word(id as i64).map(str::to_owned)).collect()
}

/// 1 where caption n says attribute a, f32 `[N, A]`.
pub fn attribute_targets(captions: &[String], attributes: &[String], device: Device) -> Tensor {
    let says = |caption: &String| {
        let words = words(caption);
        attributes.iter().map(|a| f32::from(words.contains(a))).collect::<Vec<_>>()
    };
    let values: Vec<f32> = captions.iter().flat_map(says).collect();
    let shape = [captions.len() as i64, attributes.len() as i64];
    Tensor::from_slice(&values).view(shape).to_device(device).to_kind(Kind::Float)
}
