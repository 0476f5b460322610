//! The latent variables: prior, posterior and the divergence between them.

use easel_nn::layers::Linear;
use easel_nn::{NnError, Path};
use tch::{Kind, Tensor};

/// Diagonal Gaussians, each tensor `[.., d_z]`.
#[derive(Debug)]
pub struct Gaussians {
    /// $\mu$.
    pub mean: Tensor,
    /// $\log\sigma$.
    pub log_std: Tensor,
}

impl Gaussians {
    /// $\mu + \sigma\epsilon$.
    pub fn sample(&self, epsilon: &Tensor) -> Tensor {
        self.mean.addcmul(&self.log_std.exp(), epsilon)
    }

    // excerpt: kl
    /// $D_{KL}(\text{self}\,\|\,\text{prior})$ in nats, summed over the last axis: `[..]`.
    ///
    /// $\tfrac12\sum_k\big[\big((\mu_k-\mu^p_k)^2+\sigma_k^2\big)/(\sigma^p_k)^2-1-2\log\sigma_k+2\log\sigma^p_k\big]$ (released code)
    pub fn kl(&self, prior: &Self) -> Tensor {
        let twice = (&self.log_std - &prior.log_std) * 2.0;
        let shift = (&self.mean - &prior.mean).square() * (&prior.log_std * -2.0).exp();
        // expm1(d) - d is at least 0, also when rounded.
        ((twice.expm1() - &twice + shift) * 0.5).sum_dim_intlist(-1, false, None::<Kind>)
    }
    // end excerpt
}

/// $P(Z_t|Z_{<t}, y)$ for $t\ge2$; $P(Z_1) = \mathcal N(0, I)$.
#[derive(Debug)]
pub struct Prior(Linear);

impl Prior {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, hidden: i64, latent: i64) -> Result<Self, NnError> {
        Ok(Self(Linear::new(path, hidden, 2 * latent)?))
    }

    // excerpt: prior
    /// $\mu^p_t=\tanh(W_\mu h+b)$, $\sigma^p_t=\exp(\tanh(W_\sigma h+b))$ at $h = h^{gen}_{t-1}$ `[.., hidden]` (released code).
    pub fn forward(&self, hidden: &Tensor) -> Gaussians {
        let [mean, log_std] = halves(&self.0.forward(hidden).tanh());
        Gaussians { mean, log_std }
    }
    // end excerpt

    /// $\mathcal N(0, I)$ shaped like `like` `[.., d_z]`.
    pub fn first(like: &Tensor) -> Gaussians {
        Gaussians { mean: like.zeros_like(), log_std: like.zeros_like() }
    }
}

/// $Q(Z_t|Z_{<t}, y, x)$.
#[derive(Debug)]
pub struct Posterior(Linear);

impl Posterior {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(path: &Path, hidden: i64, latent: i64) -> Result<Self, NnError> {
        Ok(Self(Linear::new(path, hidden, 2 * latent)?))
    }

    // excerpt: posterior
    /// $\mu_t = W h + b$, $\log\sigma_t = \tfrac12(W h + b)$ at $h = h^{inf}_t$ `[.., hidden]`: neither is squashed, or the code
    /// would be starved (released code).
    pub fn forward(&self, hidden: &Tensor) -> Gaussians {
        let [mean, log_variance] = halves(&self.0.forward(hidden));
        Gaussians { mean, log_std: log_variance * 0.5 }
    }
    // end excerpt
}

fn halves(both: &Tensor) -> [Tensor; 2] {
    let width = both.size()[both.dim() - 1] / 2;
    [both.narrow(-1, 0, width), both.narrow(-1, width, width)]
}
