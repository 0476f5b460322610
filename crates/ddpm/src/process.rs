//! The forward process on tensors: tables over t, noising, targets, and the way back to x_0.

use easel_core::coefficients::Coefficients;
use easel_core::parameterisation::{Affine, Parameterisation};
use easel_core::posterior::ModelVariance;
use easel_core::schedule::NoiseSchedule;
use tch::{Device, Tensor};

/// A schedule with its coefficients as tensors. Times are i64 `[B]` in 1..=T, pictures f32 `[B, C, H, W]`.
#[derive(Debug)]
pub struct Process {
    /// The schedule.
    pub schedule: NoiseSchedule,
    /// What the network's output stands for.
    pub parameterisation: Parameterisation,
    signal: Coefficients,
    noise: Coefficients,
    x0: AffineTable,
    posterior: AffineTable,
    /// $\ln\tilde\beta_t$, with $\tilde\beta_2$ at t = 1.
    pub log_posterior_variance: Coefficients,
    /// $\ln\beta_t$.
    pub log_beta: Coefficients,
    log_fixed_large: Coefficients,
}

/// A table over t of maps a_t x_t + b_t y.
#[derive(Debug)]
struct AffineTable {
    x_t: Coefficients,
    other: Coefficients,
}

impl AffineTable {
    fn new(schedule: &NoiseSchedule, device: Device, f: impl Fn(usize) -> Affine) -> Self {
        let times = 1..=schedule.steps();
        Self {
            x_t: Coefficients::from_fn(times.clone(), device, |t| f(t).x_t),
            other: Coefficients::from_fn(times, device, |t| f(t).other),
        }
    }

    fn apply(&self, x_t: &Tensor, other: &Tensor, t: &Tensor) -> Tensor {
        (self.x_t.gather_like(t, x_t) * x_t).addcmul(&self.other.gather_like(t, other), other)
    }
}

impl Process {
    /// Tables of `schedule` on `device`.
    pub fn new(schedule: NoiseSchedule, parameterisation: Parameterisation, device: Device) -> Self {
        let s = &schedule;
        let table = |f: &dyn Fn(usize) -> f64| Coefficients::from_fn(1..=s.steps(), device, f);
        let affine = |f: &dyn Fn(usize) -> Affine| AffineTable::new(s, device, f);
        Self {
            signal: table(&|t| s.sqrt_alpha_bar(t)),
            noise: table(&|t| s.sqrt_one_minus_alpha_bar(t)),
            x0: affine(&|t| parameterisation.to_x0(s.alpha_bar(t), s.alpha_bar(t - 1))),
            posterior: affine(&|t| {
                let p = s.posterior(t - 1, t);
                Affine { x_t: p.x_t, other: p.x0 }
            }),
            log_posterior_variance: table(&|t| s.posterior_log_variance(t)),
            log_beta: table(&|t| s.beta(t).ln()),
            log_fixed_large: table(&|t| ModelVariance::FixedLarge.log_variance(s, t)),
            parameterisation,
            schedule,
        }
    }

    // excerpt: q-sample
    /// $x_t=\sqrt{\bar\alpha_t}x_0+\sqrt{1-\bar\alpha_t}\epsilon$ (Ho et al. 2020, eq. 4).
    pub fn q_sample(&self, x0: &Tensor, t: &Tensor, epsilon: &Tensor) -> Tensor {
        (self.signal.gather_like(t, x0) * x0).addcmul(&self.noise.gather_like(t, x0), epsilon)
    }
    // end excerpt

    /// What the network should put out at `x_t`.
    pub fn target(&self, x0: &Tensor, x_t: &Tensor, t: &Tensor, epsilon: &Tensor) -> Tensor {
        match self.parameterisation {
            Parameterisation::Epsilon => epsilon.shallow_clone(),
            Parameterisation::X0 => x0.shallow_clone(),
            Parameterisation::V => self.signal.gather_like(t, x0) * epsilon - self.noise.gather_like(t, x0) * x0,
            Parameterisation::Mean => self.posterior_mean(x0, x_t, t),
            // From epsilon: from x_t and x_0 it would lose digits where they are nearly equal.
            Parameterisation::Score => epsilon / -self.noise.gather_like(t, x0),
        }
    }

    /// $\hat x_0$ from the network's output, not clipped.
    pub fn predicted_x0(&self, x_t: &Tensor, output: &Tensor, t: &Tensor) -> Tensor {
        self.x0.apply(x_t, output, t)
    }

    /// $\tilde\mu_t(x_t, x_0)$ (Ho et al. 2020, eq. 7).
    pub fn posterior_mean(&self, x0: &Tensor, x_t: &Tensor, t: &Tensor) -> Tensor {
        self.posterior.apply(x_t, x0, t)
    }

    /// $\ln\sigma_t^2$ of a fixed variance, f32 `[B, 1, 1, 1]`.
    pub fn log_variance(&self, variance: ModelVariance, t: &Tensor) -> Tensor {
        match variance {
            ModelVariance::FixedSmall => self.log_posterior_variance.gather(t),
            ModelVariance::FixedLarge => self.log_fixed_large.gather(t),
        }
    }

    /// $\ln\sigma_t^2 = v\ln\beta_t+(1-v)\ln\tilde\beta_t$ with v = (`output` + 1) / 2 (Nichol and Dhariwal 2021, eq. 15).
    pub fn learned_range_log_variance(&self, output: &Tensor, t: &Tensor) -> Tensor {
        let (low, high) = (self.log_posterior_variance.gather(t), self.log_beta.gather(t));
        let half_range = (&high - &low) * 0.5;
        (&low + &half_range) + half_range * output
    }
}
