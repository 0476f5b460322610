//! Generation (equations 13 to 16) and reconstruction.

use std::ops::Range;

use easel_core::noise::Stream;
use easel_nn::NnError;
use tch::{Tensor, no_grad};

use crate::bound::latent_noise;
use crate::model::Draw;
use crate::window::Window;

/// How one batch of pictures came about.
#[derive(Debug)]
pub struct Sequence {
    /// Means $\sigma(c_t)$ for t = 1..=T, `[B, H, W]` in [0, 1].
    pub means: Vec<Tensor>,
    /// The write window of each t and picture; empty without attention.
    pub windows: Vec<Vec<Window>>,
}

impl Draw {
    /// Generates the samples numbered `samples`; each follows from (stream, number) alone.
    ///
    /// # Errors
    /// Windows that cannot be read.
    pub fn generate(&self, stream: &Stream, samples: Range<u64>) -> Result<Sequence, NnError> {
        let config = self.config();
        let shape = [config.glimpses, config.latent];
        let noise = latent_noise(stream, 0, samples, shape, self.device());
        let glimpses = no_grad(|| self.generator().run(&noise));
        let mut sequence = Sequence { means: Vec::new(), windows: Vec::new() };
        for glimpse in glimpses {
            sequence.means.push(glimpse.canvas.sigmoid().view([-1, config.height, config.width]));
            if let Some(attention) = self.write_attention() {
                sequence.windows.push(no_grad(|| attention.windows(&glimpse.state))?);
            }
        }
        Ok(sequence)
    }

    /// Means of the last canvas when binary pictures `[B, pixels]` are encoded and decoded with noise `[T, B, d_z]`: `[B, H, W]`.
    pub fn reconstruct(&self, x: &Tensor, noise: &Tensor) -> Tensor {
        let config = self.config();
        let canvas =
            no_grad(|| self.pass(self.shared()).forward(x, noise).canvases.pop().expect("at least one glimpse"));
        canvas.sigmoid().view([-1, config.height, config.width])
    }
}
