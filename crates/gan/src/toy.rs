//! Games in one and two dimensions, where $p_{data}$, $p_g$ and with them $D^*$ are known.

use easel_core::GaussianMixture;
use easel_core::noise::{Noise, Stream};
use easel_core::tensor::{to_array, to_tensor};
use easel_nn::layers::Linear;
use easel_nn::{InitScheme, Params, Path};
use easel_train::{AdamConfig, Decay, Group, OptimConfig, RateConfig, TrainError};
use ndarray::{Array2, array};
use tch::{Device, Kind, Tensor, no_grad};

use crate::loss::Loss;

/// A game against Gaussians in D dimensions.
#[derive(Debug, Clone)]
pub struct ToyConfig {
    /// $p_{data}$.
    pub target: GaussianMixture,
    /// Numbers in z, uniform on (-1, 1).
    pub latent: i64,
    /// Width of the two hidden layers of G.
    pub generator: i64,
    /// Width of the two hidden layers of D.
    pub discriminator: i64,
    /// Points, and fakes, an update.
    pub batch: usize,
    /// Learning rate at first; it falls linearly to a hundredth.
    pub lr: f64,
    /// Updates of D for one of G.
    pub k: u64,
    /// What the players minimise.
    pub loss: Loss,
    /// Updates of G in all.
    pub steps: u64,
}

impl ToyConfig {
    /// One Gaussian N(4, 0.5^2) on the line: the setting of the paper's Fig. 1.
    ///
    /// # Panics
    /// Never: the mixture is valid.
    pub fn line() -> Self {
        let target = GaussianMixture::isotropic(array![1.0].view(), array![[4.0]].view(), array![0.5].view());
        Self {
            target: target.expect("a valid mixture"),
            latent: 1,
            generator: 32,
            discriminator: 64,
            batch: 256,
            lr: 2e-3,
            // With k = 1 a smooth D lags behind, calls one half everywhere, and p_g shrinks to a point.
            k: 5,
            loss: Loss::NonSaturating {},
            steps: 1000,
        }
    }

    /// `modes` Gaussians of deviation 0.15 on a circle of radius 2.
    ///
    /// # Panics
    /// For no modes.
    pub fn ring(modes: usize) -> Self {
        let angle = |k: usize| 2.0 * std::f64::consts::PI * k as f64 / modes as f64;
        let means = Array2::from_shape_fn((modes, 2), |(k, axis)| {
            2.0 * if axis == 0 { angle(k).cos() } else { angle(k).sin() }
        });
        let ones = ndarray::Array1::ones(modes);
        let target = GaussianMixture::isotropic(ones.view(), means.view(), (ones.clone() * 0.15).view());
        Self { target: target.expect("at least one mode"), latent: 8, generator: 64, discriminator: 64, ..Self::line() }
    }
}

/// Linear maps with a nonlinearity between them.
#[derive(Debug)]
struct Dense {
    layers: Vec<Linear>,
}

impl Dense {
    fn new(path: &Path, widths: &[i64]) -> Result<Self, TrainError> {
        let layer = |k: usize| Linear::new(&path.sub(k), widths[k], widths[k + 1]);
        let layers: Result<_, _> = (0..widths.len() - 1).map(layer).collect();
        Ok(Self { layers: layers.map_err(|e| TrainError::Model(e.to_string()))? })
    }

    fn forward(&self, x: &Tensor, nonlinearity: fn(&Tensor) -> Tensor) -> Tensor {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(x.shallow_clone(), |x, (k, layer)| {
            let y = layer.forward(&x);
            if k < last { nonlinearity(&y) } else { y }
        })
    }
}

/// A game in progress.
#[derive(Debug)]
pub struct Toy {
    config: ToyConfig,
    generator: Dense,
    discriminator: Dense,
    g: Group,
    d: Group,
    data: Stream,
    latent: Stream,
    step: u64,
}

impl Toy {
    /// Fresh players from `seed`.
    ///
    /// # Errors
    /// A rate or width out of range.
    pub fn new(config: &ToyConfig, seed: u64) -> Result<Self, TrainError> {
        let dimensions = config.target.dimension() as i64;
        let params = [(); 2].map(|()| Params::new(Device::Cpu, seed, InitScheme::Public));
        let (width, rate) = (
            config.generator,
            RateConfig { lr: config.lr, final_lr: 0.01 * config.lr, warmup: 0, decay: Decay::Linear },
        );
        let generator = Dense::new(&params[0].root().sub("g"), &[config.latent, width, width, dimensions])?;
        let width = config.discriminator;
        let discriminator = Dense::new(&params[1].root().sub("d"), &[dimensions, width, width, 1])?;
        let adam = AdamConfig { beta1: 0.5, ..AdamConfig::default() };
        let optim = OptimConfig { rate, adam, clip: 0.0, ..OptimConfig::default() };
        let noise = Noise::new(seed);
        Ok(Self {
            g: Group::new("g", params[0].named(), Kind::Float, optim, config.steps)?,
            d: Group::new("d", params[1].named(), Kind::Float, optim, config.steps * config.k)?,
            config: config.clone(),
            generator,
            discriminator,
            data: noise.purpose("toy/data"),
            latent: noise.purpose("toy/latent"),
            step: 0,
        })
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// G of z `[N, latent]`, f64 `[N, D]`.
    pub fn generate(&self, z: &Array2<f64>) -> Array2<f64> {
        self.apply(z, |z| self.generator.forward(z, Tensor::tanh))
    }

    /// D at the rows of `x` `[N, D]`, in (0, 1).
    pub fn discriminate(&self, x: &Array2<f64>) -> Vec<f64> {
        let belief = |x: &Tensor| self.config.loss.belief(&self.discriminator.forward(x, Tensor::relu));
        self.apply(x, belief).into_iter().collect()
    }

    fn apply(&self, x: &Array2<f64>, f: impl Fn(&Tensor) -> Tensor) -> Array2<f64> {
        let y = no_grad(|| f(&to_tensor(x, Device::Cpu).to_kind(Kind::Float)).to_kind(Kind::Double));
        to_array("the network's output", &y).expect("two dimensions of f64")
    }

    /// Fakes of the samples 0..`count`, f64 `[count, D]`.
    pub fn samples(&self, count: usize) -> Array2<f64> {
        let z = self.noise(u64::MAX, count).to_kind(Kind::Double);
        self.generate(&to_array("z", &z).expect("two dimensions of f64"))
    }

    fn noise(&self, draw: u64, count: usize) -> Tensor {
        let mut values = vec![0.0; count * self.config.latent as usize];
        self.latent.uniform(draw, 0, &mut values);
        let values: Vec<f32> = values.into_iter().map(|u| (2.0 * u - 1.0) as f32).collect();
        Tensor::from_slice(&values).reshape([-1, self.config.latent])
    }

    /// One round of Algorithm 1: `k` updates of D, one of G.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn play(&mut self) -> Result<(), TrainError> {
        let (k, batch, loss) = (self.config.k, self.config.batch, self.config.loss);
        let logits = |d: &Dense, x: &Tensor| d.forward(x, Tensor::relu);
        for number in self.step * k..(self.step + 1) * k {
            let real = self.config.target.sample(&self.data, number, 0, batch);
            let real = to_tensor(&real, Device::Cpu).to_kind(Kind::Float);
            let fake = no_grad(|| self.generator.forward(&self.noise(2 * number, batch), Tensor::tanh));
            let d = &self.discriminator;
            let _ = self.d.update(&loss.discriminator(&logits(d, &real), &logits(d, &fake)))?;
        }
        let z = self.noise(2 * ((self.step + 1) * k - 1) + 1, batch);
        let fake = self.generator.forward(&z, Tensor::tanh);
        let _ = self.g.update(&loss.generator(&logits(&self.discriminator, &fake)).mean(Kind::Float))?;
        self.step += 1;
        Ok(())
    }
}

/// The probability of each bin between neighbouring `edges` under a map of the line whose values at equally likely, ordered
/// points are `x`, linear between them: $p_g$ of a one-dimensional generator, without noise. What falls outside is lost.
pub fn pushforward(x: &[f64], edges: &[f64]) -> Vec<f64> {
    let mut mass = vec![0.0; edges.len().saturating_sub(1)];
    let each = 1.0 / x.len().saturating_sub(1).max(1) as f64;
    for pair in x.windows(2) {
        let (low, high) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        let first = edges.partition_point(|e| *e <= low).saturating_sub(1);
        for bin in first..mass.len() {
            let (a, b) = (edges[bin], edges[bin + 1]);
            if a >= high && high > low {
                break;
            }
            // A stretch mapped to one point lies in the bin that holds the point.
            let share = if high > low {
                (high.min(b) - low.max(a)).max(0.0) / (high - low)
            } else {
                f64::from(u8::from(a <= low && low < b))
            };
            mass[bin] += each * share;
            if b > high {
                break;
            }
        }
    }
    mass
}

/// How many of the `means` `[K, D]` have at least a `least` share of all `samples` `[N, D]` within `radius`, and the share of
/// samples that are that near to one.
pub fn modes_covered(samples: &Array2<f64>, means: &Array2<f64>, radius: f64, least: f64) -> (usize, f64) {
    let mut counts = vec![0usize; means.nrows()];
    for sample in samples.outer_iter() {
        let squared =
            |mean: ndarray::ArrayView1<f64>| -> f64 { mean.iter().zip(sample).map(|(m, s)| (m - s).powi(2)).sum() };
        if let Some(k) = (0..means.nrows()).find(|&k| squared(means.row(k)) <= radius * radius) {
            counts[k] += 1;
        }
    }
    let total = samples.nrows().max(1) as f64;
    let covered = counts.iter().filter(|&&c| c as f64 >= least * total).count();
    (covered, counts.iter().sum::<usize>() as f64 / total)
}
