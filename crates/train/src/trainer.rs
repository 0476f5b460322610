//! The loop.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use crate::checkpoint::{Checkpoints, State};
use crate::error::TrainError;
use crate::group::Group;
use crate::interrupt;
use crate::progress::Progress;
use crate::run_dir::RunDir;

/// Named scalar tensors of one step; the first is the one a progress bar shows.
pub type Scalars = Vec<(&'static str, Tensor)>;

/// A model in training.
pub trait Learner {
    /// Its optimisers, always in the same order.
    fn groups(&mut self) -> Vec<&mut Group>;

    /// Step number `step` (from 0), complete with its updates, as a function of the weights and `step` alone.
    ///
    /// The scalars may stay on the device: the loop fetches a window of them at once.
    fn step(&mut self, step: u64) -> Result<Scalars, TrainError>;

    /// A measure to rank checkpoints by, lower is better; called at every checkpoint.
    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        Ok(None)
    }

    /// Saves what is not in a group.
    fn save_extra(&self, _folder: &Path) -> Result<(), TrainError> {
        Ok(())
    }

    /// Restores what [`Learner::save_extra`] saved.
    fn load_extra(&mut self, _folder: &Path) -> Result<(), TrainError> {
        Ok(())
    }
}

/// How long to train and how often to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Steps in all.
    pub steps: u64,
    /// Steps between log lines; a line holds means over them.
    pub log_every: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Checkpoints that stay besides the best.
    pub keep: usize,
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self { steps: 1000, log_every: 10, checkpoint_every: 250, keep: 2 }
    }
}

impl LoopConfig {
    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), TrainError> {
        for (key, value) in
            [("steps", self.steps), ("log_every", self.log_every), ("checkpoint_every", self.checkpoint_every)]
        {
            if value == 0 {
                return Err(TrainError::Range { key, value: "0".into(), expected: "1 or more" });
            }
        }
        Ok(())
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Steps done.
    pub step: u64,
    /// Seconds of training, over all resumptions.
    pub seconds: f64,
    /// Whether all steps were done (else it was interrupted, and saved).
    pub complete: bool,
}

/// Trains `learner` in `run` up to `config.steps`, from the newest checkpoint if there is one.
///
/// Logs a line of means every `log_every` steps, checks every scalar of the window for NaN and infinity (the error names
/// the first step), saves every `checkpoint_every` steps, at the end and when interrupted.
pub fn train(
    learner: &mut dyn Learner,
    config: &LoopConfig,
    run: &mut RunDir,
    mut progress: Progress,
) -> Result<Outcome, TrainError> {
    config.validate()?;
    let checkpoints = Checkpoints::new(&run.path().join("checkpoints"), config.keep);
    let mut state = State { step: 0, seconds: 0.0, best: None, best_step: None };
    if let Some((folder, found)) = checkpoints.latest()? {
        for group in learner.groups() {
            group.load(&folder)?;
        }
        learner.load_extra(&folder)?;
        state = found;
    }
    run.rewind(state.step)?;
    let (first_seconds, started) = (state.seconds, Instant::now());
    let mut window: Vec<Scalars> = Vec::with_capacity(config.log_every as usize);
    let mut saved_step = (state.step > 0).then_some(state.step);
    while state.step < config.steps && !interrupt::requested() {
        window.push(learner.step(state.step)?);
        state.step += 1;
        state.seconds = first_seconds + started.elapsed().as_secs_f64();
        let due = state.step.is_multiple_of(config.checkpoint_every) || state.step == config.steps;
        // Log windows end where checkpoints do, so that a resumed run logs the same lines.
        if due || state.step.is_multiple_of(config.log_every) {
            let rates = learner.groups().iter().map(|g| (format!("lr/{}", g.name()), g.learning_rate())).collect();
            let line = close_window(&mut window, &state, rates, saved_step)?;
            progress.at(state.step, || describe(&line));
            run.log(&line)?;
        }
        if due {
            save(learner, &checkpoints, &mut state)?;
            saved_step = Some(state.step);
        }
    }
    let complete = state.step >= config.steps;
    if !complete && saved_step != Some(state.step) {
        if !window.is_empty() {
            close_window(&mut window, &state, Vec::new(), saved_step)?;
        }
        save(learner, &checkpoints, &mut state)?;
    }
    progress.finish();
    Ok(Outcome { step: state.step, seconds: state.seconds, complete })
}

fn save(learner: &mut dyn Learner, checkpoints: &Checkpoints, state: &mut State) -> Result<(), TrainError> {
    if let Some(measure) = learner.evaluate(state.step)?
        && state.best.is_none_or(|best| measure < best)
    {
        (state.best, state.best_step) = (Some(measure), Some(state.step));
    }
    let metadata = BTreeMap::from([("step".to_string(), state.step.to_string())]);
    checkpoints.save(state, |folder| {
        for group in learner.groups() {
            group.save(folder, &metadata)?;
        }
        learner.save_extra(folder)
    })?;
    Ok(())
}

/// Fetches the window's scalars in one transfer a name, checks them, and gives the line of means.
fn close_window(
    window: &mut Vec<Scalars>,
    state: &State,
    rates: Vec<(String, f64)>,
    saved: Option<u64>,
) -> Result<Map<String, Value>, TrainError> {
    let mut line = Map::new();
    line.insert("step".into(), json!(state.step));
    line.insert("seconds".into(), json!((state.seconds * 1e3).round() / 1e3));
    let names: Vec<&'static str> = window[0].iter().map(|(name, _)| *name).collect();
    let (mut first_bad, n) = (None::<(u64, &str, f64)>, window.len() as u64);
    for (i, name) in names.iter().enumerate() {
        let values: Vec<Tensor> = window.iter().map(|s| s[i].1.detach().to_kind(Kind::Double).reshape([])).collect();
        let values = Vec::<f64>::try_from(Tensor::stack(&values, 0))?;
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            let at = state.step - n + 1 + k as u64;
            if first_bad.is_none_or(|(step, ..)| at < step) {
                first_bad = Some((at, name, values[k]));
            }
        }
        line.insert((*name).into(), json!(values.iter().sum::<f64>() / n as f64));
    }
    if let Some((step, name, value)) = first_bad {
        let kept = saved.map_or("none".into(), |s| format!("step {s}"));
        return Err(TrainError::NotFinite { name: name.into(), value, step, kept });
    }
    for (name, rate) in rates {
        line.insert(name, json!(rate));
    }
    window.clear();
    Ok(line)
}

fn describe(line: &Map<String, Value>) -> String {
    line.iter()
        .find(|(k, v)| !matches!(k.as_str(), "step" | "seconds") && v.is_number())
        .map(|(k, v)| format!("{k} {:.4}", v.as_f64().unwrap_or(f64::NAN)))
        .unwrap_or_default()
}
