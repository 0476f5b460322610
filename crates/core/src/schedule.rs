//! Noise schedules of the variance-preserving diffusion, in f64.
//!
//! A schedule is $\bar\alpha_0 = 1 > \bar\alpha_1 > \dots > \bar\alpha_T \ge 0$; everything else follows from it.
//! The forward process is $q(x_t|x_0) = \mathcal N(\sqrt{\bar\alpha_t}\,x_0, (1-\bar\alpha_t)I)$
//! (Ho et al. 2020, eq. 4). The betas are kept beside $\bar\alpha$ because $1-\bar\alpha_t/\bar\alpha_{t-1}$ loses
//! digits where they are small.

use crate::error::MathError;

/// Cap on a beta of the cosine family (Nichol and Dhariwal 2021, section 3.2).
pub const BETA_CAP: f64 = 0.999;

/// A discrete noise schedule: T + 1 noise levels, of which t = 0 is clean data.
///
/// Methods that take a time panic when it is above T (or below the bound they name), as indexing does.
#[derive(Clone, PartialEq)]
pub struct NoiseSchedule {
    alpha_bar: Vec<f64>, // [T + 1]
    beta: Vec<f64>,      // [T + 1], beta[0] = 0
}

/// The length and the ends; thousands of numbers would bury a message.
impl std::fmt::Debug for NoiseSchedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steps = self.steps();
        let ends = (self.alpha_bar[1], self.alpha_bar[steps]);
        write!(f, "NoiseSchedule(T = {steps}, alpha_bar_1 = {}, alpha_bar_T = {})", ends.0, ends.1)
    }
}

/// A schedule on a subset of another's times.
#[derive(Debug, Clone, PartialEq)]
pub struct Respaced {
    /// Schedule of K steps whose `alpha_bar(k)` is the original's at `times[k]`.
    pub schedule: NoiseSchedule,
    /// Original times, K + 1 entries with `times[0] = 0`: what the network is given at step k.
    pub times: Vec<usize>,
}

impl NoiseSchedule {
    /// T equispaced betas; `linear_between` with the ends 1e-4 and 0.02 scaled by 1000 / T.
    ///
    /// Source: Ho et al. 2020, section 4 (T = 1000); Nichol and Dhariwal 2021 for the scaling.
    ///
    /// # Errors
    /// Below 21 steps the last beta reaches 1.
    pub fn linear(steps: usize) -> Result<Self, MathError> {
        let scale = 1000.0 / steps.max(1) as f64;
        Self::linear_between(steps, scale * 1e-4, scale * 0.02)
    }

    /// T equispaced betas from `beta_first` to `beta_last` (Ho et al. 2020, section 4).
    ///
    /// # Errors
    /// T = 0, or an end outside (0, 1).
    pub fn linear_between(steps: usize, beta_first: f64, beta_last: f64) -> Result<Self, MathError> {
        check_ends(steps, beta_first, beta_last)?;
        Self::from_betas(&linspace(beta_first, beta_last, steps))
    }

    /// Betas whose square roots are equispaced; Stable Diffusion's has the ends 0.00085 and 0.012.
    ///
    /// Source: Rombach et al. 2022, released configuration (there called "linear").
    ///
    /// # Errors
    /// T = 0, or an end outside (0, 1).
    pub fn scaled_linear(steps: usize, beta_first: f64, beta_last: f64) -> Result<Self, MathError> {
        check_ends(steps, beta_first, beta_last)?;
        let roots = linspace(beta_first.sqrt(), beta_last.sqrt(), steps);
        Self::from_betas(&roots.iter().map(|r| r * r).collect::<Vec<_>>())
    }

    /// `cosine_with` at the published s = 0.008 and cap 0.999.
    ///
    /// # Errors
    /// T = 0.
    pub fn cosine(steps: usize) -> Result<Self, MathError> {
        Self::cosine_with(steps, 0.008, BETA_CAP)
    }

    /// $\bar\alpha_t = f(t/T)/f(0)$, $f(u) = \cos^2\big(\frac{u+s}{1+s}\frac\pi2\big)$, betas capped.
    ///
    /// Source: Nichol and Dhariwal 2021, eq. 17.
    ///
    /// # Errors
    /// T = 0, s negative or not finite, cap outside (0, 1).
    pub fn cosine_with(steps: usize, s: f64, beta_cap: f64) -> Result<Self, MathError> {
        check_offset(s)?;
        let f = |u: f64| ((u + s) / (1.0 + s) * std::f64::consts::FRAC_PI_2).cos().powi(2);
        Self::from_function(steps, f, beta_cap)
    }

    /// $\beta_t = \beta_1 + (\beta_T-\beta_1)\,\mathrm{sigmoid}(\mathrm{linspace}(-6, 6))$.
    ///
    /// Source: the schedule named "sigmoid" of the DDIM and GeoDiff releases.
    ///
    /// # Errors
    /// T = 0, or an end outside (0, 1).
    pub fn sigmoid(steps: usize, beta_first: f64, beta_last: f64) -> Result<Self, MathError> {
        check_ends(steps, beta_first, beta_last)?;
        let betas: Vec<f64> =
            linspace(-6.0, 6.0, steps).iter().map(|&z| sigmoid(z) * (beta_last - beta_first) + beta_first).collect();
        Self::from_betas(&betas)
    }

    /// $\bar\alpha(u)$ that follows a logistic curve from `start` to `end` at temperature `tau`, betas capped at 0.999.
    ///
    /// Source: Jabri et al. 2022 (arXiv:2212.11972); usual values are -3, 3 and 1.
    ///
    /// # Errors
    /// T = 0, `start >= end`, or `tau` not positive.
    pub fn sigmoid_alpha_bar(steps: usize, start: f64, end: f64, tau: f64) -> Result<Self, MathError> {
        if start.partial_cmp(&end) != Some(std::cmp::Ordering::Less) {
            return Err(MathError::Parameter { name: "start", value: start, expected: "below end" });
        }
        if !(tau > 0.0 && tau.is_finite()) {
            return Err(MathError::Parameter { name: "tau", value: tau, expected: "positive and finite" });
        }
        let f = |u: f64| sigmoid(end / tau) - sigmoid((u * (end - start) + start) / tau);
        Self::from_function(steps, f, BETA_CAP)
    }

    /// $\bar\alpha(u) = 1 - \sqrt{u + s}$, normalised to 1 at u = 0, betas capped at 0.999; the published s is 1e-4.
    ///
    /// Source: Li et al. 2022 (Diffusion-LM, arXiv:2205.14217), appendix A.
    ///
    /// # Errors
    /// T = 0, s outside [0, 1), or T so large that the curve reaches 0 before T.
    pub fn sqrt(steps: usize, s: f64) -> Result<Self, MathError> {
        check_offset(s)?;
        Self::from_function(steps, |u| 1.0 - (u + s).sqrt(), BETA_CAP)
    }

    /// Samples a falling function f of u = t/T: $\beta_t = \min(1 - f(t/T)/f((t-1)/T), \text{cap})$.
    ///
    /// Where no beta is capped, `alpha_bar(t)` is f(t/T)/f(0) (Nichol and Dhariwal 2021, eq. 17).
    ///
    /// # Errors
    /// T = 0, cap outside (0, 1), or f not falling through positive values before u = 1.
    pub fn from_function(steps: usize, f: impl Fn(f64) -> f64, beta_cap: f64) -> Result<Self, MathError> {
        if !(beta_cap > 0.0 && beta_cap < 1.0) {
            return Err(MathError::Parameter { name: "beta_cap", value: beta_cap, expected: "inside (0, 1)" });
        }
        let at = |t: usize| f(t as f64 / steps as f64);
        // A comparison instead of f64::min, which would turn NaN into the cap.
        let cap = |beta: f64| if beta > beta_cap { beta_cap } else { beta };
        let betas: Vec<f64> = (1..=steps).map(|t| cap(1.0 - at(t) / at(t - 1))).collect();
        Self::from_betas(&betas)
    }

    /// The schedule of given forward variances $\beta_1..\beta_T$ (`betas[0]` is $\beta_1$).
    ///
    /// # Errors
    /// No betas, one outside (0, 1) or NaN, or so many that $\bar\alpha$ no longer falls in f64.
    pub fn from_betas(betas: &[f64]) -> Result<Self, MathError> {
        let mut alpha_bar = vec![1.0];
        let mut product = 1.0;
        for (i, &value) in betas.iter().enumerate() {
            if !(value > 0.0 && value < 1.0) {
                return Err(MathError::BetaOutOfRange { t: i + 1, value });
            }
            product *= 1.0 - value;
            alpha_bar.push(product);
        }
        check_alpha_bar(&alpha_bar)?;
        let beta = std::iter::once(0.0).chain(betas.iter().copied()).collect();
        Ok(Self { alpha_bar, beta })
    }

    /// The schedule of given $\bar\alpha_0..\bar\alpha_T$; the last may be 0 (no signal left at T).
    ///
    /// # Errors
    /// Fewer than two entries, the first not exactly 1, or a value that is NaN, not in range or does not fall.
    pub fn from_alpha_bar(alpha_bar: Vec<f64>) -> Result<Self, MathError> {
        check_alpha_bar(&alpha_bar)?;
        let steps = alpha_bar.windows(2).map(|w| 1.0 - w[1] / w[0]);
        let beta = std::iter::once(0.0).chain(steps).collect();
        Ok(Self { alpha_bar, beta })
    }

    /// Shifts and scales $\sqrt{\bar\alpha_t}$ so that $\bar\alpha_T = 0$ exactly and $\bar\alpha_1$ stays.
    ///
    /// The output at T can then be neither epsilon nor the score: use v or x0.
    /// Source: Lin et al. 2024 (arXiv:2305.08891), Algorithm 1.
    ///
    /// # Errors
    /// Fewer than two steps.
    pub fn rescale_zero_terminal_snr(&self) -> Result<Self, MathError> {
        if self.steps() < 2 {
            return Err(MathError::TooFewSteps { steps: self.steps(), minimum: 2 });
        }
        let root: Vec<f64> = self.alpha_bar.iter().map(|a| a.sqrt()).collect();
        let last = root[self.steps()];
        let scale = root[1] / (root[1] - last);
        let mut alpha_bar: Vec<f64> = root.iter().map(|r| ((r - last) * scale).powi(2)).collect();
        alpha_bar[0] = 1.0;
        alpha_bar[1] = self.alpha_bar[1];
        Self::from_alpha_bar(alpha_bar)
    }

    /// Keeps the given times, which must rise strictly within 1..=T.
    ///
    /// Source: Nichol and Dhariwal 2021, section 4 (eq. 19): betas are rebuilt from the kept $\bar\alpha$.
    ///
    /// # Errors
    /// No times, a time outside 1..=T, or times that do not rise.
    pub fn respace(&self, times: &[usize]) -> Result<Respaced, MathError> {
        if times.is_empty() {
            return Err(MathError::TooFewSteps { steps: 0, minimum: 1 });
        }
        let steps = self.steps();
        let mut kept = vec![0];
        for &t in times {
            if t < 1 || t > steps {
                return Err(MathError::TimeOutOfRange { t, steps });
            }
            match kept[kept.len() - 1] {
                previous if previous >= t => return Err(MathError::TimesNotIncreasing { previous, t }),
                _ => kept.push(t),
            }
        }
        let alpha_bar = kept.iter().map(|&t| self.alpha_bar[t]).collect();
        let beta = kept.windows(2).map(|w| self.transition(w[0], w[1]).variance);
        let beta = std::iter::once(0.0).chain(beta).collect();
        Ok(Respaced { schedule: Self { alpha_bar, beta }, times: kept })
    }

    /// T, the number of steps.
    pub fn steps(&self) -> usize {
        self.alpha_bar.len() - 1
    }

    /// $\bar\alpha_0..\bar\alpha_T$, T + 1 entries.
    pub fn alpha_bars(&self) -> &[f64] {
        &self.alpha_bar
    }

    /// $\bar\alpha_t = \prod_{s \le t}(1-\beta_s)$, 1 at t = 0 (Ho et al. 2020, below eq. 4).
    pub fn alpha_bar(&self, t: usize) -> f64 {
        self.alpha_bar[t]
    }

    /// $\beta_t$, the variance of q(x_t | x_{t-1}) for t >= 1; 0 at t = 0 (Ho et al. 2020, eq. 2).
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t]
    }

    /// $\alpha_t = 1 - \beta_t$.
    pub fn alpha(&self, t: usize) -> f64 {
        1.0 - self.beta[t]
    }

    /// $\sqrt{\bar\alpha_t}$, the coefficient of x_0 in x_t (Ho et al. 2020, eq. 4).
    pub fn sqrt_alpha_bar(&self, t: usize) -> f64 {
        self.alpha_bar[t].sqrt()
    }

    /// $\sqrt{1-\bar\alpha_t}$, the coefficient of epsilon in x_t (Ho et al. 2020, eq. 4).
    pub fn sqrt_one_minus_alpha_bar(&self, t: usize) -> f64 {
        (1.0 - self.alpha_bar[t]).sqrt()
    }

    /// Signal-to-noise ratio $\bar\alpha_t/(1-\bar\alpha_t)$; infinite at t = 0 (Kingma et al. 2021, eq. 2).
    pub fn snr(&self, t: usize) -> f64 {
        self.alpha_bar[t] / (1.0 - self.alpha_bar[t])
    }

    /// Natural logarithm of the signal-to-noise ratio; infinite at t = 0.
    pub fn log_snr(&self, t: usize) -> f64 {
        self.alpha_bar[t].ln() - libm::log1p(-self.alpha_bar[t])
    }

    /// $\lambda_t$, half the log signal-to-noise ratio (Lu et al. 2022, arXiv:2206.00927, section 3.1).
    pub fn lambda(&self, t: usize) -> f64 {
        0.5 * self.log_snr(t)
    }

    /// $\hat\sigma_t = \sqrt{(1-\bar\alpha_t)/\bar\alpha_t}$, the noise level of $x_t/\sqrt{\bar\alpha_t}$
    /// (Karras et al. 2022, table 1); infinite where $\bar\alpha_t = 0$.
    pub fn sigma_hat(&self, t: usize) -> f64 {
        ((1.0 - self.alpha_bar[t]) / self.alpha_bar[t]).sqrt()
    }
}

fn check_ends(steps: usize, beta_first: f64, beta_last: f64) -> Result<(), MathError> {
    for (t, value) in [(1, beta_first), (steps, beta_last)] {
        if steps > 0 && !(value > 0.0 && value < 1.0) {
            return Err(MathError::BetaOutOfRange { t, value });
        }
    }
    Ok(())
}

fn check_offset(s: f64) -> Result<(), MathError> {
    if (0.0..1.0).contains(&s) {
        return Ok(());
    }
    Err(MathError::Parameter { name: "s", value: s, expected: "inside [0, 1)" })
}

fn check_alpha_bar(alpha_bar: &[f64]) -> Result<(), MathError> {
    if alpha_bar.len() < 2 {
        return Err(MathError::TooFewSteps { steps: 0, minimum: 1 });
    }
    for (t, &value) in alpha_bar.iter().enumerate() {
        let last = t + 1 == alpha_bar.len();
        let allowed = if t == 0 { value == 1.0 } else { value > 0.0 && value <= 1.0 || last && value == 0.0 };
        if !allowed {
            return Err(MathError::AlphaBarOutOfRange { t, value });
        }
        if t > 0 && value >= alpha_bar[t - 1] {
            return Err(MathError::NotDecreasing { t, previous: alpha_bar[t - 1], value });
        }
    }
    Ok(())
}

/// `count` equispaced values with both ends exact; the first alone when `count` is 1.
pub(crate) fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / count.saturating_sub(1).max(1) as f64;
    let mut values: Vec<f64> = (0..count).map(|i| first + step * i as f64).collect();
    if count > 1 {
        values[count - 1] = last;
    }
    values
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
