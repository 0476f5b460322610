//! The networks' sizes, and presets.

use serde::{Deserialize, Serialize};

use crate::damsm::Gammas;

/// Sizes of all networks, and which of the paper's parts they have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlGanConfig {
    /// Longest caption L, in words; longer ones lose their end.
    pub max_words: i64,
    /// Width of a word's embedding.
    pub embedding: i64,
    /// Width D of text features, both directions of the LSTM together.
    pub width: i64,
    /// Numbers of z.
    pub z: i64,
    /// Numbers of the augmented sentence.
    pub conditioning: i64,
    /// Stages K of the generator, each with a discriminator.
    pub stages: i64,
    /// Side of the last stage's pictures; the one before has half of it.
    pub side: i64,
    /// Channels of the hidden features of every stage (ngf).
    pub generator: i64,
    /// Residual blocks R of a stage.
    pub residual: i64,
    /// Channels of a discriminator's first map (ndf).
    pub discriminator: i64,
    /// Batch normalisation in the discriminators, as in the paper; a gradient penalty needs them without.
    pub normalised: bool,
    /// Channels of the picture encoder's maps; each halves the side, and the last but one has the regions.
    pub encoder: Vec<i64>,
    /// Channels of the two levels of the network whose features the perceptual loss compares.
    pub perceptual: [i64; 2],
    /// Inverse temperatures of DAMSM.
    pub gammas: Gammas,
    /// Channel-wise attention; without it a stage is AttnGAN's.
    pub channel_attention: bool,
    /// Divide the scores of channel-wise attention by the root of the number of places; the paper does not, and sums over
    /// thousands of places make its softmax a maximum.
    pub scaled_channel_attention: bool,
    /// As in the released code, against the paper's figure: channel-wise attention reads the output of spatial attention,
    /// and attends to padding.
    pub official_wiring: bool,
    /// Factor of a word's cosine before the sigmoid in the word-level discriminator; the paper has 1.
    pub temperature: f64,
}

/// A configuration that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("model.{key} = {value}: {expected}")]
pub struct ConfigError {
    key: &'static str,
    value: String,
    expected: String,
}

impl ControlGanConfig {
    /// Trains for seconds: for tests.
    pub fn smoke() -> Self {
        Self {
            embedding: 16,
            width: 16,
            z: 8,
            conditioning: 8,
            side: 32,
            stages: 2,
            generator: 4,
            discriminator: 4,
            encoder: vec![8, 16, 16, 16],
            perceptual: [8, 8],
            ..Self::small()
        }
    }

    /// The default: 16, 32, 64 pixels.
    pub fn small() -> Self {
        Self {
            max_words: 24,
            embedding: 64,
            width: 64,
            z: 32,
            conditioning: 32,
            stages: 3,
            side: 64,
            generator: 8,
            residual: 1,
            discriminator: 16,
            normalised: false,
            encoder: vec![24, 48, 64, 96],
            perceptual: [8, 16],
            gammas: Gammas::default(),
            channel_attention: true,
            scaled_channel_attention: true,
            official_wiring: false,
            temperature: 5.0,
        }
    }

    /// Emoji: 8, 16, 32 pixels.
    pub fn emoji() -> Self {
        Self { side: 32, generator: 16, encoder: vec![32, 64, 96], ..Self::small() }
    }

    /// The published sizes on CUB: 64, 128, 256 pixels. The picture encoder there is a pre-trained Inception-v3, of which
    /// this has two projections only, and the perceptual features those of a pre-trained VGG-16.
    pub fn paper() -> Self {
        Self {
            max_words: 18,
            embedding: 300,
            width: 256,
            z: 100,
            conditioning: 100,
            stages: 3,
            side: 256,
            generator: 32,
            residual: 2,
            discriminator: 64,
            normalised: true,
            encoder: vec![64, 128, 256, 512, 768],
            perceptual: [64, 128],
            gammas: Gammas::default(),
            channel_attention: true,
            scaled_channel_attention: false,
            official_wiring: false,
            temperature: 1.0,
        }
    }

    /// A preset by name.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "smoke" => Some(Self::smoke()),
            "small" => Some(Self::small()),
            "emoji" => Some(Self::emoji()),
            "paper" => Some(Self::paper()),
            _ => None,
        }
    }

    /// Side of stage k's pictures and hidden features, k from 0.
    pub fn stage_side(&self, stage: i64) -> i64 {
        self.side >> (self.stages - 1 - stage)
    }

    /// Side of the picture encoder's map of regions.
    pub fn region_side(&self) -> i64 {
        self.side >> (self.encoder.len() as i64 - 1)
    }

    /// Factor of the scores of channel-wise attention on a map of this side.
    pub fn channel_scale(&self, side: i64) -> f64 {
        if self.scaled_channel_attention { 1.0 / side as f64 } else { 1.0 }
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// The key at fault, with what it may be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let check = |key, value: String, ok: bool, expected: &str| match ok {
            true => Ok(()),
            false => Err(ConfigError { key, value, expected: expected.into() }),
        };
        let positive = [
            ("max_words", self.max_words),
            ("embedding", self.embedding),
            ("z", self.z),
            ("conditioning", self.conditioning),
            ("generator", self.generator),
            ("residual", self.residual),
            ("discriminator", self.discriminator),
            ("perceptual", self.perceptual[0].min(self.perceptual[1])),
        ];
        for (key, value) in positive {
            check(key, value.to_string(), (1..=1 << 16).contains(&value), "at least 1")?;
        }
        check("width", self.width.to_string(), self.width >= 2 && self.width % 2 == 0, "even, at least 2")?;
        check("stages", self.stages.to_string(), (1..=5).contains(&self.stages), "1 to 5")?;
        let first = if self.side > 0 { self.stage_side(0) } else { 0 };
        let fits = first >= 8 && (first as u64).is_power_of_two() && self.side == first << (self.stages - 1);
        check("side", self.side.to_string(), fits, "a power of two, at least 8 in the first stage")?;
        let levels = self.encoder.len();
        let regions =
            (2..=8).contains(&levels) && self.region_side() >= 2 && self.encoder.iter().all(|c| *c >= 4 && c % 4 == 0);
        check(
            "encoder",
            format!("{:?}", self.encoder),
            regions,
            "2 or more levels of multiples of 4 channels, the last but one of 2 places a side at least",
        )?;
        let ok = self.temperature > 0.0 && self.temperature.is_finite();
        check("temperature", self.temperature.to_string(), ok, "above 0")?;
        let Gammas { regions, words, batch } = self.gammas;
        let ok = [regions, words, batch].iter().all(|g| *g > 0.0 && g.is_finite());
        check("gammas", format!("{regions}, {words}, {batch}"), ok, "above 0")
    }
}
