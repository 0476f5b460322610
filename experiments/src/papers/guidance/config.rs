//! The configuration of a run.

use anyhow::{Result, ensure};
use easel_train::{LoopConfig, OptimConfig};
use guidance::NoisyClassifierConfig;
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::papers::ddpm;
use crate::papers::ddpm::settings::RunConfig;

/// Everything a run depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuidanceConfig {
    /// The experiment's name.
    pub paper: String,
    /// The preset it started from.
    pub preset: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Pictures for each scale that is measured.
    pub samples: usize,
    /// Sampling steps of a measurement.
    pub steps: usize,
    /// Scales s of classifier-free guidance, and of classifier guidance on the model without label.
    pub scales: Vec<f64>,
    /// The diffusion model: a DDPM that knows classes.
    pub diffusion: RunConfig,
    /// The classifier of noisy pictures.
    pub classifier: ClassifierRun,
}

/// The classifier and its training.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierRun {
    /// The network.
    pub network: NoisyClassifierConfig,
    /// Pictures a step.
    pub batch: usize,
    /// Shift training pictures by up to this many pixels.
    pub shift: usize,
    /// Length and rhythm of training.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// The optimiser.
    pub optim: OptimConfig,
}

impl GuidanceConfig {
    /// Reads and checks.
    pub fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        ddpm::check(&config.diffusion)?;
        config.classifier.network.validate()?;
        config.classifier.steps.validate()?;
        config.classifier.optim.validate()?;
        let (model, network) = (&config.diffusion.model, &config.classifier.network);
        ensure!(
            model.classes == Some(network.classes),
            "diffusion.model.classes and classifier.network.classes must be equal"
        );
        ensure!(
            (model.timesteps, &model.schedule) == (network.timesteps, &network.schedule),
            "the classifier must know the noise of the diffusion model: timesteps and schedule of both must be equal"
        );
        ensure!(config.samples >= 20, "samples = {}: at least 20", config.samples);
        ensure!(config.steps >= 2, "steps = {}: at least 2", config.steps);
        ensure!(config.scales.iter().all(|s| *s >= 0.0 && s.is_finite()), "scales must be 0 or above");
        Ok(config)
    }

    /// The preset of this name.
    pub fn preset(name: &str, seed: u64) -> Result<Self> {
        let mut diffusion = ddpm::settings::preset(name, seed)?;
        (diffusion.paper, diffusion.autoguidance) = ("guidance".into(), None);
        diffusion.model.classes = Some(10);
        diffusion.train.drop_labels = 0.1;
        // Adam alone trains it.
        diffusion.train.optim.muon.lr = 0.0;
        let smoke = name == "smoke";
        if !smoke {
            // Labels settle what a picture shows: a smaller network and fewer steps do.
            diffusion.evaluate.times = 100;
            diffusion.model.unet.levels = vec![24, 48];
            diffusion.steps.steps = 2000;
        }
        let mut network = if smoke { NoisyClassifierConfig::smoke() } else { NoisyClassifierConfig::small() };
        (network.timesteps, network.schedule) = (diffusion.model.timesteps, diffusion.model.schedule.clone());
        let mut optim = OptimConfig { ema: 0.995, ..OptimConfig::default() };
        (optim.rate.lr, optim.rate.final_lr, optim.adam.weight_decay) = (2e-3, 2e-5, 0.01);
        let steps = if smoke { 20 } else { 1000 };
        Ok(Self {
            paper: "guidance".into(),
            preset: name.into(),
            seed,
            samples: if smoke { 40 } else { 500 },
            steps: if smoke { 4 } else { 20 },
            scales: if smoke { vec![0.0, 1.0, 2.0] } else { vec![0.0, 1.0, 2.0, 3.0, 5.0, 8.0] },
            diffusion,
            classifier: ClassifierRun {
                network,
                batch: 64,
                shift: 1,
                steps: LoopConfig { steps, log_every: 10, checkpoint_every: steps / 2, keep: 2 },
                optim,
            },
        })
    }
}
