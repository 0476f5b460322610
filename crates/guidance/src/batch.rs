//! Both outputs of classifier-free guidance in one pass, and networks with a learned variance.

use easel_core::sampling::NoiseLevel;
use tch::Tensor;

use crate::classifier_free::ConditionalModel;

/// Calls `pass` on [x, x] `[2B, ..]`, whose first half is to be taken without condition and whose second half with it,
/// and splits its output `[2B, ..]`: (unconditional, conditional).
pub fn in_one_pass(x: &Tensor, pass: impl FnOnce(&Tensor) -> Tensor) -> (Tensor, Tensor) {
    let size = x.size()[0];
    let output = pass(&Tensor::cat(&[x, x], 0));
    (output.narrow(0, 0, size), output.narrow(0, size, size))
}

/// A model with outputs `[B, 2C, ..]` as one with outputs `[B, C, ..]`: the prediction alone is guided, the variance is
/// that of the conditional output (GLIDE's released code).
#[derive(Debug)]
pub struct LearnedRange<M> {
    model: M,
    variance: Option<Tensor>,
}

impl<M> LearnedRange<M> {
    /// Around a model whose first C channels are the prediction.
    pub fn new(model: M) -> Self {
        Self { model, variance: None }
    }
}

impl<M: ConditionalModel<Tensor>> ConditionalModel<Tensor> for LearnedRange<M> {
    fn conditional(&mut self, x: &Tensor, level: NoiseLevel) -> Tensor {
        let (prediction, variance) = halves(&self.model.conditional(x, level));
        self.variance = Some(variance);
        prediction
    }

    fn both(&mut self, x: &Tensor, level: NoiseLevel) -> (Tensor, Tensor) {
        let (unconditional, conditional) = self.model.both(x, level);
        let (prediction, variance) = halves(&conditional);
        self.variance = Some(variance);
        (halves(&unconditional).0, prediction)
    }

    fn variance(&self) -> Option<Tensor> {
        self.variance.as_ref().map(Tensor::shallow_clone)
    }
}

/// Prediction and variance, `[B, C, ..]` each, of an output `[B, 2C, ..]`.
fn halves(output: &Tensor) -> (Tensor, Tensor) {
    let channels = output.size()[1];
    assert!(channels % 2 == 0, "an output with variance has an even number of channels, this one {channels}");
    (output.narrow(1, 0, channels / 2), output.narrow(1, channels / 2, channels / 2))
}
