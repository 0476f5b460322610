//! The mixture whose components are its classes: exact conditional and unconditional models and their classifier.

use easel_core::GaussianMixture;
use easel_core::sampling::{NoiseLevel, epsilon};
use guidance::ConditionalModel;
use ndarray::{Array2, array};

use crate::common::mixture;

/// The components of [`mixture`] apart.
pub fn component(class: usize) -> GaussianMixture {
    let (mean, deviation) = ([-1.0, 0.3, 1.2][class], [0.25, 0.3, 0.2][class]);
    let (weight, means, deviations) = (array![1.0], array![[mean]], array![deviation]);
    GaussianMixture::isotropic(weight.view(), means.view(), deviations.view()).expect("one component")
}

/// $\nabla\ln p(y|x_t)$, as the difference of two scores.
pub fn gradient(class: usize) -> impl Fn(&Array2<f64>, NoiseLevel) -> Array2<f64> {
    let (all, one) = (mixture(), component(class));
    // In the coordinates of any (alpha, sigma): by the chain rule the score is divided by the norm of the pair.
    move |x, level| {
        let norm = level.alpha.hypot(level.sigma);
        let x = x / norm;
        (one.score(x.view(), level.alpha_bar()) - all.score(x.view(), level.alpha_bar())) / norm
    }
}

/// Exact $\epsilon$ or $\hat x_0$ of two mixtures; counts its calls.
#[derive(Debug, Clone)]
pub struct Exact {
    pub unconditional: GaussianMixture,
    pub conditional: GaussianMixture,
    pub epsilon: bool,
    /// Calls of `conditional` and of `both`.
    pub calls: (usize, usize),
}

impl Exact {
    /// The mixture and its class, in x_0.
    pub fn new(class: usize) -> Self {
        Self { unconditional: mixture(), conditional: component(class), epsilon: false, calls: (0, 0) }
    }

    fn output(&self, mixture: &GaussianMixture, x: &Array2<f64>, level: NoiseLevel) -> Array2<f64> {
        let x0 = mixture.estimate(x, level);
        if self.epsilon { epsilon(x, &x0, level) } else { x0 }
    }
}

impl ConditionalModel<Array2<f64>> for Exact {
    fn conditional(&mut self, x: &Array2<f64>, level: NoiseLevel) -> Array2<f64> {
        self.calls.0 += 1;
        self.output(&self.conditional, x, level)
    }

    fn both(&mut self, x: &Array2<f64>, level: NoiseLevel) -> (Array2<f64>, Array2<f64>) {
        self.calls.1 += 1;
        (self.output(&self.unconditional, x, level), self.output(&self.conditional, x, level))
    }
}

/// The largest |a - b|.
pub fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |m, d| m.max(d.abs()))
}
