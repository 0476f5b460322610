//! The classifier's configuration and its presets.

use easel_core::ScheduleConfig;
use serde::{Deserialize, Serialize};

/// Everything that fixes the classifier: pictures, classes, network and the process that made them noisy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoisyClassifierConfig {
    /// Channels C of a picture.
    pub channels: i64,
    /// Side H = W of a picture.
    pub side: i64,
    /// Number of classes.
    pub classes: i64,
    /// T, the number of noise levels.
    pub timesteps: usize,
    /// The noise schedule: that of the diffusion model that is to be guided.
    pub schedule: ScheduleConfig,
    /// Channels of each level, finest first; every level after the first halves the side.
    pub levels: Vec<i64>,
    /// Residual blocks of a level.
    pub blocks: i64,
    /// Groups of the normalisations.
    pub groups: i64,
    /// Heads of the attention pooling.
    pub heads: i64,
}

/// A configuration that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("classifier.{key} = {value}: {problem}")]
pub struct ConfigError {
    key: &'static str,
    value: String,
    problem: String,
}

impl NoisyClassifierConfig {
    /// Names of the presets, from the smallest.
    pub const PRESETS: [&'static str; 2] = ["smoke", "small"];

    /// A preset by name.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "smoke" => Some(Self::smoke()),
            "small" => Some(Self::small()),
            _ => None,
        }
    }

    /// A network that trains for seconds: for tests.
    pub fn smoke() -> Self {
        Self { timesteps: 100, levels: vec![8, 16, 32], groups: 4, heads: 2, ..Self::small() }
    }

    /// The default: digits of 28 x 28 pixels in ten classes, 97,706 parameters.
    pub fn small() -> Self {
        Self {
            channels: 1,
            side: 28,
            classes: 10,
            timesteps: 1000,
            schedule: ScheduleConfig::Cosine { s: 0.008, beta_cap: 0.999 },
            levels: vec![16, 32, 56],
            blocks: 1,
            groups: 8,
            heads: 4,
        }
    }

    /// Side of the coarsest level.
    pub(super) fn last_side(&self) -> i64 {
        self.side >> (self.levels.len() - 1)
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// The key at fault, with what it may be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |key, value: String, problem: &str| Err(ConfigError { key, value, problem: problem.into() });
        if self.timesteps == 0 {
            return refuse("timesteps", "0".into(), "at least 1");
        }
        for (key, value) in [("channels", self.channels), ("side", self.side), ("classes", self.classes)] {
            if !(1..=1 << 20).contains(&value) {
                return refuse(key, value.to_string(), "at least 1, and no more than 2^20");
            }
        }
        if !(1..=20).contains(&self.levels.len()) {
            return refuse("levels", format!("{:?}", self.levels), "1 to 20 levels");
        }
        let downscale = 1 << (self.levels.len() - 1);
        if self.side % downscale != 0 {
            return refuse("side", self.side.to_string(), &format!("a multiple of 2^(levels - 1) = {downscale}"));
        }
        if self.groups < 1 || self.levels.iter().any(|c| *c < 4 || c % self.groups != 0) {
            return refuse(
                "groups",
                self.groups.to_string(),
                "must divide the channels of every level, all at least 4",
            );
        }
        if self.blocks < 1 {
            return refuse("blocks", self.blocks.to_string(), "at least 1");
        }
        if self.heads < 1 || self.levels.last().is_some_and(|c| c % self.heads != 0) {
            return refuse("heads", self.heads.to_string(), "must divide the channels of the last level");
        }
        Ok(())
    }
}
