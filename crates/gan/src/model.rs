//! The generator and the discriminator.

use easel_nn::layers::Linear;
use easel_nn::{InitScheme, NnError, Path};
use tch::Tensor;

use crate::blocks::{Collapse, Doubling, DownBlock, Project, ToLogit, ToPicture, UpBlock};
use crate::config::{Form, GanConfig};

impl GanConfig {
    /// How the networks' weights are drawn. The ranges of 2014 (0.05 in G, 0.005 in D) belong to plain gradient descent.
    pub fn init(&self) -> InitScheme {
        match self.form {
            Form::Dcgan { .. } => InitScheme::Dcgan,
            Form::Mlp { .. } => InitScheme::Public,
        }
    }

    /// Cuts the padding from `[B, C, H + 2 pad, W + 2 pad]`.
    pub fn crop(&self, padded: &Tensor) -> Tensor {
        padded.narrow(2, self.pad, self.side).narrow(3, self.pad, self.side)
    }
}

/// G: from z to a picture in [-1, 1].
#[derive(Debug)]
pub struct Generator {
    layers: GeneratorLayers,
}

#[derive(Debug)]
enum GeneratorLayers {
    Dcgan { dense: Option<Project>, project: Project, up: Vec<UpBlock>, to_picture: ToPicture },
    Mlp { hidden: Vec<Linear>, last: Linear, picture: [i64; 3] },
}

impl Generator {
    /// Declares the weights below `path`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &GanConfig) -> Result<Self, NnError> {
        let layers = match &config.form {
            Form::Dcgan { generator, start, dense, .. } => {
                let inputs = if *dense > 0 { *dense } else { config.latent };
                let layer = || Project::new(&path.sub("dense"), config.latent, *dense, 1);
                let doublings = i64::from(config.doublings());
                let width = |k: i64| generator << (doublings - 1 - k);
                let up = |k: i64| UpBlock::new(&path.sub("up").sub(k), width(k), width(k + 1), Doubling::Transposed);
                GeneratorLayers::Dcgan {
                    dense: (*dense > 0).then(layer).transpose()?,
                    project: Project::new(&path.sub("project"), inputs, width(0), *start)?,
                    up: (0..doublings - 1).map(up).collect::<Result<_, _>>()?,
                    to_picture: ToPicture::new(
                        &path.sub("to_picture"),
                        *generator,
                        config.channels,
                        Doubling::Transposed,
                    )?,
                }
            }
            Form::Mlp { generator, .. } => {
                let inputs = std::iter::once(&config.latent).chain(generator);
                let picture = [config.channels, config.padded_side(), config.padded_side()];
                let hidden = inputs
                    .zip(generator)
                    .enumerate()
                    .map(|(k, (&i, &o))| Linear::new(&path.sub("hidden").sub(k), i, o))
                    .collect::<Result<Vec<_>, _>>()?;
                let width = generator.last().copied().unwrap_or(config.latent);
                let last = Linear::new(&path.sub("last"), width, picture.iter().product())?;
                GeneratorLayers::Mlp { hidden, last, picture }
            }
        };
        Ok(Self { layers })
    }

    /// z `[B, latent]` to pictures `[B, C, H, W]` in [-1, 1], padded as configured.
    ///
    /// Batch normalisation uses the batch's own statistics where `train`, and moves the running ones; otherwise it uses
    /// those, so that a picture depends on its own z alone.
    pub fn forward(&self, z: &Tensor, train: bool) -> Tensor {
        last(self.stages(z, train))
    }

    /// What each layer puts out, the picture last, under the layer's name.
    pub fn stages(&self, z: &Tensor, train: bool) -> Vec<(String, Tensor)> {
        let mut stages = Vec::new();
        match &self.layers {
            GeneratorLayers::Dcgan { dense, project, up, to_picture } => {
                let mut x = z.shallow_clone();
                if let Some(dense) = dense {
                    x = dense.forward(&x, train).flatten(1, -1);
                    stages.push(("dense".into(), x.shallow_clone()));
                }
                x = project.forward(&x, train);
                stages.push(("project".to_string(), x.shallow_clone()));
                for (k, block) in up.iter().enumerate() {
                    x = block.forward(&x, train);
                    stages.push((format!("up.{k}"), x.shallow_clone()));
                }
                stages.push(("to_picture".into(), to_picture.forward(&x)));
            }
            GeneratorLayers::Mlp { hidden, last, picture } => {
                let mut x = z.shallow_clone();
                for (k, layer) in hidden.iter().enumerate() {
                    x = layer.forward(&x).relu();
                    stages.push((format!("hidden.{k}"), x.shallow_clone()));
                }
                // The paper's sigmoid, on pictures in [-1, 1].
                let [c, h, w] = *picture;
                let picture = (last.forward(&x).sigmoid() * 2.0 - 1.0).reshape([-1, c, h, w]);
                stages.push(("last".into(), picture));
            }
        }
        stages
    }
}

/// The output of the last stage.
fn last(mut stages: Vec<(String, Tensor)>) -> Tensor {
    stages.pop().expect("a network has a last layer").1
}

/// D: from a picture to the logit of the belief that it is real.
#[derive(Debug)]
pub struct Discriminator {
    pack: i64,
    layers: DiscriminatorLayers,
}

#[derive(Debug)]
enum DiscriminatorLayers {
    Dcgan { down: Vec<DownBlock>, dense: Option<Collapse>, to_logit: ToLogit },
    Mlp { hidden: Vec<Linear>, last: Linear, pieces: i64, drop_input: f64, drop: f64 },
}

impl Discriminator {
    /// Declares the weights below `path`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, config: &GanConfig) -> Result<Self, NnError> {
        let layers = match &config.form {
            Form::Dcgan { discriminator, start, dense, .. } => {
                let doublings = i64::from(config.doublings());
                let width = |k: i64| if k == 0 { config.pack * config.channels } else { discriminator << (k - 1) };
                let down = |k: i64| DownBlock::new(&path.sub("down").sub(k), width(k), width(k + 1), k > 0);
                let layer = || Collapse::new(&path.sub("dense"), width(doublings), *dense, *start);
                let (inputs, side) = if *dense > 0 { (*dense, 1) } else { (width(doublings), *start) };
                DiscriminatorLayers::Dcgan {
                    down: (0..doublings).map(down).collect::<Result<_, _>>()?,
                    dense: (*dense > 0).then(layer).transpose()?,
                    to_logit: ToLogit::new(&path.sub("to_logit"), inputs, side)?,
                }
            }
            Form::Mlp { discriminator, pieces, drop_input, drop, .. } => {
                let pixels = config.pack * config.channels * config.padded_side() * config.padded_side();
                let hidden = std::iter::once(&pixels)
                    .chain(discriminator)
                    .zip(discriminator)
                    .enumerate()
                    .map(|(k, (&i, &o))| Linear::new(&path.sub("hidden").sub(k), i, o * pieces))
                    .collect::<Result<Vec<_>, _>>()?;
                let last = Linear::new(&path.sub("last"), discriminator.last().copied().unwrap_or(pixels), 1)?;
                DiscriminatorLayers::Mlp { hidden, last, pieces: *pieces, drop_input: *drop_input, drop: *drop }
            }
        };
        Ok(Self { pack: config.pack, layers })
    }

    /// Pictures `[B, C, H, W]`, padded as configured, to logits `[B / pack]`: neighbours are judged together.
    ///
    /// Where `train`, batch normalisation uses the batch's own statistics (so give it real pictures and fakes apart) and
    /// dropout draws from libtorch's generator.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        last(self.stages(x, train))
    }

    /// What each layer puts out, the logit last, under the layer's name.
    pub fn stages(&self, x: &Tensor, train: bool) -> Vec<(String, Tensor)> {
        let mut stages = Vec::new();
        let x = &packed(x, self.pack);
        match &self.layers {
            DiscriminatorLayers::Dcgan { down, dense, to_logit } => {
                let mut x = x.shallow_clone();
                for (k, block) in down.iter().enumerate() {
                    x = block.forward(&x, train);
                    stages.push((format!("down.{k}"), x.shallow_clone()));
                }
                if let Some(dense) = dense {
                    x = dense.forward(&x, train);
                    stages.push(("dense".into(), x.shallow_clone()));
                }
                stages.push(("to_logit".into(), to_logit.forward(&x)));
            }
            DiscriminatorLayers::Mlp { hidden, last, pieces, drop_input, drop } => {
                let mut x = x.flatten(1, -1).dropout(*drop_input, train);
                for (k, layer) in hidden.iter().enumerate() {
                    x = maxout(&layer.forward(&x), *pieces).dropout(*drop, train);
                    stages.push((format!("hidden.{k}"), x.shallow_clone()));
                }
                stages.push(("last".into(), last.forward(&x).flatten(0, -1)));
            }
        }
        stages
    }
}

/// Every `pack` neighbours of `[B, C, H, W]` stacked by channel, `[B / pack, pack C, H, W]`.
pub fn packed(x: &Tensor, pack: i64) -> Tensor {
    let size = x.size();
    x.reshape([size[0] / pack, pack * size[1], size[2], size[3]])
}

/// The largest of every `pieces` neighbours in the last dimension: `[.., n pieces]` to `[.., n]` (Goodfellow et al. 2013,
/// arXiv:1302.4389).
pub fn maxout(x: &Tensor, pieces: i64) -> Tensor {
    let mut size = x.size();
    let last = size.pop().unwrap_or(0);
    size.extend([last / pieces, pieces]);
    x.reshape(size).amax([-1i64].as_slice(), false)
}
