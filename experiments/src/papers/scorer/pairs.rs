//! Pictures with the captions that match them, and captions that nearly do.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use easel_data::shapes::{Colour, Oracle, Shape, Size};
use easel_data::{Dataset, LoaderConfig, Split};
use tch::Tensor;

use crate::papers::open_data;

/// Height and width of the pictures that a scorer sees.
pub const SIDE: usize = 32;

/// Pictures with their captions.
#[derive(Debug)]
pub struct Pairs {
    /// The pictures.
    pub data: Dataset,
    /// Captions of each picture, all true; the first is what the picture is known by.
    captions: Vec<Vec<String>>,
    /// Words of which one can take the other's place.
    classes: Vec<Vec<&'static str>>,
}

impl Pairs {
    /// A split of a set by name.
    pub fn open(name: &str, split: Split) -> Result<Self> {
        let data = open_data(name, split, SIDE)?;
        let captions = data.captions().with_context(|| format!("the pictures of `{name}` have no captions"))?;
        let captions = captions.iter().map(|caption| vec![caption.clone()]).collect();
        let classes = vec![
            Colour::ALL.iter().map(|c| c.word()).collect(),
            Shape::ALL.iter().map(|s| s.word()).collect(),
            Size::ALL.iter().map(|s| s.word()).collect(),
            vec!["left", "right"],
            vec!["top", "bottom"],
            vec!["above", "below"],
            vec!["over", "under"],
        ];
        Ok(Self { data, captions, classes })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.captions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.captions.is_empty()
    }

    /// The caption that a picture is known by. Pictures known by the same are not told apart.
    pub fn key(&self, picture: usize) -> &str {
        &self.captions[picture][0]
    }

    /// All true captions of a picture, its key first.
    pub fn captions(&self, picture: usize) -> &[String] {
        &self.captions[picture]
    }

    /// All captions of all pictures.
    pub fn all_captions(&self) -> impl Iterator<Item = &String> {
        self.captions.iter().flatten()
    }

    /// The different keys, in alphabetical order.
    pub fn keys(&self) -> Vec<String> {
        let keys: BTreeSet<&str> = (0..self.len()).map(|i| self.key(i)).collect();
        keys.into_iter().map(str::to_owned).collect()
    }

    /// Art styles that the pictures of the set come in; 0 where that is not known.
    pub fn style_count(&self) -> i64 {
        0
    }

    /// Styles i64 `[B]` of pictures, where known.
    pub fn styles(&self, _pictures: &[usize]) -> Option<Tensor> {
        None
    }

    /// Changes of a picture that leave all its captions true.
    pub fn augmentation(&self) -> LoaderConfig {
        LoaderConfig { shift: 1, ..LoaderConfig::default() }
    }

    /// Share of what a picture's key claims that an exact oracle reads from another picture u8 `[3, side, side]`; none where
    /// the set has no oracle.
    pub fn claims(&self, picture: usize, drawn: &[u8], side: usize) -> Result<Option<f64>> {
        Ok(match self.data.name() {
            "shapes" => Some(Oracle.check(drawn, side, self.key(picture))?.score()),
            _ => None,
        })
    }

    /// Keys that nearly match a picture: its own with one word changed for another of its kind.
    pub fn near_misses(&self, picture: usize) -> Vec<String> {
        one_word_changed(self.key(picture), &self.classes)
    }
}

/// The captions that differ from `caption` in one word of a class, with the article that the new word wants.
pub fn one_word_changed(caption: &str, classes: &[Vec<&'static str>]) -> Vec<String> {
    let words: Vec<&str> = caption.split(' ').collect();
    let mut changed = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let (bare, comma) = word.strip_suffix(',').map_or((*word, ""), |bare| (bare, ","));
        let Some(class) = classes.iter().find(|class| class.contains(&bare)) else { continue };
        for other in class.iter().filter(|other| **other != bare) {
            let mut words: Vec<String> = words.iter().map(|&w| w.to_owned()).collect();
            words[at] = format!("{other}{comma}");
            if let Some(article) = at.checked_sub(1).filter(|&i| words[i] == "a" || words[i] == "an") {
                let vowel = other.starts_with(['a', 'e', 'i', 'o', 'u']);
                words[article] = if vowel { "an".into() } else { "a".into() };
            }
            changed.push(words.join(" "));
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_changes_and_its_article_follows() {
        let classes = vec![vec!["red", "orange"], vec!["circle", "square"], vec!["left", "right"]];
        let expected = [
            "an orange circle, left of a red square",
            "a red square, left of a red square",
            "a red circle, right of a red square",
            "a red circle, left of an orange square",
            "a red circle, left of a red circle",
        ];
        assert_eq!(one_word_changed("a red circle, left of a red square", &classes), expected);
        assert!(one_word_changed("nothing known", &classes).is_empty());
    }

    #[test]
    fn near_misses_of_shapes_are_false_and_in_the_grammar() {
        let pairs = Pairs::open("shapes", Split::Test).expect("shapes are made on demand");
        let mut parsed = 0;
        for i in 0..40 {
            let truth = easel_data::shapes::Claims::parse(pairs.key(i)).expect("a caption of the grammar");
            let misses = pairs.near_misses(i);
            assert!(!misses.is_empty() && !misses.contains(&pairs.key(i).to_owned()));
            for claims in misses.iter().filter_map(|m| easel_data::shapes::Claims::parse(m).ok()) {
                assert_ne!(claims, truth);
                parsed += 1;
            }
        }
        assert!(parsed > 400, "{parsed}");
    }
}
