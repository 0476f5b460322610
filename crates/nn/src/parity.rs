//! Comparison with tensors that another implementation computed.
//!
//! A case is a folder with `inputs.safetensors`, `outputs.safetensors` and what is under test; see each `verify_..`.

use std::path::Path;

use easel_core::weights::{Weights, read};
use serde::Deserialize;
use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

use crate::error::NnError;
use crate::public::without_infinity;
use crate::unet::UNet2D;

/// What a case gave.
#[derive(Debug)]
pub struct Verdict {
    /// Computed tensors, by the names of the expected ones.
    pub computed: Vec<(String, Tensor)>,
    /// Error of each expected tensor, by [`relative_error`]; empty where the case has no `outputs.safetensors`.
    pub errors: Vec<(String, f64)>,
}

impl Verdict {
    /// Compares with the `outputs.safetensors` of a folder, if there is one.
    ///
    /// # Errors
    /// A damaged file, or an expected tensor that was not computed.
    pub fn new(folder: &Path, computed: Vec<(String, Tensor)>) -> Result<Self, NnError> {
        let path = folder.join("outputs.safetensors");
        if !path.is_file() {
            return Ok(Self { computed, errors: vec![] });
        }
        let mut errors = vec![];
        for (name, expected) in read(&path)?.tensors {
            let Some((_, tensor)) = computed.iter().find(|(key, _)| *key == name) else {
                let known: Vec<&str> = computed.iter().map(|(key, _)| key.as_str()).collect();
                let message = format!("\"{name}\" is expected, but {} is what this class computes", known.join(", "));
                return Err(NnError::File { path, message });
            };
            errors.push((name, relative_error(tensor, &expected)));
        }
        Ok(Self { computed, errors })
    }

    /// The largest error; 0 where nothing was compared.
    pub fn worst(&self) -> f64 {
        self.errors.iter().map(|(_, error)| *error).fold(0.0, f64::max)
    }
}

/// $\max|a-b| / \max(1, \max|b|)$; infinite where shapes differ or a value is not finite.
pub fn relative_error(a: &Tensor, b: &Tensor) -> f64 {
    if a.size() != b.size() {
        return f64::INFINITY;
    }
    if a.numel() == 0 {
        return 0.0;
    }
    let (a, b) = (a.to_kind(Kind::Double), b.to_device(a.device()).to_kind(Kind::Double));
    let error = (&a - &b).abs().max().double_value(&[]) / b.abs().max().double_value(&[]).max(1.0);
    if error.is_finite() { error } else { f64::INFINITY }
}

/// Named input tensors, each to be taken once.
#[derive(Debug)]
pub struct Inputs(Weights);

impl Inputs {
    /// Reads the `inputs.safetensors` of a folder.
    ///
    /// # Errors
    /// A missing or damaged file.
    pub fn read(folder: &Path) -> Result<Self, NnError> {
        Ok(Self(read(&folder.join("inputs.safetensors"))?))
    }

    /// The tensor of this name, if it is there.
    pub fn optional(&mut self, name: &str) -> Option<Tensor> {
        self.0.tensors.remove(name)
    }

    /// The tensor of this name.
    ///
    /// # Errors
    /// It is not there.
    pub fn required(&mut self, name: &str) -> Result<Tensor, NnError> {
        let missing = || NnError::File { path: self.0.path.clone(), message: format!("\"{name}\" is missing") };
        self.0.tensors.remove(name).ok_or_else(missing)
    }

    /// Checks that nothing is left that the class under test does not know.
    ///
    /// # Errors
    /// The names left.
    pub fn finish(self) -> Result<(), NnError> {
        if self.0.tensors.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.0.tensors.into_keys().collect();
        Err(NnError::File { path: self.0.path, message: format!("unknown inputs: {}", names.join(", ")) })
    }
}

/// A `UNet2DModel` case: `config.json`, weights, inputs `sample`, `timestep`, perhaps `class_labels`; output `output`.
///
/// # Errors
/// A missing or damaged file, an option that is not supported, weights or inputs that do not fit.
pub fn verify_unet2d(folder: &Path, device: Device) -> Result<Verdict, NnError> {
    let (network, _) = UNet2D::from_public_folder(folder, device)?;
    let mut inputs = Inputs::read(folder)?;
    let x = inputs.required("sample")?.to_device(device);
    let t = inputs.required("timestep")?.to_device(device);
    let labels = inputs.optional("class_labels").map(|labels| labels.to_device(device));
    inputs.finish()?;
    let output = tch::no_grad(|| network.forward(&x, &t, labels.as_ref(), false))?;
    Verdict::new(folder, vec![("output".to_owned(), output)])
}

/// A sampler case: `scheduler_config.json`, `case.json`, inputs `x_T` and `noise`.
#[derive(Debug)]
pub struct SamplerCase {
    /// Text of `scheduler_config.json`.
    pub config: String,
    /// Sampling steps K.
    pub steps: usize,
    /// Arguments of the choice of timesteps, besides K.
    pub set_timesteps: Map<String, Value>,
    /// Arguments of every step.
    pub step: Map<String, Value>,
    /// Standard normals `[B, C, H, W]` at which the chain starts, before any scaling.
    pub x_t: Tensor,
    /// Standard normals `[N, B, C, H, W]`: entry k is the k-th that the sampler asks for.
    pub noise: Option<Tensor>,
}

/// `case.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    steps: usize,
    #[serde(default)]
    set_timesteps: Map<String, Value>,
    #[serde(default)]
    step: Map<String, Value>,
    #[serde(default, rename = "noise_draws")]
    _noise_draws: usize,
}

impl SamplerCase {
    /// Reads a folder.
    ///
    /// # Errors
    /// A missing or damaged file, an unknown key or an unknown input.
    pub fn read(folder: &Path) -> Result<Self, NnError> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| NnError::Read { path: path.to_owned(), source })
        };
        let path = folder.join("case.json");
        let CaseFile { steps, set_timesteps, step, .. } = serde_json::from_str(&without_infinity(&text(&path)?))
            .map_err(|e| NnError::File { path, message: format!("not a sampler case: {e}") })?;
        let mut inputs = Inputs::read(folder)?;
        let (x_t, noise) = (inputs.required("x_T")?, inputs.optional("noise"));
        inputs.finish()?;
        Ok(Self { config: text(&folder.join("scheduler_config.json"))?, steps, set_timesteps, step, x_t, noise })
    }

    /// The k-th standard normal that the sampler asks for.
    ///
    /// # Errors
    /// The case holds fewer.
    pub fn draw(&self, k: usize) -> Result<Tensor, NnError> {
        let held = self.noise.as_ref().map_or(0, |noise| noise.size()[0]);
        match &self.noise {
            Some(noise) if (k as i64) < held => Ok(noise.get(k as i64)),
            _ => {
                let message = format!("the sampler asks for draw {k}, counted from 0, but there are {held}");
                Err(NnError::Input { input: "noise", message })
            }
        }
    }
}

/// The denoiser of sampler cases, f(x, t) = 0.5 x cos(t / 300) + 0.1 sin(t / 100), with tanh(x) as further channels
/// where the variance is learned: `[B, C, H, W]` to `[B, C or 2C, H, W]`.
///
/// `t` is the public scheduler's timestep and `x` its scaled input.
pub fn sampler_denoiser(x: &Tensor, t: f64, learned_variance: bool) -> Tensor {
    let mean = x * (0.5 * (t / 300.0).cos()) + 0.1 * (t / 100.0).sin();
    if learned_variance { Tensor::cat(&[mean, x.tanh()], 1) } else { mean }
}
