//! Conditioning augmentation (Zhang et al. 2017, StackGAN, eq. 2).

use easel_nn::layers::Linear;
use easel_nn::{NnError, Path};
use tch::Tensor;

/// A caption's normal distribution, `mean` and `log_variance` `[B, d]`.
#[derive(Debug)]
pub struct Conditioning {
    /// $\mu$.
    pub mean: Tensor,
    /// $\ln \sigma^2$.
    pub log_variance: Tensor,
}

impl Conditioning {
    /// $\tilde s = \mu + \sigma \odot \epsilon$ with standard normals `epsilon` `[B, d]`.
    pub fn sample(&self, epsilon: &Tensor) -> Tensor {
        &self.mean + (&self.log_variance * 0.5).exp() * epsilon
    }

    /// Kullback-Leibler divergence to N(0, I), the mean over batch and dimensions as in the released code: the published
    /// sum over dimensions divided by d.
    pub fn divergence(&self) -> Tensor {
        let terms = &self.log_variance + 1.0 - self.mean.square() - self.log_variance.exp();
        terms.mean(self.mean.kind()) * -0.5
    }
}

/// The map from a sentence to its distribution: linear, gated, split in two.
#[derive(Debug)]
pub struct ConditioningNet {
    linear: Linear,
}

impl ConditioningNet {
    /// From sentences of `inputs` numbers to distributions over `width` numbers.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, inputs: i64, width: i64) -> Result<Self, NnError> {
        Ok(Self { linear: Linear::new(&path.sub("linear"), inputs, 4 * width)? })
    }

    /// Of `sentence` `[B, inputs]`.
    pub fn forward(&self, sentence: &Tensor) -> Conditioning {
        let halves = self.linear.forward(sentence).glu(1).chunk(2, 1);
        Conditioning { mean: halves[0].shallow_clone(), log_variance: halves[1].shallow_clone() }
    }
}
