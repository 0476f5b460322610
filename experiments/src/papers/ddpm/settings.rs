//! The configuration of a run.

use anyhow::{Context, Result, bail, ensure};
use ddpm::DdpmConfig;
use ddpm::learner::{Precision, TimeSampling, TrainConfig};
use easel_core::Spacing;
use easel_train::{LoopConfig, OptimConfig};
use serde::{Deserialize, Serialize};

use crate::judge::FEWEST_SAMPLES;

/// Everything a run depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The experiment's name.
    pub paper: String,
    /// The preset it started from.
    pub preset: String,
    /// Seed of everything random.
    pub seed: u64,
    /// `digits`, `fashion-mnist`, or a folder of pictures.
    pub data: String,
    /// The model.
    pub model: DdpmConfig,
    /// Training.
    pub train: TrainConfig,
    /// Length and rhythm of training.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// Measuring.
    pub evaluate: EvaluateConfig,
    /// Autoguidance of the samples; none without this table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoguidance: Option<AutoguidanceConfig>,
}

/// A smaller network, trained for less, away from which the model's samples are guided (Karras et al. 2024,
/// arXiv:2406.02507).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoguidanceConfig {
    /// Channels of each level of the weak network. The rest of it is as the model's, but that Adam alone trains it.
    pub levels: Vec<i64>,
    /// Steps of its training.
    pub steps: u64,
    /// The guidance scale w: 1 trains no weak network and samples with the model alone.
    pub scale: f64,
}

impl RunConfig {
    /// The configuration of the weak network's run, where there is autoguidance.
    pub fn weak(&self) -> Option<Self> {
        let autoguidance = self.autoguidance.as_ref().filter(|a| a.scale != 1.0)?;
        let mut weak = Self { autoguidance: None, ..self.clone() };
        weak.model.unet.levels.clone_from(&autoguidance.levels);
        weak.steps.steps = autoguidance.steps;
        weak.train.optim.muon.lr = 0.0;
        Some(weak)
    }

    /// The guidance scale of samples: 1 without autoguidance.
    pub fn scale(&self) -> f64 {
        self.autoguidance.as_ref().map_or(1.0, |a| a.scale)
    }
}

/// How a trained model is measured.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// Generated pictures.
    pub samples: usize,
    /// Sampling steps K out of T.
    pub times: usize,
    /// How the K times are chosen.
    pub spacing: Spacing,
    /// Pictures a batch.
    pub batch: usize,
    /// Held-out pictures for the bound.
    pub bound_pictures: usize,
    /// Every how many times a term of the bound is computed.
    pub bound_stride: usize,
}

impl EvaluateConfig {
    /// Checks that a model of T = `steps` times can be measured so.
    pub fn validate(&self, steps: usize) -> Result<()> {
        let counts = [
            ("samples", self.samples, FEWEST_SAMPLES),
            ("batch", self.batch, 1),
            ("bound_pictures", self.bound_pictures, 1),
            ("bound_stride", self.bound_stride, 1),
        ];
        for (key, value, least) in counts {
            ensure!(value >= least, "evaluate.{key} = {value}: at least {least}");
        }
        let times = self.spacing.times(steps, self.times);
        times.with_context(|| format!("evaluate.times = {} of model.timesteps = {steps}", self.times))?;
        Ok(())
    }
}

/// bfloat16 where the processor multiplies it in hardware, else f32.
pub fn native_precision() -> Precision {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512bf16") {
        return Precision::Bf16;
    }
    Precision::F32
}

/// The configuration of a preset.
pub fn preset(name: &str, seed: u64) -> Result<RunConfig> {
    let Some(model) = DdpmConfig::preset(name) else { bail!("ddpm has no preset `{name}`") };
    let mut optim = OptimConfig::default();
    let (train, steps, evaluate, weak);
    match name {
        "smoke" => {
            optim.muon.lr = 0.01;
            train = TrainConfig {
                batch: 16,
                times: TimeSampling::Stratified,
                precision: Precision::F32,
                drop_labels: 0.0,
                optim,
            };
            steps = LoopConfig { steps: 30, log_every: 5, checkpoint_every: 10, keep: 2 };
            evaluate = EvaluateConfig {
                samples: 128,
                times: 10,
                spacing: Spacing::Even,
                batch: 64,
                bound_pictures: 16,
                bound_stride: 10,
            };
            weak = AutoguidanceConfig { levels: vec![8], steps: 10, scale: 2.0 };
        }
        _ => {
            (optim.rate.lr, optim.rate.final_lr, optim.rate.warmup) = (4e-3, 4e-5, 100);
            (optim.adam.beta2, optim.ema) = (0.99, 0.998);
            optim.muon.lr = 0.01;
            train = TrainConfig {
                batch: 32,
                times: TimeSampling::LogitNormal,
                precision: native_precision(),
                drop_labels: 0.0,
                optim,
            };
            steps = LoopConfig { steps: 6000, log_every: 20, checkpoint_every: 500, keep: 2 };
            evaluate = EvaluateConfig {
                samples: 2000,
                times: 50,
                spacing: Spacing::Even,
                batch: 250,
                bound_pictures: 1000,
                bound_stride: 10,
            };
            weak = AutoguidanceConfig { levels: vec![16, 32], steps: 800, scale: 2.5 };
        }
    }
    Ok(RunConfig {
        paper: "ddpm".into(),
        preset: name.into(),
        seed,
        data: "digits".into(),
        model,
        train,
        steps,
        evaluate,
        autoguidance: matches!(name, "small" | "smoke").then_some(weak),
    })
}
