//! Training on noisy pictures, and how well it went at each noise level.

use ddpm::Process;
use ddpm::learner::TimeSampling;
use easel_core::noise::{Noise, Stream};
use easel_core::parameterisation::Parameterisation;
use easel_core::tensor::normal_tensor;
use easel_data::loader::{Batch, Loader};
use easel_nn::{InitScheme, Params};
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use tch::{Device, Kind, Tensor, no_grad};

use super::{NoisyClassifier, NoisyClassifierConfig};

/// A classifier in training: cross-entropy on x_t ~ q(x_t|x_0) with t uniform on 1..=T.
///
/// t is drawn stratified, one from each of B equal stretches of 1..=T.
#[derive(Debug)]
pub struct ClassifierLearner {
    /// The network.
    pub model: NoisyClassifier,
    /// The forward process.
    pub process: Process,
    group: Group,
    loader: Loader,
    validation: Option<Loader>,
    accumulate: u64,
    epsilon: Stream,
    times: Stream,
    device: Device,
}

impl ClassifierLearner {
    /// A fresh classifier from `seed` on `device`, to be trained for `steps` on `loader`; `validation` pictures rank
    /// checkpoints.
    ///
    /// # Errors
    /// A configuration that cannot be, pictures of another shape or without labels, labels beyond the classes.
    pub fn new(
        model: &NoisyClassifierConfig,
        optim: OptimConfig,
        loader: Loader,
        validation: Option<Loader>,
        seed: u64,
        steps: u64,
        device: Device,
    ) -> Result<Self, TrainError> {
        let other = |e: &dyn std::fmt::Display| TrainError::Model(e.to_string());
        model.validate().map_err(|e| other(&e))?;
        for loader in std::iter::once(&loader).chain(&validation) {
            check(model, loader)?;
        }
        let params = Params::new(device, seed, InitScheme::Ddpm);
        let network = NoisyClassifier::new(&params.root(), model).map_err(|e| other(&e))?;
        let schedule = model.schedule.build(model.timesteps).map_err(|e| other(&e))?;
        let noise = Noise::new(seed);
        Ok(Self {
            model: network,
            process: Process::new(schedule, Parameterisation::Epsilon, device),
            group: Group::new("classifier", params.named(), Kind::Float, optim, steps)?,
            loader,
            validation,
            accumulate: optim.accumulate,
            epsilon: noise.purpose("classifier/epsilon"),
            times: noise.purpose("classifier/times"),
            device,
        })
    }

    /// Runs `f` with the averaged weights.
    pub fn with_average<R>(&mut self, f: impl FnOnce(&NoisyClassifier, &Process) -> R) -> R {
        let (model, process) = (&self.model, &self.process);
        self.group.with_average(|| f(model, process))
    }

    /// The averaged weights by name, f32.
    pub fn average(&self) -> Vec<(String, Tensor)> {
        self.group.average()
    }

    /// Pictures, labels, noise and times of one draw.
    fn draw(&self, draw: u64) -> Result<(Labelled, Tensor), TrainError> {
        let labelled = Labelled::of(self.loader.batch(draw))?;
        let size = labelled.images.size();
        let epsilon = normal_tensor(&self.epsilon, draw, 0..size[0] as u64, &size[1..], self.device);
        let times = TimeSampling::Stratified.draw(&self.times, draw, size[0] as usize, self.process.schedule.steps());
        let times: Vec<i64> = times.into_iter().map(|t| t as i64).collect();
        let t = Tensor::from_slice(&times).to_device(self.device);
        let x_t = self.process.q_sample(&labelled.images, &t, &epsilon);
        Ok((Labelled { images: x_t, ..labelled }, t))
    }
}

impl Learner for ClassifierLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let (mut losses, mut accuracies, mut norm) = (Vec::new(), Vec::new(), Tensor::new());
        for part in 0..self.accumulate {
            let (Labelled { images, labels }, t) = self.draw(step * self.accumulate + part)?;
            let logits = self.model.forward(&images, &t);
            let loss = logits.cross_entropy_for_logits(&labels);
            norm = self.group.update(&loss)?;
            losses.push(loss.detach());
            accuracies.push(accuracy(&logits, &labels));
        }
        let mean = |parts: &[Tensor]| Tensor::stack(parts, 0).mean(Kind::Float);
        Ok(vec![("loss", mean(&losses)), ("accuracy", mean(&accuracies)), ("grad_norm", norm)])
    }

    /// Cross-entropy of the averaged weights on validation pictures, always with the same noise and evenly spread times.
    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        let Some(loader) = &self.validation else { return Ok(None) };
        let Labelled { images, labels } = Labelled::of(loader.batch(0))?;
        let (size, steps) = (images.size(), self.process.schedule.steps() as i64);
        let epsilon = normal_tensor(&self.epsilon, u64::MAX, 0..size[0] as u64, &size[1..], self.device);
        let times: Vec<i64> = (0..size[0]).map(|i| 1 + i * (steps - 1) / (size[0] - 1).max(1)).collect();
        let t = Tensor::from_slice(&times).to_device(self.device);
        let (model, process) = (&self.model, &self.process);
        let loss = self.group.with_average(|| {
            no_grad(|| {
                let logits = model.forward(&process.q_sample(&images, &t, &epsilon), &t);
                logits.cross_entropy_for_logits(&labels).double_value(&[])
            })
        });
        Ok(Some(loss))
    }
}

/// Pictures f32 `[B, C, H, W]` with their labels i64 `[B]`.
struct Labelled {
    images: Tensor,
    labels: Tensor,
}

impl Labelled {
    fn of(batch: Batch) -> Result<Self, TrainError> {
        match batch.labels {
            Some(labels) => Ok(Self { images: batch.images, labels }),
            None => Err(TrainError::Model("a classifier needs a data set with labels".into())),
        }
    }
}

/// Refuses pictures that do not fit the network, before anything is trained.
fn check(model: &NoisyClassifierConfig, loader: &Loader) -> Result<(), TrainError> {
    let (found, expected) = (loader.picture_shape(), [model.channels, model.side, model.side]);
    if found != expected {
        return Err(TrainError::Model(format!("pictures have shape {found:?}, the classifier takes {expected:?}")));
    }
    match loader.label_range() {
        Some((low, high)) if low >= 0 && high < model.classes => Ok(()),
        found => {
            let message = format!("the classifier needs labels 0 to {}; found {found:?}", model.classes - 1);
            Err(TrainError::Model(message))
        }
    }
}

/// The share of rows of `logits` `[B, classes]` that are largest at their label, a scalar f32 tensor.
fn accuracy(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.argmax(-1, false).eq_tensor(labels).to_kind(Kind::Float).mean(Kind::Float)
}

/// Accuracy on noisy versions of pictures `x0` (f32 `[B, C, H, W]`) with labels i64 `[B]`, at each of `times` in 1..=T.
///
/// `noise` gives standard normals shaped like `x0` for a time; the same for all times shows the noise level's effect alone.
pub fn accuracy_by_time(
    model: &NoisyClassifier,
    process: &Process,
    x0: &Tensor,
    labels: &Tensor,
    times: &[usize],
    mut noise: impl FnMut(usize) -> Tensor,
) -> Vec<f64> {
    let at = |&time: &usize| {
        let t = Tensor::full([x0.size()[0]], time as i64, (Kind::Int64, x0.device()));
        let logits = model.forward(&process.q_sample(x0, &t, &noise(time)), &t);
        accuracy(&logits, labels).double_value(&[])
    };
    no_grad(|| times.iter().map(at).collect())
}
