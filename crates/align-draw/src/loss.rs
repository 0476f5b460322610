//! The variational bound.

use tch::{Kind, Reduction, Tensor};

use crate::model::Inferred;

/// The two terms of $-\mathcal L$, each `[B]` in nats.
#[derive(Debug)]
pub struct Bound {
    /// $-\log P(x|y, Z)$: pixels as Bernoulli variables with mean $\sigma(c_T)$.
    pub reconstruction: Tensor,
    /// $\sum_t D_{KL}(Q(Z_t|\cdot)\,\|\,P(Z_t|Z_{<t}, y))$; one sample of its expectation.
    pub kl: Tensor,
}

impl Bound {
    /// Of pictures `x` `[B, H, C W]` in [0, 1], grey ones included: then the first term is a cross-entropy and not the
    /// likelihood of a discrete variable.
    pub fn of(x: &Tensor, inferred: &Inferred) -> Self {
        let cross_entropy =
            inferred.canvas.binary_cross_entropy_with_logits(x, None::<Tensor>, None::<Tensor>, Reduction::None);
        Self {
            reconstruction: cross_entropy.sum_dim_intlist([1i64, 2].as_slice(), false, None::<Kind>),
            kl: inferred.posterior.kl(&inferred.prior).sum_dim_intlist(0, false, None::<Kind>),
        }
    }

    /// $-\mathcal L$, an upper bound of $-\log P(x|y)$, `[B]`.
    pub fn total(&self) -> Tensor {
        &self.reconstruction + &self.kl
    }
}
