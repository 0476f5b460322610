//! The variational bound's terms $L_{t-1}$ for a fixed variance, 2 <= t <= T (Ho et al. 2020, section 3.2).
//!
//! $L_{t-1} = C_t + w_t\,\mathbb E\|\text{target}-\text{output}\|^2$ with $w_t$ from [`step_weight`] and $C_t$ from
//! [`step_constant`]. The other two terms are [`crate::gaussian::prior_kl`] ($L_T$) and
//! [`crate::gaussian::discretised_log_likelihood`] ($-L_0$).

use crate::parameterisation::Parameterisation;
use crate::schedule::NoiseSchedule;

/// The weight $w_t$ of the squared error of a network's output, in nats.
///
/// | output | weight |
/// |---|---|
/// | mean | $1/(2\sigma_t^2)$ (eq. 8) |
/// | epsilon | $\beta_t^2/(2\sigma_t^2\alpha_t(1-\bar\alpha_t))$ (eq. 12) |
/// | x_0 | $\bar\alpha_{t-1}\beta_t^2/(2\sigma_t^2(1-\bar\alpha_t)^2)$, with $\sigma_t^2=\tilde\beta_t$ half the fall of the SNR |
///
/// `variance` is $\sigma_t^2$.
///
/// # Panics
/// Unless 1 <= t <= T.
pub fn step_weight(output: Parameterisation, schedule: &NoiseSchedule, t: usize, variance: f64) -> f64 {
    let (now, prev) = (schedule.alpha_bar(t), schedule.alpha_bar(t - 1));
    let x0 = schedule.posterior(t - 1, t).x0;
    match output {
        Parameterisation::Mean => 0.5 / variance,
        _ => 0.5 * x0 * x0 / variance / output.loss_in_x0(now, prev),
    }
}

/// $C_t=\tfrac12\big(\ln\frac{\sigma_t^2}{\tilde\beta_t}+\frac{\tilde\beta_t}{\sigma_t^2}-1\big)$ per dimension, in nats:
/// 0 for $\sigma_t^2=\tilde\beta_t$, positive otherwise. `variance` is $\sigma_t^2$.
///
/// # Panics
/// Unless 1 <= t <= T.
pub fn step_constant(schedule: &NoiseSchedule, t: usize, variance: f64) -> f64 {
    let excess = schedule.posterior(t - 1, t).variance / variance - 1.0;
    0.5 * (excess - libm::log1p(excess))
}
