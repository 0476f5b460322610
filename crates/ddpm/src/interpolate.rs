//! Interpolation between two pictures at a chosen depth of diffusion (Ho et al. 2020, section 4.4 and figure 8).

use tch::{Tensor, no_grad};

use easel_core::schedule::NoiseSchedule;

/// Mixtures at depth t of `x` and `y` (f32 `[1, C, H, W]`), one for each weight `lambdas` of y: f32 `[n, C, H, W]`.
///
/// Both are noised with the same `epsilon`, so that $(1-\lambda)x_t+\lambda y_t$ keeps the noise level of time t (with
/// independent noises its variance would shrink by $(1-\lambda)^2+\lambda^2$).
// excerpt: mix
pub fn mix(schedule: &NoiseSchedule, x: &Tensor, y: &Tensor, t: usize, epsilon: &Tensor, lambdas: &[f64]) -> Tensor {
    no_grad(|| {
        let noised = |x0: &Tensor| x0 * schedule.sqrt_alpha_bar(t) + epsilon * schedule.sqrt_one_minus_alpha_bar(t);
        let (x_t, y_t) = (noised(x), noised(y));
        let rows: Vec<Tensor> = lambdas.iter().map(|&l| &x_t * (1.0 - l) + &y_t * l).collect();
        Tensor::cat(&rows, 0)
    })
}
// end excerpt
