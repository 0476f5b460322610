//! The folder of a run.
//!
//! `config.toml`, `metrics.jsonl`, TensorBoard events, `checkpoints/`, `samples/`, `figures/`, `report.md`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use easel_core::files::write_atomic;
use serde_json::{Map, Value};

use crate::checkpoint::Checkpoints;
use crate::error::TrainError;
use crate::events::EventWriter;

/// A run's folder, its log and its lock.
#[derive(Debug)]
pub struct RunDir {
    root: PathBuf,
    log: File,
    events: EventWriter,
    _lock: File,
}

impl RunDir {
    /// Opens or makes the folder `root` for a run with the effective configuration `config` (TOML).
    ///
    /// A folder that holds a run is refused unless `resume`; a run is resumed only with the configuration it was started
    /// with. A folder in use by another process is refused.
    pub fn open(root: &Path, config: &str, resume: bool) -> Result<Self, TrainError> {
        fs::create_dir_all(root.join("checkpoints")).map_err(TrainError::io("make the folder", root))?;
        let lock_path = root.join(".lock");
        let lock = File::create(&lock_path).map_err(TrainError::io("write", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TrainError::Run(format!("{} is in use by another run", root.display())));
            }
            Err(TryLockError::Error(e)) => return Err(TrainError::io("lock", &lock_path)(e)),
        }
        let config_path = root.join("config.toml");
        match fs::read_to_string(&config_path) {
            Ok(_) if !resume => {
                return Err(TrainError::Run(format!(
                    "{} already holds a run; add --resume to continue it, or choose another folder with --out",
                    root.display()
                )));
            }
            Ok(old) if old != config => {
                return Err(TrainError::Run(format!(
                    "{} was made with another configuration ({}); resume with the same preset, seed and settings, \
                     or choose another folder with --out",
                    root.display(),
                    first_difference(&old, config)
                )));
            }
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                if !Checkpoints::new(&root.join("checkpoints"), 1).steps()?.is_empty() {
                    return Err(TrainError::Run(format!(
                        "{} has checkpoints and no config.toml to say of what; choose another folder with --out",
                        root.display()
                    )));
                }
                write_atomic(&config_path, config.as_bytes())?;
            }
            Err(e) => return Err(TrainError::io("read", &config_path)(e)),
        }
        let log_path = root.join("metrics.jsonl");
        let log =
            OpenOptions::new().create(true).append(true).open(&log_path).map_err(TrainError::io("open", &log_path))?;
        let events = EventWriter::create(root)?;
        Ok(Self { root: root.to_path_buf(), log, events, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Drops log lines after `step` (they will be computed again) and rebuilds the event file from the rest.
    pub fn rewind(&mut self, step: u64) -> Result<(), TrainError> {
        let path = self.root.join("metrics.jsonl");
        let lines = read_metrics(&path)?;
        let kept: Vec<_> =
            lines.into_iter().filter(|l| l.get("step").and_then(Value::as_u64).is_some_and(|s| s <= step)).collect();
        let text: String = kept.iter().map(|l| format!("{}\n", Value::Object(l.clone()))).collect();
        write_atomic(&path, text.as_bytes())?;
        self.log = OpenOptions::new().append(true).open(&path).map_err(TrainError::io("open", &path))?;
        self.events = EventWriter::create(&self.root)?;
        kept.iter().try_for_each(|line| self.events.scalars(line))
    }

    /// Appends one line to `metrics.jsonl` and its scalars to the event file.
    pub fn log(&mut self, line: &Map<String, Value>) -> Result<(), TrainError> {
        let text = format!("{}\n", Value::Object(line.clone()));
        self.log.write_all(text.as_bytes()).map_err(TrainError::io("write", self.root.join("metrics.jsonl")))?;
        self.events.scalars(line)
    }
}

fn first_difference(old: &str, new: &str) -> String {
    let (mut a, mut b) = (old.lines(), new.lines());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return "the texts are alike".into(),
            (x, y) if x == y => {}
            (x, y) => return format!("there `{}`, here `{}`", x.unwrap_or("nothing"), y.unwrap_or("nothing")),
        }
    }
}

/// Lines of a `metrics.jsonl`; a last line cut short by a kill is left out, any other bad line is an error with its number.
pub fn read_metrics(path: &Path) -> Result<Vec<Map<String, Value>>, TrainError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(TrainError::io("read", path)(e)),
    };
    let lines = (1..).zip(text.split(|&b| b == b'\n')).filter(|(_, line)| !line.is_empty());
    let (mut parsed, mut bad) = (Vec::new(), None);
    for (number, line) in lines {
        if let Some(problem) = bad {
            return Err(TrainError::Damaged { path: path.to_path_buf(), problem });
        }
        match serde_json::from_slice(line) {
            Ok(object) => parsed.push(object),
            // An error only if another line follows.
            Err(e) => bad = Some(format!("line {number} is not a JSON object ({e}); delete the line and resume")),
        }
    }
    Ok(parsed)
}
