//! The configuration of a run.

use anyhow::{Result, ensure};
use controlgan::learner::{LossWeights, PlayersConfig};
use controlgan::loss::AdversarialForm;
use controlgan::{ControlGanConfig, CorreMode};
use easel_data::emoji::ArtStyle;
use easel_train::{AdamConfig, Decay, LoopConfig, OptimConfig, RateConfig};
use serde::{Deserialize, Serialize};
use toml::Table;

/// Everything a run depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The experiment's name.
    pub paper: String,
    /// The preset it started from.
    pub preset: String,
    /// Seed of everything random.
    pub seed: u64,
    /// What the players of the run leave out.
    pub ablation: Ablation,
    /// Further players that the run trains for as long, on the same encoders, and measures beside.
    pub ablations: Vec<Ablation>,
    /// Pictures with captions.
    pub data: DataConfig,
    /// The network of the perceptual loss.
    pub perceptual: Perceptual,
    /// The networks.
    pub model: ControlGanConfig,
    /// Training of the two encoders.
    pub damsm: PartConfig,
    /// Training of the perceptual network.
    pub attributes: PartConfig,
    /// Training of the players.
    pub players: PlayersRun,
    /// Measurement.
    pub evaluate: EvaluateConfig,
}

/// The network of the perceptual loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Perceptual {
    /// The one that is trained here to name the words of captions.
    Attributes,
    /// VGG-16, as in the paper: the trunk of the fetched edge network.
    Vgg,
}

/// What is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ablation {
    /// Nothing.
    Nothing,
    /// Channel-wise attention and the word-level discriminator: what is left has no part of ControlGAN's own but the
    /// perceptual loss.
    WordLevel,
    /// The word-level discriminator.
    WordDiscriminator,
    /// Channel-wise attention.
    ChannelAttention,
    /// The perceptual loss.
    Perceptual,
    /// DAMSM's loss of the generator; its encoders stay.
    Damsm,
}

impl Ablation {
    /// Its word in configurations, file names and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::WordLevel => "word_level",
            Self::WordDiscriminator => "word_discriminator",
            Self::ChannelAttention => "channel_attention",
            Self::Perceptual => "perceptual",
            Self::Damsm => "damsm",
        }
    }

    /// For figures.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nothing => "all parts",
            Self::WordLevel => "no word-level part",
            Self::WordDiscriminator => "no word-level D",
            Self::ChannelAttention => "no channel attention",
            Self::Perceptual => "no perceptual loss",
            Self::Damsm => "no DAMSM loss",
        }
    }
}

/// The scenes of sprites.
pub const SPRITE_SCENES: &str = "sprite-scenes";
/// The emoji.
pub const EMOJI: &str = "emoji";

/// Pictures with captions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// `sprite-scenes`, to which the other keys belong, or `emoji`.
    pub set: String,
    /// Most objects of a scene, 1 to 3.
    pub objects: usize,
    /// Who drew the objects.
    pub styles: Vec<ArtStyle>,
    /// Training scenes; the ones after them are held out.
    pub scenes: u64,
}

/// Training of one network.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartConfig {
    /// Pictures a step.
    pub batch: usize,
    /// Length and rhythm.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// The optimiser.
    pub optim: OptimConfig,
}

/// Training of the players.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayersRun {
    /// Pictures a step.
    pub batch: usize,
    /// Length and rhythm.
    #[serde(rename = "loop")]
    pub steps: LoopConfig,
    /// Losses and optimisers.
    pub train: PlayersConfig,
}

/// What is measured.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// Pictures, each of another held-out picture's caption, as far as there are so many.
    pub pictures: usize,
    /// Captions of which a word is changed, for each kind of word.
    pub edits: usize,
    /// Captions among which R-precision looks for the right one.
    pub candidates: usize,
}

impl RunConfig {
    /// Reads and checks.
    pub fn read(table: &Table) -> Result<Self> {
        let config: Self = crate::settings::read(table.clone())?;
        config.model.validate()?;
        for part in [&config.damsm, &config.attributes] {
            part.steps.validate()?;
            part.optim.validate()?;
        }
        config.players.steps.validate()?;
        config.players.train.validate()?;
        for (key, batch) in [
            ("damsm.batch", config.damsm.batch),
            ("attributes.batch", config.attributes.batch),
            ("players.batch", config.players.batch),
        ] {
            ensure!(batch >= 2, "{key} = {batch}: at least 2");
        }
        let penalty = config.players.train.penalty;
        ensure!(
            penalty == 0.0 || !config.model.normalised,
            "players.train.penalty = {penalty}: 0, or model.normalised = false"
        );
        let data = &config.data;
        ensure!(
            matches!(data.set.as_str(), SPRITE_SCENES | EMOJI),
            "data.set = \"{}\": `{SPRITE_SCENES}` or `{EMOJI}`",
            data.set
        );
        ensure!((1..=3).contains(&data.objects), "data.objects = {}: 1 to 3", data.objects);
        ensure!(!data.styles.is_empty(), "data.styles is empty: name one of twemoji, noto, fluent, open_moji");
        let most = config.damsm.batch.max(config.attributes.batch).max(config.players.batch) as u64;
        ensure!(data.scenes >= most, "data.scenes = {}: at least a batch, {most}", data.scenes);
        let (side, trains) = (config.model.side, config.preset != "paper");
        ensure!(!trains || (32..=128).contains(&side), "model.side = {side}: pictures have 32 to 128 pixels a side");
        let evaluate = config.evaluate;
        ensure!(evaluate.pictures >= 8, "evaluate.pictures = {}: at least 8", evaluate.pictures);
        ensure!(evaluate.edits >= 1, "evaluate.edits = {}: at least 1", evaluate.edits);
        ensure!(evaluate.candidates >= 2, "evaluate.candidates = {}: at least 2", evaluate.candidates);
        ensure!(
            !config.ablations.contains(&config.ablation),
            "ablations: {} is the run itself",
            config.ablation.name()
        );
        Ok(config)
    }

    /// The same with another thing left out, from the configuration as it is written.
    pub fn without(&self, ablation: Ablation) -> Self {
        let mut config = Self { ablation, ablations: vec![], ..self.clone() };
        let (model, weights) = (&mut config.model, &mut config.players.train.weights);
        if matches!(ablation, Ablation::WordLevel | Ablation::ChannelAttention) {
            model.channel_attention = false;
        }
        if matches!(ablation, Ablation::WordLevel | Ablation::WordDiscriminator) {
            (weights.word_discriminator, weights.word_generator) = (0.0, 0.0);
        }
        match ablation {
            Ablation::Perceptual => weights.perceptual = 0.0,
            Ablation::Damsm => weights.damsm = 0.0,
            _ => {}
        }
        config
    }

    /// The preset of this name.
    pub fn preset(name: &str, seed: u64) -> Result<Self> {
        let Some(model) = ControlGanConfig::preset(name) else { anyhow::bail!("controlgan has no preset `{name}`") };
        let (smoke, paper, emoji) = (name == "smoke", name == "paper", name == EMOJI);
        let beta2 = if paper { 0.999 } else { 0.99 };
        let steps = |small: u64, quick: u64| {
            let steps = if smoke { quick } else { small };
            LoopConfig { steps, log_every: if smoke { 1 } else { 10 }, checkpoint_every: (steps / 4).max(2), keep: 1 }
        };
        Ok(Self {
            paper: "controlgan".into(),
            preset: name.into(),
            seed,
            ablation: Ablation::Nothing,
            ablations: vec![],
            data: DataConfig {
                set: if emoji { EMOJI } else { SPRITE_SCENES }.into(),
                objects: 2,
                styles: vec![ArtStyle::Twemoji],
                scenes: if smoke { 64 } else { 8000 },
            },
            perceptual: if paper { Perceptual::Vgg } else { Perceptual::Attributes },
            model,
            damsm: PartConfig { batch: if smoke { 8 } else { 32 }, steps: steps(900, 4), optim: encoders() },
            attributes: PartConfig { batch: if smoke { 8 } else { 32 }, steps: steps(500, 4), optim: encoders() },
            players: PlayersRun {
                batch: if smoke { 4 } else { 16 },
                steps: steps(if emoji { 6000 } else { 2600 }, 6),
                train: PlayersConfig {
                    adversarial: AdversarialForm::Code,
                    corre: CorreMode::Weighted,
                    penalty: if paper { 0.0 } else { 2.0 },
                    weights: LossWeights {
                        word_discriminator: 0.5,
                        damsm: 1.0,
                        perceptual: 20.0,
                        word_generator: 1.0,
                        word_delay: 0.2,
                        divergence: 1.0,
                    },
                    generator: player(if paper { 2e-4 } else { 1e-3 }, beta2),
                    discriminator: player(if paper { 2e-4 } else { 2e-3 }, beta2),
                },
            },
            evaluate: EvaluateConfig {
                pictures: if smoke { 12 } else { 500 },
                edits: if smoke { 3 } else { 100 },
                candidates: 100,
            },
        })
    }
}

fn encoders() -> OptimConfig {
    let rate = RateConfig { lr: 2e-3, final_lr: 2e-5, warmup: 50, decay: Decay::Cosine };
    OptimConfig { rate, ema: 0.99, ..OptimConfig::default() }
}

fn player(lr: f64, beta2: f64) -> OptimConfig {
    let rate = RateConfig { lr, final_lr: lr / 10.0, warmup: 0, decay: Decay::Linear };
    let adam = AdamConfig { beta1: 0.5, beta2, ..AdamConfig::default() };
    OptimConfig { rate, adam, clip: 0.0, ..OptimConfig::default() }
}
