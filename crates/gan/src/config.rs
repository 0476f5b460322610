//! The two networks' configuration and its presets.

use serde::{Deserialize, Serialize};

use crate::latent::Prior;

/// Everything that fixes the two networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GanConfig {
    /// Channels C of a picture.
    pub channels: i64,
    /// Side of a picture.
    pub side: i64,
    /// Black pixels that the networks see on each side of it: 2 turns 28 into 32. Samples are cut back.
    pub pad: i64,
    /// Numbers in z.
    pub latent: i64,
    /// Distribution of z.
    pub prior: Prior,
    /// Pictures of one kind that D judges together, stacked by channel, so that it sees how much they differ (PacGAN, Lin et
    /// al. 2018, arXiv:1712.04086); 1 as in 2014.
    pub pack: i64,
    /// The networks.
    pub form: Form,
}

/// The form of the networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Form {
    /// Strided convolutions with batch normalisation (Radford et al. 2016).
    Dcgan {
        /// Channels of G's last map before the picture; each earlier map has twice as many.
        generator: i64,
        /// Channels of D's first map; each later map has twice as many.
        discriminator: i64,
        /// Side of G's first and of D's last map: the side of a picture, halved some times.
        start: i64,
        /// Width of a linear layer before G's first map and after D's last, as in DCGAN's model of MNIST; 0 for none.
        #[serde(default)]
        dense: i64,
    },
    /// Linear maps: rectifiers in G, maxout with dropout in D (Goodfellow et al. 2014, their code for MNIST).
    Mlp {
        /// Widths of G's hidden layers.
        generator: Vec<i64>,
        /// Maxout units of each of D's hidden layers.
        discriminator: Vec<i64>,
        /// Linear pieces of a maxout unit.
        pieces: i64,
        /// Probability with which dropout drops an input of D's first layer.
        drop_input: f64,
        /// The same for the other layers.
        drop: f64,
    },
}

/// A configuration that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model.{key} = {value}: {expected}")]
pub struct ConfigError {
    key: &'static str,
    value: String,
    expected: String,
}

fn require(holds: bool, key: &'static str, value: impl std::fmt::Debug, expected: &str) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError { key, value: format!("{value:?}"), expected: expected.into() }) }
}

impl GanConfig {
    /// Names of the presets.
    pub const PRESETS: [&'static str; 5] = ["small", "mlp", "smoke", "paper", "paper-2014"];

    /// A preset by name.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "small" => Some(Self::small()),
            "mlp" => Some(Self::small_mlp()),
            "smoke" => Some(Self::smoke()),
            "paper" => Some(Self::paper()),
            "paper-2014" => Some(Self::paper_2014()),
            _ => None,
        }
    }

    /// The default: digits of 28 x 28 pixels, trained in minutes on two cores.
    pub fn small() -> Self {
        Self {
            channels: 1,
            side: 28,
            pad: 0,
            latent: 64,
            prior: Prior::Normal,
            pack: 2,
            form: Form::Dcgan { generator: 32, discriminator: 32, start: 7, dense: 256 },
        }
    }

    /// A pair of networks that trains for seconds: for tests.
    pub fn smoke() -> Self {
        Self { latent: 16, form: Form::Dcgan { generator: 4, discriminator: 4, start: 7, dense: 16 }, ..Self::small() }
    }

    /// The DCGAN of 64 x 64 pixels in colour, in the sizes of the authors' Torch port: 3,576,704 parameters in G and
    /// 2,765,568 in D, as counted from the paper's widths 1024, 512, 256, 128 halved.
    pub fn paper() -> Self {
        Self {
            channels: 3,
            side: 64,
            latent: 100,
            pack: 1,
            form: Form::Dcgan { generator: 64, discriminator: 64, start: 4, dense: 0 },
            ..Self::small()
        }
    }

    /// The networks of 2014 for MNIST.
    pub fn paper_2014() -> Self {
        Self {
            latent: 100,
            pack: 1,
            prior: Prior::Uniform,
            form: Form::Mlp {
                generator: vec![1200, 1200],
                discriminator: vec![240, 240],
                pieces: 5,
                drop_input: 0.2,
                drop: 0.5,
            },
            ..Self::small()
        }
    }

    /// Linear maps of a size that trains in minutes.
    pub fn small_mlp() -> Self {
        Self {
            form: Form::Mlp {
                generator: vec![256, 512],
                discriminator: vec![128, 128],
                pieces: 3,
                drop_input: 0.2,
                drop: 0.5,
            },
            pack: 1,
            prior: Prior::Uniform,
            ..Self::small()
        }
    }

    /// Side of the pictures that the networks see.
    pub fn padded_side(&self) -> i64 {
        self.side + 2 * self.pad
    }

    /// How often a map doubles between G's first map and the picture; 0 for linear maps.
    pub fn doublings(&self) -> u32 {
        match self.form {
            Form::Dcgan { start, .. } => (self.padded_side() / start.max(1)).max(1).ilog2(),
            Form::Mlp { .. } => 0,
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The key at fault, with what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        require(matches!(self.channels, 1 | 3), "channels", self.channels, "1 or 3")?;
        require((4..=256).contains(&self.side), "side", self.side, "from 4 to 256")?;
        require((0..=16).contains(&self.pad), "pad", self.pad, "from 0 to 16")?;
        require((1..=4096).contains(&self.latent), "latent", self.latent, "from 1 to 4096")?;
        require((1..=8).contains(&self.pack), "pack", self.pack, "from 1 to 8")?;
        match &self.form {
            Form::Dcgan { generator, discriminator, start, dense } => {
                require((1..=1024).contains(generator), "form.generator", generator, "from 1 to 1024")?;
                require((1..=1024).contains(discriminator), "form.discriminator", discriminator, "from 1 to 1024")?;
                require((0..=4096).contains(dense), "form.dense", dense, "0 (none) or a width up to 4096")?;
                let whole = *start >= 1 && self.doublings() >= 1 && start << self.doublings() == self.padded_side();
                let expected = format!("a map that doubles some times to {} pixels", self.padded_side());
                require(whole, "form.start", start, &expected)
            }
            Form::Mlp { generator, discriminator, pieces, drop_input, drop } => {
                let widths = |list: &[i64]| !list.is_empty() && list.iter().all(|w| (1..=8192).contains(w));
                require(widths(generator), "form.generator", generator, "one width or more, from 1 to 8192")?;
                require(
                    widths(discriminator),
                    "form.discriminator",
                    discriminator,
                    "one width or more, from 1 to 8192",
                )?;
                require((1..=64).contains(pieces), "form.pieces", pieces, "from 1 to 64")?;
                require((0.0..1.0).contains(drop_input), "form.drop_input", drop_input, "in [0, 1)")?;
                require((0.0..1.0).contains(drop), "form.drop", drop, "in [0, 1)")
            }
        }
    }
}
