//! The levels of `UNet2DModel`.

use std::f64::consts::SQRT_2;

use tch::Tensor;

use crate::attention::{AttentionBlock, AttentionConfig};
use crate::error::NnError;
use crate::layers::{Activation, Conv2d, GroupNorm};
use crate::params::Path;
use crate::resnet::{ResnetBlock, ResnetConfig, TimeScaleShift};
use crate::sampling::{Downsample2D, Resample, Upsample2D, fir_downsample, fir_upsample};
use crate::unet_config::{DownBlockType, ResampleType, UNet2DConfig, UpBlockType};

/// Groups of the attention in the levels of the skip types.
const SKIP_ATTENTION_GROUPS: i64 = 32;

/// What the residual and attention blocks of one level have in common.
#[derive(Clone, Copy)]
struct Style<'a> {
    config: &'a UNet2DConfig,
    skip: bool,
}

impl Style<'_> {
    /// Levels of the skip types take a group for every four channels, at most 32, and divide sums by sqrt 2.
    fn groups(&self, channels: i64) -> i64 {
        match (self.skip, self.config.norm_num_groups) {
            (false, Some(groups)) => groups,
            _ => quarter(channels),
        }
    }

    fn output_scale(&self) -> f64 {
        if self.skip { SQRT_2 } else { 1.0 }
    }

    fn resnet(&self, inputs: i64, outputs: i64) -> ResnetConfig {
        ResnetConfig {
            inputs,
            outputs,
            time: self.config.time_width(),
            groups: self.groups(inputs),
            groups_out: self.groups(outputs),
            eps: self.config.norm_eps,
            activation: self.config.act_fn,
            dropout: self.config.dropout,
            time_scale_shift: self.config.resnet_time_scale_shift,
            output_scale: self.output_scale(),
            resample: Resample::Keep,
            always_shortcut: false,
        }
    }

    fn resampling_resnet(&self, channels: i64, resample: Resample) -> ResnetConfig {
        ResnetConfig { resample, always_shortcut: self.skip, ..self.resnet(channels, channels) }
    }

    fn attention(&self, channels: i64) -> AttentionConfig {
        AttentionConfig {
            channels,
            head_dim: self.config.attention_head_dim.unwrap_or(channels),
            groups: Some(if self.skip { SKIP_ATTENTION_GROUPS } else { self.groups(channels) }),
            eps: self.config.norm_eps,
            output_scale: self.output_scale(),
        }
    }
}

fn quarter(channels: i64) -> i64 {
    (channels / 4).min(32)
}

/// How a level halves its resolution.
#[derive(Debug)]
enum Downsampler {
    Conv(Downsample2D),
    Resnet(ResnetBlock),
    Skip { resnet: ResnetBlock, skip_conv: Conv2d },
}

/// A level on the way down: residual blocks, attention, halving.
#[derive(Debug)]
pub struct DownBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<AttentionBlock>,
    downsampler: Option<Downsampler>,
}

impl DownBlock {
    /// Declares the weights of level `level`.
    ///
    /// # Errors
    /// Channels that groups or heads do not fit, or a name that is taken.
    pub fn new(path: &Path, config: &UNet2DConfig, level: usize) -> Result<Self, NnError> {
        let kind = config.down_block_types[level];
        let style = Style { config, skip: kind.is_skip() };
        let outputs = config.block_out_channels[level];
        let inputs = config.block_out_channels[level.saturating_sub(1)];
        let mut block = Self { resnets: vec![], attentions: vec![], downsampler: None };
        for i in 0..config.layers_per_block {
            let inputs = if i == 0 { inputs } else { outputs };
            block.resnets.push(ResnetBlock::new(&path.sub("resnets").sub(i), &style.resnet(inputs, outputs))?);
            if kind.has_attention() {
                block.attentions.push(AttentionBlock::new(&path.sub("attentions").sub(i), &style.attention(outputs))?);
            }
        }
        if level + 1 < config.block_out_channels.len() {
            block.downsampler = Some(Downsampler::new(path, style, kind, outputs)?);
        }
        Ok(block)
    }

    /// Features `[B, C, H, W]`, the activated time embedding and the image at this resolution to the features below;
    /// what the way up will need is pushed to `skips`, and the image is halved by levels of the skip types.
    pub fn forward(
        &self,
        x: Tensor,
        time: &Tensor,
        image: &mut Tensor,
        skips: &mut Vec<Tensor>,
        train: bool,
    ) -> Tensor {
        let mut h = x;
        for (i, resnet) in self.resnets.iter().enumerate() {
            h = resnet.forward(&h, time, train);
            if let Some(attention) = self.attentions.get(i) {
                h = attention.forward(&h);
            }
            skips.push(h.shallow_clone());
        }
        let Some(downsampler) = &self.downsampler else { return h };
        h = match downsampler {
            Downsampler::Conv(conv) => conv.forward(&h),
            Downsampler::Resnet(resnet) => resnet.forward(&h, time, train),
            Downsampler::Skip { resnet, skip_conv } => {
                *image = fir_downsample(image);
                skip_conv.forward(image) + resnet.forward(&h, time, train)
            }
        };
        skips.push(h.shallow_clone());
        h
    }
}

impl Downsampler {
    fn new(path: &Path, style: Style, kind: DownBlockType, channels: i64) -> Result<Self, NnError> {
        let place = path.sub("downsamplers").sub(0);
        let by_resnet = match kind {
            DownBlockType::SkipDownBlock2D | DownBlockType::AttnSkipDownBlock2D => {
                let resnet = style.resampling_resnet(channels, Resample::FirDown);
                return Ok(Self::Skip {
                    resnet: ResnetBlock::new(&path.sub("resnet_down"), &resnet)?,
                    skip_conv: Conv2d::new(&path.sub("skip_conv"), 3, channels, 1)?,
                });
            }
            DownBlockType::DownBlock2D => false,
            DownBlockType::ResnetDownsampleBlock2D => true,
            DownBlockType::AttnDownBlock2D => style.config.downsample_type == Some(ResampleType::Resnet),
        };
        Ok(match by_resnet {
            true => Self::Resnet(ResnetBlock::new(&place, &style.resampling_resnet(channels, Resample::Down))?),
            false => Self::Conv(Downsample2D::new(&place, channels, style.config.downsample_padding)?),
        })
    }
}

/// The coarsest level: residual block, attention, residual block.
#[derive(Debug)]
pub struct MidBlock {
    first: ResnetBlock,
    attention: Option<AttentionBlock>,
    second: ResnetBlock,
}

impl MidBlock {
    /// Declares the weights.
    ///
    /// # Errors
    /// Channels that groups or heads do not fit, or a name that is taken.
    pub fn new(path: &Path, config: &UNet2DConfig) -> Result<Self, NnError> {
        let channels = config.block_out_channels[config.block_out_channels.len() - 1];
        let style = Style { config, skip: false };
        let output_scale = config.mid_block_scale_factor;
        let resnet = ResnetConfig { output_scale, ..style.resnet(channels, channels) };
        let groups = config.attn_norm_num_groups.or(match config.resnet_time_scale_shift {
            TimeScaleShift::Default => Some(style.groups(channels)),
            TimeScaleShift::ScaleShift => None,
        });
        let attention = AttentionConfig { groups, output_scale, ..style.attention(channels) };
        Ok(Self {
            first: ResnetBlock::new(&path.sub("resnets").sub(0), &resnet)?,
            attention: match config.add_attention {
                true => Some(AttentionBlock::new(&path.sub("attentions").sub(0), &attention)?),
                false => None,
            },
            second: ResnetBlock::new(&path.sub("resnets").sub(1), &resnet)?,
        })
    }

    /// Features `[B, C, H, W]` and the activated time embedding to features of the same shape.
    pub fn forward(&self, x: &Tensor, time: &Tensor, train: bool) -> Tensor {
        let mut h = self.first.forward(x, time, train);
        if let Some(attention) = &self.attention {
            h = attention.forward(&h);
        }
        self.second.forward(&h, time, train)
    }
}

/// How a level doubles its resolution.
#[derive(Debug)]
enum Upsampler {
    Conv(Upsample2D),
    Resnet(ResnetBlock),
    Skip { resnet: ResnetBlock, skip_norm: GroupNorm, skip_conv: Conv2d },
}

/// A level on the way up: residual blocks on the features joined with those of the way down, attention, doubling.
#[derive(Debug)]
pub struct UpBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<AttentionBlock>,
    upsampler: Option<Upsampler>,
    skip: bool,
}

impl UpBlock {
    /// Declares the weights of block `index`, counted from the coarsest level.
    ///
    /// # Errors
    /// Channels that groups or heads do not fit, or a name that is taken.
    pub fn new(path: &Path, config: &UNet2DConfig, index: usize) -> Result<Self, NnError> {
        let kind = config.up_block_types[index];
        let style = Style { config, skip: kind.is_skip() };
        let last_level = config.block_out_channels.len() - 1;
        let level = last_level - index;
        let outputs = config.block_out_channels[level];
        let below = config.block_out_channels[(level + 1).min(last_level)];
        let above = config.block_out_channels[level.saturating_sub(1)];
        let layers = config.layers_per_block + 1;
        let mut block = Self { resnets: vec![], attentions: vec![], upsampler: None, skip: style.skip };
        for i in 0..layers {
            let features = if i == 0 { below } else { outputs };
            let joined = if i + 1 == layers { above } else { outputs };
            let mut resnet = style.resnet(features + joined, outputs);
            if kind == UpBlockType::AttnSkipUpBlock2D {
                // As published: the quarter is taken of the second term alone.
                resnet.groups = (features + joined / 4).min(32);
            }
            block.resnets.push(ResnetBlock::new(&path.sub("resnets").sub(i), &resnet)?);
        }
        let attentions = match kind {
            UpBlockType::AttnSkipUpBlock2D => 1,
            _ if kind.has_attention() => layers,
            _ => 0,
        };
        for i in 0..attentions {
            block.attentions.push(AttentionBlock::new(&path.sub("attentions").sub(i), &style.attention(outputs))?);
        }
        if level > 0 {
            block.upsampler = Some(Upsampler::new(path, style, kind, outputs)?);
        }
        Ok(block)
    }

    /// Features `[B, C, H, W]` and the activated time embedding to the features above; takes its share of `skips`.
    ///
    /// Levels of the skip types double the image that the levels below have made, and add to it.
    pub fn forward(
        &self,
        x: Tensor,
        time: &Tensor,
        image: &mut Option<Tensor>,
        skips: &mut Vec<Tensor>,
        train: bool,
    ) -> Tensor {
        let mut h = x;
        let share = skips.split_off(skips.len() - self.resnets.len());
        for (i, (resnet, joined)) in self.resnets.iter().zip(share.into_iter().rev()).enumerate() {
            h = resnet.forward(&Tensor::cat(&[h, joined], 1), time, train);
            if !self.skip
                && let Some(attention) = self.attentions.get(i)
            {
                h = attention.forward(&h);
            }
        }
        if self.skip {
            if let Some(attention) = self.attentions.first() {
                h = attention.forward(&h);
            }
            *image = image.take().map(|image| fir_upsample(&image));
        }
        match &self.upsampler {
            None => h,
            Some(Upsampler::Conv(conv)) => conv.forward(&h),
            Some(Upsampler::Resnet(resnet)) => resnet.forward(&h, time, train),
            Some(Upsampler::Skip { resnet, skip_norm, skip_conv }) => {
                let part = skip_conv.forward(&Activation::Silu.forward(&skip_norm.forward(&h)));
                *image = Some(match image.take() {
                    Some(image) => image + part,
                    None => part,
                });
                resnet.forward(&h, time, train)
            }
        }
    }
}

impl Upsampler {
    fn new(path: &Path, style: Style, kind: UpBlockType, channels: i64) -> Result<Self, NnError> {
        let place = path.sub("upsamplers").sub(0);
        let by_resnet = match kind {
            UpBlockType::SkipUpBlock2D | UpBlockType::AttnSkipUpBlock2D => {
                let resnet = style.resampling_resnet(channels, Resample::FirUp);
                let eps = style.config.norm_eps;
                return Ok(Self::Skip {
                    resnet: ResnetBlock::new(&path.sub("resnet_up"), &resnet)?,
                    skip_norm: GroupNorm::new(&path.sub("skip_norm"), quarter(channels), channels, eps)?,
                    skip_conv: Conv2d::last(&path.sub("skip_conv"), channels, 3, 3)?,
                });
            }
            UpBlockType::UpBlock2D => false,
            UpBlockType::ResnetUpsampleBlock2D => true,
            UpBlockType::AttnUpBlock2D => style.config.upsample_type == Some(ResampleType::Resnet),
        };
        Ok(match by_resnet {
            true => Self::Resnet(ResnetBlock::new(&place, &style.resampling_resnet(channels, Resample::Up))?),
            false => Self::Conv(Upsample2D::new(&place, channels)?),
        })
    }
}
