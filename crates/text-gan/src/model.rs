//! Generator, discriminator and style encoder (section 4.1).

use easel_nn::layers::{BatchNorm, Conv2d, Linear};
use easel_nn::{NnError, Path};
use gan::blocks::{DownBlock, Project, ToLogit, ToPicture, UpBlock, leaky_relu};
use tch::Tensor;

use crate::config::TextGanConfig;

/// Side of the smallest map, where the text joins the discriminator.
pub const LAST: i64 = 4;

/// $G(z,\varphi(t))$: the projected text beside the noise, then transposed convolutions.
#[derive(Debug)]
pub struct Generator {
    text: Linear,
    first: Project,
    blocks: Vec<UpBlock>,
    last: ToPicture,
}

impl Generator {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &TextGanConfig) -> Result<Self, NnError> {
        let n = config.doublings();
        let width = |level: u32| config.generator << (n - 1 - level); // level 0 is the 4 x 4 map
        Ok(Self {
            text: Linear::new(&path.sub("text"), config.text, config.projected)?,
            first: Project::new(&path.sub("first"), config.noise + config.projected, width(0), LAST)?,
            blocks: (1..n)
                .map(|k| UpBlock::new(&path.sub("blocks").sub(k - 1), width(k - 1), width(k), config.doubling))
                .collect::<Result<_, _>>()?,
            last: ToPicture::new(&path.sub("last"), config.generator, config.channels, config.doubling)?,
        })
    }

    /// Noise f32 `[B, Z]` and texts f32 `[B, T]` to pictures f32 `[B, C, side, side]` in [-1, 1]; batch normalisation uses
    /// the batch's statistics where `train`, else the running ones, so that a picture depends on its own row alone.
    pub fn forward(&self, z: &Tensor, texts: &Tensor, train: bool) -> Tensor {
        self.maps(z, texts, train).pop().expect("the last map is the picture")
    }

    /// The maps on the way to the pictures of [`Generator::forward`], which are the last.
    pub fn maps(&self, z: &Tensor, texts: &Tensor, train: bool) -> Vec<Tensor> {
        let text = leaky_relu(&self.text.forward(texts));
        let mut maps = vec![self.first.forward(&Tensor::cat(&[z, &text], 1), train)];
        for block in &self.blocks {
            maps.push(block.forward(&maps[maps.len() - 1], train));
        }
        maps.push(self.last.forward(&maps[maps.len() - 1]));
        maps
    }
}

/// Strided convolutions from a picture to a 4 x 4 map.
#[derive(Debug)]
struct Trunk {
    blocks: Vec<DownBlock>,
    width: i64,
}

impl Trunk {
    fn new(path: &Path, config: &TextGanConfig, normalised: bool) -> Result<Self, NnError> {
        let n = config.doublings();
        let width = |k: u32| config.discriminator << k;
        let block = |k: u32| {
            let inputs = if k == 0 { config.channels } else { width(k - 1) };
            match normalised {
                true => DownBlock::new(&path.sub(k), inputs, width(k), k > 0),
                false => DownBlock::plain(&path.sub(k), inputs, width(k)),
            }
        };
        Ok(Self { blocks: (0..n).map(block).collect::<Result<_, _>>()?, width: width(n - 1) })
    }

    fn forward(&self, pictures: &Tensor, train: bool) -> Tensor {
        self.maps(pictures, train).pop().expect("a picture is larger than the last map")
    }

    fn maps(&self, pictures: &Tensor, train: bool) -> Vec<Tensor> {
        let mut maps: Vec<Tensor> = Vec::new();
        for block in &self.blocks {
            maps.push(block.forward(maps.last().unwrap_or(pictures), train));
        }
        maps
    }
}

/// $D(x,\varphi(t))$: convolutions down to 4 x 4, where the projected text joins at every position.
///
/// In two parts, since a picture is judged with more than one text: [`Discriminator::features`] once a picture,
/// [`Discriminator::score`] once a pair.
#[derive(Debug)]
pub struct Discriminator {
    trunk: Trunk,
    text: Linear,
    join: Conv2d,
    norm: Option<BatchNorm>,
    last: ToLogit,
}

impl Discriminator {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &TextGanConfig) -> Result<Self, NnError> {
        let trunk = Trunk::new(&path.sub("trunk"), config, config.normalised)?;
        let (width, inputs) = (trunk.width, trunk.width + config.projected);
        let (join, norm) = match config.normalised {
            true => (Conv2d::without_bias(&path.sub("join"), inputs, width, 1)?, Some(path.sub("norm"))),
            false => (Conv2d::new(&path.sub("join"), inputs, width, 1)?, None),
        };
        Ok(Self {
            trunk,
            text: Linear::new(&path.sub("text"), config.text, config.projected)?,
            join,
            norm: norm.map(|path| BatchNorm::new(&path, width)).transpose()?,
            last: ToLogit::new(&path.sub("last"), width, LAST)?,
        })
    }

    /// Pictures f32 `[B, C, side, side]` to maps f32 `[B, width, 4, 4]`.
    pub fn features(&self, pictures: &Tensor, train: bool) -> Tensor {
        self.trunk.forward(pictures, train)
    }

    /// The maps on the way to [`Discriminator::features`], which are the last.
    pub fn maps(&self, pictures: &Tensor, train: bool) -> Vec<Tensor> {
        self.trunk.maps(pictures, train)
    }

    /// Maps of [`Discriminator::features`] with their texts f32 `[B, T]` to logits `[B]`.
    pub fn score(&self, features: &Tensor, texts: &Tensor, train: bool) -> Tensor {
        let x = self.join.forward(&Tensor::cat(&[features, &self.planes(texts)], 1));
        let x = match &self.norm {
            Some(norm) => norm.forward(&x, train),
            None => x,
        };
        self.last.forward(&leaky_relu(&x))
    }

    /// Projected texts `[B, T]` at every position, `[B, n_t, 4, 4]`.
    pub fn planes(&self, texts: &Tensor) -> Tensor {
        let text = leaky_relu(&self.text.forward(texts));
        let size = text.size();
        text.unsqueeze(-1).unsqueeze(-1).expand([size[0], size[1], LAST, LAST], false)
    }

    /// [`Discriminator::score`] of pictures.
    pub fn forward(&self, pictures: &Tensor, texts: &Tensor, train: bool) -> Tensor {
        self.score(&self.features(pictures, train), texts, train)
    }
}

/// A vector of a picture: the discriminator's convolutions without text, then a linear map of the 4 x 4 map.
///
/// With Z outputs the style encoder S (section 4.4; the paper gives no architecture), with T outputs the picture's
/// side of the joint embedding that trains the text encoder.
#[derive(Debug)]
pub struct PictureEncoder {
    trunk: Trunk,
    last: Linear,
}

impl PictureEncoder {
    /// Declares the weights; `config` gives the sizes of the convolutions.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &TextGanConfig, outputs: i64) -> Result<Self, NnError> {
        let trunk = Trunk::new(&path.sub("trunk"), config, true)?;
        let last = Linear::new(&path.sub("last"), trunk.width * LAST * LAST, outputs)?;
        Ok(Self { trunk, last })
    }

    /// Pictures f32 `[B, C, side, side]` to vectors f32 `[B, outputs]`.
    pub fn forward(&self, pictures: &Tensor, train: bool) -> Tensor {
        self.last.forward(&self.trunk.forward(pictures, train).flatten(1, -1))
    }
}
