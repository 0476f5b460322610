//! Notebooks, a web site and slides from finished runs.
//!
//! A paper has one source a language, `docs/papers/PAPER.md`: Markdown with equations, in which directives such as
//! `{{figure ddpm_chain}}` and `{{number ddpm fd-digits .2}}` name what a run has to say. [`export()`] reads it
//! ([`parse`]), puts in the values ([`resolve`]) and writes from the result
//!
//! | what | module | for |
//! |---|---|---|
//! | `PAPER/PAPER.ipynb` | [`notebook`] | reading without Rust, and running with it |
//! | `PAPER/index.html` | [`page`] | reading in a browser, with mathematics as MathML and three things to move |
//! | `PAPER/slides.html` | [`slides`] | a lecture, one idea a slide; prints to PDF |
//! | `index.html` | [`site`] | all papers and all figures |
//! | `MANIFEST.json` | [`manifest`] | telling a stale export |
//!
//! The first language has these names, the second `index.zh.html` and so on beside them, so that both share one set of
//! figures and a paper's folder still stands alone. Where figures, numbers and recorded outputs come from is behind
//! [`Source`]; this crate knows neither models nor tensors.
//!
//! # Decisions, and what was put aside
//! - Mathematics is turned into MathML Core here: no script, no font and no network when viewing. KaTeX was put aside
//!   for its megabyte of fonts.
//! - Pages work from `file://`: no `fetch`, no modules, plain relative addresses.
//! - Figures stand in `<img>`, never inline: whatever a picture's file holds, it cannot act in the page.
//! - Raw HTML in a source is refused. Everything else is escaped where it enters HTML, JSON or Markdown.
//! - Pictures are packed ([`pack`]): two languages of ten papers stay small enough to host anywhere.

mod assets;
mod content;
pub mod error;
pub mod explore;
pub mod export;
mod highlight;
pub mod html;
pub mod i18n;
pub mod library;
pub mod manifest;
mod markdown;
mod math;
pub mod names;
pub mod notebook;
pub mod number;
pub mod pack;
pub mod page;
pub mod parse;
pub mod resolve;
pub mod site;
pub mod slides;
pub mod source;
pub mod table;
pub mod write;

pub use error::ExportError;
pub use export::{Parts, Request, Summary, export};
pub use i18n::Language;
pub use source::Source;
