//! `easel export`: notebooks, a web site and slides.

mod exhibits;
mod project;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use notebooks_export::{Language, Parts, Request};
use tch::Device;

use project::Project;

/// A choice of languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LanguageChoice {
    /// English.
    En,
    /// Chinese.
    Zh,
    /// Both, with English under the plain file names.
    All,
}

impl LanguageChoice {
    fn languages(self) -> Vec<Language> {
        match self {
            Self::En => vec![Language::En],
            Self::Zh => vec![Language::Zh],
            Self::All => vec![Language::En, Language::Zh],
        }
    }
}

/// A choice of what to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartsChoice {
    /// Jupyter notebooks with stored outputs.
    Notebook,
    /// Web pages and the gallery.
    Page,
    /// Slides.
    Slides,
    /// All three.
    All,
}

impl PartsChoice {
    fn parts(self) -> Parts {
        let wanted = |part| self == Self::All || self == part;
        Parts { notebook: wanted(Self::Notebook), page: wanted(Self::Page), slides: wanted(Self::Slides) }
    }
}

/// What to export.
#[derive(Debug, clap::Args)]
pub struct ExportOptions {
    /// The papers; all that have a source in docs/papers where absent.
    #[arg(value_name = "PAPER")]
    papers: Vec<String>,
    /// The language.
    #[arg(long, value_enum, default_value_t = LanguageChoice::All)]
    lang: LanguageChoice,
    /// What to write.
    #[arg(long, value_enum, default_value_t = PartsChoice::All)]
    to: PartsChoice,
    /// The folder, which afterwards holds this export and nothing else.
    #[arg(long, default_value = "site")]
    out: PathBuf,
    /// A run of a paper instead of its shipped weights: PAPER=DIR. May be repeated.
    #[arg(long = "run", value_name = "PAPER=DIR")]
    runs: Vec<String>,
}

/// Exports and says how much.
pub fn export(options: &ExportOptions, device: Device) -> Result<()> {
    let project = Project::open(&options.runs, device)?;
    let request = Request {
        papers: options.papers.clone(),
        languages: options.lang.languages(),
        parts: options.to.parts(),
        out: options.out.clone(),
    };
    let summary = notebooks_export::export(&project, &request)?;
    println!("{}: {} files, {:.1} MB", options.out.display(), summary.files, summary.bytes as f64 / 1e6);
    Ok(())
}
