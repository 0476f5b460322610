//! Noise levels, and schedules as functions of continuous time.

use crate::error::MathError;
use crate::schedule::NoiseSchedule;

/// One noise level of $x_t = \alpha_t x_0 + \sigma_t\epsilon$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseLevel {
    /// The time, in the units of the schedule: what a network is told.
    pub t: f64,
    /// Coefficient of x_0.
    pub alpha: f64,
    /// Coefficient of epsilon, 0 for clean data.
    pub sigma: f64,
}

impl NoiseLevel {
    /// $\lambda = \ln(\alpha/\sigma)$, half the log signal-to-noise ratio; infinite for clean data.
    pub fn lambda(self) -> f64 {
        (self.alpha / self.sigma).ln()
    }

    /// $\hat\sigma = \sigma/\alpha$, EDM's noise level; infinite where nothing is left of the data.
    pub fn sigma_hat(self) -> f64 {
        self.sigma / self.alpha
    }

    /// $\bar\alpha = \alpha^2/(\alpha^2+\sigma^2)$: that of the variance-preserving process of equal $\hat\sigma$.
    pub fn alpha_bar(self) -> f64 {
        let (a, s) = (self.alpha * self.alpha, self.sigma * self.sigma);
        a / (a + s)
    }

    /// The variance-preserving pair of this $\hat\sigma$.
    pub fn of_sigma_hat(t: f64, sigma_hat: f64) -> Self {
        if sigma_hat.is_infinite() {
            return Self { t, alpha: 0.0, sigma: 1.0 };
        }
        let norm = sigma_hat.hypot(1.0);
        Self { t, alpha: 1.0 / norm, sigma: sigma_hat / norm }
    }

    /// Whether this is clean data.
    pub fn is_data(self) -> bool {
        self.sigma == 0.0
    }
}

/// A process as a function of time: t = 0 is data, noise rises with t.
pub trait Schedule {
    /// The level at a time in 0..=[`Schedule::end`].
    fn level(&self, t: f64) -> NoiseLevel;

    /// The time at which $\sigma/\alpha$ is `sigma_hat`: the inverse of [`Schedule::level`], held to its range.
    fn time_of_sigma_hat(&self, sigma_hat: f64) -> f64;

    /// The last time.
    fn end(&self) -> f64;

    /// The level of half log signal-to-noise ratio `lambda`.
    fn level_of_lambda(&self, lambda: f64) -> NoiseLevel {
        self.level(self.time_of_sigma_hat((-lambda).exp()))
    }
}

/// Times 0..=T; between neighbours $\ln\hat\sigma$ is linear, below 1 and above the last finite level $\hat\sigma$ and
/// $\alpha$ are.
///
/// The interpolation is k-diffusion's; networks that were trained on whole times take the fractional ones as well.
impl Schedule for NoiseSchedule {
    fn level(&self, t: f64) -> NoiseLevel {
        let below = t.floor() as usize;
        if below as f64 == t {
            return NoiseLevel { t, alpha: self.sqrt_alpha_bar(below), sigma: self.sqrt_one_minus_alpha_bar(below) };
        }
        let part = t - below as f64;
        let (low, high) = (self.sigma_hat(below), self.sigma_hat(below + 1));
        if below == 0 {
            return NoiseLevel::of_sigma_hat(t, part * high);
        }
        if high.is_infinite() {
            let alpha = (1.0 - part) * self.sqrt_alpha_bar(below);
            return NoiseLevel { t, alpha, sigma: (1.0 - alpha * alpha).sqrt() };
        }
        NoiseLevel::of_sigma_hat(t, (low.ln() * (1.0 - part) + high.ln() * part).exp())
    }

    fn time_of_sigma_hat(&self, sigma_hat: f64) -> f64 {
        let steps = self.steps();
        let first = self.sigma_hat(1);
        if sigma_hat <= first {
            return sigma_hat.max(0.0) / first;
        }
        // The last time with a level not above `sigma_hat`.
        let (mut low, mut high) = (1, steps);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.sigma_hat(middle) <= sigma_hat { low = middle } else { high = middle - 1 }
        }
        if low == steps {
            return steps as f64;
        }
        let (a, b) = (self.sigma_hat(low), self.sigma_hat(low + 1));
        let part = if b.is_infinite() {
            1.0 - NoiseLevel::of_sigma_hat(0.0, sigma_hat).alpha / self.sqrt_alpha_bar(low)
        } else {
            (sigma_hat / a).ln() / (b / a).ln()
        };
        low as f64 + part.clamp(0.0, 1.0)
    }

    fn end(&self) -> f64 {
        self.steps() as f64
    }
}

/// The variance-preserving SDE with $\beta(t) = \beta_0 + t(\beta_1-\beta_0)$ on 0..=1 (Song et al. 2021,
/// arXiv:2011.13456, appendix C; usual ends 0.1 and 20).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VpLinear {
    /// $\beta(0)$.
    pub beta_0: f64,
    /// $\beta(1)$.
    pub beta_1: f64,
}

impl VpLinear {
    /// The published ends.
    pub const PUBLISHED: Self = Self { beta_0: 0.1, beta_1: 20.0 };

    /// $\beta(t)$.
    pub fn beta(&self, t: f64) -> f64 {
        self.beta_0 + t * (self.beta_1 - self.beta_0)
    }
}

impl Schedule for VpLinear {
    fn level(&self, t: f64) -> NoiseLevel {
        let slope = self.beta_1 - self.beta_0;
        let log_alpha = -0.25 * t * t * slope - 0.5 * t * self.beta_0;
        let sigma = (-libm::expm1(2.0 * log_alpha)).sqrt();
        NoiseLevel { t, alpha: log_alpha.exp(), sigma }
    }

    fn time_of_sigma_hat(&self, sigma_hat: f64) -> f64 {
        // ln(1 + e^{-2 lambda}) = -2 ln alpha; the root of the quadratic in the form that does not cancel.
        let slope = self.beta_1 - self.beta_0;
        let twice = libm::log1p(sigma_hat * sigma_hat);
        let q = 2.0 * slope * twice;
        (2.0 * twice / ((self.beta_0 * self.beta_0 + q).sqrt() + self.beta_0)).clamp(0.0, 1.0)
    }

    fn end(&self) -> f64 {
        1.0
    }
}

/// The coordinates of Karras et al. 2022 (arXiv:2206.00364): $x_t = x_0 + t\,\epsilon$, the time is the noise level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edm {
    /// The largest noise level.
    pub sigma_max: f64,
}

impl Edm {
    /// Levels up to `sigma_max` (published: 80).
    ///
    /// # Errors
    /// `sigma_max` not positive and finite.
    pub fn new(sigma_max: f64) -> Result<Self, MathError> {
        if sigma_max > 0.0 && sigma_max.is_finite() {
            return Ok(Self { sigma_max });
        }
        Err(MathError::Parameter { name: "sigma_max", value: sigma_max, expected: "positive and finite" })
    }
}

impl Schedule for Edm {
    fn level(&self, t: f64) -> NoiseLevel {
        NoiseLevel { t, alpha: 1.0, sigma: t }
    }

    fn time_of_sigma_hat(&self, sigma_hat: f64) -> f64 {
        sigma_hat.clamp(0.0, self.sigma_max)
    }

    fn end(&self) -> f64 {
        self.sigma_max
    }
}
