//! The network's layers (Gregor et al. 2015, sections 2 and 3).

use easel_nn::layers::Linear;
use easel_nn::params::Role;
use easel_nn::recurrent::LstmCell;
use easel_nn::{NnError, Path};
use tch::{Device, TchError, Tensor, no_grad};

use crate::attention::{Attention, Basis, Grid, Use};
use crate::bound::{Bounded, Gradient, set_logits};
use crate::config::DrawConfig;
use crate::loss::Terms;
use crate::pass::{Generator, Pass, Shared};

/// DRAW: encoder, decoder, and how they read and write.
#[derive(Debug)]
pub struct Draw {
    config: DrawConfig,
    pub(crate) encoder: LstmCell,
    pub(crate) decoder: LstmCell,
    pub(crate) mean: Linear,
    pub(crate) log_sigma: Linear,
    pub(crate) patch: Linear,
    pub(crate) attention: Option<(Attention, Attention)>,
    basis: Option<Basis>,
    parts: i64,
    pub(crate) encoder_start: Tensor, // [hidden]
    pub(crate) decoder_start: Tensor, // [hidden]
    pub(crate) canvas_start: Tensor,  // [pixels]
}

impl Draw {
    /// Declares the weights.
    ///
    /// # Errors
    /// A name that is taken, or patches with fewer than 2 filters a side.
    pub fn new(path: &Path, config: &DrawConfig) -> Result<Self, NnError> {
        let DrawConfig { height, width, hidden, latent, read, write, .. } = *config;
        let pixels = config.pixels();
        let (seen, written) = if config.attention { (2 * read * read, write * write) } else { (2 * pixels, pixels) };
        let attention = match config.attention {
            true => {
                let of = |name, n, purpose| Attention::new(&path.sub(name), hidden, Grid { n, height, width }, purpose);
                Some((of("read", read, Use::Read)?, of("write", write, Use::Write)?))
            }
            false => None,
        };
        Ok(Self {
            encoder: LstmCell::new(&path.sub("encoder"), seen + hidden, hidden)?,
            decoder: LstmCell::new(&path.sub("decoder"), latent, hidden)?,
            mean: Linear::new(&path.sub("mean"), hidden, latent)?,
            log_sigma: Linear::new(&path.sub("log_sigma"), hidden, latent)?,
            patch: Linear::new(&path.sub("patch"), hidden, written)?,
            basis: attention.as_ref().map(|(read, write)| Basis::of(&[read, write])),
            attention,
            parts: 1,
            encoder_start: path.declare("encoder_start", &[hidden], Role::Offset)?,
            decoder_start: path.declare("decoder_start", &[hidden], Role::Offset)?,
            canvas_start: path.declare("canvas_start", &[pixels], Role::Offset)?,
            config: config.clone(),
        })
    }

    /// The same model, whose training splits a batch into `parts`, each in a thread of its own: a glimpse is too small for
    /// libtorch's own threads. Other parts give other roundings.
    pub fn in_parts(self, parts: i64) -> Self {
        Self { parts: parts.max(1), ..self }
    }

    /// The configuration.
    pub fn config(&self) -> &DrawConfig {
        &self.config
    }

    /// The layer of the write window, where there is attention.
    pub fn write_attention(&self) -> Option<&Attention> {
        self.attention.as_ref().map(|(_, write)| write)
    }

    /// The layer of the read window, where there is attention.
    pub fn read_attention(&self) -> Option<&Attention> {
        self.attention.as_ref().map(|(read, _)| read)
    }

    /// Where the weights lie.
    pub fn device(&self) -> Device {
        self.canvas_start.device()
    }

    /// The weights as one pass over all glimpses uses them; gradients flow through.
    pub fn shared(&self) -> Shared {
        Shared::of(self)
    }

    /// The decoder alone, for generation.
    pub fn generator(&self) -> Generator {
        Generator::of(self)
    }

    /// A pass with these weights.
    pub fn pass(&self, shared: Shared) -> Pass {
        Pass::new(self.config.clone(), shared, self.basis.clone())
    }
}

impl Bounded for Draw {
    fn noise_shape(&self) -> [i64; 2] {
        [self.config.glimpses, self.config.latent]
    }

    fn terms(&self, x: &Tensor, noise: &Tensor) -> Terms {
        self.pass(self.shared()).forward(x, noise).terms(x, noise)
    }

    fn start_at(&self, mean: &Tensor) {
        set_logits(&self.canvas_start, mean);
    }

    fn gradient(&self, x: &Tensor, noise: &Tensor) -> Result<Gradient, TchError> {
        let shared = self.shared();
        let batch = x.size()[0] as f64;
        let parts = x.chunk(self.parts, 0).into_iter().zip(noise.chunk(self.parts, 1));
        let work = parts.map(|(x, noise)| {
            let pass = self.pass(no_grad(|| shared.detached()));
            move || pass.gradients(&x, &noise)
        });
        let mut parts = in_threads(work.collect())?.into_iter();
        let (mut gradients, mut terms) = parts.next().expect("a batch of at least one picture");
        for (others, other) in parts {
            gradients = gradients.iter().zip(&others).map(|(a, b)| a + b).collect();
            terms = terms.joined(&other);
        }
        Ok(Gradient::of(shared.inner(&gradients) / batch, &terms))
    }
}

/// Runs all but the last in threads of their own, that one here; results in order.
pub fn in_threads<T: Send>(work: Vec<impl FnOnce() -> Result<T, TchError> + Send>) -> Result<Vec<T>, TchError> {
    let mut work = work.into_iter();
    let Some(last) = work.next_back() else { return Ok(Vec::new()) };
    std::thread::scope(|scope| {
        let others: Vec<_> = work.map(|w| scope.spawn(w)).collect();
        let last = last();
        let join = |thread: std::thread::ScopedJoinHandle<Result<T, TchError>>| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        others.into_iter().map(join).chain([last]).collect()
    })
}
