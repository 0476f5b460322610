//! Captions: their words, and the parser that reads them back.

use super::place::Place;
use crate::digits::CLASSES;
use crate::shapes::CaptionError;

/// Every word of the captions: 22, in the order of first use, digits by value.
pub const WORDS: [&str; 22] = [
    "the", "digit", "is", "on", "left", "right", "at", "top", "bottom", "of", "image", ".", "zero", "one", "two",
    "three", "four", "five", "six", "seven", "eight", "nine",
];

/// What a caption says: which digits stand in the places of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claims {
    /// The template, named by the place of its first digit.
    pub template: Place,
    /// The digits, 0 to 9, in the order of the caption.
    pub digits: Vec<usize>,
}

/// A caption in the words of the grammar: lower case, numerals as words, the full stop a word of its own and always there.
pub fn normalised(caption: &str) -> String {
    let spaced = caption.to_lowercase().replace('.', " . ");
    let mut words: Vec<&str> = spaced
        .split_whitespace()
        .map(|word| match word.parse::<usize>() {
            Ok(digit) if digit < CLASSES.len() => CLASSES[digit],
            _ => word,
        })
        .collect();
    if words.last().is_some_and(|last| *last != ".") {
        words.push(".");
    }
    words.join(" ")
}

impl Claims {
    /// The caption, twelve words.
    pub fn words(&self) -> String {
        let second = self.digits.get(1).map_or("image".into(), |&d| format!("digit {}", CLASSES[d]));
        format!("the digit {} is {} the {second} .", CLASSES[self.digits[0]], self.template.words())
    }

    /// Reads a caption; numerals and capitals are understood, and the full stop may be missing.
    ///
    /// # Errors
    /// The word at fault and what may stand there.
    pub fn parse(caption: &str) -> Result<Self, CaptionError> {
        let text = normalised(caption);
        let words: Vec<&str> = text.split(' ').collect();
        let error = |word: usize, expected: String| CaptionError {
            caption: caption.to_owned(),
            word,
            found: words.get(word).copied().filter(|w| !w.is_empty()).unwrap_or("the end").to_owned(),
            expected,
        };
        let expect = |at: usize, word: &str| match words.get(at) {
            Some(found) if *found == word => Ok(()),
            _ => Err(error(at, format!("\"{word}\""))),
        };
        let digit = |at: usize| {
            let found = words.get(at).and_then(|w| CLASSES.iter().position(|c| c == w));
            found.ok_or_else(|| error(at, format!("a digit: {}", CLASSES.join(", "))))
        };
        expect(0, "the")?;
        expect(1, "digit")?;
        let mut digits = vec![digit(2)?];
        expect(3, "is")?;
        let stands = |place: &Place| words[4..].iter().copied().take(place.words().split(' ').count());
        let found = Place::ALL.into_iter().find(|place| stands(place).eq(place.words().split(' ')));
        let template = found.ok_or_else(|| error(4, format!("one of: {}", Place::ALL.map(Place::words).join(", "))))?;
        let next = 4 + template.words().split(' ').count();
        expect(next, "the")?;
        if template.opposite().is_some() {
            expect(next + 1, "digit")?;
            digits.push(digit(next + 2)?);
        } else {
            expect(next + 1, "image")?;
        }
        let last = next + 1 + digits.len();
        expect(last, ".")?;
        if words.len() > last + 1 { Err(error(last + 1, "the end".into())) } else { Ok(Self { template, digits }) }
    }
}
