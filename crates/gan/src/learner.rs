//! Training: two players, each with its optimiser (Goodfellow et al. 2014, Algorithm 1).

use std::collections::BTreeMap;
use std::path::Path;

use easel_core::noise::{Noise, Stream};
use easel_core::weights;
use easel_data::loader::Loader;
use easel_nn::Params;
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad};

use crate::augment::Augment;
use crate::config::GanConfig;
use crate::health::{Health, Vitals};
use crate::loss::Loss;
use crate::model::{Discriminator, Generator};
use crate::sample;

/// Who moves when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum UpdateRule {
    /// `k` updates of D, then one of G against the new D (Algorithm 1; k = 1 in all of the paper's experiments).
    Alternating {
        /// Updates of D a step.
        k: u64,
    },
    /// One update each, both computed from the old networks and the same fakes (the code of 2014).
    Simultaneous {},
}

/// Everything about training but its length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Pictures, and fakes, an update.
    pub batch: usize,
    /// Augmentation of what D sees, real pictures and fakes alike.
    pub augment: Augment,
    /// What the players minimise.
    pub loss: Loss,
    /// Who moves when.
    pub rule: UpdateRule,
    /// G's optimiser; samples come from its moving average.
    pub generator: OptimConfig,
    /// D's optimiser.
    pub discriminator: OptimConfig,
    /// Checkpoints in a row that may show a symptom of collapse before the run stops; 0 never stops.
    pub patience: u64,
}

/// What an observer reads off samples at a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// A measure to rank checkpoints by, lower is better.
    pub rank: f64,
    /// Share of the classes that are among the samples, where there are classes.
    pub classes: Option<f64>,
    /// Numbers for the log.
    pub scalars: Vec<(&'static str, f64)>,
}

/// Looks at samples f32 `[N, C, H, W]` in [-1, 1].
pub type Observe = Box<dyn Fn(&Tensor) -> Result<Reading, TrainError>>;

/// When samples are looked at.
pub struct Observer {
    /// Every this many steps, and after the last.
    pub every: u64,
    /// How many samples.
    pub count: u64,
    /// What to read.
    pub observe: Observe,
}

/// A pair of networks in training.
pub struct GanLearner {
    /// G.
    pub generator: Generator,
    /// D.
    pub discriminator: Discriminator,
    config: GanConfig,
    train: TrainConfig,
    steps: u64,
    g: Group,
    d: Group,
    g_params: Params,
    d_params: Params,
    loader: Loader,
    observer: Option<Observer>,
    health: Health,
    rank: Option<f64>,
    latent: Stream,
    dropout: Stream,
    look: Stream,
    settle: Stream,
    moves: Stream,
    device: Device,
}

/// What an update of D saw; scalar tensors.
#[derive(Debug)]
pub struct Judged {
    /// D's loss.
    pub loss: Tensor,
    /// Mean D(x).
    pub real: Tensor,
    /// Mean D(G(z)).
    pub fake: Tensor,
    /// Norm of D's gradient.
    pub norm: Tensor,
}

impl GanLearner {
    /// Fresh networks from `seed` on `device`, to be trained for `steps` on `loader`, whose pictures are padded as the
    /// configuration says.
    pub fn new(
        config: &GanConfig,
        train: &TrainConfig,
        loader: Loader,
        observer: Option<Observer>,
        seed: u64,
        steps: u64,
        device: Device,
    ) -> Result<Self, TrainError> {
        let other = |e: &dyn std::fmt::Display| TrainError::Model(e.to_string());
        config.validate().map_err(|e| other(&e))?;
        train.validate()?;
        if train.batch as i64 % config.pack != 0 {
            let (value, expected) = (train.batch.to_string(), "a multiple of model.pack");
            return Err(TrainError::Range { key: "train.batch", value, expected });
        }
        let side = config.padded_side();
        let (expected, found) = ([config.channels, side, side], loader.picture_shape());
        if found != expected {
            return Err(TrainError::Model(format!("the pictures are {found:?}, the networks take {expected:?}")));
        }
        let (g_params, d_params) = (Params::new(device, seed, config.init()), Params::new(device, seed, config.init()));
        let generator = Generator::new(&g_params.root().sub("generator"), config).map_err(|e| other(&e))?;
        let discriminator = Discriminator::new(&d_params.root().sub("discriminator"), config).map_err(|e| other(&e))?;
        let updates = match train.rule {
            UpdateRule::Alternating { k } => steps * k,
            UpdateRule::Simultaneous {} => steps,
        };
        let noise = Noise::new(seed);
        Ok(Self {
            g: Group::new("generator", g_params.trained(), Kind::Float, train.generator, steps)?,
            d: Group::new("discriminator", d_params.trained(), Kind::Float, train.discriminator, updates)?,
            generator,
            discriminator,
            config: config.clone(),
            train: train.clone(),
            steps,
            g_params,
            d_params,
            loader,
            observer,
            health: Health::default(),
            rank: None,
            latent: noise.purpose("train/latent"),
            dropout: noise.purpose("train/dropout"),
            look: noise.purpose("train/look"),
            settle: noise.purpose("train/settle"),
            moves: noise.purpose("train/augment"),
            device,
        })
    }

    /// Runs `f` with G's averaged weights, and statistics of batch normalisation that belong to them.
    pub fn with_average<R>(&mut self, f: impl FnOnce(&Generator, &Params) -> R) -> R {
        let (generator, params) = (&self.generator, &self.g_params);
        let (config, stream) = (&self.config, &self.settle);
        self.g.with_average(|| sample::with_settled(generator, params, config, stream, || f(generator, params)))
    }

    /// G as it samples: averaged weights and their statistics, by name, f32 (copies).
    pub fn average(&mut self) -> Vec<(String, Tensor)> {
        self.with_average(|_, params| sample::copies(params))
    }

    /// The means of the last steps, and what is wrong, if anything.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The trained parameters of G and of D, by name.
    pub fn parameters(&self) -> [Vec<(String, Tensor)>; 2] {
        [self.g_params.trained(), self.d_params.trained()]
    }

    /// Noise of update `number` for the player `player` (0 is D, 1 is G).
    fn z(&self, number: u64, player: u64) -> Tensor {
        let stream = &self.latent;
        let samples = 0..self.train.batch as u64;
        self.config.prior.draw(stream, 2 * number + player, samples, self.config.latent, self.device)
    }

    /// D's logits of `pictures`, augmented, in training; dropout draws from libtorch's own generator, which is set anew each
    /// time.
    fn judge(&self, pictures: &Tensor, draw: u64) -> Tensor {
        tch::manual_seed(self.dropout.below(draw, 0, i64::MAX as usize) as i64);
        self.discriminator.forward(&self.train.augment.apply(pictures, &self.moves, draw, 0), true)
    }

    /// Fakes of update `number` of D, without gradients, f32 `[B, C, H, W]`.
    pub fn fakes(&self, number: u64) -> Tensor {
        no_grad(|| self.generator.forward(&self.z(number, 0), true))
    }

    // excerpt: players
    /// One update of D on batch `number` and on `fake`, of which it sees no gradient.
    pub fn step_discriminator(&mut self, number: u64, fake: &Tensor) -> Result<Judged, TrainError> {
        let real = self.loader.batch(number).images;
        // Apart, so that batch normalisation does not mix their statistics.
        let (a, b) = (self.judge(&real, 3 * number), self.judge(&fake.detach(), 3 * number + 1));
        let loss = self.train.loss.discriminator(&a, &b);
        let norm = self.d.update(&loss)?;
        let belief = |logits: &Tensor| self.train.loss.belief(&logits.detach()).mean(Kind::Float);
        Ok(Judged { loss: loss.detach(), real: belief(&a), fake: belief(&b), norm })
    }

    /// One update of G, after update `number` of D, on fresh noise; its loss and the norm of its gradient.
    pub fn step_generator(&mut self, number: u64) -> Result<(Tensor, Tensor), TrainError> {
        let fake = self.generator.forward(&self.z(number, 1), true);
        self.update_g(&fake, 3 * number + 2)
    }

    /// One update of G through D as it is, which does not change.
    fn update_g(&mut self, fake: &Tensor, draw: u64) -> Result<(Tensor, Tensor), TrainError> {
        let loss = self.train.loss.generator(&self.judge(fake, draw)).mean(Kind::Float);
        let norm = self.g.update(&loss)?;
        Ok((loss.detach(), norm))
    }
    // end excerpt

    fn play(&mut self, step: u64) -> Result<(Judged, Tensor, Tensor), TrainError> {
        match self.train.rule {
            UpdateRule::Alternating { k } => {
                let mut judged = None;
                for number in step * k..(step + 1) * k {
                    judged = Some(self.step_discriminator(number, &self.fakes(number))?);
                }
                let judged = judged.ok_or_else(|| TrainError::Model("train.rule.k = 0".into()))?;
                let (loss, norm) = self.step_generator((step + 1) * k - 1)?;
                Ok((judged, loss, norm))
            }
            UpdateRule::Simultaneous {} => {
                // G moves first, against the old D; D then learns from the old G's fakes, drawn before.
                let fake = self.generator.forward(&self.z(step, 0), true);
                let (loss, norm) = self.update_g(&fake, 3 * step + 1)?;
                Ok((self.step_discriminator(step, &fake)?, loss, norm))
            }
        }
    }

    /// Looks at samples where it is time; the log's numbers, or the symptom that ends the run.
    fn look(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let last = step + 1 == self.steps;
        let due = |o: &mut Observer| last || (step + 1).is_multiple_of(o.every);
        let Some(observer) = self.observer.take_if(due) else { return Ok(vec![]) };
        let (stream, config, device) = (self.look, self.config.clone(), self.device);
        let images = self.with_average(|g, _| sample::sample(g, &config, &stream, 0..observer.count, device));
        let reading = (observer.observe)(&images);
        self.observer = Some(observer);
        let reading = reading?;
        self.rank = Some(reading.rank);
        // In the first quarter nothing need be there yet.
        let young = 4 * (step + 1) < self.steps;
        let patience = if young { 0 } else { self.train.patience };
        if let Some(symptom) = self.health.verdict(reading.classes, patience) {
            let advice = "the checkpoints are kept; train.patience = 0 goes on regardless";
            return Err(TrainError::Model(format!("step {}: {symptom}; {advice}", step + 1)));
        }
        Ok(reading.scalars.into_iter().map(|(name, value)| (name, Tensor::from(value))).collect())
    }
}

impl TrainConfig {
    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.generator.validate()?;
        self.discriminator.validate()?;
        self.augment.validate().map_err(|e| TrainError::Model(format!("train.{e}")))?;
        self.loss.validate().map_err(|e| TrainError::Model(format!("train.loss: {e}")))?;
        let range = |key, value: u64, ok: bool, expected| match ok {
            true => Ok(()),
            false => Err(TrainError::Range { key, value: value.to_string(), expected }),
        };
        range("train.batch", self.batch as u64, self.batch >= 2, "at least 2, for the statistics of a batch")?;
        for optim in [&self.generator, &self.discriminator] {
            range("train.*.accumulate", optim.accumulate, optim.accumulate == 1, "1: an update a loss")?;
        }
        match self.rule {
            UpdateRule::Alternating { k } => range("train.rule.k", k, (1..=100).contains(&k), "from 1 to 100"),
            UpdateRule::Simultaneous {} => Ok(()),
        }
    }
}

/// File of what is in no group.
const EXTRA: &str = "extra.safetensors";

impl Learner for GanLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.g, &mut self.d]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let (judged, g_loss, g_grad) = self.play(step)?;
        let number = |t: &Tensor| t.double_value(&[]);
        self.health.observe(Vitals {
            real: number(&judged.real),
            fake: number(&judged.fake),
            g_grad: number(&g_grad),
            d_grad: number(&judged.norm),
        });
        let mut scalars = vec![
            ("d_loss", judged.loss),
            ("g_loss", g_loss),
            ("d_real", judged.real),
            ("d_fake", judged.fake),
            ("d_grad", judged.norm),
            ("g_grad", g_grad),
        ];
        scalars.extend(self.look(step)?);
        Ok(scalars)
    }

    fn evaluate(&mut self, _step: u64) -> Result<Option<f64>, TrainError> {
        Ok(self.rank)
    }

    fn save_extra(&self, folder: &Path) -> Result<(), TrainError> {
        let mut extra = self.g_params.untrained();
        extra.extend(self.d_params.untrained());
        extra.push(("health".into(), Tensor::from_slice(&self.health.to_row())));
        Ok(weights::write(&folder.join(EXTRA), &extra, &BTreeMap::new())?)
    }

    fn load_extra(&mut self, folder: &Path) -> Result<(), TrainError> {
        let health = Tensor::from_slice(&self.health.to_row());
        let mut targets = self.g_params.untrained();
        targets.extend(self.d_params.untrained());
        targets.push(("health".into(), health.shallow_clone()));
        weights::load_strict(&mut targets, &weights::read(&folder.join(EXTRA))?)?;
        let row = Vec::<f64>::try_from(health)?;
        self.health = Health::from_row(<[f64; 6]>::try_from(row).unwrap_or_default());
        Ok(())
    }
}
