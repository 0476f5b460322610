//! Named parameters: declared once, initialised from a seed, counted without memory.
//!
//! libtorch's `VarStore` was rejected: it renames a second parameter of one name silently, and draws from a global
//! generator, so that a network's first weights depend on the order in which it is built.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;

use easel_core::Noise;
use easel_core::weights::{Weights, load_cast};
use tch::{Device, Kind, Tensor};

use crate::error::NnError;

/// How fresh parameters are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitScheme {
    /// PyTorch's defaults: weights and biases U(-b, b) with b = 1/sqrt(fan in).
    Public,
    /// Released code of Ho et al. 2020: weights U(-b, b) with b = sqrt(6/(fan in + fan out)), biases 0, and the last
    /// layer of every residual branch and of the network 0.
    Ddpm,
    /// Released code of Radford et al. 2016 (DCGAN): weights N(0, 0.02), gains N(1, 0.02), biases 0.
    Dcgan,
    /// Released code of Mansimov et al. 2016 (AlignDRAW): weights N(0, 0.01), biases 0.
    AlignDraw,
    /// Released code of Xu et al. 2018 and Li et al. 2019 (AttnGAN, ControlGAN): weights orthogonal, gains N(1, 0.02), biases 0.
    Orthogonal,
}

/// What a parameter is for, from which its initial values follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    /// Weights `[out, in, ..]` of a linear map or convolution.
    Weight,
    /// Weights of the last layer of a residual branch or of the network.
    LastWeight,
    /// Bias of a map with this fan-in.
    Bias {
        /// Inputs that one output sums over.
        fan_in: i64,
    },
    /// Gain of a normalisation: 1.
    Gain,
    /// Offset of a normalisation: 0.
    Offset,
    /// Table of embeddings: standard normal.
    Table,
    /// Fixed random frequencies N(0, std^2), not trained.
    Frequencies {
        /// Standard deviation.
        std: f64,
    },
    /// A statistic that the forward pass keeps, with its first value; not trained.
    Statistic {
        /// Value of all entries at first.
        value: f64,
    },
}

impl Role {
    /// Whether an optimiser changes it.
    fn trained(self) -> bool {
        !matches!(self, Self::Frequencies { .. } | Self::Statistic { .. })
    }
}

/// Where initial values come from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Drawn { noise: Noise, scheme: InitScheme },
    Zeros,
    Nothing,
}

/// The distribution that a role has under a scheme.
enum Values {
    Constant(f64),
    Uniform(f64),
    /// Mean and standard deviation.
    Normal(f64, f64),
    /// Orthonormal rows or columns, whichever are fewer, of the tensor as a matrix `[first axis, all others]`.
    Orthogonal,
}

/// One declared parameter.
#[derive(Debug)]
struct Entry {
    name: String,
    shape: Vec<i64>,
    tensor: Tensor,
    trained: bool,
}

#[derive(Debug, Default)]
struct Registry {
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
}

/// All parameters of a network, in the order of their declaration.
#[derive(Debug)]
pub struct Params {
    device: Device,
    source: Source,
    registry: RefCell<Registry>,
}

impl Params {
    /// Parameters drawn from `seed`: the values of one depend on the seed and its name alone.
    pub fn new(device: Device, seed: u64, scheme: InitScheme) -> Self {
        Self::with_source(device, Source::Drawn { noise: Noise::new(seed), scheme })
    }

    /// Parameters that are zero, to be filled from a file.
    pub fn zeros(device: Device) -> Self {
        Self::with_source(device, Source::Zeros)
    }

    /// Parameters that have names and shapes and take no memory; a network built on them can only be counted.
    pub fn counting() -> Self {
        Self::with_source(Device::Cpu, Source::Nothing)
    }

    fn with_source(device: Device, source: Source) -> Self {
        Self { device, source, registry: RefCell::default() }
    }

    /// The place where a network declares its parameters.
    pub fn root(&self) -> Path<'_> {
        Path { params: self, prefix: String::new() }
    }

    /// Device of the parameters.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Names and tensors, in the order of declaration; the tensors are those that the network uses, not copies.
    ///
    /// Trained ones have `requires_grad`. Undefined tensors after [`Params::counting`].
    pub fn named(&self) -> Vec<(String, Tensor)> {
        let registry = self.registry.borrow();
        registry.entries.iter().map(|e| (e.name.clone(), e.tensor.shallow_clone())).collect()
    }

    /// Those of [`Params::named`] that an optimiser trains.
    pub fn trained(&self) -> Vec<(String, Tensor)> {
        self.selected(true)
    }

    /// Those of [`Params::named`] that no optimiser trains: statistics of batch normalisation, fixed frequencies.
    pub fn untrained(&self) -> Vec<(String, Tensor)> {
        self.selected(false)
    }

    fn selected(&self, trained: bool) -> Vec<(String, Tensor)> {
        let registry = self.registry.borrow();
        let chosen = registry.entries.iter().filter(|e| e.trained == trained);
        chosen.map(|e| (e.name.clone(), e.tensor.shallow_clone())).collect()
    }

    /// Names and shapes, in the order of declaration.
    pub fn shapes(&self) -> Vec<(String, Vec<i64>)> {
        self.registry.borrow().entries.iter().map(|e| (e.name.clone(), e.shape.clone())).collect()
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<Tensor> {
        let registry = self.registry.borrow();
        registry.index.get(name).map(|&i| registry.entries[i].tensor.shallow_clone())
    }

    /// Number of scalars in all parameters.
    pub fn count(&self) -> i64 {
        self.registry.borrow().entries.iter().map(|e| e.shape.iter().product::<i64>()).sum()
    }

    /// Copies a weight file into the parameters: exactly the same names and shapes, floating-point types converted.
    ///
    /// # Errors
    /// Any difference, all of them listed; no parameter is then changed.
    pub fn load(&self, weights: &Weights) -> Result<(), NnError> {
        Ok(load_cast(&mut self.named(), weights)?)
    }

    fn declare(&self, name: String, shape: &[i64], role: Role) -> Result<Tensor, NnError> {
        let mut registry = self.registry.borrow_mut();
        if registry.index.contains_key(&name) {
            return Err(NnError::DuplicateParameter { name });
        }
        let tensor = self.initial(&name, shape, role);
        let at = registry.entries.len();
        registry.index.insert(name.clone(), at);
        registry.entries.push(Entry {
            name,
            shape: shape.to_vec(),
            tensor: tensor.shallow_clone(),
            trained: role.trained(),
        });
        Ok(tensor)
    }

    fn initial(&self, name: &str, shape: &[i64], role: Role) -> Tensor {
        let full = |value: f64| Tensor::full(shape, value, (Kind::Float, self.device));
        let tensor = match self.source {
            Source::Nothing => return Tensor::new(),
            Source::Zeros => full(0.0),
            Source::Drawn { noise, scheme } => {
                let stream = noise.purpose(&format!("init/{name}"));
                let mut draws = vec![0.0; shape.iter().product::<i64>() as usize];
                match values(scheme, role, shape) {
                    Values::Constant(value) => full(value),
                    Values::Uniform(bound) => {
                        stream.uniform(0, 0, &mut draws);
                        from_f64(draws.iter().map(|u| bound * (2.0 * u - 1.0)), shape, self.device)
                    }
                    Values::Normal(mean, std) => {
                        stream.normal_f64(0, 0, &mut draws);
                        from_f64(draws.iter().map(|z| mean + std * z), shape, self.device)
                    }
                    Values::Orthogonal => {
                        stream.normal_f64(0, 0, &mut draws);
                        orthogonal(&draws, shape).to_device(self.device)
                    }
                }
            }
        };
        tensor.set_requires_grad(role.trained())
    }
}

fn from_f64(values: impl Iterator<Item = f64>, shape: &[i64], device: Device) -> Tensor {
    let rounded: Vec<f32> = values.map(|v| v as f32).collect();
    Tensor::from_slice(&rounded).reshape(shape).to_device(device)
}

fn values(scheme: InitScheme, role: Role, shape: &[i64]) -> Values {
    let kernel: i64 = shape.iter().skip(2).product();
    let fan = |axis: usize| (shape.get(axis).copied().unwrap_or(1) * kernel) as f64;
    match (role, scheme) {
        (Role::Weight | Role::LastWeight, InitScheme::Public) => Values::Uniform(1.0 / fan(1).sqrt()),
        (Role::Bias { fan_in }, InitScheme::Public) => Values::Uniform(1.0 / (fan_in as f64).sqrt()),
        (Role::Weight, InitScheme::Ddpm) => Values::Uniform((6.0 / (fan(0) + fan(1))).sqrt()),
        (Role::LastWeight | Role::Bias { .. }, InitScheme::Ddpm) | (Role::Offset, _) => Values::Constant(0.0),
        (Role::Weight | Role::LastWeight, InitScheme::Dcgan) => Values::Normal(0.0, 0.02),
        (Role::Weight | Role::LastWeight, InitScheme::AlignDraw) => Values::Normal(0.0, 0.01),
        (Role::Weight | Role::LastWeight, InitScheme::Orthogonal) => Values::Orthogonal,
        (Role::Bias { .. }, _) => Values::Constant(0.0),
        (Role::Gain, InitScheme::Dcgan | InitScheme::Orthogonal) => Values::Normal(1.0, 0.02),
        (Role::Gain, _) => Values::Constant(1.0),
        (Role::Table, _) => Values::Normal(0.0, 1.0),
        (Role::Frequencies { std }, _) => Values::Normal(0.0, std),
        (Role::Statistic { value }, _) => Values::Constant(value),
    }
}

/// An orthogonal matrix from standard normals: Q of their QR decomposition, signs such that R has a positive diagonal
/// (Saxe et al. 2014, arXiv:1312.6120), f32 of this shape.
fn orthogonal(normals: &[f64], shape: &[i64]) -> Tensor {
    let (rows, all) = (shape[0], shape.iter().product::<i64>());
    let matrix = Tensor::from_slice(normals).reshape([rows, all / rows.max(1)]);
    let wide = rows < all / rows.max(1);
    let (q, r) = Tensor::linalg_qr(&if wide { matrix.tr() } else { matrix }, "reduced");
    let q = q * r.diagonal(0, 0, 1).sign();
    (if wide { q.tr() } else { q }).to_kind(Kind::Float).reshape(shape).contiguous()
}

/// A place in the tree of names, such as `mid_block.resnets.0`.
#[derive(Debug, Clone)]
pub struct Path<'a> {
    params: &'a Params,
    prefix: String,
}

impl<'a> Path<'a> {
    /// The place `name` below this one.
    pub fn sub(&self, name: impl Display) -> Path<'a> {
        Path { params: self.params, prefix: self.full(name) }
    }

    /// Declares the parameter `name` below this place; the tensor is a leaf, f32, on the device of the parameters.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn declare(&self, name: &str, shape: &[i64], role: Role) -> Result<Tensor, NnError> {
        self.params.declare(self.full(name), shape, role)
    }

    /// The full name of this place.
    pub fn name(&self) -> &str {
        &self.prefix
    }

    /// Device of the parameters.
    pub fn device(&self) -> Device {
        self.params.device
    }

    fn full(&self, name: impl Display) -> String {
        match self.prefix.as_str() {
            "" => name.to_string(),
            prefix => format!("{prefix}.{name}"),
        }
    }
}
