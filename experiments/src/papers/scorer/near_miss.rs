//! Captions that are wrong in one word.

/// Words of which one can take the other's place.
#[derive(Debug, Clone)]
pub struct WordClass {
    /// The words.
    pub words: Vec<&'static str>,
    /// Only where this word follows.
    pub before: Option<&'static str>,
}

impl WordClass {
    /// Words that are exchanged anywhere.
    pub fn anywhere(words: impl IntoIterator<Item = &'static str>) -> Self {
        Self { words: words.into_iter().collect(), before: None }
    }

    /// Words that are exchanged where `next` follows.
    pub fn before(next: &'static str, words: impl IntoIterator<Item = &'static str>) -> Self {
        Self { before: Some(next), ..Self::anywhere(words) }
    }
}

/// One word of a caption and another of its class, the first that fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    word: usize,
    other: &'static str,
}

/// All changes of one word of `caption`.
pub fn changes(caption: &str, classes: &[WordClass]) -> Vec<Change> {
    let words: Vec<&str> = caption.split(' ').collect();
    let mut changes = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let (bare, next) = (word.trim_end_matches(','), words.get(at + 1).copied());
        let fits = |class: &&WordClass| class.words.contains(&bare) && (class.before.is_none() || class.before == next);
        if let Some(class) = classes.iter().find(fits) {
            let others = class.words.iter().filter(|other| **other != bare);
            changes.extend(others.map(|&other| Change { word: at, other }));
        }
    }
    changes
}

impl Change {
    /// The caption with the other word, and with the article that it wants.
    pub fn apply(self, caption: &str) -> String {
        let mut words: Vec<&str> = caption.split(' ').collect();
        let changed = if words[self.word].ends_with(',') { format!("{},", self.other) } else { self.other.to_owned() };
        words[self.word] = &changed;
        if let Some(article) = self.word.checked_sub(1).filter(|&i| matches!(words[i], "a" | "an")) {
            words[article] = if self.other.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        }
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_changes_and_its_article_follows() {
        let classes = [
            WordClass::before("ground", ["red", "grey"]),
            WordClass::anywhere(["red", "orange"]),
            WordClass::anywhere(["cat", "dog"]),
        ];
        let caption = "a red cat, above a dog on a red ground";
        let all: Vec<String> = changes(caption, &classes).into_iter().map(|c| c.apply(caption)).collect();
        let expected = [
            "an orange cat, above a dog on a red ground",
            "a red dog, above a dog on a red ground",
            "a red cat, above a cat on a red ground",
            "a red cat, above a dog on a grey ground",
        ];
        assert_eq!(all, expected);
        assert!(changes("nothing known", &classes).is_empty());
    }
}
