//! A finished model: of a run, or as shipped.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use controlgan::captions::encode;
use controlgan::features::TextFeatures;
use controlgan::{ControlGan, Generated};
use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_core::weights::{self, Weights};
use easel_nn::Params;
use easel_text::vocabulary::PADDING;
use easel_text::{Tokens, Vocabulary};
use tch::{Device, Tensor, no_grad};

use super::config::{Ablation, RunConfig};

const SHIPPED: &[u8] = include_bytes!("../../../weights/controlgan.safetensors");
/// Pictures of one pass.
const BATCH: usize = 50;

/// File of a run's model.
pub fn model_file(config: &RunConfig, ablation: Ablation) -> String {
    match ablation == config.ablation {
        true => "controlgan.safetensors".into(),
        false => format!("controlgan-{}.safetensors", ablation.name()),
    }
}

/// The networks with their words.
#[derive(Debug)]
pub struct Trained {
    /// The configuration, with the ablation applied.
    pub config: RunConfig,
    /// The networks.
    pub model: ControlGan,
    /// The words it knows.
    pub vocabulary: Vocabulary,
    /// Number of attributes of the perceptual network.
    pub attributes: usize,
    /// Where it computes.
    pub device: Device,
}

impl Trained {
    /// The model of `run`, or the shipped one.
    pub fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        match run {
            Some(folder) => Self::read(&folder.join("controlgan.safetensors"), device)
                .with_context(|| format!("{} is not a finished run of controlgan", folder.display())),
            None => Self::of(&weights::parse("controlgan.safetensors (built in)", SHIPPED)?, device),
        }
    }

    /// The model in a file.
    pub fn read(path: &Path, device: Device) -> Result<Self> {
        Self::of(&weights::read(path)?, device)
    }

    fn of(file: &Weights, device: Device) -> Result<Self> {
        let metadata = |key: &str| {
            let found = file.metadata.get(key);
            found.with_context(|| format!("{}: metadata `{key}` is missing", file.path.display()))
        };
        let config = RunConfig::read(&metadata("config")?.parse()?)?;
        let vocabulary = Vocabulary::from_metadata(file)?;
        let attributes = metadata("attributes")?.lines().count();
        let params = Params::zeros(device);
        let model = ControlGan::new(&params.root(), &config.model, vocabulary.len(), attributes)?;
        params.load(file)?;
        Ok(Self { config, model, vocabulary, attributes, device })
    }

    /// Features of captions.
    ///
    /// # Errors
    /// A word that the model does not know; the message lists those it knows.
    pub fn text(&self, captions: &[impl AsRef<str>]) -> Result<TextFeatures> {
        let rows = captions
            .iter()
            .map(|caption| encode(&self.vocabulary, caption.as_ref(), self.config.model.max_words))
            .collect::<Result<Vec<_>, _>>()?;
        let tokens = Tokens::new(&rows, PADDING).to_device(self.device);
        Ok(no_grad(|| TextFeatures::of(&self.model.frozen.text, &tokens))?)
    }

    /// z and epsilon of the samples numbered `samples`.
    pub fn noise(&self, samples: Range<u64>, seed: u64) -> [Tensor; 2] {
        let draw = |purpose: &str, width: i64| {
            normal_tensor(&Noise::new(seed).purpose(purpose), 0, samples.clone(), &[width], self.device)
        };
        [draw("sample/z", self.config.model.z), draw("sample/epsilon", self.config.model.conditioning)]
    }

    /// Everything that is made of `captions`, caption k with the noise of sample k.
    pub fn generate(&self, captions: &[impl AsRef<str>], seed: u64) -> Result<Generated> {
        let [z, epsilon] = self.noise(0..captions.len() as u64, seed);
        Ok(self.model.generate(&self.text(captions)?, &z, &epsilon))
    }

    /// The pictures of the last stage, f32 `[N, 3, side, side]`; caption k has the noise of sample `first + k`.
    pub fn pictures(&self, captions: &[String], first: u64, seed: u64) -> Result<Tensor> {
        let mut parts = Vec::new();
        for (i, chunk) in captions.chunks(BATCH).enumerate() {
            let start = first + (i * BATCH) as u64;
            let [z, epsilon] = self.noise(start..start + chunk.len() as u64, seed);
            parts.push(self.model.generate(&self.text(chunk)?, &z, &epsilon).last().shallow_clone());
        }
        Ok(Tensor::cat(&parts, 0))
    }

    /// Which model, for captions of figures.
    pub fn provenance(&self) -> String {
        let c = &self.config;
        let left_out = match c.ablation {
            Ablation::Nothing => String::new(),
            other => format!(", {}", other.label()),
        };
        format!(
            "Model: preset {}, seed {}, {} steps on {}{left_out}.",
            c.preset,
            c.seed,
            c.players.steps.steps,
            c.data.set.replace('-', " ")
        )
    }
}
