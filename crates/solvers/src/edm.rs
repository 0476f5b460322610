//! Preconditioning and training of Karras et al. 2022 (arXiv:2206.00364), table 1 and section 5.

use easel_core::sampling::State;

/// Coefficients of $D(x;\sigma) = c_{skip}\,x + c_{out}\,F(c_{in}\,x;\,c_{noise})$ for data of deviation `sigma_data`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preconditioning {
    /// $c_{skip} = \sigma_d^2/(\sigma^2+\sigma_d^2)$.
    pub skip: f64,
    /// $c_{out} = \sigma\sigma_d/\sqrt{\sigma^2+\sigma_d^2}$.
    pub out: f64,
    /// $c_{in} = 1/\sqrt{\sigma^2+\sigma_d^2}$.
    pub input: f64,
    /// $c_{noise} = \frac14\ln\sigma$.
    pub noise: f64,
}

impl Preconditioning {
    /// At the noise level `sigma` > 0; published: `sigma_data` = 0.5.
    pub fn new(sigma: f64, sigma_data: f64) -> Self {
        let total = sigma.hypot(sigma_data);
        Self {
            skip: (sigma_data / total).powi(2),
            out: sigma * sigma_data / total,
            input: 1.0 / total,
            noise: 0.25 * sigma.ln(),
        }
    }

    /// D from x and the network's output F.
    pub fn denoised<S: State>(&self, x: &S, output: &S) -> S {
        S::combine(&[(self.skip, x), (self.out, output)])
    }

    /// The target of F for the data `x0` behind `x`: $(x_0-c_{skip}x)/c_{out}$.
    pub fn target<S: State>(&self, x0: &S, x: &S) -> S {
        S::combine(&[(1.0 / self.out, x0), (-self.skip / self.out, x)])
    }

    /// $\lambda(\sigma) = 1/c_{out}^2$, the weight of $\|D-x_0\|^2$.
    pub fn loss_weight(&self) -> f64 {
        1.0 / (self.out * self.out)
    }
}

/// A training noise level from a standard normal: $\ln\sigma = P_{mean}+P_{std}\,z$; published: -1.2 and 1.2.
pub fn training_sigma(z: f64, mean: f64, deviation: f64) -> f64 {
    (mean + deviation * z).exp()
}
