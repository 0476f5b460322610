//! The U-Net of Ho et al. 2020 (appendix B), in all variants of the public `UNet2DModel`.

use std::path::Path as FilePath;

use easel_core::tensor::check_shape;
use tch::{Device, Kind, Tensor};

use crate::embedding::{GaussianFourier, Sinusoids, SinusoidsConfig, TimestepEmbedding};
use crate::error::NnError;
use crate::layers::{Activation, Conv2d, Embedding, GroupNorm};
use crate::params::{Params, Path};
use crate::public;
use crate::unet_blocks::{DownBlock, MidBlock, UpBlock};
use crate::unet_config::{ClassEmbedType, TimeEmbeddingType, UNet2DConfig};

/// A denoiser of images that depends on time, and on a class label where configured.
#[derive(Debug)]
pub struct UNet2D {
    config: UNet2DConfig,
    conv_in: Conv2d,
    time_proj: TimeProjection,
    time_embedding: TimestepEmbedding,
    class_embedding: Option<ClassEmbedding>,
    down_blocks: Vec<DownBlock>,
    mid_block: Option<MidBlock>,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

/// A number as a vector.
#[derive(Debug)]
enum TimeProjection {
    Positional(Sinusoids),
    Fourier(GaussianFourier),
    Learned(Embedding),
}

/// A class label as an addend of the time embedding.
#[derive(Debug)]
enum ClassEmbedding {
    Table(Embedding),
    Timestep(TimestepEmbedding),
    Identity,
}

impl UNet2D {
    /// Declares the weights at `path`, under their public names.
    ///
    /// # Errors
    /// An option that is not supported, channels that groups or heads do not fit, or a name that is taken.
    pub fn new(path: &Path, config: &UNet2DConfig) -> Result<Self, NnError> {
        config.validate()?;
        let channels = config.block_out_channels[0];
        let levels = config.block_out_channels.len();
        let time_width = config.time_width();
        let (time_proj, projected) = TimeProjection::new(&path.sub("time_proj"), config)?;
        let class_path = path.sub("class_embedding");
        let class_embedding = match (config.class_embed_type, config.num_class_embeds) {
            (Some(ClassEmbedType::Identity), _) => Some(ClassEmbedding::Identity),
            (Some(ClassEmbedType::Timestep), _) => {
                Some(ClassEmbedding::Timestep(TimestepEmbedding::new(&class_path, projected, time_width)?))
            }
            (None, Some(classes)) => Some(ClassEmbedding::Table(Embedding::new(&class_path, classes, time_width)?)),
            (None, None) => None,
        };
        let groups = config.norm_num_groups.unwrap_or((channels / 4).min(32));
        let block = |name: &str, i: usize| path.sub(name).sub(i);
        Ok(Self {
            conv_in: Conv2d::new(&path.sub("conv_in"), config.in_channels, channels, 3)?,
            time_proj,
            time_embedding: TimestepEmbedding::new(&path.sub("time_embedding"), projected, time_width)?,
            class_embedding,
            down_blocks: (0..levels)
                .map(|i| DownBlock::new(&block("down_blocks", i), config, i))
                .collect::<Result<_, _>>()?,
            mid_block: match config.mid_block_type {
                Some(_) => Some(MidBlock::new(&path.sub("mid_block"), config)?),
                None => None,
            },
            up_blocks: (0..levels)
                .map(|i| UpBlock::new(&block("up_blocks", i), config, i))
                .collect::<Result<_, _>>()?,
            conv_norm_out: GroupNorm::new(&path.sub("conv_norm_out"), groups, channels, config.norm_eps)?,
            conv_out: Conv2d::last(&path.sub("conv_out"), channels, config.out_channels, 3)?,
            config: config.clone(),
        })
    }

    /// Loads a public folder: `config.json` and the weights beside it, whole or in shards.
    ///
    /// # Errors
    /// A file that is missing or damaged, an option that is not supported, or weights that differ in any name or shape.
    pub fn from_public_folder(folder: &FilePath, device: Device) -> Result<(Self, Params), NnError> {
        let config = UNet2DConfig::from_file(&folder.join("config.json"))?;
        let params = Params::zeros(device);
        let network = Self::new(&params.root(), &config)?;
        params.load(&public::read_weights(folder)?)?;
        Ok((network, params))
    }

    /// The configuration that the network was built from.
    pub fn config(&self) -> &UNet2DConfig {
        &self.config
    }

    /// Images `x` `[B, in_channels, H, W]` at timesteps `t` to `[B, out_channels, H, W]`, of the element type of `x`.
    ///
    /// `t` is `[B]` or one number for all, counted as in the public code (0 is the first noise level), and may be
    /// fractional. H and W are multiples of [`UNet2DConfig::downscale`]. Dropout acts where `train`.
    /// Without `class_labels` a network that knows classes refuses, and the other way round.
    ///
    /// # Errors
    /// An input of the wrong shape or element type, or a label beyond the table.
    ///
    /// # Panics
    /// When the network was built to be counted, or libtorch runs out of memory.
    pub fn forward(
        &self,
        x: &Tensor,
        t: &Tensor,
        class_labels: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor, NnError> {
        self.check_image(x)?;
        let batch = x.size()[0];
        let t = per_sample("timestep", t, batch)?;
        let kind = self.conv_in.weight().kind();
        let embedding = self.embed(&t, class_labels, batch, kind)?;
        let time = self.config.act_fn.forward(&embedding);

        let mut h = x.to_kind(kind);
        if self.config.center_input_sample {
            h = h * 2.0 - 1.0;
        }
        let mut image = h.shallow_clone();
        h = self.conv_in.forward(&h);
        let mut skips = vec![h.shallow_clone()];
        for block in &self.down_blocks {
            h = block.forward(h, &time, &mut image, &mut skips, train);
        }
        if let Some(block) = &self.mid_block {
            h = block.forward(&h, &time, train);
        }
        let mut image = None;
        for block in &self.up_blocks {
            h = block.forward(h, &time, &mut image, &mut skips, train);
        }
        h = self.conv_out.forward(&Activation::Silu.forward(&self.conv_norm_out.forward(&h)));
        if let Some(image) = image {
            h += image;
        }
        if self.config.time_embedding_type == TimeEmbeddingType::Fourier {
            h /= t.to_kind(Kind::Float).reshape([batch, 1, 1, 1]);
        }
        Ok(h.to_kind(x.kind()))
    }

    /// The embedding of time and label, `[B, time_width]`.
    fn embed(&self, t: &Tensor, labels: Option<&Tensor>, batch: i64, kind: Kind) -> Result<Tensor, NnError> {
        let time = self.time_embedding.forward(&self.time_proj.forward("timestep", t)?.to_kind(kind));
        let input = "class_labels";
        let refuse = |message: &str| Err(NnError::Input { input, message: message.to_owned() });
        let class = match (&self.class_embedding, labels) {
            (None, None) => return Ok(time),
            (None, Some(_)) => return refuse("this network knows no classes; leave the labels out"),
            (Some(_), None) => return refuse("missing, but this network is conditioned on them"),
            (Some(ClassEmbedding::Identity), Some(labels)) => {
                check_shape(input, labels, &[batch, self.config.time_width()])?;
                labels.shallow_clone()
            }
            (Some(ClassEmbedding::Table(table)), Some(labels)) => {
                table.forward(input, &per_sample(input, labels, batch)?)?
            }
            (Some(ClassEmbedding::Timestep(mlp)), Some(labels)) => {
                let projected = self.time_proj.forward(input, &per_sample(input, labels, batch)?)?;
                mlp.forward(&projected.to_kind(kind))
            }
        };
        Ok(time + class.to_kind(kind))
    }

    fn check_image(&self, x: &Tensor) -> Result<(), NnError> {
        check_shape("sample", x, &[-1, self.config.in_channels, -1, -1])?;
        let factor = self.config.downscale();
        let (height, width) = (x.size()[2], x.size()[3]);
        if !x.is_floating_point() || [height, width].iter().any(|side| *side < 1 || side % factor != 0) {
            let found = format!("{height} x {width} pixels of {:?}", x.kind());
            let message = format!("{found}, but floating-point pixels and sides that {factor} divides are expected");
            return Err(NnError::Input { input: "sample", message });
        }
        Ok(())
    }
}

/// One number for each of `batch` samples, `[batch]`.
fn per_sample(input: &'static str, t: &Tensor, batch: i64) -> Result<Tensor, NnError> {
    match t.size().as_slice() {
        [n] if *n == batch => Ok(t.shallow_clone()),
        [] | [1] => Ok(t.reshape([1]).expand([batch], false)),
        found => {
            let message = format!("shape {found:?}, expected [{batch}], one entry a sample, or one number for all");
            Err(NnError::Input { input, message })
        }
    }
}

impl TimeProjection {
    /// The projection and its width.
    fn new(path: &Path, config: &UNet2DConfig) -> Result<(Self, i64), NnError> {
        let width = config.block_out_channels[0];
        Ok(match (config.time_embedding_type, config.num_train_timesteps) {
            (TimeEmbeddingType::Fourier, _) => (Self::Fourier(GaussianFourier::new(path, width)?), 2 * width),
            (TimeEmbeddingType::Learned, Some(steps)) => (Self::Learned(Embedding::new(path, steps, width)?), width),
            _ => {
                let choices = SinusoidsConfig {
                    width,
                    flip_sin_to_cos: config.flip_sin_to_cos,
                    freq_shift: config.freq_shift,
                    ..Default::default()
                };
                (Self::Positional(Sinusoids::new(&choices, path.device())?), width)
            }
        })
    }

    fn forward(&self, input: &'static str, t: &Tensor) -> Result<Tensor, NnError> {
        match self {
            Self::Positional(sinusoids) => Ok(sinusoids.forward(t)),
            Self::Fourier(features) => Ok(features.forward(t)),
            Self::Learned(table) => table.forward(input, t),
        }
    }
}
