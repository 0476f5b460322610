//! Training (Ho et al. 2020, Algorithm 1).

use std::collections::BTreeMap;
use std::path::Path;

use easel_core::noise::{Noise, Stream};
use easel_core::special::normal_quantile;
use easel_core::tensor::normal_tensor;
use easel_core::weights;
use easel_data::loader::Loader;
use easel_nn::{InitScheme, Params};
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad};

use crate::config::{DdpmConfig, Objective};
use crate::importance::LossHistory;
use crate::loss::{Variance, l_simple, vlb_term};
use crate::model::{Ddpm, Prediction};
use crate::process::Process;

/// $\lambda$ of $L_{hybrid}$ (Nichol and Dhariwal 2021, section 3.1).
pub const HYBRID_LAMBDA: f64 = 0.001;

/// How t is drawn for $L_{simple}$ and $L_{hybrid}$.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSampling {
    /// Independently for each picture (Algorithm 1).
    Uniform,
    /// One from each of B equal stretches of 1..=T: the same expectation, less variance (Kingma et al. 2021, appendix I.1).
    Stratified,
    /// Stratified draws of sigmoid(z) T with z standard normal: more of the middle, where pictures take shape (Esser et
    /// al. 2024, arXiv:2403.03206, section 3.1). The loss is then a weighted one.
    LogitNormal,
}

impl TimeSampling {
    /// `batch` times in 1..=`steps` (T), a function of (stream, step).
    pub fn draw(self, stream: &Stream, step: u64, batch: usize, steps: usize) -> Vec<usize> {
        let stratum = |i: usize| (i as f64 + uniform(stream, step, i)) / batch as f64;
        let time = |position: f64| 1 + ((position * steps as f64) as usize).min(steps - 1);
        match self {
            Self::Uniform => (0..batch).map(|i| stream.time(step, i as u64, steps)).collect(),
            Self::Stratified => (0..batch).map(|i| time(stratum(i))).collect(),
            Self::LogitNormal => (0..batch).map(|i| time(1.0 / (1.0 + (-normal_quantile(stratum(i))).exp()))).collect(),
        }
    }
}

fn uniform(stream: &Stream, step: u64, sample: usize) -> f64 {
    let mut u = [0.0];
    stream.uniform(step, sample as u64, &mut u);
    u[0]
}

/// The kind of numbers in which the network computes; updates are always in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// bfloat16.
    Bf16,
}

impl Precision {
    /// The tensor kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}

/// Everything about training but its length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Pictures a step.
    pub batch: i64,
    /// How t is drawn.
    pub times: TimeSampling,
    /// Numbers of the forward and backward pass.
    pub precision: Precision,
    /// Probability with which a picture's label is replaced by "no class" (Ho and Salimans 2022, algorithm 1).
    #[serde(default)]
    pub drop_labels: f64,
    /// The optimiser.
    pub optim: OptimConfig,
}

/// Whether a parameter of the U-Net is neither at its entrance (pictures, times, labels) nor at its exit.
fn is_hidden(name: &str) -> bool {
    !["conv_in.", "conv_out.", "time_embedding.", "class_embedding."].iter().any(|end| name.starts_with(end))
}

/// A DDPM in training.
#[derive(Debug)]
pub struct DdpmLearner {
    /// The network.
    pub model: Ddpm,
    /// The forward process.
    pub process: Process,
    group: Group,
    loader: Loader,
    validation: Option<Loader>,
    config: TrainConfig,
    epsilon: Stream,
    times: Stream,
    dropout: Stream,
    labels: Stream,
    history: Option<LossHistory>,
    device: Device,
}

impl DdpmLearner {
    /// A fresh model from `seed` on `device`, to be trained for `steps` on `loader`; `validation` pictures rank checkpoints.
    pub fn new(
        model: &DdpmConfig,
        config: &TrainConfig,
        loader: Loader,
        validation: Option<Loader>,
        seed: u64,
        steps: u64,
        device: Device,
    ) -> Result<Self, TrainError> {
        let other = |e: &dyn std::fmt::Display| TrainError::Model(e.to_string());
        model.validate().map_err(|e| other(&e))?;
        let drop = config.drop_labels;
        if !(0.0..=1.0).contains(&drop) {
            return Err(TrainError::Range { key: "train.drop_labels", value: drop.to_string(), expected: "in [0, 1]" });
        }
        if let Some(classes) = model.classes {
            let found = loader.label_range();
            if !found.is_some_and(|(low, high)| low >= 0 && high < classes) {
                let message = format!("model.classes = {classes} needs labels 0 to {}; found {found:?}", classes - 1);
                return Err(TrainError::Model(message));
            }
        }
        let params = Params::new(device, seed, InitScheme::Ddpm);
        let network = Ddpm::new(&params.root(), model).map_err(|e| other(&e))?;
        let schedule = model.schedule.build(model.timesteps).map_err(|e| other(&e))?;
        let noise = Noise::new(seed);
        Ok(Self {
            process: Process::new(schedule, model.parameterisation, device),
            group: Group::with_hidden(
                "model",
                params.named(),
                config.precision.kind(),
                config.optim,
                steps,
                is_hidden,
            )?,
            history: (model.objective == Objective::Vlb).then(|| LossHistory::new(model.timesteps)),
            model: network,
            loader,
            validation,
            config: config.clone(),
            epsilon: noise.purpose("train/epsilon"),
            times: noise.purpose("train/times"),
            dropout: noise.purpose("train/dropout"),
            labels: noise.purpose("train/labels"),
            device,
        })
    }

    /// Runs `f` with the averaged weights.
    pub fn with_average<R>(&mut self, f: impl FnOnce(&Ddpm, &Process) -> R) -> R {
        let (model, process) = (&self.model, &self.process);
        self.group.with_average(|| f(model, process))
    }

    /// The averaged weights by public name, f32.
    pub fn average(&self) -> Vec<(String, Tensor)> {
        self.group.average()
    }

    /// Times of a step and the weights that make the loss an unbiased estimate: i64 `[B]`, f32 `[B]` where not all 1.
    fn draw_times(&self, step: u64, batch: usize) -> (Tensor, Option<Tensor>) {
        let tensor = |times: Vec<usize>| {
            let times: Vec<i64> = times.into_iter().map(|t| t as i64).collect();
            Tensor::from_slice(&times).to_device(self.device)
        };
        let Some(history) = &self.history else {
            let steps = self.process.schedule.steps();
            return (tensor(self.config.times.draw(&self.times, step, batch, steps)), None);
        };
        let probabilities = history.probabilities();
        let draw = |i| LossHistory::draw(&probabilities, uniform(&self.times, step, i));
        let (times, weights): (Vec<usize>, Vec<f64>) = (0..batch).map(draw).unzip();
        let weights = Tensor::from_slice(&weights).to_kind(Kind::Float).to_device(self.device);
        (tensor(times), Some(weights))
    }

    /// The labels that the network is told at a step, i64 `[B]`: where it knows classes, some are replaced by "no class".
    pub fn told_labels(&self, step: u64, labels: Option<&Tensor>) -> Option<Tensor> {
        let (labels, null) = (labels?, self.model.null_label()?);
        let batch = labels.size()[0] as usize;
        let dropped: Vec<bool> = (0..batch).map(|i| uniform(&self.labels, step, i) < self.config.drop_labels).collect();
        Some(labels.masked_fill(&Tensor::from_slice(&dropped).to_device(self.device), null))
    }

    /// The objective a picture, f32 `[B]`, at pictures `x0` and noise `epsilon` (f32 `[B, C, H, W]`), times `t` and
    /// `labels` (i64 `[B]`); with dropout where `train`.
    pub fn loss(&self, x0: &Tensor, t: &Tensor, epsilon: &Tensor, labels: Option<&Tensor>, train: bool) -> Tensor {
        let x_t = self.process.q_sample(x0, t, epsilon);
        let Prediction { output, variance } = self.model.predict(&x_t, t, labels, train);
        let simple = || l_simple(&self.process.target(x0, &x_t, t, epsilon), &output);
        let vlb = |output: &Tensor| {
            let variance = match &variance {
                Some(v) => Variance::LearnedRange(v),
                None => Variance::Fixed(self.model.config().likelihood_variance()),
            };
            vlb_term(&self.process, x0, &x_t, t, &self.process.predicted_x0(&x_t, output, t), &variance)
        };
        let steps = self.process.schedule.steps() as f64;
        match self.model.config().objective {
            Objective::Simple => simple(),
            // The mean is detached: L_vlb trains the variance alone.
            Objective::Hybrid => simple() + vlb(&output.detach()) * (HYBRID_LAMBDA * steps),
            Objective::Vlb => vlb(&output) * steps,
        }
    }
}

impl Learner for DdpmLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let accumulate = self.config.optim.accumulate;
        let (mut parts, mut norm) = (Vec::new(), Tensor::new());
        for part in 0..accumulate {
            let draw = step * accumulate + part;
            let batch = self.loader.batch(draw);
            let x0 = batch.images;
            let labels = self.told_labels(draw, batch.labels.as_ref());
            let size = x0.size();
            let epsilon = normal_tensor(&self.epsilon, draw, 0..size[0] as u64, &size[1..], self.device);
            let (t, weights) = self.draw_times(draw, size[0] as usize);
            if self.model.config().unet.dropout > 0.0 {
                // Dropout draws from libtorch's own generator, which is set anew at every step.
                tch::manual_seed(self.dropout.below(draw, 0, i64::MAX as usize) as i64);
            }
            let losses = self.loss(&x0, &t, &epsilon, labels.as_ref(), true);
            let loss = match &weights {
                Some(w) => (&losses * w).mean(Kind::Float),
                None => losses.mean(Kind::Float),
            };
            norm = self.group.update(&loss)?;
            if let Some(history) = &mut self.history {
                let values = Vec::<f64>::try_from(losses.detach().to_kind(Kind::Double).to_device(Device::Cpu))?;
                for (t, loss) in Vec::<i64>::try_from(t)?.into_iter().zip(values) {
                    history.record(t as usize, loss);
                }
            }
            parts.push(loss.detach());
        }
        Ok(vec![("loss", Tensor::stack(&parts, 0).mean(Kind::Float)), ("grad_norm", norm)])
    }

    /// $L_{simple}$ of the averaged weights on validation pictures, always with the same noise and evenly spread times.
    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        let Some(loader) = &self.validation else { return Ok(None) };
        let batch = loader.batch(0);
        let x0 = batch.images;
        let labels = batch.labels.filter(|_| self.model.null_label().is_some());
        let (size, steps) = (x0.size(), self.process.schedule.steps() as i64);
        let epsilon = normal_tensor(&self.epsilon, u64::MAX, 0..size[0] as u64, &size[1..], self.device);
        let t = Tensor::arange(size[0], (Kind::Int64, self.device)) * (steps - 1) / (size[0] - 1).max(1);
        let t = t.to_kind(Kind::Int64) + 1;
        let (model, process) = (&self.model, &self.process);
        let loss = self.group.with_average(|| {
            no_grad(|| {
                let x_t = process.q_sample(&x0, &t, &epsilon);
                let output = model.predict(&x_t, &t, labels.as_ref(), false).output;
                l_simple(&process.target(&x0, &x_t, &t, &epsilon), &output).mean(Kind::Double).double_value(&[])
            })
        });
        Ok(Some(loss))
    }

    fn save_extra(&self, folder: &Path) -> Result<(), TrainError> {
        if let Some(history) = &self.history {
            let rows = Tensor::from_slice(&history.to_rows());
            weights::write(&folder.join("history.safetensors"), &[("losses".into(), rows)], &BTreeMap::new())?;
        }
        Ok(())
    }

    fn load_extra(&mut self, folder: &Path) -> Result<(), TrainError> {
        if let Some(history) = &mut self.history {
            let mut target = [("losses".to_string(), Tensor::from_slice(&history.to_rows()))];
            weights::load_strict(&mut target, &weights::read(&folder.join("history.safetensors"))?)?;
            *history = LossHistory::from_rows(&Vec::<f64>::try_from(&target[0].1)?);
        }
        Ok(())
    }
}
