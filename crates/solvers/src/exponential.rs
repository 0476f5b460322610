//! Exponential integrators in $\lambda$: the exact solution of the diffusion ODE and SDE for an estimate that is a
//! polynomial in $\lambda$, which every DPM-Solver, DPM-Solver++ and UniPC step is made of.
//!
//! With $h = \lambda_t-\lambda_s > 0$ and $m^{(k)}$ the derivatives of the estimate at $\lambda_s$, one step is
//! $x_t = a\,x_s + \sum_k w_k h^k m^{(k)} + c\,z$. The weights come from $\varphi_k(z) = \int_0^1 e^{(1-u)z}u^{k-1}/(k-1)!\,du$.

use easel_core::sampling::NoiseLevel;

/// What is extrapolated, and along which equation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// $\hat\epsilon$, the ODE (DPM-Solver; Lu et al. 2022, arXiv:2206.00927, eq. 3.4).
    Epsilon,
    /// $\hat x_0$, the ODE (DPM-Solver++; Lu et al. 2022, arXiv:2211.01095, eq. 8).
    Data,
    /// $\hat\epsilon$, the reverse SDE (the same, appendix A).
    EpsilonSde,
    /// $\hat x_0$, the reverse SDE (the same, appendix A).
    DataSde,
}

impl Form {
    /// Whether $\hat\epsilon$ and not $\hat x_0$ is extrapolated.
    pub fn is_epsilon(self) -> bool {
        matches!(self, Self::Epsilon | Self::EpsilonSde)
    }

    /// Whether the steps draw noise.
    pub fn is_sde(self) -> bool {
        matches!(self, Self::EpsilonSde | Self::DataSde)
    }
}

/// $\varphi_k(z)$: $\varphi_0 = e^z$, $\varphi_{k+1}(z) = (\varphi_k(z)-1/k!)/z$ (Hochbruck and Ostermann 2010, eq. 2.10).
pub fn phi(k: u32, z: f64) -> f64 {
    if z.abs() < 1.0 {
        // The recurrence cancels near 0: the series sum_j z^j / (j + k)!.
        let mut term = 1.0 / (1..=k).map(f64::from).product::<f64>();
        let mut sum = 0.0;
        for j in 0..24 {
            sum += term;
            term *= z / f64::from(j + k + 1);
        }
        return sum;
    }
    let mut value = z.exp();
    let mut factorial = 1.0;
    for j in 0..k {
        value = (value - 1.0 / factorial) / z;
        factorial *= f64::from(j + 1);
    }
    value
}

/// Coefficients of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of $x_s$.
    pub x: f64,
    /// Of $h^k m^{(k)}$ for k = 0, 1, .. (4 of them).
    pub derivatives: [f64; 4],
    /// Of a standard normal.
    pub noise: f64,
}

// excerpt: weights
/// The step from `from` = s to `to` = t, which is not clean data.
pub fn weights(form: Form, from: NoiseLevel, to: NoiseLevel) -> Weights {
    let h = to.lambda() - from.lambda();
    // (coefficient of x_s, factor of the integral, z of the phi functions, variance factor of the noise)
    let (x, factor, z, variance) = match form {
        Form::Epsilon => (to.alpha / from.alpha, -to.sigma, h, 0.0),
        Form::Data => (to.sigma / from.sigma, to.alpha, -h, 0.0),
        Form::EpsilonSde => (to.alpha / from.alpha, -2.0 * to.sigma, h, (2.0 * h).exp_m1()),
        Form::DataSde => (to.sigma / from.sigma * (-h).exp(), 2.0 * to.alpha, -2.0 * h, -(-2.0 * h).exp_m1()),
    };
    let derivatives = [1, 2, 3, 4].map(|k| factor * h * phi(k, z));
    Weights { x, derivatives, noise: to.sigma * variance.sqrt() }
}
// end excerpt

/// Weights $c_k$ of the differences $m_k - m_0$ at the nodes $r_k = (\lambda_k-\lambda_s)/h$ that make a step exact for
/// polynomials of as many degrees as there are nodes: $\sum_k c_k r_k^j = j!\,w_j$, j = 1, .., n (Zhao et al. 2023,
/// arXiv:2302.04867, theorem 3.1, in which B(h) cancels).
///
/// At most 3 nodes, all different and not 0.
// excerpt: node-weights
pub fn node_weights(step: &Weights, nodes: &[f64]) -> Vec<f64> {
    if nodes.is_empty() {
        return vec![];
    }
    let n = nodes.len();
    let matrix = nalgebra::DMatrix::from_fn(n, n, |j, k| nodes[k].powi(j as i32 + 1));
    let factorial = |j: usize| (1..=j).product::<usize>() as f64;
    let right = nalgebra::DVector::from_fn(n, |j, _| factorial(j + 1) * step.derivatives[j + 1]);
    let solved = matrix.lu().solve(&right).expect("nodes of falling times are different");
    solved.iter().copied().collect()
}
// end excerpt
