//! Gradients with respect to a noisy picture, inside samplers that track none.

use tch::{Kind, TchError, Tensor, with_grad};

/// $\nabla_x\ln p(y|x)$ of x (floating, `[B, ..]`), labels y (i64 `[B]`) and the function x -> logits `[B, classes]`.
///
/// The sum over the batch is differentiated, not the mean, so that a sample's gradient does not depend on how many there
/// are. Parameters behind `logits` get no gradients. Source: Dhariwal and Nichol 2021, released code.
///
/// # Errors
/// Labels of another shape or outside the classes, or logits that do not depend on x.
// excerpt: log-probability
pub fn log_probability(
    x: &Tensor,
    labels: &Tensor,
    logits: impl FnOnce(&Tensor) -> Tensor,
) -> Result<Tensor, TchError> {
    of(x, |x| {
        let log_p = logits(x).f_log_softmax(-1, None::<Kind>)?;
        log_p.f_gather(1, &labels.f_unsqueeze(1)?, false)?.f_sum(None::<Kind>)
    })
}
// end excerpt

/// $\nabla_x f$ of a scalar function `f`, of the shape and kind of `x`, wherever gradients are switched off.
///
/// With f = $f(x_t)\cdot g(c)$ of normalised encoders, times the exponential of the logit scale, it is GLIDE's CLIP
/// guidance (Nichol et al. 2022, section 2.4).
///
/// # Errors
/// Those of `f`; a value that is not a scalar or does not depend on x.
pub fn of(x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor, TchError>) -> Result<Tensor, TchError> {
    with_grad(|| {
        let x = x.detach().set_requires_grad(true);
        let value = f(&x)?;
        let refuse = |problem: String| Err(TchError::Torch(problem));
        if value.dim() != 0 {
            return refuse(format!("a value of shape {:?} has no gradient, only a scalar has", value.size()));
        }
        if !value.requires_grad() {
            // libtorch would follow a null pointer here.
            return refuse("the value does not depend on x".into());
        }
        let gradients = Tensor::f_run_backward(&[value], &[&x], false, false)?;
        match gradients.into_iter().next() {
            Some(gradient) if gradient.defined() => Ok(gradient),
            _ => refuse("the value does not depend on x".into()),
        }
    })
}
