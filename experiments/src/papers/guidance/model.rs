//! The two networks of a run, or as shipped, and guided generation with them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::sampling::{Denoiser, NoiseLevel};
use easel_core::weights::{self, Weights};
use easel_nn::Params;
use guidance::{
    ClassifierFree, ClassifierGuided, ConditionalModel, GuidanceScale, Interval, NoisyClassifier,
    NoisyClassifierConfig, in_one_pass,
};
use tch::{Device, Kind, Tensor};

use crate::papers::ddpm::generate::{in_batches, start, with_denoiser};
use crate::papers::ddpm::trained::Trained;
use crate::sampling::Plan;

const DIFFUSION: &[u8] = include_bytes!("../../../weights/guidance-diffusion.safetensors");
const CLASSIFIER: &[u8] = include_bytes!("../../../weights/guidance-classifier.safetensors");

/// File of the diffusion model in a run.
pub const DIFFUSION_FILE: &str = "diffusion.safetensors";
/// File of the classifier in a run.
pub const CLASSIFIER_FILE: &str = "classifier.safetensors";

/// A diffusion model that knows classes, and a classifier of noisy pictures.
#[derive(Debug)]
pub struct Guided {
    /// The diffusion model.
    pub trained: Trained,
    /// The classifier.
    pub classifier: NoisyClassifier,
}

/// How the label enters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Classifier-free guidance.
    Free {
        /// The scale.
        scale: GuidanceScale,
        /// Where it acts.
        interval: Interval,
        /// $\phi$ of the rescaling.
        rescale: f64,
    },
    /// Classifier guidance, with this scale, of the model without label.
    Classifier(f64),
}

impl Method {
    /// Classifier-free guidance with s at every level.
    pub fn free(s: f64) -> Self {
        Self::Free { scale: GuidanceScale::from_s(s), interval: Interval::ALWAYS, rescale: 0.0 }
    }
}

/// The diffusion model under labels i64 `[B]`.
struct Labelled<'a> {
    trained: &'a Trained,
    labels: Tensor,
}

impl ConditionalModel<Tensor> for Labelled<'_> {
    fn conditional(&mut self, x: &Tensor, level: NoiseLevel) -> Tensor {
        self.trained.model.at(x, level.t, Some(&self.labels))
    }

    fn both(&mut self, x: &Tensor, level: NoiseLevel) -> (Tensor, Tensor) {
        let null = self.labels.full_like(self.trained.model.null_label().unwrap_or_default());
        let labels = Tensor::cat(&[&null, &self.labels], 0);
        in_one_pass(x, |doubled| self.trained.model.at(doubled, level.t, Some(&labels)))
    }
}

impl Guided {
    /// The networks of `run`, or the shipped ones.
    pub fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        let open = |file: &str, built_in: &[u8]| -> Result<Weights> {
            match run {
                Some(folder) => weights::read(&folder.join(file))
                    .with_context(|| format!("{} is not a finished run of guidance", folder.display())),
                None => Ok(weights::parse(format!("guidance {file} (built in)"), built_in)?),
            }
        };
        let trained = Trained::new(&open(DIFFUSION_FILE, DIFFUSION)?, vec![], device)?;
        let file = open(CLASSIFIER_FILE, CLASSIFIER)?;
        let text = file.metadata.get("config").context("the classifier's file holds no configuration")?;
        let config: NoisyClassifierConfig = crate::settings::read(text.parse()?)?;
        let params = Params::zeros(device);
        let classifier = NoisyClassifier::new(&params.root(), &config)?;
        params.load(&file)?;
        Ok(Self { trained, classifier })
    }

    /// Labels of the samples numbered `samples`: `label`, or all classes in turn.
    pub fn labels(&self, samples: std::ops::Range<u64>, label: Option<i64>) -> Result<Tensor> {
        let Some(classes) = self.trained.config.model.classes else {
            bail!("this model knows no classes, so that it takes neither label nor guidance");
        };
        if let Some(label) = label.filter(|l| !(0..classes).contains(l)) {
            bail!("--label {label}: the classes are 0 to {}", classes - 1);
        }
        let of = |k: u64| label.unwrap_or(k as i64 % classes);
        Ok(Tensor::from_slice(&samples.map(of).collect::<Vec<_>>()).to_device(self.trained.device))
    }

    /// Generates `count` pictures, f32 `[count, C, H, W]`.
    pub fn generate(&self, plan: &Plan, method: Method, label: Option<i64>, count: usize) -> Result<Tensor> {
        let _ = self.labels(0..1, label)?;
        in_batches(&self.trained, count, plan.times.len() - 1, |samples, tick| {
            let labels = self.labels(samples.clone(), label).expect("the label was checked");
            let x = start(&self.trained, samples.clone(), plan.seed);
            self.run(plan, method, labels, x, samples, tick)
        })
    }

    /// Runs the chain from `x`; row i has the i-th of `labels` and the noise of sample `samples.start + i`.
    pub fn run(
        &self,
        plan: &Plan,
        method: Method,
        labels: Tensor,
        x: Tensor,
        samples: std::ops::Range<u64>,
        tick: &mut dyn FnMut(),
    ) -> Tensor {
        let trained = &self.trained;
        let schedule = &trained.process.schedule;
        let mut chain = |denoiser: &mut dyn Denoiser<Tensor>| {
            plan.run(denoiser, schedule, x.shallow_clone(), samples.clone(), &mut |_| tick())
        };
        match method {
            Method::Free { scale, interval, rescale } => chain(&mut ClassifierFree {
                model: Labelled { trained, labels },
                parameterisation: trained.config.model.parameterisation,
                scale,
                interval,
                rescale,
                clip: Some(1.0),
            }),
            Method::Classifier(scale) => with_denoiser(trained, |base| {
                let gradient = |x: &Tensor, level: NoiseLevel| {
                    self.classifier.gradient(x, level, &labels).expect("labels are classes").to_kind(Kind::Float)
                };
                let base = |x: &Tensor, level: NoiseLevel| base.x0(x, level);
                let mut guided = ClassifierGuided { denoiser: base, gradient, scale };
                // Where little is left of the data the shift is a small gradient times a huge number, and the cosine
                // schedule leaves less than the released models' does: without a bound the first step is lost.
                chain(&mut |x: &Tensor, level: NoiseLevel| guided.x0(x, level).clamp(-1.0, 1.0))
            }),
        }
    }
}
