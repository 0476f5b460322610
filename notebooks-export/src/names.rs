//! Names of the files.

use crate::i18n::Language;

/// Names of the files of an export in some languages: the first has the plain names.
#[derive(Debug, Clone)]
pub struct Names {
    languages: Vec<Language>,
}

impl Names {
    /// For these languages.
    pub fn new(languages: &[Language]) -> Self {
        Self { languages: languages.to_vec() }
    }

    /// The languages.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    fn name(&self, stem: &str, ending: &str, language: Language) -> String {
        match self.languages.first() == Some(&language) {
            true => format!("{stem}.{ending}"),
            false => format!("{stem}.{}.{ending}", language.code()),
        }
    }

    /// A paper's page, and the gallery.
    pub fn page(&self, language: Language) -> String {
        self.name("index", "html", language)
    }

    /// A paper's slides.
    pub fn slides(&self, language: Language) -> String {
        self.name("slides", "html", language)
    }

    /// A paper's notebook.
    pub fn notebook(&self, paper: &str, language: Language) -> String {
        self.name(paper, "ipynb", language)
    }

    /// A file in each language.
    pub fn each(&self, file: impl Fn(Language) -> String) -> Vec<(Language, String)> {
        self.languages.iter().map(|&language| (language, file(language))).collect()
    }
}
