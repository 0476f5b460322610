//! One optimiser with the parameters it trains.

use easel_core::weights;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Kind, Tensor, no_grad};

use crate::adam::{Adam, AdamConfig};
use crate::ema::Ema;
use crate::error::TrainError;
use crate::flat::FlatParams;
use crate::muon::{Muon, MuonConfig, matrix_shape};
use crate::rate::RateConfig;

/// Everything about one optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimConfig {
    /// Learning rate.
    pub rate: RateConfig,
    /// Adam's coefficients.
    pub adam: AdamConfig,
    /// Muon of the hidden matrices.
    #[serde(skip_serializing_if = "MuonConfig::is_off")]
    pub muon: MuonConfig,
    /// Largest global norm of the gradient; 0 switches clipping off.
    pub clip: f64,
    /// Decay of the moving average of the weights.
    pub ema: f64,
    /// Use the warm-up form of the moving average.
    pub ema_warmup: bool,
    /// Losses whose gradients are averaged before one update.
    pub accumulate: u64,
}

impl Default for OptimConfig {
    fn default() -> Self {
        Self {
            rate: RateConfig::default(),
            adam: AdamConfig::default(),
            muon: MuonConfig::default(),
            clip: 1.0,
            ema: 0.999,
            ema_warmup: true,
            accumulate: 1,
        }
    }
}

impl OptimConfig {
    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.adam.validate()?;
        self.muon.validate()?;
        let decay = self.adam.weight_decay;
        if decay > 0.0 && !self.muon.is_off() {
            let expected = "0 beside muon.lr above 0: Muon here has no weight decay";
            return Err(TrainError::Range { key: "adam.weight_decay", value: decay.to_string(), expected });
        }
        let check = |key, value: f64, ok: bool, expected| match ok {
            true => Ok(()),
            false => Err(TrainError::Range { key, value: value.to_string(), expected }),
        };
        check("rate.lr", self.rate.lr, self.rate.lr > 0.0 && self.rate.lr.is_finite(), "above 0")?;
        check(
            "rate.final_lr",
            self.rate.final_lr,
            (0.0..=self.rate.lr).contains(&self.rate.final_lr),
            "in [0, rate.lr]",
        )?;
        check("clip", self.clip, self.clip >= 0.0, "0 (off) or above")?;
        check("ema", self.ema, (0.0..1.0).contains(&self.ema), "in [0, 1)")?;
        check("accumulate", self.accumulate as f64, self.accumulate >= 1, "1 or more")
    }
}

/// Parameters, their optimiser and their moving average.
#[derive(Debug)]
pub struct Group {
    name: &'static str,
    config: OptimConfig,
    steps: u64,
    /// The parameters.
    pub params: FlatParams,
    adam: Adam,
    muon: Option<Muon>,
    ema: Ema,
    pending: Option<Tensor>,
    pending_count: u64,
}

impl Group {
    /// A group called `name` (its files are named after it) over `named` parameters, computing in `kind`, for a run of
    /// `steps` updates.
    pub fn new(
        name: &'static str,
        named: Vec<(String, Tensor)>,
        kind: Kind,
        config: OptimConfig,
        steps: u64,
    ) -> Result<Self, TrainError> {
        Self::with_hidden(name, named, kind, config, steps, |_| false)
    }

    /// The same with matrices for Muon: the parameters of two and more dimensions that are `hidden` by name, neither at
    /// the entrance nor at the exit of the network.
    ///
    /// # Errors
    /// Settings out of range; Muon without a hidden matrix.
    pub fn with_hidden(
        name: &'static str,
        named: Vec<(String, Tensor)>,
        kind: Kind,
        config: OptimConfig,
        steps: u64,
        hidden: impl Fn(&str) -> bool,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        // Matrices of one shape stand together, so that a stack of them is a view of the buffer.
        let (mut matrices, others): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|(name, p)| !config.muon.is_off() && p.dim() >= 2 && hidden(name));
        matrices.sort_by_key(|(_, p)| matrix_shape(p));
        let shapes: Vec<_> = matrices.iter().map(|(_, p)| matrix_shape(p)).collect();
        let muon = (!config.muon.is_off()).then(|| Muon::new(config.muon, kind, &shapes));
        if muon.is_some() && shapes.is_empty() {
            return Err(TrainError::Model(format!(
                "muon.lr = {}: {name} has no hidden matrices; 0 leaves all to Adam",
                config.muon.lr
            )));
        }
        matrices.extend(others);
        let params = FlatParams::new(matrices, kind);
        let adam = Adam::from(muon.as_ref().map_or(0, Muon::numel), config.adam, params.master());
        let ema = Ema::new(params.master(), config.ema, config.ema_warmup);
        Ok(Self { name, config, steps, params, adam, muon, ema, pending: None, pending_count: 0 })
    }

    /// The group's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One update from one loss (a scalar tensor): gradient, clipping, Adam (and Muon), moving average. With `accumulate > 1` the
    /// update happens at every `accumulate`-th call. Returns the norm of the gradient before clipping, a scalar tensor;
    /// nothing is copied to the host.
    pub fn update(&mut self, loss: &Tensor) -> Result<Tensor, TrainError> {
        let gradient = self.params.gradient(loss)?;
        no_grad(|| {
            let mut sum = match self.pending.take() {
                Some(pending) => pending + gradient,
                None => gradient,
            };
            self.pending_count += 1;
            if self.pending_count < self.config.accumulate {
                let norm = sum.norm();
                self.pending = Some(sum);
                return Ok(norm);
            }
            if self.config.accumulate > 1 {
                sum /= self.config.accumulate as f64;
            }
            self.pending_count = 0;
            let norm = sum.norm();
            if self.config.clip > 0.0 {
                // min(1, clip / norm) on the device; NaN passes through and is found by the loop.
                let scale = (&norm + 1e-6).reciprocal().g_mul_scalar(self.config.clip).clamp_max(1.0);
                sum *= scale;
            }
            let n = self.adam.updates;
            let lr = self.config.rate.at(n, self.steps);
            let (adam, muon) = (&mut self.adam, &self.muon);
            self.params.update(|master| {
                if let Some(muon) = muon {
                    muon.step(master, &sum, &adam.m, lr / self.config.rate.lr);
                }
                adam.step(master, &sum, lr);
            });
            self.ema.update(self.params.master(), n);
            Ok(norm)
        })
    }

    /// Adam's learning rate at the next update; Muon's warms up and decays with it.
    pub fn learning_rate(&self) -> f64 {
        self.config.rate.at(self.adam.updates, self.steps)
    }

    /// Runs `f` with the averaged weights in the model; the working weights are back afterwards, also when `f` panics.
    pub fn with_average<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let average = self.ema.average.shallow_clone();
        self.params.with(&average, f)
    }

    /// The averaged weights by name, f32 (copies).
    pub fn average(&self) -> Vec<(String, Tensor)> {
        self.params.named(&self.ema.average.copy())
    }

    fn tensors(&self) -> [(&'static str, &Tensor); 4] {
        [
            ("weights", self.params.master()),
            ("average", &self.ema.average),
            ("adam_m", &self.adam.m),
            ("adam_v", &self.adam.v),
        ]
    }

    /// Writes weights and average under the parameters' own names, and the optimiser's state, into `folder`.
    pub fn save(&self, folder: &Path, metadata: &BTreeMap<String, String>) -> Result<(), TrainError> {
        for (what, flat) in self.tensors() {
            let mut metadata = metadata.clone();
            metadata.insert("updates".into(), self.adam.updates.to_string());
            weights::write(
                &folder.join(format!("{}.{what}.safetensors", self.name)),
                &self.params.named(flat),
                &metadata,
            )?;
        }
        Ok(())
    }

    /// Restores what [`Group::save`] wrote: all or nothing, exact names, shapes and kinds.
    pub fn load(&mut self, folder: &Path) -> Result<(), TrainError> {
        let mut loaded = Vec::new();
        let mut updates = None;
        for (what, flat) in self.tensors() {
            let path = folder.join(format!("{}.{what}.safetensors", self.name));
            let file = weights::read(&path)?;
            let copy = flat.copy();
            let mut targets = self.params.named(&copy);
            weights::load_strict(&mut targets, &file)?;
            let found = file.metadata.get("updates").and_then(|u| u.parse::<u64>().ok()).ok_or_else(|| {
                TrainError::Damaged { path: path.clone(), problem: "holds no count of updates".into() }
            })?;
            if *updates.get_or_insert(found) != found {
                return Err(TrainError::Damaged {
                    path,
                    problem: "belongs to another step than its neighbours".into(),
                });
            }
            loaded.push(copy);
        }
        let [master, average, m, v] = <[Tensor; 4]>::try_from(loaded).expect("four buffers were read");
        self.params.update(|target| target.copy_(&master));
        self.ema.average = average;
        (self.adam.m, self.adam.v) = (m, v);
        self.adam.updates = updates.unwrap_or(0);
        (self.pending, self.pending_count) = (None, 0);
        Ok(())
    }
}
