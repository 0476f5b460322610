//! A model that is quick to train, and how its runs are compared.

use std::path::Path;

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_train::run_dir::read_metrics;
use easel_train::{
    AdamConfig, Decay, Group, Learner, LoopConfig, OptimConfig, Outcome, Progress, RateConfig, RunDir, Scalars,
    TrainError, train,
};
use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

/// One thread: sums are then taken in one order, and tests side by side do not fight for processors.
pub fn single_threaded() {
    tch::set_num_threads(1);
}

/// A leaf tensor with these values.
pub fn leaf(values: &[f32]) -> Tensor {
    Tensor::from_slice(values).set_requires_grad(true)
}

pub fn values(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.to_kind(Kind::Float).reshape([-1])).unwrap()
}

/// The bits of a tensor, to compare without tolerance.
pub fn bits(t: &Tensor) -> Vec<u32> {
    values(t).into_iter().map(f32::to_bits).collect()
}

pub fn optim() -> OptimConfig {
    OptimConfig {
        rate: RateConfig { lr: 0.05, final_lr: 0.001, warmup: 4, decay: Decay::Cosine },
        adam: AdamConfig { weight_decay: 0.1, ..AdamConfig::default() },
        clip: 0.7,
        ..OptimConfig::default()
    }
}

/// Linear maps from three numbers to one, each with its own optimiser, fitted to the same noisy values.
pub struct Toy {
    pub maps: Vec<[Tensor; 2]>,
    pub groups: Vec<Group>,
    /// The step (from 0) whose loss is NaN.
    pub nan_at: Option<u64>,
    /// What `evaluate` answers, by step.
    pub measure: fn(u64) -> Option<f64>,
}

impl Toy {
    pub fn new(names: &[&'static str], kind: Kind, steps: u64) -> Self {
        let draw = |purpose: &str, shape: &[i64]| {
            normal_tensor(&Noise::new(3).purpose(purpose), 0, 0..1, shape, Device::Cpu).squeeze_dim(0)
        };
        let maps: Vec<[Tensor; 2]> = names
            .iter()
            .map(|name| {
                [draw(name, &[1, 3]).set_requires_grad(true), draw(&format!("{name} b"), &[1]).set_requires_grad(true)]
            })
            .collect();
        let groups = names.iter().zip(&maps).map(|(name, [weight, bias])| {
            let named = vec![("weight".into(), weight.shallow_clone()), ("bias".into(), bias.shallow_clone())];
            Group::new(name, named, kind, optim(), steps).unwrap()
        });
        Self { groups: groups.collect(), maps, nan_at: None, measure: |_| None }
    }
}

impl Learner for Toy {
    fn groups(&mut self) -> Vec<&mut Group> {
        self.groups.iter_mut().collect()
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let stream = Noise::new(0).purpose("toy");
        let all = normal_tensor(&stream, step, 0..8, &[4], Device::Cpu);
        let (x, noise) = (all.narrow(1, 0, 3), all.narrow(1, 3, 1));
        let y = x.sum_dim_intlist([1i64].as_slice(), true, Kind::Float) + noise * 0.1;
        let mut scalars = Vec::new();
        for ([weight, bias], group) in self.maps.iter().zip(&mut self.groups) {
            let prediction = x.to_kind(weight.kind()).linear(weight, Some(bias));
            let mut loss = (prediction - &y).square().mean(Kind::Float);
            if self.nan_at == Some(step) {
                loss *= f64::NAN;
            }
            let norm = group.update(&loss)?;
            scalars.push((if group.name() == "one" { "loss" } else { "other_loss" }, loss.detach()));
            scalars.push((if group.name() == "one" { "norm" } else { "other_norm" }, norm));
        }
        Ok(scalars)
    }

    fn evaluate(&mut self, step: u64) -> Result<Option<f64>, TrainError> {
        Ok((self.measure)(step))
    }
}

/// The rhythm of the tests: lines every 4 steps, checkpoints every 5.
pub fn rhythm(steps: u64) -> LoopConfig {
    LoopConfig { steps, log_every: 4, checkpoint_every: 5, keep: 2 }
}

/// Opens `root` and trains.
pub fn run(toy: &mut Toy, root: &Path, config: LoopConfig, resume: bool) -> Result<Outcome, TrainError> {
    let mut folder = RunDir::open(root, "a = 1\n", resume)?;
    train(toy, &config, &mut folder, Progress::silent())
}

/// Everything that an optimiser holds after a run, from its newest checkpoint.
pub fn saved_bits(root: &Path, group: &str) -> Vec<Vec<u32>> {
    let folder = newest(root);
    ["weights", "average", "adam_m", "adam_v"]
        .iter()
        .flat_map(|what| {
            let file = easel_core::weights::read(&folder.join(format!("{group}.{what}.safetensors"))).unwrap();
            file.tensors.into_values().map(|t| bits(&t)).collect::<Vec<_>>()
        })
        .collect()
}

pub fn newest(root: &Path) -> std::path::PathBuf {
    easel_train::Checkpoints::new(&root.join("checkpoints"), 2).latest().unwrap().expect("a checkpoint").0
}

/// The log without its clock.
pub fn log(root: &Path) -> Vec<Map<String, Value>> {
    let mut lines = read_metrics(&root.join("metrics.jsonl")).unwrap();
    lines.iter_mut().for_each(|line| assert!(line.shift_remove("seconds").is_some_and(|s| s.is_number())));
    lines
}
