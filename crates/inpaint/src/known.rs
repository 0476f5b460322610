//! Known data, and denoisers that know it.

use easel_core::sampling::{Denoiser, NoiseLevel, State};

use crate::mask::Mask;

/// $\alpha_t x_0 + \sigma_t z$.
pub fn noised<S: State>(x0: &S, level: NoiseLevel, z: &S) -> S {
    S::combine(&[(level.alpha, x0), (level.sigma, z)])
}

/// Data of which the part that a mask keeps is known.
#[derive(Debug, Clone)]
pub struct Known<S> {
    /// What is known.
    pub mask: Mask<S>,
    /// $x_0$; where the mask repaints any finite number will do.
    pub x0: S,
}

impl<S: State> Known<S> {
    /// The known data in place, the rest from `generated`.
    ///
    /// The last act of every method here. In a latent model it belongs after the decoder, in pixels: decoding changes
    /// known pixels too.
    pub fn composite(&self, generated: &S) -> S {
        self.mask.merge(&self.x0, generated)
    }
}

/// A denoiser whose $\hat x_0$ is the known data where that is known, for use with any sampler.
///
/// Source: the released inpainting sampler of GLIDE (Nichol et al. 2022, arXiv:2112.10741). With $\eta$ = 0 it is
/// replacement with the fixed noise $\hat\epsilon$ of the start.
#[derive(Debug)]
pub struct KnownData<'a, D, S> {
    /// The denoiser.
    pub inner: D,
    /// What is known.
    pub known: &'a Known<S>,
}

impl<S: State, D: Denoiser<S>> Denoiser<S> for KnownData<'_, D, S> {
    fn x0(&mut self, x: &S, level: NoiseLevel) -> S {
        self.known.composite(&self.inner.x0(x, level))
    }

    fn x0_and_variance(&mut self, x: &S, level: NoiseLevel) -> (S, Option<S>) {
        let (x0, variance) = self.inner.x0_and_variance(x, level);
        (self.known.composite(&x0), variance)
    }
}
