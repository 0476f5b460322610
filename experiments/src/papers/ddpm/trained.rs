//! A trained model: from a run's folder or as shipped.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ddpm::{Ddpm, Process};
use easel_core::weights::{self, Weights};
use easel_nn::Params;
use easel_train::run_dir::read_metrics;
use guidance::{GuidanceScale, combine};
use serde_json::{Map, Value};
use tch::{Device, Tensor};

use super::settings::RunConfig;

const SMALL: &[u8] = include_bytes!("../../../weights/ddpm-model.safetensors");
const SMALL_WEAK: &[u8] = include_bytes!("../../../weights/ddpm-weak.safetensors");
const SMALL_RESULTS: &str = include_str!("../../../weights/ddpm-small.json");

/// 250 pictures at once took half as long again for each as 64.
const CPU_BATCH: usize = 64;

/// The file of a finished run that holds the averaged weights.
pub const WEIGHTS: &str = "model.safetensors";
/// The same of the weak network of autoguidance.
pub const WEAK: &str = "weak.safetensors";

/// A network with its weights, and how it came by them.
#[derive(Debug)]
pub struct Trained {
    /// The run's configuration.
    pub config: RunConfig,
    /// The network, with averaged weights.
    pub model: Ddpm,
    /// The weak network of autoguidance, where there is one.
    pub weak: Option<Ddpm>,
    /// The forward process.
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
                let trained = Self::new(&weights::read(&path)?, read_metrics(&folder.join("metrics.jsonl"))?, device)?;
                match trained.config.weak() {
                    Some(_) => trained.guided_away_from(&weights::read(&folder.join(WEAK)).with_context(|| {
                        format!("{WEIGHTS} is autoguided and needs its weak network {WEAK} beside it")
                    })?),
                    None => Ok(trained),
                }
            }
            None => {
                let results: Value = serde_json::from_str(SMALL_RESULTS)?;
                let log = results["log"].as_array().context("shipped results without a log")?;
                let log = log.iter().filter_map(Value::as_object).cloned().collect();
                Self::new(&weights::parse("ddpm-model.safetensors (built in)", SMALL)?, log, device)?
                    .guided_away_from(&weights::parse("ddpm-weak.safetensors (built in)", SMALL_WEAK)?)
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
        Ok(Self { config, model, weak: None, process, log, device })
    }

    /// The same with the weak network of a weight file.
    fn guided_away_from(mut self, weights: &Weights) -> Result<Self> {
        let weak = Self::new(weights, vec![], self.device)?;
        let expected = self.config.weak().map(|config| config.model);
        ensure!(
            Some(&weak.config.model) == expected.as_ref(),
            "{} is not the weak network of this model: its configuration is another; train both in one run",
            weights.path.display()
        );
        self.weak = Some(weak.model);
        Ok(self)
    }

    // excerpt: autoguidance
    /// What samplers are told at x_t (f32 `[B, C, H, W]`) and time t, without labels: the model's output, at a `scale`
    /// w other than 1 guided away from the weak network's (Karras et al. 2024, arXiv:2406.02507).
    ///
    /// # Panics
    /// Where w is not 1 and there is no weak network.
    pub fn output(&self, x_t: &Tensor, t: f64, scale: f64) -> Tensor {
        let strong = self.model.at(x_t, t, None);
        if scale == 1.0 {
            return strong;
        }
        let weak = self.weak.as_ref().expect("autoguidance needs a weak network").at(x_t, t, None);
        combine(&weak, &strong, GuidanceScale::from_s(scale))
    }
    // end excerpt

    /// The scale of autoguidance that was asked for, or else `own`.
    ///
    /// # Errors
    /// A scale that needs a weak network where there is none, or is no scale.
    pub fn scale(&self, asked: Option<f64>, own: f64) -> Result<f64> {
        let scale = asked.unwrap_or(own);
        ensure!(scale.is_finite() && scale >= 0.0, "--autoguidance {scale}: 0 or above; 1 is without");
        ensure!(
            scale == 1.0 || self.weak.is_some(),
            "--autoguidance {scale}: this run trained no weak network; 1 is without"
        );
        Ok(scale)
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
