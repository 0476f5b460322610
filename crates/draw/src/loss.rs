//! The terms of the bound, in nats (equations 9 to 12).

use tch::{Kind, Tensor};

// excerpt: bound-terms
/// $L^x = -\log D(x \mid c_T)$ of binary pictures `x` under Bernoulli means $\sigma(c_T)$, a picture (eq. 9): both
/// `[B, pixels]`, result `[B]`. Pictures between 0 and 1 give a cross-entropy that is no likelihood.
pub fn reconstruction(x: &Tensor, logits: &Tensor) -> Tensor {
    (logits.softplus() - x * logits).sum_dim_intlist([-1i64].as_slice(), false, Kind::Float)
}

/// $KL(\mathcal N(\mu, \sigma^2) \,\|\, \mathcal N(0, I))$ summed over the last axis (eq. 11, but for its constant: the
/// $-T/2$ printed there is right for one latent number; it is $-1/2$ for each).
pub fn kl(mean: &Tensor, log_sigma: &Tensor) -> Tensor {
    let each = mean.square() + (log_sigma * 2.0).exp() - log_sigma * 2.0 - 1.0;
    each.sum_dim_intlist([-1i64].as_slice(), false, Kind::Float) * 0.5
}
// end excerpt

/// $\log P(z) - \log Q(z \mid x)$ at $z = \mu + \sigma\epsilon$, summed over the last axis.
pub fn log_prior_ratio(mean: &Tensor, log_sigma: &Tensor, epsilon: &Tensor) -> Tensor {
    let z = mean + log_sigma.exp() * epsilon;
    let each = epsilon.square() - z.square() + log_sigma * 2.0;
    each.sum_dim_intlist([-1i64].as_slice(), false, Kind::Float) * 0.5
}

/// The terms of the bound of a batch.
#[derive(Debug)]
pub struct Terms {
    /// $L^x$ `[B]`.
    pub reconstruction: Tensor,
    /// $L^z$ of each group of latent numbers, `[B, T]`.
    pub kl: Tensor,
    /// $\log P(z) - \log Q(z \mid x)$ of the sample that was drawn, `[B]`.
    pub log_prior_ratio: Tensor,
}

impl Terms {
    /// The terms of this batch and then those of `other`.
    pub fn joined(&self, other: &Self) -> Self {
        let joined = |a, b| Tensor::cat(&[a, b], 0);
        Self {
            reconstruction: joined(&self.reconstruction, &other.reconstruction),
            kl: joined(&self.kl, &other.kl),
            log_prior_ratio: joined(&self.log_prior_ratio, &other.log_prior_ratio),
        }
    }

    /// $L$ with the divergence in closed form, `[B]` (eq. 12).
    pub fn bound(&self) -> Tensor {
        &self.reconstruction + self.kl.sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
    }

    /// $\log P(x, z) - \log Q(z \mid x)$ `[B]`, whose exponential has the mean P(x).
    pub fn log_weight(&self) -> Tensor {
        &self.log_prior_ratio - &self.reconstruction
    }
}
