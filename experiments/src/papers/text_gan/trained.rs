//! Trained networks: from a run's folder or as shipped.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::tensor::normal_tensor;
use easel_core::weights::{self, Weights};
use easel_core::{Noise, Stream};
use easel_nn::Params;
use easel_train::run_dir::read_metrics;
use serde_json::{Map, Value};
use tch::{Device, Tensor, no_grad};
use text_gan::{Generator, PictureEncoder, Variant};

use super::config::RunConfig;
use super::text::Text;

/// Pictures in one pass.
const BATCH: u64 = 128;
/// Names of the weight files, without ending.
pub const FILES: [&str; 4] = ["generators", "styles", "text", "judge"];

const SHIPPED: [&[u8]; 4] = [
    include_bytes!("../../../weights/text-gan-generators.safetensors"),
    include_bytes!("../../../weights/text-gan-styles.safetensors"),
    include_bytes!("../../../weights/text-gan-text.safetensors"),
    include_bytes!("../../../weights/text-gan-judge.safetensors"),
];
/// The shipped results.
pub const RESULTS: &str = include_str!("../../../weights/text-gan.json");

/// Lines of a training log.
pub type Log = Vec<Map<String, Value>>;

/// A variant with its networks.
#[derive(Debug)]
pub struct Model {
    /// Which.
    pub variant: Variant,
    /// G, with averaged weights.
    pub generator: Generator,
    /// S.
    pub style: PictureEncoder,
}

/// All networks of a run.
#[derive(Debug)]
pub struct Trained {
    /// The run's configuration.
    pub config: RunConfig,
    /// The variants in the order of the configuration.
    pub models: Vec<Model>,
    /// The text encoder.
    pub text: Text,
    /// The judge's weights.
    pub judge: Weights,
    /// Training logs by variant; shipped weights have that of the main variant.
    pub logs: BTreeMap<Variant, Log>,
    /// Where to compute.
    pub device: Device,
}

impl Trained {
    /// The networks of `run`, or the shipped ones.
    pub fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        let mut files = Vec::new();
        for (name, bytes) in FILES.into_iter().zip(SHIPPED) {
            files.push(match run {
                Some(folder) => {
                    let path = folder.join(format!("{name}.safetensors"));
                    if !path.exists() {
                        bail!(
                            "{} does not exist: the run is not finished; continue it with `easel run text-gan --out {} --resume`",
                            path.display(),
                            folder.display()
                        );
                    }
                    weights::read(&path)?
                }
                None => weights::parse(format!("text-gan-{name}.safetensors (built in)"), bytes)?,
            });
        }
        let [generators, styles, text, judge] = <[Weights; 4]>::try_from(files).ok().context("four files were read")?;
        let settings = generators.metadata.get("config").context("the generators' file holds no configuration")?;
        let config = RunConfig::read(&settings.parse()?)?;
        let models = (config.variants.iter()).map(|&v| Model::new(v, &config, &generators, &styles, device));
        let mut logs = BTreeMap::new();
        match run {
            Some(folder) => {
                for variant in &config.variants {
                    logs.insert(*variant, read_metrics(&folder.join(variant.key()).join("metrics.jsonl"))?);
                }
            }
            None => {
                let results: Value = serde_json::from_str(RESULTS)?;
                let log = results["log"].as_array().context("shipped results without a log")?;
                logs.insert(config.main(), log.iter().filter_map(Value::as_object).cloned().collect());
            }
        }
        let models = models.collect::<Result<_>>()?;
        Ok(Self { models, text: Text::from_weights(text, device)?, judge, logs, config, device })
    }

    /// The model that samples by default.
    pub fn main(&self) -> &Model {
        self.models.last().expect("a configuration names at least one variant")
    }

    /// Noise of the samples numbered `samples`, `[N, Z]`: sample k's depends on (seed, purpose, k) alone.
    pub fn noise(&self, purpose: &str, samples: Range<u64>) -> Tensor {
        let stream: Stream = Noise::new(self.config.seed).purpose(purpose);
        normal_tensor(&stream, 0, samples, &[self.config.model.noise], self.device)
    }

    /// Which run: for captions.
    pub fn provenance(&self) -> String {
        let c = &self.config;
        format!(
            "Model: preset {}, seed {}, {} training steps on {}.",
            easel_plot::text::literal(&c.preset),
            c.seed,
            c.steps.steps,
            c.data
        )
    }
}

/// The tensors whose names begin with the variant's.
fn part(weights: &Weights, variant: Variant) -> Weights {
    let start = format!("{}.", variant.key());
    let tensors =
        weights.tensors.iter().filter_map(|(name, t)| Some((name.strip_prefix(&start)?.to_owned(), t.shallow_clone())));
    Weights { path: weights.path.clone(), tensors: tensors.collect(), metadata: weights.metadata.clone() }
}

/// Names with the variant's in front: the inverse of [`part`].
pub fn prefixed(variant: Variant, named: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    named.into_iter().map(|(name, t)| (format!("{}.{name}", variant.key()), t)).collect()
}

/// The generator of a weight file.
pub fn generator(config: &RunConfig, weights: &Weights, device: Device) -> Result<Generator> {
    let params = Params::zeros(device);
    let generator = Generator::new(&params.root().sub("generator"), &config.model)?;
    params.load(weights)?;
    Ok(generator)
}

impl Model {
    fn new(
        variant: Variant,
        config: &RunConfig,
        generators: &Weights,
        styles: &Weights,
        device: Device,
    ) -> Result<Self> {
        let params = Params::zeros(device);
        let style = PictureEncoder::new(&params.root().sub("style"), &config.model, config.model.noise)?;
        params.load(&part(styles, variant))?;
        Ok(Self { variant, generator: generator(config, &part(generators, variant), device)?, style })
    }

    /// Pictures f32 `[N, 3, side, side]` in [-1, 1] of noise `[N, Z]` and texts `[N, T]`.
    pub fn pictures(&self, z: &Tensor, texts: &Tensor) -> Tensor {
        let parts = z.split(BATCH as i64, 0).into_iter().zip(texts.split(BATCH as i64, 0));
        let parts: Vec<Tensor> = no_grad(|| parts.map(|(z, t)| self.generator.forward(&z, &t, false)).collect());
        Tensor::cat(&parts, 0)
    }

    /// $S(x)$ of pictures f32 `[N, 3, side, side]`: `[N, Z]`.
    pub fn styles(&self, pictures: &Tensor) -> Tensor {
        let parts = pictures.split(BATCH as i64, 0);
        let parts: Vec<Tensor> = no_grad(|| parts.iter().map(|x| self.style.forward(x, false)).collect());
        Tensor::cat(&parts, 0)
    }
}
