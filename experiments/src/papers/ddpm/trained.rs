//! A trained model: from a run's folder or as shipped.

use std::path::Path;

use anyhow::{Context, Result, bail};
use ddpm::{Ddpm, Process};
use easel_core::weights::{self, Weights};
use easel_nn::Params;
use easel_train::run_dir::read_metrics;
use serde_json::{Map, Value};
use tch::Device;

use super::settings::RunConfig;

const SMALL: &[u8] = include_bytes!("../../../weights/ddpm-small.safetensors");
const SMALL_RESULTS: &str = include_str!("../../../weights/ddpm-small.json");

/// 250 pictures at once took half as long again for each as 64.
const CPU_BATCH: usize = 64;

/// The file of a finished run that holds the averaged weights.
pub const WEIGHTS: &str = "model.safetensors";

/// A network with its weights, and how it came by them.
#[derive(Debug)]
pub struct Trained {
    /// The run's configuration.
    pub config: RunConfig,
    /// The network, with averaged weights.
    pub model: Ddpm,
    /// Its forward process.
    pub process: Process,
    /// Lines of the training log: `step`, `loss`, ...
    pub log: Vec<Map<String, Value>>,
    /// Where to compute.
    pub device: Device,
}

impl Trained {
    /// The model of `run`, or the shipped one.
    pub fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        match run {
            Some(folder) => {
                let path = folder.join(WEIGHTS);
                if !path.exists() {
                    bail!(
                        "{} does not exist: the run is not finished; continue it with `easel run ddpm --out {} --resume`",
                        path.display(),
                        folder.display()
                    );
                }
                Self::new(&weights::read(&path)?, read_metrics(&folder.join("metrics.jsonl"))?, device)
            }
            None => {
                let results: Value = serde_json::from_str(SMALL_RESULTS)?;
                let log = results["log"].as_array().context("shipped results without a log")?;
                let log = log.iter().filter_map(Value::as_object).cloned().collect();
                Self::new(&weights::parse("ddpm-small.safetensors (built in)", SMALL)?, log, device)
            }
        }
    }

    /// The model of a weight file, which holds its configuration.
    pub fn new(weights: &Weights, log: Vec<Map<String, Value>>, device: Device) -> Result<Self> {
        let text = weights
            .metadata
            .get("config")
            .with_context(|| format!("{} holds no configuration", weights.path.display()))?;
        let config = super::read(&text.parse()?)?;
        let params = Params::zeros(device);
        let model = Ddpm::new(&params.root(), &config.model)?;
        params.load(weights)?;
        let process =
            Process::new(config.model.schedule.build(config.model.timesteps)?, config.model.parameterisation, device);
        Ok(Self { config, model, process, log, device })
    }

    /// Pictures at once when sampling: the configuration's, but on a processor no more than stay in its caches.
    pub fn batch(&self) -> usize {
        let wanted = self.config.evaluate.batch.max(1);
        if self.device == Device::Cpu { wanted.min(CPU_BATCH) } else { wanted }
    }

    /// Shape of one picture, [C, H, W].
    pub fn picture(&self) -> [i64; 3] {
        [self.config.model.channels, self.config.model.side, self.config.model.side]
    }
}

/// The shipped results file.
pub fn shipped_results() -> &'static str {
    SMALL_RESULTS
}
