//! The model's configuration and its presets.

use easel_core::parameterisation::Parameterisation;
use easel_core::posterior::ModelVariance;
use easel_core::schedule_config::ScheduleConfig;
use easel_nn::unet_config::{DownBlockType, SampleSize, UNet2DConfig, UpBlockType};
use serde::{Deserialize, Serialize};

/// Everything that fixes the model: pictures, network, process and objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DdpmConfig {
    /// Channels C of a picture.
    pub channels: i64,
    /// Side H = W of a picture.
    pub side: i64,
    /// Side of the square of pixels that the network sees as channels of one position (space to depth); 1 is the paper.
    pub patch: i64,
    /// T, the number of noise levels.
    pub timesteps: usize,
    /// What the network predicts.
    pub parameterisation: Parameterisation,
    /// Variance of the reverse steps.
    pub variance: VarianceConfig,
    /// What is minimised.
    pub objective: Objective,
    /// Classes that the network is told; it also knows "no class". Without this key it knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<i64>,
    /// The noise schedule.
    pub schedule: ScheduleConfig,
    /// The U-Net.
    pub unet: UNetConfig,
}

/// Variance $\sigma_t^2$ of p(x_{t-1} | x_t).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VarianceConfig {
    /// $\tilde\beta_t$.
    FixedSmall,
    /// $\beta_t$.
    FixedLarge,
    /// Interpolated by the network (Nichol and Dhariwal 2021, eq. 15).
    LearnedRange,
}

/// The loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// $L_{simple}$ (Ho et al. 2020, eq. 14).
    Simple,
    /// $L_{simple}+\lambda L_{vlb}$ with $\lambda = 0.001$ (Nichol and Dhariwal 2021, eq. 16).
    Hybrid,
    /// $L_{vlb}$, with importance-sampled t (Nichol and Dhariwal 2021, section 3.3).
    Vlb,
}

/// The U-Net in the terms of the paper's appendix B.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetConfig {
    /// Channels of each level, finest first.
    pub levels: Vec<i64>,
    /// Which levels have attention.
    pub attention: Vec<bool>,
    /// Residual blocks of a level on the way down (one more on the way up).
    pub blocks: i64,
    /// Groups of the normalisations.
    pub groups: i64,
    /// Probability of dropout.
    pub dropout: f64,
}

/// A configuration that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("model.{key} = {value}: {problem}")]
pub struct ConfigError {
    key: &'static str,
    value: String,
    problem: String,
}

impl DdpmConfig {
    /// Names of the presets, from the smallest.
    pub const PRESETS: [&'static str; 6] = ["smoke", "small", "paper", "paper-learned", "paper-celeba64", "paper-256"];

    /// A preset by name.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "smoke" => Some(Self::smoke()),
            "small" => Some(Self::small()),
            "paper" => Some(Self::paper()),
            "paper-learned" => {
                Some(Self { variance: VarianceConfig::LearnedRange, objective: Objective::Hybrid, ..Self::paper() })
            }
            "paper-celeba64" => Some(Self::paper_sized(64, &[1, 2, 2, 2, 4], 2)),
            "paper-256" => Some(Self::paper_sized(256, &[1, 1, 2, 2, 4, 4], 4)),
            _ => None,
        }
    }

    /// A network that trains for seconds: for tests.
    pub fn smoke() -> Self {
        Self {
            channels: 1,
            side: 28,
            patch: 4,
            timesteps: 100,
            unet: UNetConfig { levels: vec![16], attention: vec![true], blocks: 1, groups: 8, dropout: 0.0 },
            ..Self::small()
        }
    }

    /// The default: digits of 28 x 28 pixels, trained in minutes on two cores.
    pub fn small() -> Self {
        Self {
            channels: 1,
            side: 28,
            patch: 2,
            timesteps: 1000,
            parameterisation: Parameterisation::V,
            variance: VarianceConfig::FixedSmall,
            objective: Objective::Simple,
            classes: None,
            schedule: ScheduleConfig::Cosine { s: 0.008, beta_cap: 0.999 },
            unet: UNetConfig { levels: vec![32, 64], attention: vec![false, true], blocks: 1, groups: 8, dropout: 0.0 },
        }
    }

    /// CIFAR-10 (Ho et al. 2020, appendix B): 35,746,307 parameters.
    pub fn paper() -> Self {
        Self::paper_sized(32, &[1, 2, 2, 2], 1)
    }

    /// The paper's network for another side: channels 128 times `multipliers`, attention at 16 x 16, which is level
    /// `attention_level`.
    fn paper_sized(side: i64, multipliers: &[i64], attention_level: usize) -> Self {
        Self {
            channels: 3,
            side,
            patch: 1,
            timesteps: 1000,
            parameterisation: Parameterisation::Epsilon,
            variance: if side == 32 { VarianceConfig::FixedLarge } else { VarianceConfig::FixedSmall },
            objective: Objective::Simple,
            classes: None,
            schedule: ScheduleConfig::Linear {},
            unet: UNetConfig {
                levels: multipliers.iter().map(|m| 128 * m).collect(),
                attention: (0..multipliers.len()).map(|i| i == attention_level).collect(),
                blocks: 2,
                groups: 32,
                dropout: if side == 32 { 0.1 } else { 0.0 },
            },
        }
    }

    /// Checks that the parts fit together.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |key, value: String, problem: &str| Err(ConfigError { key, value, problem: problem.into() });
        let u = &self.unet;
        if self.timesteps == 0 {
            return refuse("timesteps", "0".into(), "at least 1");
        }
        for (key, value) in [("channels", self.channels), ("side", self.side), ("patch", self.patch)] {
            if !(1..=1 << 20).contains(&value) {
                return refuse(key, value.to_string(), "at least 1, and no more than 2^20");
            }
        }
        if !(1..=20).contains(&u.levels.len()) {
            return refuse("unet.levels", format!("{:?}", u.levels), "1 to 20 levels");
        }
        let downscale = self.patch << (u.levels.len() - 1);
        if self.side % downscale != 0 {
            let problem = format!("a multiple of patch x 2^(levels - 1) = {downscale}");
            return refuse("side", self.side.to_string(), &problem);
        }
        if u.levels.len() != u.attention.len() {
            return refuse("unet.attention", format!("{:?}", u.attention), "one entry for each of unet.levels");
        }
        if u.groups < 1 || u.levels.iter().any(|c| *c < 1 || c % u.groups != 0) {
            return refuse("unet.groups", u.groups.to_string(), "must divide the channels of every level");
        }
        if u.blocks < 1 {
            return refuse("unet.blocks", u.blocks.to_string(), "at least 1");
        }
        if self.classes.is_some_and(|c| c < 1) {
            return refuse("classes", format!("{:?}", self.classes), "at least 1, or left out");
        }
        if !(0.0..1.0).contains(&u.dropout) {
            return refuse("unet.dropout", u.dropout.to_string(), "in [0, 1)");
        }
        let ends_in_noise = matches!(self.schedule, ScheduleConfig::ZeroTerminalSnr { .. });
        if ends_in_noise && matches!(self.parameterisation, Parameterisation::Epsilon | Parameterisation::Score) {
            let problem = "tells nothing of x_0 at T, where this schedule leaves no signal; use v or x0";
            return refuse("parameterisation", format!("{:?}", self.parameterisation).to_lowercase(), problem);
        }
        if self.objective == Objective::Hybrid && self.variance != VarianceConfig::LearnedRange {
            return refuse(
                "objective",
                "hybrid".into(),
                "needs variance = \"learned_range\": it trains only the variance",
            );
        }
        Ok(())
    }

    /// The network in the public terms; with a learned variance it has twice the channels on its way out.
    pub fn unet2d(&self) -> UNet2DConfig {
        let u = &self.unet;
        let inner = self.channels * self.patch * self.patch;
        let out = if self.variance == VarianceConfig::LearnedRange { 2 * inner } else { inner };
        let down = |a: &bool| if *a { DownBlockType::AttnDownBlock2D } else { DownBlockType::DownBlock2D };
        let up = |a: &bool| if *a { UpBlockType::AttnUpBlock2D } else { UpBlockType::UpBlock2D };
        UNet2DConfig {
            sample_size: Some(SampleSize::Square(self.side / self.patch)),
            in_channels: inner,
            out_channels: out,
            freq_shift: 1.0,
            flip_sin_to_cos: false,
            down_block_types: u.attention.iter().map(down).collect(),
            up_block_types: u.attention.iter().rev().map(up).collect(),
            block_out_channels: u.levels.clone(),
            layers_per_block: u.blocks,
            downsample_padding: 0,
            dropout: u.dropout,
            attention_head_dim: None,
            norm_num_groups: Some(u.groups),
            norm_eps: 1e-6,
            num_class_embeds: self.classes.map(|c| c + 1),
            ..UNet2DConfig::default()
        }
    }

    /// The fixed variance under which likelihoods are evaluated (the small one where the variance is learned).
    pub fn likelihood_variance(&self) -> ModelVariance {
        match self.variance {
            VarianceConfig::FixedLarge => ModelVariance::FixedLarge,
            VarianceConfig::FixedSmall | VarianceConfig::LearnedRange => ModelVariance::FixedSmall,
        }
    }
}
