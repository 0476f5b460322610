//! The measured numbers, and what is read off them.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::papers::study::number;

/// How far above the reference's `fd-digits` still counts as its quality.
pub const WITHIN: f64 = 0.05;

/// Metrics of the study, as `measure` writes them.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a>(pub &'a Map<String, Value>);

impl Results<'_> {
    fn section(&self, name: &str) -> Result<&Map<String, Value>> {
        let found = self.0.get(name).and_then(Value::as_object);
        found.with_context(|| format!("the results hold no `{name}`; `easel run solvers` measures it"))
    }

    /// (evaluations, `fd-digits`) of a sampler, evaluations rising.
    pub fn curve(&self, sampler: &str) -> Result<Vec<(usize, f64)>> {
        let of_sampler = self.section("fd")?.get(sampler).and_then(Value::as_object);
        let of_sampler = of_sampler.with_context(|| format!("the results hold no fd of `{sampler}`"))?;
        let mut points = of_sampler
            .iter()
            .map(|(n, fd)| Ok((n.parse()?, fd.as_f64().context("fd is a number")?)))
            .collect::<Result<Vec<(usize, f64)>>>()?;
        points.sort_by_key(|p| p.0);
        Ok(points)
    }

    /// Name (`ddim-1000`) and `fd-digits` of the long chain.
    pub fn reference(&self) -> Result<(&str, f64)> {
        let (name, fd) = self.section("reference")?.iter().next().context("there is one reference")?;
        Ok((name, fd.as_f64().context("fd is a number")?))
    }

    /// The measured model in words, for captions: the one at hand may be another.
    pub fn model(&self) -> Result<&str> {
        self.0.get("model").and_then(Value::as_str).context("the results do not name their model")
    }

    /// `fd-digits` of real pictures.
    pub fn floor(&self) -> Result<f64> {
        number(self.0, &["floor"])
    }

    /// Pictures behind each number.
    pub fn samples(&self) -> Result<usize> {
        Ok(number(self.0, &["samples"])? as usize)
    }

    /// Largest evaluations that were asked for, rising.
    pub fn budgets(&self) -> Result<Vec<usize>> {
        let list = self.0.get("budgets").and_then(Value::as_array).context("the results hold no `budgets`")?;
        Ok(list.iter().filter_map(Value::as_u64).map(|b| b as usize).collect())
    }

    /// The fewest evaluations measured with which a sampler is within [`WITHIN`] of the reference, and so with all that
    /// are more: single-step solvers can be there by accident.
    pub fn evaluations_needed(&self, sampler: &str) -> Result<Option<usize>> {
        let limit = (1.0 + WITHIN) * self.reference()?.1;
        Ok(self.curve(sampler)?.iter().rev().take_while(|(_, fd)| *fd <= limit).last().map(|(n, _)| *n))
    }

    /// The same in words: the number, or `more than` the most that was measured.
    pub fn needed_in_words(&self, sampler: &str) -> Result<String> {
        Ok(match self.evaluations_needed(sampler)? {
            Some(n) => n.to_string(),
            None => format!("more than {}", self.curve(sampler)?.last().map_or(0, |p| p.0)),
        })
    }

    /// `fd-digits` with the most evaluations that `budget` allows.
    pub fn at_budget(&self, sampler: &str, budget: usize) -> Result<Option<f64>> {
        Ok(self.curve(sampler)?.iter().rev().find(|(n, _)| *n <= budget).map(|p| p.1))
    }
}
