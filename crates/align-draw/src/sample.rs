//! Generation: $z_1\sim\mathcal N(0, I)$, then $z_t = \mu^p_t + \sigma^p_t\epsilon_t$; the picture is $\sigma(c_T)$.

use easel_text::{TextError, Tokens};
use tch::{Tensor, no_grad};

use crate::model::{AlignDraw, State};

/// What happened at one step.
#[derive(Debug)]
pub struct Step<'a> {
    /// t, from 1.
    pub t: i64,
    /// $\alpha^t$ `[B, K]`.
    pub alpha: &'a Tensor,
    /// The generator after the step.
    pub state: &'a State,
}

/// Draws a picture for each caption from the normals `epsilon` `[T, B, d_z]`, which must be fresh for every step; the means
/// $\sigma(c_T)$ `[B, H, C W]`. `observer` sees every step. Without gradients.
///
/// # Errors
/// Ids outside the vocabulary.
pub fn sample(
    model: &AlignDraw,
    captions: &Tokens,
    epsilon: &Tensor,
    mut observer: impl FnMut(Step),
) -> Result<Tensor, TextError> {
    // excerpt: sample
    no_grad(|| {
        let pass = model.pass(captions)?;
        let mut state = model.start(epsilon.size()[1]);
        for t in 1..=model.config().steps {
            let z = model.prior(t, &state).sample(&epsilon.get(t - 1));
            let (s, alpha) = model.align(&pass, &state);
            state = model.generate(&pass, &state, &z, &s);
            observer(Step { t, alpha: &alpha, state: &state });
        }
        Ok(state.canvas.sigmoid())
    })
    // end excerpt
}
