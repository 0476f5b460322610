//! The loop.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::checkpoint::{Checkpoints, State};
use crate::error::TrainError;
use crate::group::Group;
use crate::interrupt;
use crate::progress::Progress;
use crate::run_dir::RunDir;
use crate::window::{Scalars, Window};

/// A model in training.
pub trait Learner {
    /// Its optimisers, always in the same order.
    fn groups(&mut self) -> Vec<&mut Group>;

    /// Step number `step` (from 0), complete with its updates, as a function of the weights and `step` alone.
    ///
    /// The scalars may stay on the device: the loop fetches a window of them at once.
    fn step(&mut self, step: u64) -> Result<Scalars, TrainError>;

    /// A finite measure to rank checkpoints by, lower is better; called at every checkpoint that is due.
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
    /// Whether all steps were done and no stop was asked for; what was done is saved either way.
    pub complete: bool,
}

/// Trains `learner` in `run` up to `config.steps`, from the newest checkpoint if there is one.
///
/// Logs a line of means every `log_every` steps and at every due checkpoint, saves every `checkpoint_every` steps, at the
/// end and when interrupted. What a resumed run saves and logs is what an undisturbed one does, but for `seconds`.
///
/// # Errors
/// A scalar or an evaluation that is NaN or infinite (the first step is named; nothing is saved after it), a checkpoint
/// that cannot be used, anything that cannot be written, any error of the learner.
pub fn train(
    learner: &mut dyn Learner,
    config: &LoopConfig,
    run: &mut RunDir,
    mut progress: Progress,
) -> Result<Outcome, TrainError> {
    config.validate()?;
    let _stoppable = interrupt::while_saving_matters();
    let checkpoints = Checkpoints::new(&run.path().join("checkpoints"), config.keep);
    let mut state = State::default();
    if let Some((folder, found)) = checkpoints.latest()? {
        restore(learner, &folder).map_err(|e| TrainError::checkpoint(&folder, e))?;
        state = found;
    }
    run.rewind(state.step)?;
    let (first_seconds, started) = (state.seconds, Instant::now());
    let mut window = Window::resume(std::mem::take(&mut state.window));
    let mut saved = (state.step > 0).then_some(state.step);
    while state.step < config.steps && !interrupt::requested() {
        let scalars = learner.step(state.step)?;
        state.step += 1;
        window.push(state.step, scalars);
        state.seconds = first_seconds + started.elapsed().as_secs_f64();
        let due = state.step.is_multiple_of(config.checkpoint_every) || state.step == config.steps;
        if due || state.step.is_multiple_of(config.log_every) {
            let line = line(&state, window.close(saved)?, learner);
            progress.at(state.step, || describe(&line));
            run.log(&line)?;
        }
        if due {
            rank(learner, &mut state, saved)?;
            save(learner, &checkpoints, &state)?;
            saved = Some(state.step);
        }
    }
    if saved != Some(state.step) {
        // Interrupted between checkpoints: the unfinished window is saved too, and no evaluation is made that an
        // undisturbed run would not make.
        state.window = window.fetch(saved)?.clone();
        save(learner, &checkpoints, &state)?;
    }
    progress.finish();
    let complete = state.step >= config.steps && !interrupt::requested();
    Ok(Outcome { step: state.step, seconds: state.seconds, complete })
}

fn restore(learner: &mut dyn Learner, folder: &Path) -> Result<(), TrainError> {
    for group in learner.groups() {
        group.load(folder)?;
    }
    learner.load_extra(folder)
}

/// Takes note of the best evaluation.
fn rank(learner: &mut dyn Learner, state: &mut State, saved: Option<u64>) -> Result<(), TrainError> {
    let Some(measure) = learner.evaluate(state.step)? else { return Ok(()) };
    if !measure.is_finite() {
        return Err(TrainError::not_finite("evaluation", measure, state.step, saved));
    }
    if state.best.is_none_or(|best| measure < best) {
        (state.best, state.best_step) = (Some(measure), Some(state.step));
    }
    Ok(())
}

fn save(learner: &mut dyn Learner, checkpoints: &Checkpoints, state: &State) -> Result<(), TrainError> {
    let metadata = BTreeMap::from([("step".to_string(), state.step.to_string())]);
    checkpoints.save(state, |folder| {
        for group in learner.groups() {
            group.save(folder, &metadata)?;
        }
        learner.save_extra(folder)
    })?;
    Ok(())
}

/// A line of the log: step, seconds, means, learning rates.
fn line(state: &State, means: Vec<(String, f64)>, learner: &mut dyn Learner) -> Map<String, Value> {
    let seconds = (state.seconds * 1e3).round() / 1e3;
    let mut line = Map::from_iter([("step".to_string(), json!(state.step)), ("seconds".into(), json!(seconds))]);
    line.extend(means.into_iter().map(|(name, mean)| (name, json!(mean))));
    line.extend(learner.groups().iter().map(|g| (format!("lr/{}", g.name()), json!(g.learning_rate()))));
    line
}

fn describe(line: &Map<String, Value>) -> String {
    line.iter()
        .find(|(k, v)| !matches!(k.as_str(), "step" | "seconds") && v.is_number())
        .map(|(k, v)| format!("{k} {:.4}", v.as_f64().unwrap_or(f64::NAN)))
        .unwrap_or_default()
}
