//! Wrong pairs: a real picture with the text of another class.

use std::collections::BTreeMap;
use std::ops::Range;

use easel_core::Stream;

/// No wrong pair exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mismatching texts need pictures of at least two classes, found {classes} class(es) in {pictures} picture(s)")]
pub struct OneClass {
    /// Classes found.
    pub classes: usize,
    /// Pictures.
    pub pictures: usize,
}

/// Draws pictures of another class, each equally likely.
///
/// By class and not by picture: another picture of the same class may well be described by the text (section 4.2 pairs
/// by chance; the released code by class, which leaves no false negatives).
#[derive(Debug, Clone)]
pub struct Mismatch {
    classes: Vec<i64>,
    sorted: Vec<usize>,
    blocks: BTreeMap<i64, Range<usize>>,
}

impl Mismatch {
    /// Of pictures with these classes, `[N]`.
    ///
    /// # Errors
    /// Fewer than two classes.
    pub fn new(classes: &[i64]) -> Result<Self, OneClass> {
        let mut sorted: Vec<usize> = (0..classes.len()).collect();
        sorted.sort_by_key(|&i| classes[i]);
        let mut blocks = BTreeMap::<i64, Range<usize>>::new();
        for (at, &i) in sorted.iter().enumerate() {
            blocks.entry(classes[i]).or_insert(at..at).end = at + 1;
        }
        if blocks.len() < 2 {
            return Err(OneClass { classes: blocks.len(), pictures: classes.len() });
        }
        Ok(Self { classes: classes.to_vec(), sorted, blocks })
    }

    /// A picture of another class than `picture`, a function of (stream, step, sample).
    ///
    /// # Panics
    /// When there is no picture of that number.
    pub fn draw(&self, stream: &Stream, step: u64, sample: u64, picture: usize) -> usize {
        // excerpt: draw
        let own = &self.blocks[&self.classes[picture]];
        let at = stream.below(step, sample, self.sorted.len() - own.len());
        self.sorted[if at < own.start { at } else { at + own.len() }]
        // end excerpt
    }
}
