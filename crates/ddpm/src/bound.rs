//! The variational bound on data, term by term.

use tch::{Tensor, no_grad};

use crate::loss::{Variance, mean_flat, prior_kl, vlb_term};
use crate::model::{Ddpm, Prediction};
use crate::process::Process;

/// The bound at one time t, averaged over pictures.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Term {
    /// Time, in 1..=T.
    pub t: usize,
    /// How many times it stands for.
    pub weight: f64,
    /// $L_{t-1}$ (t >= 2) or $L_0$ (t = 1), bits a dimension.
    pub bits: f64,
    /// Mean of $(x_0-\hat x_0)^2$ over pixels.
    pub x0_mse: f64,
    /// Mean of $(\epsilon-\hat\epsilon)^2$ over pixels.
    pub epsilon_mse: f64,
}

/// The bound of Ho et al. 2020, eq. 5.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Bound {
    /// $L_T$, bits a dimension.
    pub prior: f64,
    /// The terms, t ascending.
    pub terms: Vec<Term>,
}

impl Bound {
    /// The bound: the sum of all terms and the prior, bits a dimension.
    pub fn total(&self) -> f64 {
        self.prior + self.terms.iter().map(|term| term.bits * term.weight).sum::<f64>()
    }

    /// Progressive lossy coding (Ho et al. 2020, section 4.3): (t, rate in bits a dimension spent down to x_t,
    /// distortion as root mean squared error of $\hat x_0$ on the scale 0 to 255), from t = T down.
    pub fn rate_distortion(&self) -> Vec<(usize, f64, f64)> {
        let mut rate = self.prior;
        self.terms
            .iter()
            .rev()
            .map(|term| {
                // A term stands in the middle of its block: what the block's later times cost is spent at x_t.
                let later = ((term.weight - 1.0) / 2.0).floor();
                let point = (term.t, rate + term.bits * later, 127.5 * term.x0_mse.sqrt());
                rate += term.bits * term.weight;
                point
            })
            .collect()
    }
}

/// Stretches (first, length) that cover 1..=`steps` once, at most `stride` long, and at most an eighth of their own first
/// time: the terms fall about as 1/t, so a long stretch near t = 1 would be misjudged by its middle.
pub fn blocks(steps: usize, stride: usize) -> Vec<(usize, usize)> {
    let mut first = 1;
    std::iter::from_fn(|| {
        let length = stride.min(first / 8).clamp(1, (steps + 1).saturating_sub(first).max(1));
        let block = (first <= steps).then_some((first, length));
        first += length;
        block
    })
    .collect()
}

/// Evaluates the bound of `model` on `x0` (f32 `[B, C, H, W]`) with fresh noise at each t; $\hat x_0$ is clipped.
///
/// `noise(t)` gives $\epsilon$ shaped like `x0`. A `stride` above 1 evaluates t = 1 and then the middle of each block of
/// `stride` times: an estimate at a fraction of the cost. `progress` is told how many terms are done.
pub fn evaluate(
    model: &Ddpm,
    process: &Process,
    x0: &Tensor,
    stride: usize,
    mut noise: impl FnMut(usize) -> Tensor,
    mut progress: impl FnMut(usize),
) -> Bound {
    let blocks = blocks(process.schedule.steps(), stride);
    no_grad(|| {
        let terms = blocks
            .into_iter()
            .map(|(first, length)| (first + length / 2, length))
            .enumerate()
            .map(|(i, (t, length))| {
                let term = evaluate_term(model, process, x0, t, &noise(t));
                progress(i + 1);
                Term { weight: length as f64, ..term }
            })
            .collect();
        Bound { prior: mean(&prior_kl(process, x0)), terms }
    })
}

fn evaluate_term(model: &Ddpm, process: &Process, x0: &Tensor, t: usize, epsilon: &Tensor) -> Term {
    let times = Tensor::full([x0.size()[0]], t as i64, (tch::Kind::Int64, x0.device()));
    let x_t = process.q_sample(x0, &times, epsilon);
    let Prediction { output, variance } = model.predict(&x_t, &times, None, false);
    let x0_hat = process.predicted_x0(&x_t, &output, &times).clamp(-1.0, 1.0);
    let schedule = &process.schedule;
    let (signal, noise) = (schedule.sqrt_alpha_bar(t), schedule.sqrt_one_minus_alpha_bar(t));
    let epsilon_hat = (&x_t - &x0_hat * signal) / noise;
    let variance = match &variance {
        Some(output) => Variance::LearnedRange(output),
        None => Variance::Fixed(model.config().likelihood_variance()),
    };
    Term {
        t,
        weight: 1.0,
        bits: mean(&vlb_term(process, x0, &x_t, &times, &x0_hat, &variance)),
        x0_mse: mean(&mean_flat(&(x0 - &x0_hat).square())),
        epsilon_mse: mean(&mean_flat(&(epsilon - epsilon_hat).square())),
    }
}

fn mean(values: &Tensor) -> f64 {
    values.mean(tch::Kind::Double).double_value(&[])
}
