//! The words of `easel inpaint` and `easel edit`, and what they mean.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use inpaint::sdedit::steps_of_strength;
use inpaint::{Polarity, Resampling, Start};

use super::methods::{Chain, Method, usual_resampling};

/// A colour of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// White.
    White,
    /// Black.
    Black,
}

/// The methods that fill holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MethodName {
    /// The known part is replaced after every step: one call of the network a step.
    Replacement,
    /// RePaint: the same, and stretches of the chain are walked again. Fits the known part better, at more calls.
    Repaint,
}

/// What both commands know.
#[derive(Debug, Clone, Args)]
pub struct PictureOptions {
    /// Steps of the chain.
    #[arg(long, default_value_t = 50)]
    pub steps: usize,
    /// Share of fresh noise in a step, within 0..=1: 0 is deterministic, 1 is DDPM.
    #[arg(long, default_value_t = 1.0)]
    pub eta: f64,
    /// How many results.
    #[arg(long, default_value_t = 1)]
    pub count: usize,
    /// Seed; result k depends on the seed and k alone.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Resize picture and mask to the model's size, which they must have otherwise.
    #[arg(long)]
    pub resize: bool,
    /// Folder of a DDPM's run; the shipped digits where absent.
    #[arg(long)]
    pub run: Option<PathBuf>,
    /// NAME.png: the results pixel for pixel, side by side. NAME.svg: a sheet to look at, with picture and mask.
    /// NAME.safetensors: `images`, f32 [N, C, H, W] in [-1, 1].
    #[arg(long, default_value = "out.png")]
    pub out: PathBuf,
}

/// The words of `easel inpaint`.
#[derive(Debug, Clone, Args)]
pub struct InpaintOptions {
    /// The picture, PNG or JPEG.
    #[arg(long)]
    pub image: PathBuf,
    /// The mask, of the picture's size: white is filled, black is kept.
    #[arg(long)]
    pub mask: PathBuf,
    /// Which colour of the mask is kept.
    #[arg(long, value_enum, default_value = "black")]
    pub keep: Colour,
    /// The method.
    #[arg(long, value_enum, default_value = "repaint")]
    pub method: MethodName,
    /// RePaint: steps of a jump back up; a tenth of the steps where absent.
    #[arg(long)]
    pub jump: Option<usize>,
    /// RePaint: how often every stretch is walked; 5 where absent.
    #[arg(long, value_name = "R")]
    pub resample: Option<usize>,
    /// What both commands know.
    #[command(flatten)]
    pub common: PictureOptions,
}

/// The words of `easel edit`.
#[derive(Debug, Clone, Args)]
pub struct EditOptions {
    /// The guide, PNG or JPEG: a sketch, a collage, any picture.
    #[arg(long)]
    pub image: PathBuf,
    /// Share of the chain that is walked: little is faithful to the guide, 1 nearly forgets it.
    #[arg(long, default_value_t = 0.5)]
    pub strength: f64,
    /// Edits only the white part of this mask.
    #[arg(long)]
    pub mask: Option<PathBuf>,
    /// Which colour of the mask is kept; black where absent.
    #[arg(long, value_enum, requires = "mask")]
    pub keep: Option<Colour>,
    /// What both commands know.
    #[command(flatten)]
    pub common: PictureOptions,
}

impl Colour {
    /// What the white of the mask marks where this colour is kept.
    pub fn white_marks(self) -> Polarity {
        match self {
            Self::White => Polarity::Keep,
            Self::Black => Polarity::Repaint,
        }
    }
}

impl PictureOptions {
    /// The chain.
    ///
    /// # Errors
    /// Numbers out of range, by name.
    pub fn chain(&self) -> Result<Chain> {
        ensure!(self.count >= 1, "--count 0: at least 1");
        ensure!(self.steps >= 1, "--steps 0: at least 1");
        ensure!((0.0..=1.0).contains(&self.eta), "--eta {}: within 0..=1", self.eta);
        Ok(Chain { steps: self.steps, eta: self.eta, seed: self.seed })
    }
}

impl InpaintOptions {
    /// The method.
    ///
    /// # Errors
    /// Words that do not fit together, with the reason.
    pub fn method(&self) -> Result<Method> {
        let steps = self.common.steps;
        if self.method == MethodName::Replacement {
            let word = [("--jump", self.jump), ("--resample", self.resample)].into_iter().find(|(_, n)| n.is_some());
            let word = word.map_or("", |(word, _)| word);
            ensure!(word.is_empty(), "{word}: replacement never goes back up; it belongs to --method repaint");
            return Ok(Method::Replacement);
        }
        ensure!(steps >= 2, "--method repaint --steps {steps}: there is no stretch to walk again; at least 2 steps");
        let usual = usual_resampling(steps);
        let (jump, count) = (self.jump.unwrap_or(usual.jump), self.resample.unwrap_or(usual.count));
        ensure!((1..steps).contains(&jump), "--jump {jump}: within 1..={} for {steps} steps", steps - 1);
        ensure!(count >= 1, "--resample 0: at least 1, which is plain replacement");
        Ok(Method::Repaint(Resampling { jump, count }))
    }
}

impl EditOptions {
    /// The start.
    ///
    /// # Errors
    /// A strength that is no share, or leaves no step.
    pub fn start(&self) -> Result<Start> {
        let (strength, steps) = (self.strength, self.common.steps);
        ensure!((0.0..=1.0).contains(&strength), "--strength {strength}: within 0..=1");
        ensure!(
            steps_of_strength(strength, steps)? >= 1,
            "--strength {strength} of {steps} steps is none: the guide would come back as it is"
        );
        Ok(Start::Strength(strength))
    }
}
