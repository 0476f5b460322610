//! The bound on held-out pictures, and the estimate by importance weights beside it.

use std::ops::Range;

use easel_core::Noise;
use easel_core::noise::Stream;
use easel_core::tensor::normal_tensor;
use easel_data::Dataset;
use tch::{Device, Kind, TchError, Tensor, no_grad};

use crate::loss::Terms;

/// A model of binary pictures with a bound on their likelihood.
pub trait Bounded {
    /// [T, d_z]: groups of latent numbers, and numbers in each.
    fn noise_shape(&self) -> [i64; 2];

    /// The terms of binary pictures `[B, pixels]` with standard normals `[T, B, d_z]`.
    fn terms(&self, x: &Tensor, noise: &Tensor) -> Terms;

    /// Sets the biases of the pixels to the logits of `mean` `[pixels]`, the mean of the training pictures: training does not
    /// begin with learning it.
    fn start_at(&self, mean: &Tensor);

    /// The mean of the bound over a batch, ready for an optimiser.
    ///
    /// # Errors
    /// Weights that take no gradient.
    fn gradient(&self, x: &Tensor, noise: &Tensor) -> Result<Gradient, TchError>;
}

/// Copies the logits of `mean` into `bias`; probabilities stay away from 0 and 1.
pub(crate) fn set_logits(bias: &Tensor, mean: &Tensor) {
    no_grad(|| bias.shallow_clone().copy_(&mean.clamp(2e-3, 1.0 - 2e-3).logit(None)));
}

/// The objective of a training step.
#[derive(Debug)]
pub struct Gradient {
    /// A scalar whose gradient with respect to the weights is that of the bound; its value may be another.
    pub surrogate: Tensor,
    /// $L^x$, mean over the batch.
    pub reconstruction: Tensor,
    /// $L^z$, mean over the batch.
    pub kl: Tensor,
}

impl Gradient {
    /// The surrogate with the means of the terms.
    pub fn of(surrogate: Tensor, terms: &Terms) -> Self {
        let mean = |t: &Tensor| t.detach().mean(Kind::Float);
        let batch = terms.kl.size()[0] as f64;
        Self { surrogate, reconstruction: mean(&terms.reconstruction), kl: terms.kl.detach().sum(Kind::Float) / batch }
    }
}

/// Standard normals `[T, B, d_z]` of the samples numbered `samples` at `step`.
pub fn latent_noise(stream: &Stream, step: u64, samples: Range<u64>, shape: [i64; 2], device: Device) -> Tensor {
    normal_tensor(stream, step, samples, &shape, device).transpose(0, 1).contiguous()
}

/// Grey values as probabilities of white, f32 `[N, pixels]` in [0, 1].
pub fn probabilities(data: &Dataset) -> Tensor {
    let pixels: i64 = data.shape()[1..].iter().map(|&n| n as i64).product();
    Tensor::from_slice(data.images()).view([-1, pixels]).to_kind(Kind::Float) / 255.0
}

/// Each pixel white with its probability (Salakhutdinov and Murray 2008): `probabilities` `[B, pixels]`, the draw of row i
/// following from (stream, step, `first` + i).
pub fn binarised(probabilities: &Tensor, stream: &Stream, step: u64, first: u64) -> Tensor {
    let size = probabilities.size();
    let mut uniforms = vec![0.0; (size[0] * size[1]) as usize];
    for (row, sample) in uniforms.chunks_exact_mut(size[1].max(1) as usize).zip(first..) {
        stream.uniform(step, sample, row);
    }
    let uniforms = Tensor::from_slice(&uniforms).view(size.as_slice()).to_device(probabilities.device());
    uniforms.lt_tensor(&probabilities.to_kind(Kind::Double)).to_kind(Kind::Float)
}

/// The binary test pictures that every bound here is of: one draw, fixed for all runs, whatever their seed. `[N, pixels]`.
pub fn test_pictures(data: &Dataset, device: Device) -> Tensor {
    binarised(&probabilities(data), &Noise::new(0).purpose("draw/test pictures"), 0, 0).to_device(device)
}

/// A model's bound on pictures, in nats a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// $L^x$.
    pub reconstruction: f64,
    /// $L^z$ of each group of latent numbers.
    pub kl: Vec<f64>,
    /// Standard error of [`Bound::total`] over the pictures.
    pub standard_error: f64,
    /// $-\log\frac1K\sum_k P(x, z_k) / Q(z_k \mid x)$, mean over the pictures; at most the bound but for the noise of the draws
    /// (Burda et al. 2016, arXiv:1509.00519).
    pub importance: f64,
    /// K.
    pub samples: usize,
}

impl Bound {
    /// $L = L^x + L^z$.
    pub fn total(&self) -> f64 {
        self.reconstruction + self.kl.iter().sum::<f64>()
    }
}

/// The bound of `model` on binary pictures `[N, pixels]`, averaged over `samples` draws of the latent numbers, and the
/// estimate by importance weights from the same draws. Pictures go in batches of `batch`.
pub fn evaluate(model: &dyn Bounded, x: &Tensor, samples: usize, batch: i64, noise: &Stream) -> Bound {
    let pictures = x.size()[0];
    let sum = |t: &Tensor| t.sum_dim_intlist([0i64].as_slice(), false, Kind::Double);
    let (mut reconstruction, mut kl, mut importance) = (0.0, Vec::new(), 0.0);
    let mut bounds = Vec::new();
    no_grad(|| {
        for start in (0..pictures).step_by(batch.max(1) as usize) {
            let part = x.narrow(0, start, batch.min(pictures - start));
            let range = start as u64..(start + part.size()[0]) as u64;
            let (mut of_part, mut weights) = (Vec::new(), Vec::new());
            for k in 0..samples as u64 {
                let epsilon = latent_noise(noise, k, range.clone(), model.noise_shape(), x.device());
                let terms = model.terms(&part, &epsilon);
                reconstruction += sum(&terms.reconstruction).double_value(&[]);
                let steps = Vec::<f64>::try_from(sum(&terms.kl).to_device(Device::Cpu)).expect("a vector of f64");
                kl.resize(steps.len(), 0.0);
                kl.iter_mut().zip(steps).for_each(|(total, step)| *total += step);
                of_part.push(terms.bound());
                weights.push(terms.log_weight().to_kind(Kind::Double));
            }
            let log_mean = Tensor::stack(&weights, 0).logsumexp([0i64].as_slice(), false) - (samples as f64).ln();
            importance -= sum(&log_mean).double_value(&[]);
            bounds.push(Tensor::stack(&of_part, 0).mean_dim([0i64].as_slice(), false, Kind::Double));
        }
    });
    let (n, draws) = (pictures as f64, (pictures as usize * samples) as f64);
    Bound {
        reconstruction: reconstruction / draws,
        kl: kl.into_iter().map(|v| v / draws).collect(),
        standard_error: Tensor::cat(&bounds, 0).std(true).double_value(&[]) / n.sqrt(),
        importance: importance / n,
        samples,
    }
}
