//! Runge-Kutta methods for $d\bar x/d\hat\sigma = \epsilon$ in the coordinates $\bar x = x/\alpha$, $\hat\sigma = \sigma/\alpha$,
//! in which the probability-flow ODE of every process is the same (Karras et al. 2022, arXiv:2206.00364, section 3).

use easel_core::sampling::{NoiseLevel, Run, State, epsilon};

// excerpt: euler-step
/// One step of the ODE with the slope `slope` = $\hat\epsilon$: $\bar x + (\hat\sigma_t-\hat\sigma_s)\,\hat\epsilon$.
pub fn euler_step<S: State>(x: &S, slope: &S, from: NoiseLevel, to: NoiseLevel) -> S {
    let keep = to.alpha / from.alpha;
    S::combine(&[(keep, x), (to.sigma - keep * from.sigma, slope)])
}
// end excerpt

/// Euler's method; the same as DDIM. One evaluation a step.
pub fn euler<S: State>(run: Run<'_, S>, x: S) -> S {
    run.walk(x, |run, _, x, from, to| {
        let x0 = run.x0(x, from);
        (euler_step(x, &epsilon(x, &x0, from), from, to), x0)
    })
}

/// $(\hat\sigma_{down}, \hat\sigma_{up})$ of an ancestral step from `from` to `to` (noise levels $\hat\sigma$):
/// $\hat\sigma_{up} = \eta\sqrt{\hat\sigma_t^2(\hat\sigma_s^2-\hat\sigma_t^2)/\hat\sigma_s^2}$, at most $\hat\sigma_t$, and
/// $\hat\sigma_{down}^2+\hat\sigma_{up}^2 = \hat\sigma_t^2$ (k-diffusion).
pub fn ancestral_levels(from: f64, to: f64, eta: f64) -> (f64, f64) {
    let up = (eta * to * ((from - to) * (from + to)).sqrt() / from).min(to);
    (((to - up) * (to + up)).sqrt(), up)
}

/// Euler's method to $\hat\sigma_{down}$, then noise up to the level wanted (k-diffusion's `euler_ancestral`); with $\eta$ = 1
/// the same as DDPM on the times. One evaluation a step.
pub fn euler_ancestral<S: State>(run: Run<'_, S>, x: S, eta: f64) -> S {
    run.walk(x, |run, step, x, from, to| {
        let x0 = run.x0(x, from);
        let (down, up) = ancestral_levels(from.sigma_hat(), to.sigma_hat(), eta);
        let keep = to.alpha / from.alpha;
        let slope = epsilon(x, &x0, from);
        let drift = [(keep, x), (to.alpha * down - keep * from.sigma, &slope)];
        if up == 0.0 {
            return (S::combine(&drift), x0);
        }
        let z = run.normal(step, 0, from, to);
        (S::combine(&[drift[0], drift[1], (to.alpha * up, &z)]), x0)
    })
}

/// How EDM's sampler raises the noise before a step (Karras et al. 2022, algorithm 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Churn {
    /// $S_{churn}$: the share is $\gamma = \min(S_{churn}/N, \sqrt2-1)$; 0 is the deterministic sampler.
    pub churn: f64,
    /// $S_{tmin}$, the lowest $\hat\sigma$ that is raised.
    pub sigma_min: f64,
    /// $S_{tmax}$, the highest.
    pub sigma_max: f64,
    /// $S_{noise}$, the deviation of the noise added.
    pub noise: f64,
}

impl Default for Churn {
    fn default() -> Self {
        Self { churn: 0.0, sigma_min: 0.0, sigma_max: f64::INFINITY, noise: 1.0 }
    }
}

impl Churn {
    /// $\gamma$ of a step at `sigma_hat` in a chain of `steps` (N).
    pub fn gamma(&self, sigma_hat: f64, steps: usize) -> f64 {
        if self.churn > 0.0 && (self.sigma_min..=self.sigma_max).contains(&sigma_hat) {
            (self.churn / steps as f64).min(std::f64::consts::SQRT_2 - 1.0)
        } else {
            0.0
        }
    }
}

/// Heun's method with EDM's churn (Karras et al. 2022, algorithms 1 and 2). Two evaluations a step, one at the last.
///
/// A raised level beyond the schedule's end is held to it. Its noise goes up, so a Brownian path does not apply.
pub fn heun<S: State>(run: Run<'_, S>, x: S, churn: Churn) -> S {
    let steps = run.times.len() - 1;
    run.walk(x, |run, step, x, from, to| {
        let gamma = churn.gamma(from.sigma_hat(), steps);
        let mut raised = None;
        let mut from = from;
        if gamma > 0.0 {
            let before = from;
            let time = run.schedule.time_of_sigma_hat((1.0 + gamma) * from.sigma_hat());
            from = run.schedule.level(time);
            let added = (from.sigma_hat().powi(2) - before.sigma_hat().powi(2)).max(0.0).sqrt();
            let z = run.normal(step, 0, before, from);
            raised = Some(S::combine(&[(from.alpha / before.alpha, x), (from.alpha * added * churn.noise, &z)]));
        }
        let x = raised.as_ref().unwrap_or(x);
        let x0 = run.x0(x, from);
        let slope = epsilon(x, &x0, from);
        let predicted = euler_step(x, &slope, from, to);
        if to.is_data() {
            return (predicted, x0);
        }
        let at_end = run.x0(&predicted, to);
        let mean = S::combine(&[(0.5, &slope), (0.5, &epsilon(&predicted, &at_end, to))]);
        (euler_step(x, &mean, from, to), x0)
    })
}

/// The midpoint method with the middle in $\ln\hat\sigma$ (k-diffusion's `dpm_2`), ancestral with $\eta$ > 0. Two evaluations
/// a step, one at a step that ends (or would, before its noise) at clean data.
pub fn dpm_2<S: State>(run: Run<'_, S>, x: S, eta: f64) -> S {
    run.walk(x, |run, step, x, from, to| {
        let x0 = run.x0(x, from);
        let slope = epsilon(x, &x0, from);
        let (down, up) = ancestral_levels(from.sigma_hat(), to.sigma_hat(), eta);
        // The deterministic part ends at `down`, stated in the process's own scale at `to`.
        let end = NoiseLevel { sigma: to.alpha * down, ..to };
        let slope = if end.is_data() {
            slope
        } else {
            let time = run.schedule.time_of_sigma_hat((from.sigma_hat() * down).sqrt());
            let middle = run.schedule.level(time);
            let u = euler_step(x, &slope, from, middle);
            let at_middle = run.x0(&u, middle);
            epsilon(&u, &at_middle, middle)
        };
        let next = euler_step(x, &slope, from, end);
        if up == 0.0 {
            return (next, x0);
        }
        let z = run.normal(step, 0, from, to);
        (S::combine(&[(1.0, &next), (to.alpha * up, &z)]), x0)
    })
}
