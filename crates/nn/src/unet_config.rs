//! The public configuration of `UNet2DModel`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::NnError;
use crate::layers::Activation;
use crate::public::public_json;
use crate::resnet::TimeScaleShift;

/// The class name in public configuration files.
pub const CLASS_NAME: &str = "UNet2DModel";

/// The `config.json` of a public `UNet2DModel`, key by key; missing keys take the public defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UNet2DConfig {
    /// Size of the images that the network is meant for; it does not bind.
    pub sample_size: Option<SampleSize>,
    /// Channels of the input.
    pub in_channels: i64,
    /// Channels of the output; twice `in_channels` with a learned variance.
    pub out_channels: i64,
    /// Whether inputs in [0, 1] are mapped to [-1, 1] first.
    pub center_input_sample: bool,
    /// How time becomes a vector.
    pub time_embedding_type: TimeEmbeddingType,
    /// Width of the time embedding; four times the first of `block_out_channels` where null.
    pub time_embedding_dim: Option<i64>,
    /// Subtracted from half the width in the exponent of the sinusoids' frequencies.
    pub freq_shift: f64,
    /// Whether cosines come first.
    pub flip_sin_to_cos: bool,
    /// Blocks from the finest level to the coarsest.
    pub down_block_types: Vec<DownBlockType>,
    /// The block between; none where null.
    pub mid_block_type: Option<MidBlockType>,
    /// Blocks from the coarsest level to the finest.
    pub up_block_types: Vec<UpBlockType>,
    /// Channels of each level, from the finest to the coarsest.
    pub block_out_channels: Vec<i64>,
    /// Residual blocks of a level on the way down; there is one more on the way up.
    pub layers_per_block: i64,
    /// Divisor of the sums with the residual in the middle.
    pub mid_block_scale_factor: f64,
    /// Padding of the strided convolutions: 1, or 0 for a row and a column on one side.
    pub downsample_padding: i64,
    /// How levels with attention halve the resolution; null is `conv`.
    pub downsample_type: Option<ResampleType>,
    /// How levels with attention double the resolution; null is `conv`.
    pub upsample_type: Option<ResampleType>,
    /// Probability of dropout in training.
    pub dropout: f64,
    /// Nonlinearity of the residual blocks.
    pub act_fn: Activation,
    /// Width of an attention head; one head where null.
    pub attention_head_dim: Option<i64>,
    /// Groups of the normalisations; null only where all levels are of the skip types.
    pub norm_num_groups: Option<i64>,
    /// Groups of the normalisation before the middle's attention. Where null, it has `norm_num_groups`, or is left out
    /// with `resnet_time_scale_shift` = `scale_shift`.
    pub attn_norm_num_groups: Option<i64>,
    /// Epsilon of the normalisations.
    pub norm_eps: f64,
    /// How the time embedding enters a residual block.
    pub resnet_time_scale_shift: TimeScaleShift,
    /// Whether the middle has attention.
    pub add_attention: bool,
    /// What a class label is; with null, a row of a table of `num_class_embeds`, or nothing if that is null too.
    pub class_embed_type: Option<ClassEmbedType>,
    /// Number of classes.
    pub num_class_embeds: Option<i64>,
    /// Number of timesteps of a learned time embedding.
    pub num_train_timesteps: Option<i64>,
}

/// One side of square images, or height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SampleSize {
    /// Side.
    Square(i64),
    /// Height, width.
    Rectangle([i64; 2]),
}

/// How time becomes a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeEmbeddingType {
    /// Sinusoids.
    Positional,
    /// Random Fourier features of log t; the output is then divided by t.
    Fourier,
    /// A learned table.
    Learned,
}

/// What a class label is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassEmbedType {
    /// A number `[B]`, embedded as time is.
    Timestep,
    /// A vector `[B, time_embedding_dim]`, added as it is.
    Identity,
}

/// A level on the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlockType {
    /// Residual blocks; halved by a strided convolution.
    #[serde(alias = "UNetResDownBlock2D")]
    DownBlock2D,
    /// Residual blocks, each with attention; halved as `downsample_type` says.
    #[serde(alias = "UNetResAttnDownBlock2D")]
    AttnDownBlock2D,
    /// Residual blocks; halved by a residual block.
    #[serde(alias = "UNetResResnetDownsampleBlock2D")]
    ResnetDownsampleBlock2D,
    /// Residual blocks; halved by a filtered residual block, plus the filtered input image (Song et al. 2021).
    #[serde(alias = "UNetResSkipDownBlock2D")]
    SkipDownBlock2D,
    /// The same with attention.
    #[serde(alias = "UNetResAttnSkipDownBlock2D")]
    AttnSkipDownBlock2D,
}

/// A level on the way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlockType {
    /// Residual blocks; doubled by a convolution.
    #[serde(alias = "UNetResUpBlock2D")]
    UpBlock2D,
    /// Residual blocks, each with attention; doubled as `upsample_type` says.
    #[serde(alias = "UNetResAttnUpBlock2D")]
    AttnUpBlock2D,
    /// Residual blocks; doubled by a residual block.
    #[serde(alias = "UNetResResnetUpsampleBlock2D")]
    ResnetUpsampleBlock2D,
    /// Residual blocks; doubled by a filtered residual block; adds to an image that is doubled too (Song et al. 2021).
    #[serde(alias = "UNetResSkipUpBlock2D")]
    SkipUpBlock2D,
    /// The same with one attention after the residual blocks.
    #[serde(alias = "UNetResAttnSkipUpBlock2D")]
    AttnSkipUpBlock2D,
}

/// The block between down and up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MidBlockType {
    /// Residual block, attention, residual block.
    UNetMidBlock2D,
}

/// How the resolution changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResampleType {
    /// By a convolution.
    Conv,
    /// By a residual block.
    Resnet,
}

impl Default for UNet2DConfig {
    /// The public defaults.
    fn default() -> Self {
        use {DownBlockType::*, UpBlockType::*};
        Self {
            sample_size: None,
            in_channels: 3,
            out_channels: 3,
            center_input_sample: false,
            time_embedding_type: TimeEmbeddingType::Positional,
            time_embedding_dim: None,
            freq_shift: 0.0,
            flip_sin_to_cos: true,
            down_block_types: vec![DownBlock2D, AttnDownBlock2D, AttnDownBlock2D, AttnDownBlock2D],
            mid_block_type: Some(MidBlockType::UNetMidBlock2D),
            up_block_types: vec![AttnUpBlock2D, AttnUpBlock2D, AttnUpBlock2D, UpBlock2D],
            block_out_channels: vec![224, 448, 672, 896],
            layers_per_block: 2,
            mid_block_scale_factor: 1.0,
            downsample_padding: 1,
            downsample_type: Some(ResampleType::Conv),
            upsample_type: Some(ResampleType::Conv),
            dropout: 0.0,
            act_fn: Activation::Silu,
            attention_head_dim: Some(8),
            norm_num_groups: Some(32),
            attn_norm_num_groups: None,
            norm_eps: 1e-5,
            resnet_time_scale_shift: TimeScaleShift::Default,
            add_attention: true,
            class_embed_type: None,
            num_class_embeds: None,
            num_train_timesteps: None,
        }
    }
}

impl DownBlockType {
    /// Whether the level carries the image beside the features.
    pub fn is_skip(self) -> bool {
        matches!(self, Self::SkipDownBlock2D | Self::AttnSkipDownBlock2D)
    }

    /// Whether the level has attention.
    pub fn has_attention(self) -> bool {
        matches!(self, Self::AttnDownBlock2D | Self::AttnSkipDownBlock2D)
    }
}

impl UpBlockType {
    /// Whether the level carries an image beside the features.
    pub fn is_skip(self) -> bool {
        matches!(self, Self::SkipUpBlock2D | Self::AttnSkipUpBlock2D)
    }

    /// Whether the level has attention.
    pub fn has_attention(self) -> bool {
        matches!(self, Self::AttnUpBlock2D | Self::AttnSkipUpBlock2D)
    }
}

impl UNet2DConfig {
    /// Reads the text of a public `config.json`; keys that begin with an underscore describe the file, not the network.
    ///
    /// # Errors
    /// Another class, an unknown key, an unknown value, or what [`UNet2DConfig::validate`] refuses.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let config: Self = public_json(text, CLASS_NAME)?;
        config.validate()?;
        Ok(config)
    }

    /// Reads a `config.json`.
    ///
    /// # Errors
    /// A file that cannot be read, or that [`UNet2DConfig::from_json`] refuses.
    pub fn from_file(path: &Path) -> Result<Self, NnError> {
        let owned = || path.to_owned();
        let text = std::fs::read_to_string(path).map_err(|source| NnError::Read { path: owned(), source })?;
        Self::from_json(&text).map_err(|source| NnError::ConfigFile { path: owned(), source: Box::new(source) })
    }

    /// Width of the time embedding.
    pub fn time_width(&self) -> i64 {
        match self.time_embedding_dim {
            None | Some(0) => 4 * self.block_out_channels[0],
            Some(width) => width,
        }
    }

    /// The factor by which the coarsest level is smaller than the image.
    pub fn downscale(&self) -> i64 {
        1 << (self.block_out_channels.len() - 1)
    }

    /// Checks what holds between the options; divisibility of channels is checked where layers are built.
    ///
    /// # Errors
    /// The first option that does not fit, with its value.
    pub fn validate(&self) -> Result<(), NnError> {
        let levels = self.block_out_channels.len();
        let refuse =
            |key, value: String, reason: &str| Err(NnError::Unsupported { key, value, reason: reason.to_owned() });
        if !(1..=16).contains(&levels) {
            return refuse("block_out_channels", format!("{levels} levels"), "1 to 16 levels are expected");
        }
        for (key, count) in
            [("down_block_types", self.down_block_types.len()), ("up_block_types", self.up_block_types.len())]
        {
            if count != levels {
                let reason = format!("`block_out_channels` has {levels} levels, so {levels} types are expected");
                return refuse(key, format!("{count} types"), &reason);
            }
        }
        let optional = |key, value: Option<i64>| (key, value.unwrap_or(1));
        let at_least_one = [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            optional("norm_num_groups", self.norm_num_groups),
            optional("attn_norm_num_groups", self.attn_norm_num_groups),
            optional("attention_head_dim", self.attention_head_dim),
            optional("num_class_embeds", self.num_class_embeds),
            optional("num_train_timesteps", self.num_train_timesteps),
            ("time_embedding_dim", self.time_embedding_dim.map_or(1, |width| width + 1)),
        ];
        let channels = self.block_out_channels.iter().map(|&c| ("block_out_channels", c));
        if let Some((key, value)) = at_least_one.into_iter().chain(channels).find(|(_, value)| *value < 1) {
            return refuse(key, value.to_string(), "it must be positive");
        }
        if !(0..=1).contains(&self.downsample_padding) {
            return refuse("downsample_padding", self.downsample_padding.to_string(), "only 0 and 1 halve exactly");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", self.dropout.to_string(), "a probability below 1 is expected");
        }
        for (key, value) in [("norm_eps", self.norm_eps), ("mid_block_scale_factor", self.mid_block_scale_factor)] {
            if !(value.is_finite() && value > 0.0) {
                return refuse(key, value.to_string(), "it must be positive and finite");
            }
        }
        if self.time_embedding_type == TimeEmbeddingType::Learned && self.num_train_timesteps.is_none() {
            let reason = "`time_embedding_type` = learned needs the number of timesteps";
            return refuse("num_train_timesteps", "null".to_owned(), reason);
        }
        self.validate_skips()
    }

    /// The image beside the features must have their resolution, and three channels.
    fn validate_skips(&self) -> Result<(), NnError> {
        let last = self.block_out_channels.len() - 1;
        let refuse =
            |key, value: String, reason: &str| Err(NnError::Unsupported { key, value, reason: reason.to_owned() });
        let plain_down = self.down_block_types.iter().any(|t| !t.is_skip());
        let plain_up = self.up_block_types.iter().any(|t| !t.is_skip());
        if self.norm_num_groups.is_none() && (plain_down || plain_up) {
            return refuse("norm_num_groups", "null".to_owned(), "only levels of the skip types can do without");
        }
        // The last level of each direction keeps its resolution, and with it stays out of the image's path.
        let down = &self.down_block_types[..last];
        if let Some(end) = down.iter().rposition(|t| t.is_skip()) {
            if !down[..end].iter().all(|t| t.is_skip()) {
                let reason = "a skip level below another type would meet an image of another resolution";
                return refuse("down_block_types", format!("{:?}", down), reason);
            }
            if self.in_channels != 3 {
                return refuse("in_channels", self.in_channels.to_string(), "skip levels take images of 3 channels");
            }
        }
        let up = &self.up_block_types;
        if let Some(start) = up[..last].iter().position(|t| t.is_skip()) {
            if !up[start..].iter().all(|t| t.is_skip()) {
                let reason = "a skip level needs skip levels up to the finest, or its image keeps a low resolution";
                return refuse("up_block_types", format!("{up:?}"), reason);
            }
            if self.out_channels != 3 {
                return refuse("out_channels", self.out_channels.to_string(), "skip levels make images of 3 channels");
            }
        }
        Ok(())
    }
}
