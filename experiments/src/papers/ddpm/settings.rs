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
    let (train, steps, evaluate);
    match name {
        "smoke" => {
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
        }
        _ => {
            (optim.rate.lr, optim.rate.final_lr, optim.rate.warmup) = (4e-3, 4e-5, 100);
            (optim.adam.beta2, optim.ema) = (0.99, 0.998);
            train = TrainConfig {
                batch: 32,
                times: TimeSampling::LogitNormal,
                precision: native_precision(),
                drop_labels: 0.0,
                optim,
            };
            steps = LoopConfig { steps: 5600, log_every: 20, checkpoint_every: 500, keep: 2 };
            evaluate = EvaluateConfig {
                samples: 2000,
                times: 100,
                spacing: Spacing::Even,
                batch: 250,
                bound_pictures: 1000,
                bound_stride: 10,
            };
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
    })
}
