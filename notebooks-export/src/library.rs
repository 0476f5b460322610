//! The source with what it has said so far: both languages, and all that is written, ask the same things.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::error::Fault;
use crate::pack;
use crate::source::{Answer, Drawn, Source};

/// Answers by question.
type Cache<T> = RefCell<BTreeMap<String, Rc<T>>>;

/// A source that is asked everything once.
pub struct Library<'a> {
    /// The source.
    pub source: &'a dyn Source,
    figures: Cache<Drawn>,
    metrics: Cache<Map<String, Value>>,
    outputs: Cache<String>,
}

impl<'a> Library<'a> {
    /// Nothing is known yet.
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, figures: Cache::default(), metrics: Cache::default(), outputs: Cache::default() }
    }

    /// A figure, packed.
    pub fn figure(&self, name: &str) -> Answer<Rc<Drawn>> {
        once(&self.figures, name, || {
            let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            if !plain {
                return Err(Fault::from("a figure's name has letters, digits, - and _ alone"));
            }
            let drawn = self.source.figure(name)?;
            let (svg, png) = (pack::svg(&drawn.svg)?, pack::png(&drawn.png, pack::TOLERANCE)?);
            Ok(Drawn { svg, png, ..drawn })
        })
    }

    /// The metrics of a paper.
    pub fn metrics(&self, paper: &str) -> Answer<Rc<Map<String, Value>>> {
        once(&self.metrics, paper, || self.source.metrics(paper))
    }

    /// What a command prints.
    pub fn output(&self, words: &[String]) -> Answer<Rc<String>> {
        once(&self.outputs, &words.join("\0"), || self.source.command(words))
    }
}

fn once<T>(cache: &Cache<T>, key: &str, ask: impl FnOnce() -> Answer<T>) -> Answer<Rc<T>> {
    if let Some(known) = cache.borrow().get(key) {
        return Ok(known.clone());
    }
    let answer = Rc::new(ask()?);
    cache.borrow_mut().insert(key.to_owned(), answer.clone());
    Ok(answer)
}
