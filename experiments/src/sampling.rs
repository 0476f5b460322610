//! From options on the command line to a sampler, its times and its noise.

use std::ops::Range;

use anyhow::{Context, Result, anyhow, bail, ensure};
use easel_core::sampling::{BrownianPath, Denoiser, Draw, NoiseSource, Run, Step, falling};
use easel_core::tensor::normal_tensor;
use easel_core::{Noise, NoiseSchedule, Spacing};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NameError, StrDeserializer};
use solvers::Sampler;
use solvers::catalogue::{self, Entry};
use solvers::spacing::SigmaSpacing;
use tch::{Device, Tensor, no_grad};

/// The options about the sampler.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub struct SamplerOptions {
    /// Sampler; `easel list --samplers` names all. Where absent, the model's own ancestral chain.
    #[arg(long)]
    pub sampler: Option<String>,
    /// Sampling steps; the preset's own where absent.
    #[arg(long)]
    pub steps: Option<usize>,
    /// Where the steps lie: leading, trailing, linspace, quadratic, even or stride of the model's times; karras,
    /// exponential or beta in the noise level. Where absent, the preset's own.
    #[arg(long)]
    pub spacing: Option<String>,
    /// Share of fresh noise in ddim, euler-a and dpm2-a: 0 is deterministic, 1 is DDPM.
    #[arg(long, allow_negative_numbers = true)]
    pub eta: Option<f64>,
    /// Draw the noise from one Brownian path, which stays the same at any number of steps.
    #[arg(long)]
    pub brownian: bool,
    /// Autoguidance w of a model without labels: away from a smaller network that was trained for less; 1 is without. Where
    /// absent, the own chain of ddpm takes what its run was configured with, and any other sampler none.
    #[arg(long, allow_negative_numbers = true, value_name = "W")]
    pub autoguidance: Option<f64>,
}

/// The options about label and guidance.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub struct GuidanceOptions {
    /// Class of the pictures, for a model that knows classes; all in turn where only guidance is asked for.
    #[arg(long)]
    pub label: Option<i64>,
    /// Classifier-free guidance s, as in Stable Diffusion: 0 is without the label, 1 the label alone.
    #[arg(long, allow_negative_numbers = true)]
    pub guidance: Option<f64>,
    /// The same as w = s - 1, as in Ho and Salimans.
    #[arg(long, conflicts_with = "guidance", allow_negative_numbers = true)]
    pub guidance_w: Option<f64>,
    /// Classifier guidance of the model without label, with this scale.
    #[arg(long, allow_negative_numbers = true, conflicts_with_all = ["guidance", "guidance_w"])]
    pub classifier_guidance: Option<f64>,
    /// Noise levels (sigma/alpha) between which guidance acts, LOW,HIGH; elsewhere the label alone.
    #[arg(long, value_parser = interval, value_name = "LOW,HIGH")]
    pub guidance_interval: Option<(f64, f64)>,
    /// Share of the guided output whose spread is set back to that of the output with label.
    #[arg(long)]
    pub guidance_rescale: Option<f64>,
}

/// Reads `LOW,HIGH`.
fn interval(text: &str) -> Result<(f64, f64), String> {
    let parsed = text.split_once(',').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    match parsed {
        Some((low, high)) if (0.0..high).contains(&low) => Ok((low, high)),
        _ => Err("two numbers are expected, 0 <= LOW < HIGH".into()),
    }
}

impl GuidanceOptions {
    /// Whether nothing is asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the steps of a chain lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grid {
    /// Whole times of the model.
    Times(Spacing),
    /// Noise levels.
    Sigmas(SigmaSpacing),
}

fn named<'de, T: Deserialize<'de>>(name: &'de str) -> Option<T> {
    let name: StrDeserializer<'de, NameError> = name.into_deserializer();
    T::deserialize(name).ok()
}

impl Grid {
    /// The grid of this name.
    pub fn parse(name: &str) -> Result<Self> {
        named(name).map(Self::Times).or_else(|| named(name).map(Self::Sigmas)).ok_or_else(|| {
            anyhow!(
                "no spacing is called `{name}`; there are: leading, trailing, linspace, quadratic, even, stride, karras, \
                 exponential, beta"
            )
        })
    }

    /// Falling times of `steps` steps, 0 at the end.
    pub fn times(self, schedule: &NoiseSchedule, steps: usize) -> Result<Vec<f64>> {
        Ok(match self {
            Self::Times(spacing) => falling(&spacing.times(schedule.steps(), steps)?),
            Self::Sigmas(spacing) => spacing
                .times(schedule, 1.0, steps)
                .with_context(|| format!("{steps} steps of this spacing on {} times", schedule.steps()))?,
        })
    }
}

/// The sampler of a name, or an error that lists all.
pub fn find_sampler(name: &str) -> Result<&'static Entry> {
    catalogue::find(name).ok_or_else(|| {
        let known: Vec<_> = catalogue::ALL.iter().map(|e| e.name).collect();
        anyhow!("no sampler is called `{name}`; there are: {}", known.join(", "))
    })
}

/// A sampler with its times and the seed of its noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The sampler.
    pub sampler: Sampler,
    /// Falling times, 0 at the end.
    pub times: Vec<f64>,
    /// Seed of the noise.
    pub seed: u64,
    /// Whether the noise comes from one Brownian path.
    pub brownian: bool,
}

impl SamplerOptions {
    /// Whether the model's own chain is asked for, whatever its steps and its guidance.
    pub fn is_default(&self) -> bool {
        self.sampler.is_none() && self.spacing.is_none() && self.eta.is_none() && !self.brownian
    }

    /// The plan on a model's `schedule`, with `steps` and `spacing` where the options leave them open.
    ///
    /// # Errors
    /// Unknown names, and combinations that have no meaning, with the reason.
    pub fn plan(&self, schedule: &NoiseSchedule, steps: usize, spacing: Spacing, seed: u64) -> Result<Plan> {
        let entry = find_sampler(self.sampler.as_deref().unwrap_or("ddpm"))?;
        let mut sampler = entry.sampler;
        if let Some(eta) = self.eta {
            sampler = sampler.with_eta(eta).map_err(|why| anyhow!("--sampler {} --eta {eta}: {why}", entry.name))?;
        }
        let grid = self.spacing.as_deref().map_or(Ok(Grid::Times(spacing)), Grid::parse)?;
        let times = grid.times(schedule, self.steps.unwrap_or(steps))?;
        let nothing_left = schedule.alpha_bar(schedule.steps()) == 0.0 && times[0] >= schedule.steps() as f64;
        if nothing_left && sampler.needs_signal() {
            bail!(
                "--sampler {}: this model's last time is pure noise, from which only ddim and ddpm start",
                entry.name
            );
        }
        if self.brownian {
            ensure!(sampler.is_stochastic(), "--brownian: {} draws no noise", entry.name);
            ensure!(!sampler.adds_noise(), "--brownian: {} adds noise between its steps", entry.name);
        }
        Ok(Plan { sampler, times, seed, brownian: self.brownian })
    }
}

impl Plan {
    /// Runs the chain from `x` at the first time; row i of `x` uses the noise of sample `samples.start + i`.
    pub fn run(
        &self,
        denoiser: &mut dyn Denoiser<Tensor>,
        schedule: &NoiseSchedule,
        x: Tensor,
        samples: Range<u64>,
        observer: &mut dyn FnMut(&Step<'_, Tensor>),
    ) -> Tensor {
        let (picture, device) = (x.size()[1..].to_vec(), x.device());
        let mut noise = noise_source(self.seed, self.brownian, samples, picture, device);
        let run = Run { denoiser, schedule, times: &self.times, noise: &mut *noise, observer };
        no_grad(|| self.sampler.sample(run, x))
    }
}

/// Normals of the samples numbered `samples`, `[N, picture..]`: sample k's depend on the seed and k alone, and a shorter
/// chain ends with the same as a longer one.
pub fn noise_source(
    seed: u64,
    brownian: bool,
    samples: Range<u64>,
    picture: Vec<i64>,
    device: Device,
) -> Box<dyn NoiseSource<Tensor>> {
    if brownian {
        let stream = Noise::new(seed).purpose("sample/path");
        return Box::new(BrownianPath::new(move |node| {
            normal_tensor(&stream, node, samples.clone(), &picture, device)
        }));
    }
    let stream = Noise::new(seed).purpose("sample/steps");
    Box::new(move |draw: &Draw| {
        let number = draw.remaining as u64 | (draw.part as u64) << 32;
        normal_tensor(&stream, number, samples.clone(), &picture, device)
    })
}
