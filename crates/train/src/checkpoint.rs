//! Checkpoints of a run: whole folders, renamed into place.

use std::fs;
use std::path::{Path, PathBuf};

use easel_core::files::write_atomic;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::window::Series;

/// What a checkpoint knows besides tensors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Seconds of training up to here, over all resumptions.
    pub seconds: f64,
    /// Best evaluation so far, lower is better.
    pub best: Option<f64>,
    /// Step of the best evaluation.
    pub best_step: Option<u64>,
    /// Scalars since the last log line, where the run was interrupted between two.
    pub window: Series,
}

/// The `checkpoints/` folder: `STEP/` for the last few, and the one of the best evaluation.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    root: PathBuf,
    keep: usize,
}

impl Checkpoints {
    /// Checkpoints under `root`, of which the last `keep` (at least one) and the best stay.
    pub fn new(root: &Path, keep: usize) -> Self {
        Self { root: root.to_path_buf(), keep: keep.max(1) }
    }

    fn folder(&self, step: u64) -> PathBuf {
        self.root.join(format!("{step:08}"))
    }

    /// Writes a checkpoint: `fill` puts the tensors into a temporary folder, which is renamed when it is complete.
    pub fn save(
        &self,
        state: &State,
        fill: impl FnOnce(&Path) -> Result<(), TrainError>,
    ) -> Result<PathBuf, TrainError> {
        let temporary = self.root.join(format!("{:08}.tmp", state.step));
        let target = self.folder(state.step);
        let attempt = || {
            let _ = fs::remove_dir_all(&temporary);
            fs::create_dir_all(&temporary).map_err(TrainError::io("make the folder", &temporary))?;
            fill(&temporary)?;
            let text = serde_json::to_string_pretty(state).map_err(|e| TrainError::Run(e.to_string()))?;
            write_atomic(&temporary.join("state.json"), text.as_bytes())?;
            discard(&target);
            fs::rename(&temporary, &target).map_err(TrainError::io("write", &target))
        };
        attempt().inspect_err(|_| {
            let _ = fs::remove_dir_all(&temporary);
        })?;
        self.prune(state)?;
        Ok(target)
    }

    /// Steps that have a complete checkpoint, ascending.
    pub fn steps(&self) -> Result<Vec<u64>, TrainError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(TrainError::io("read", &self.root)(e)),
        };
        let mut steps: Vec<u64> = entries
            .flatten()
            .filter(|e| e.path().join("state.json").is_file())
            .filter_map(|e| e.file_name().to_str()?.parse().ok())
            .collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// The newest checkpoint's folder and state, if there is one.
    pub fn latest(&self) -> Result<Option<(PathBuf, State)>, TrainError> {
        match self.steps()?.last() {
            Some(&step) => self.read(step).map(Some),
            None => Ok(None),
        }
    }

    /// Folder and state of the checkpoint at `step`.
    pub fn read(&self, step: u64) -> Result<(PathBuf, State), TrainError> {
        let folder = self.folder(step);
        let path = folder.join("state.json");
        let damaged = |problem: String| TrainError::Damaged { path: path.clone(), problem };
        let state = fs::read_to_string(&path)
            .map_err(TrainError::io("read", &path))
            .and_then(|text| serde_json::from_str::<State>(&text).map_err(|e| damaged(e.to_string())))
            .and_then(|state| match state.step == step {
                true => Ok(state),
                false => Err(damaged(format!("it is of step {}", state.step))),
            });
        match state {
            Ok(state) => Ok((folder, state)),
            Err(e) => Err(TrainError::checkpoint(&folder, e)),
        }
    }

    fn prune(&self, state: &State) -> Result<(), TrainError> {
        let steps = self.steps()?;
        let old = steps.len().saturating_sub(self.keep);
        for &step in &steps[..old] {
            if Some(step) != state.best_step {
                discard(&self.folder(step));
            }
        }
        // Temporaries of killed writers.
        if let Ok(entries) = fs::read_dir(&self.root) {
            for entry in entries.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "tmp")) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

/// Removes a checkpoint by way of a temporary name, so that a kill leaves no half of one.
///
/// What cannot be removed costs space, not correctness.
fn discard(folder: &Path) {
    let temporary = folder.with_extension("old.tmp");
    let _ = fs::remove_dir_all(&temporary);
    if fs::rename(folder, &temporary).is_ok() {
        let _ = fs::remove_dir_all(temporary);
    }
}
