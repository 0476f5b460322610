//! A trained model: from a run's folder or as shipped; and sampling with it.

use std::path::Path;

use align_draw::learner::epsilon;
use align_draw::sample::{Step, sample};
use align_draw::sharpen::Sharpener;
use align_draw::source::{MAX_WORDS, channels};
use align_draw::{AlignDraw, sharpen_learner};
use anyhow::{Context, Result, ensure};
use easel_core::Noise;
use easel_core::weights::{self, Weights};
use easel_data::Split;
use easel_data::captioned_digits::normalised;
use easel_nn::Params;
use easel_text::vocabulary::{UNKNOWN, words};
use easel_text::{Tokens, Vocabulary};
use tch::{Device, Tensor, no_grad};

use super::config::{DIGITS, RunConfig};

const MODEL: &[u8] = include_bytes!("../../../weights/align-draw-model.safetensors");
const SHARPENER: &[u8] = include_bytes!("../../../weights/align-draw-sharpener.safetensors");

/// File of the network in a run.
pub const MODEL_FILE: &str = "model.safetensors";
/// File of the sharpening stage in a run; without tensors where there is none.
pub const SHARPENER_FILE: &str = "sharpener.safetensors";
/// Pictures at once when sampling.
const BATCH: usize = 100;

/// A network with its vocabulary, and the stage after it.
#[derive(Debug)]
pub struct Trained {
    /// The run's configuration.
    pub config: RunConfig,
    /// The words that it knows.
    pub vocabulary: Vocabulary,
    /// The network, with averaged weights.
    pub model: AlignDraw,
    /// The sharpening stage, where the run had one.
    pub sharpener: Option<Sharpener>,
    /// Where to compute.
    pub device: Device,
}

impl Trained {
    /// The networks of `run`, or the shipped ones.
    pub fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        let open = |file: &str, built_in: &[u8]| -> Result<Weights> {
            match run {
                Some(folder) => weights::read(&folder.join(file)).with_context(|| {
                    format!("{} is not a finished run of align-draw; continue it with --resume", folder.display())
                }),
                None => Ok(weights::parse(format!("align-draw {file} (built in)"), built_in)?),
            }
        };
        let mut trained = Self::network(&open(MODEL_FILE, MODEL)?, device)?;
        if trained.config.sharpen.features > 0 {
            let params = Params::zeros(device);
            let sizes = sharpen_learner::sizes(&trained.model, trained.config.sharpen.features);
            let sharpener = Sharpener::new(&params.root().sub("sharpener"), &sizes)?;
            params.load(&open(SHARPENER_FILE, SHARPENER)?)?;
            trained.sharpener = Some(sharpener);
        }
        Ok(trained)
    }

    /// The network of a weight file, which holds its configuration and vocabulary.
    pub fn network(weights: &Weights, device: Device) -> Result<Self> {
        let text = weights.metadata.get("config");
        let text = text.with_context(|| format!("{} holds no configuration", weights.path.display()))?;
        let config = RunConfig::read(&text.parse()?)?;
        let vocabulary = Vocabulary::from_metadata(weights)?;
        let params = Params::zeros(device);
        let model = AlignDraw::new(&params.root(), &config.model)?;
        params.load(weights)?;
        Ok(Self { config, vocabulary, model, sharpener: None, device })
    }

    /// Captions as the network reads them.
    ///
    /// # Errors
    /// A word that it does not know; the words are listed.
    pub fn tokens(&self, captions: &[String]) -> Result<Tokens> {
        let read = |caption: &String| if self.config.data == DIGITS { normalised(caption) } else { caption.clone() };
        let captions: Vec<String> = captions.iter().map(read).collect();
        for caption in &captions {
            if let Some((word, _)) =
                words(caption).iter().zip(self.vocabulary.encode(caption)).find(|(_, id)| *id == UNKNOWN)
            {
                let known: Vec<&str> =
                    (0..self.vocabulary.len() as i64).filter_map(|id| self.vocabulary.word(id)).collect();
                anyhow::bail!("\"{caption}\": the word \"{word}\" is unknown; the words are: {}", known.join(" "));
            }
        }
        Ok(self.vocabulary.encode_batch(&captions, MAX_WORDS).to_device(self.device))
    }

    /// Captions of the held-out pictures, where none are given.
    pub fn some_captions(&self, count: usize) -> Result<Vec<String>> {
        Ok(self.config.pictures(Split::Test)?.raw(0, count).1)
    }

    /// A picture for each caption, the means f32 `[N, C, H, W]` in [0, 1]; sample k has the noise of (`seed`, `first` + k).
    pub fn generate(&self, captions: &[String], seed: u64, first: u64) -> Result<Tensor> {
        ensure!(!captions.is_empty(), "no caption to draw");
        let mut parts = Vec::new();
        for (i, part) in captions.chunks(BATCH).enumerate() {
            parts.push(self.observe(part, seed, first + (i * BATCH) as u64, |_| {})?);
        }
        Ok(Tensor::cat(&parts, 0))
    }

    /// [`Trained::generate`] for one batch, with an observer of its steps.
    pub fn observe(&self, captions: &[String], seed: u64, first: u64, observer: impl FnMut(Step)) -> Result<Tensor> {
        let stream = Noise::new(seed).purpose("align-draw/sample");
        let noise = epsilon(&stream, 0, first..first + captions.len() as u64, self.model.config(), self.device);
        let rows = sample(&self.model, &self.tokens(captions)?, &noise, observer)?;
        Ok(channels(&rows, self.model.config().channels))
    }

    /// Pictures of captions `[N, C, H, W]` in [0, 1] after the sharpening stage; unchanged where there is none.
    pub fn sharpened(&self, images: &Tensor, captions: &[String]) -> Result<Tensor> {
        let Some(sharpener) = &self.sharpener else { return Ok(images.shallow_clone()) };
        let mut parts = Vec::new();
        for (images, captions) in images.split(BATCH as i64, 0).iter().zip(captions.chunks(BATCH)) {
            let pass = no_grad(|| self.model.pass(&self.tokens(captions)?).map_err(anyhow::Error::from))?;
            parts.push(sharpener.forward(images, &pass.sentence));
        }
        Ok(Tensor::cat(&parts, 0))
    }

    /// Says which run the weights are of, for captions of figures.
    pub fn provenance(&self) -> String {
        let RunConfig { preset, seed, steps, data, .. } = &self.config;
        let literal = easel_plot::text::literal;
        format!("Model: preset {}, seed {seed}, {} steps on {}.", literal(preset), steps.steps, literal(data))
    }
}
