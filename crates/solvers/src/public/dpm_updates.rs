//! The updates of DPM-Solver and DPM-Solver++ (Lu et al. 2022, arXiv:2206.00927 and arXiv:2211.01095), as the public
//! classes compute them.
//!
//! Every update is $x_t=a\,x_s+\sum_jb_jD_j+c\,z$ with scalars that depend on two noise levels alone ([`update`]), and
//! differences $D_j$ of network outputs that depend on how the outputs were collected ([`multistep`], [`singlestep`]).
//!
//! Two published formulas are wrong, and are kept here because published numbers contain them. With
//! $h^2m''$ for $D_2$, [`multistep`] lacks a factor 2: $D_{1,0}$ and $D_{1,1}$ are slopes at places
//! $(h_0+h_1)/2=h(r_0+r_1)/2$ apart, so that $\frac1{r_0+r_1}(D_{1,0}-D_{1,1})=\frac12h^2m''$. And the third-order
//! term of the SDE has $-\frac12$ for $+\frac12$: $\frac{1-e^{-2h}-2h}{(2h)^2}=-\frac12+\frac h3-..$, so that the
//! published coefficient tends to -1 for small h, not to 0.

use easel_nn::NnError;
use easel_nn::public_schedule::refuse;
use serde::Deserialize;
use tch::Tensor;

/// `algorithm_type`: what is integrated, and whether noise is added on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// The ODE, with the network's $\epsilon$ (DPM-Solver).
    #[serde(rename = "dpmsolver")]
    Noise,
    /// The ODE, with the network's $x_0$ (DPM-Solver++).
    #[serde(rename = "dpmsolver++", alias = "deis")]
    Data,
    /// The SDE, with $\epsilon$.
    #[serde(rename = "sde-dpmsolver")]
    NoiseSde,
    /// The SDE, with $x_0$.
    #[serde(rename = "sde-dpmsolver++")]
    DataSde,
}

impl Algorithm {
    /// Whether $x_0$ is integrated, not $\epsilon$.
    pub fn integrates_data(self) -> bool {
        matches!(self, Self::Data | Self::DataSde)
    }

    /// Whether a step draws noise.
    pub fn draws_noise(self) -> bool {
        matches!(self, Self::NoiseSde | Self::DataSde)
    }
}

/// `solver_type`: the weight of the first difference in second-order updates. Names of other classes' types stand for
/// `midpoint`, as in the public code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SolverType {
    /// Half the weight of $D_0$.
    #[serde(alias = "logrho", alias = "bh1", alias = "bh2")]
    Midpoint,
    /// The exact weight for an output that is linear in $\lambda$.
    Heun,
}

/// A noise level: $x=\alpha x_0+\sigma\epsilon$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// $\alpha$.
    pub alpha: f32,
    /// $\sigma$.
    pub sigma: f32,
}

impl Level {
    /// The variance-preserving level with $\sigma/\alpha=\hat\sigma$.
    pub fn preserving(sigma_hat: f32) -> Self {
        let alpha = 1.0 / torch(Tensor::sqrt, sigma_hat * sigma_hat + 1.0);
        Self { alpha, sigma: sigma_hat * alpha }
    }

    /// The level of a straight flow, $\alpha=1-\sigma$.
    pub fn flow(sigma: f32) -> Self {
        Self { alpha: 1.0 - sigma, sigma }
    }

    /// The level of data with noise added, $\alpha=1$ (EDM).
    pub fn exploding(sigma: f32) -> Self {
        Self { alpha: 1.0, sigma }
    }

    /// $\lambda=\ln(\alpha/\sigma)$; infinite for data.
    pub fn lambda(self) -> f32 {
        torch(Tensor::log, self.alpha) - torch(Tensor::log, self.sigma)
    }
}

/// A function of one number, by libtorch's f32 kernel: its last digit differs from that of the standard library, even
/// for roots, which shows in coefficients with cancellation at small h.
pub fn torch(function: impl Fn(&Tensor) -> Tensor, x: f32) -> f32 {
    function(&Tensor::from(x)).double_value(&[]) as f32
}

/// The scalars of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Of the sample.
    pub sample: f32,
    /// Of $D_0$, $D_1$, $D_2$.
    pub differences: [f32; 3],
    /// Of the noise.
    pub noise: f32,
}

/// The scalars of the update from one level to another, with the weights of `slope` for $D_1$; see
/// [the module](self) for what is wrong with the third.
///
/// Source: Lu et al. 2022, arXiv:2211.01095, section 4 and appendix B, arXiv:2206.00927, appendix B.
pub fn update(algorithm: Algorithm, slope: SolverType, from: Level, to: Level) -> Update {
    let h = to.lambda() - from.lambda();
    let exp = |x: f32| torch(Tensor::exp, x);
    let (sample, noise, [first, heun, third]) = match algorithm {
        Algorithm::Data => {
            let e = exp(-h) - 1.0;
            let weights = [-(to.alpha * e), to.alpha * (e / h + 1.0), -(to.alpha * ((e + h) / (h * h) - 0.5))];
            (to.sigma / from.sigma, 0.0, weights)
        }
        Algorithm::Noise => {
            let e = exp(h) - 1.0;
            let weights = [e, e / h - 1.0, (e - h) / (h * h) - 0.5].map(|weight| -(to.sigma * weight));
            (to.alpha / from.alpha, 0.0, weights)
        }
        Algorithm::DataSde => {
            let (e, h2) = (1.0 - exp(-2.0 * h), 2.0 * h);
            let weights = [e, e / -h2 + 1.0, (e - h2) / (h2 * h2) - 0.5].map(|weight| to.alpha * weight);
            (to.sigma / from.sigma * exp(-h), to.sigma * torch(Tensor::sqrt, e), weights)
        }
        Algorithm::NoiseSde => {
            let e = exp(h) - 1.0;
            // There is no published third weight.
            let weights = [e, e / h - 1.0, f32::NAN].map(|weight| -2.0 * (to.sigma * weight));
            (to.alpha / from.alpha, to.sigma * torch(Tensor::sqrt, exp(2.0 * h) - 1.0), weights)
        }
    };
    let second = match slope {
        SolverType::Midpoint => 0.5 * first,
        SolverType::Heun => heun,
    };
    Update { sample, differences: [first, second, third], noise }
}

impl Update {
    /// $a\,x+\sum_jb_jD_j+c\,z$, all `[B, C, H, W]`; up to three differences, noise where the algorithm draws it.
    ///
    /// # Errors
    /// A scalar that is not finite, which makes the public code's sample not a number, or noise of another shape.
    pub fn apply(&self, x: &Tensor, differences: &[Tensor], noise: Option<&Tensor>) -> Result<Tensor, NnError> {
        let weights = &self.differences[..differences.len().min(3)];
        finite(&[self.sample], "sample")?;
        finite(weights, "outputs")?;
        let mut next = x * f64::from(self.sample);
        for (difference, &weight) in differences.iter().zip(weights) {
            next += difference * f64::from(weight);
        }
        if let Some(noise) = noise {
            finite(&[self.noise], "noise")?;
            easel_core::tensor::check_shape("noise", noise, &x.size())?;
            next += noise * f64::from(self.noise);
        }
        Ok(next)
    }
}

/// Refuses scalars that are not finite: a step between equal noise levels, upwards, or to data at order 2 or 3.
///
/// # Errors
/// Such a scalar.
pub fn finite(scalars: &[f32], of: &str) -> Result<(), NnError> {
    match scalars.iter().find(|scalar| !scalar.is_finite()) {
        None => Ok(()),
        Some(scalar) => {
            let reason = "the public formula has no finite value for this step; steps must go down to another noise \
                          level, and to sigma 0 (final_sigmas_type) with a solver_order of 1 there \
                          (lower_order_final)";
            refuse("sigmas", format!("a coefficient {scalar} of the {of}"), reason)
        }
    }
}

/// The order of step `k` of `count`, counted from 0, of a multistep solver: it grows with the outputs at hand, and falls
/// at the end to 1 if `ends_first_order`, after 2 if `ends_second_order`.
pub fn multistep_order(order: usize, k: usize, count: usize, ends_first: bool, ends_second: bool) -> usize {
    match count - k {
        1 if ends_first => 1,
        2 if ends_second => order.min(k + 1).min(2),
        _ => order.min(k + 1),
    }
}

/// A multistep update of the order that `outputs` `[m_0, m_{-1}, m_{-2}]` has, newest first, from `levels`
/// `[t, s_0, s_{-1}, s_{-2}]`; third order as published, with half of $D_2$.
///
/// # Errors
/// Steps that have no finite update, a third-order update that is not published.
pub fn multistep(
    (algorithm, slope): (Algorithm, SolverType),
    levels: &[Level],
    outputs: &[Tensor],
    x: &Tensor,
    noise: Option<&Tensor>,
) -> Result<Tensor, NnError> {
    let steps: Vec<f32> = levels.windows(2).map(|pair| pair[0].lambda() - pair[1].lambda()).collect();
    let ratio = |i: usize| steps[i] / steps[0];
    let scaled = |i: usize| (&outputs[i] - &outputs[i + 1]) * f64::from(1.0 / ratio(i + 1));
    let differences = match outputs.len() {
        1 => vec![outputs[0].shallow_clone()],
        2 => {
            finite(&[1.0 / ratio(1)], "outputs")?;
            vec![outputs[0].shallow_clone(), scaled(0)]
        }
        _ => {
            if algorithm == Algorithm::NoiseSde {
                return refuse("solver_order", 3, "sde-dpmsolver has no published third-order update; use 1 or 2");
            }
            let (r0, r1) = (ratio(1), ratio(2));
            finite(&[1.0 / r0, 1.0 / r1, r0 / (r0 + r1), 1.0 / (r0 + r1)], "outputs")?;
            let (d10, d11) = (scaled(0), scaled(1));
            let bend = &d10 - d11;
            let d1 = d10 + &bend * f64::from(r0 / (r0 + r1));
            vec![outputs[0].shallow_clone(), d1, bend * f64::from(1.0 / (r0 + r1))]
        }
    };
    let slope = if differences.len() == 3 { SolverType::Heun } else { slope };
    update(algorithm, slope, levels[1], levels[0]).apply(x, &differences, noise)
}

/// A singlestep update of the order that `outputs` `[m_0, m_{-1}, m_{-2}]` has, newest first, from the oldest of
/// `levels` `[t, s_0, s_{-1}, s_{-2}]`, at which `x` was; the others are places on the way to t.
///
/// # Errors
/// Steps that have no finite update.
pub fn singlestep(
    (algorithm, slope): (Algorithm, SolverType),
    levels: &[Level],
    outputs: &[Tensor],
    x: &Tensor,
    noise: Option<&Tensor>,
) -> Result<Tensor, NnError> {
    let from = levels[outputs.len()];
    let distance = |level: Level| level.lambda() - from.lambda();
    let ratio = |i: usize| distance(levels[i + 1]) / distance(levels[0]);
    let start = &outputs[outputs.len() - 1];
    let scaled = |i: usize| (&outputs[i] - start) * f64::from(1.0 / ratio(i));
    let mut differences = vec![start.shallow_clone()];
    match outputs.len() {
        1 => {}
        2 => {
            finite(&[1.0 / ratio(0)], "outputs")?;
            differences.push(scaled(0));
        }
        _ => {
            let (r0, r1) = (ratio(0), ratio(1));
            finite(&[1.0 / r0, 1.0 / r1, 1.0 / (r0 - r1)], "outputs")?;
            match slope {
                SolverType::Midpoint => differences.push(scaled(0)),
                SolverType::Heun => {
                    let (d10, d11) = (scaled(1), scaled(0));
                    let d1 = (&d10 * f64::from(r0) - &d11 * f64::from(r1)) / f64::from(r0 - r1);
                    differences.extend([d1, (d11 - d10) * 2.0 / f64::from(r0 - r1)]);
                }
            }
        }
    }
    let slope = if outputs.len() == 3 { SolverType::Heun } else { slope };
    update(algorithm, slope, from, levels[0]).apply(x, &differences, noise)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Level = Level { alpha: 0.6, sigma: 0.8 };

    fn below(h: f64) -> Level {
        let sigma_hat = f64::from(FROM.sigma) / f64::from(FROM.alpha) * (-h).exp();
        Level::preserving(sigma_hat as f32)
    }

    fn number(x: &Tensor) -> f64 {
        x.double_value(&[0])
    }

    #[test]
    fn a_constant_output_is_reached_exactly_at_every_order() {
        let (to, m) = (below(0.5), Tensor::from_slice(&[0.3f32]));
        let x = Tensor::from_slice(&[1.0f32]);
        let exact = f64::from(to.sigma / FROM.sigma) + f64::from(to.alpha) * (1.0 - (-0.5f64).exp()) * 0.3;
        let levels = [to, FROM, below(-0.4), below(-0.9)];
        for order in 1..=3 {
            let outputs: Vec<Tensor> = (0..order).map(|_| m.shallow_clone()).collect();
            let method = (Algorithm::Data, SolverType::Midpoint);
            let next = multistep(method, &levels[..=order], &outputs, &x, None).unwrap();
            assert!((number(&next) - exact).abs() < 1e-6, "order {order}");
        }
    }

    #[test]
    fn the_published_third_order_bends_half_as_much_as_the_outputs() {
        // Outputs m = lambda^2, whose second difference h^2 m'' is 2 h^2.
        let levels = [below(0.5), FROM, below(-0.4), below(-0.9)];
        let square = |level: &Level| Tensor::from_slice(&[level.lambda() * level.lambda()]);
        let outputs: Vec<Tensor> = levels[1..].iter().map(square).collect();
        let method = (Algorithm::Data, SolverType::Heun);
        let next = number(&multistep(method, &levels, &outputs, &Tensor::from_slice(&[0f32]), None).unwrap());
        let scalars = update(Algorithm::Data, SolverType::Heun, FROM, levels[0]);
        let (h, l) = (0.5, f64::from(FROM.lambda()));
        let [d0, d1, d2] = scalars.differences.map(f64::from);
        let with = |bend: f64| d0 * l * l + d1 * 2.0 * l * h + d2 * bend;
        assert!((next - with(h * h)).abs() < 1e-6 && (next - with(2.0 * h * h)).abs() > 1e-3);
    }

    #[test]
    fn the_published_third_weight_of_the_sde_does_not_vanish() {
        let third = |h: f64| update(Algorithm::DataSde, SolverType::Heun, FROM, below(h)).differences[2];
        let corrected = |h: f64| f64::from(third(h) / below(h).alpha) + 1.0;
        assert!((f64::from(third(0.1) / below(0.1).alpha) + 0.967).abs() < 2e-3);
        // With +1/2 it would be h / 3, to first order.
        assert!((corrected(0.2) - 0.2 / 3.0).abs() < 0.01);
    }

    #[test]
    fn the_last_step_to_data_is_the_output_and_higher_orders_are_refused_there() {
        let (data, m) = (Level::preserving(0.0), Tensor::from_slice(&[0.3f32]));
        let x = Tensor::from_slice(&[1.0f32]);
        for algorithm in [Algorithm::Data, Algorithm::DataSde] {
            let method = (algorithm, SolverType::Heun);
            let next = multistep(method, &[data, FROM], &[m.shallow_clone()], &x, Some(&x)).unwrap();
            assert_eq!(next, m);
            let outputs = [m.shallow_clone(), m.shallow_clone()];
            let refused = multistep(method, &[data, FROM, below(-0.4)], &outputs, &x, Some(&x)).unwrap_err();
            assert!(refused.to_string().contains("final_sigmas_type"), "{refused}");
        }
    }

    #[test]
    fn orders_grow_at_the_start_and_fall_at_the_end() {
        let orders = |first, second| (0..6).map(|k| multistep_order(3, k, 6, first, second)).collect::<Vec<_>>();
        assert_eq!(orders(true, true), [1, 2, 3, 3, 2, 1]);
        assert_eq!(orders(true, false), [1, 2, 3, 3, 3, 1]);
        assert_eq!(orders(false, false), [1, 2, 3, 3, 3, 3]);
        assert_eq!(multistep_order(3, 0, 2, true, true), 1);
    }
}
