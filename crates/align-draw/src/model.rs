//! The network: language encoder, alignment, inference and generative LSTM, reading and writing.
//!
//! Pictures are `[B, H, C W]` in [0, 1], rows of all channels side by side, as in `draw::attention`.

use draw::attention::{Attention, Glimpses, Grid, Use};
use easel_nn::Path;
use easel_nn::layers::Linear;
use easel_nn::params::Role;
use easel_nn::recurrent::{LstmCell, LstmState};
use easel_text::{BiLstm, BiLstmConfig, TextError, Tokens};
use tch::{Kind, Tensor};

use crate::alignment::{Alignment, Words};
use crate::config::AlignDrawConfig;
use crate::latent::{Gaussians, Posterior, Prior};

/// The network.
#[derive(Debug)]
pub struct AlignDraw {
    config: AlignDrawConfig,
    language: BiLstm,
    alignment: Alignment,
    inference: LstmCell,
    generative: LstmCell,
    start_inference: Tensor,  // h^inf_0 [hidden]
    start_generative: Tensor, // h^gen_0 [hidden]
    start_canvas: Tensor,     // c_0 - canvas [H, C W]
    prior: Prior,
    posterior: Posterior,
    read: Attention,
    write: Attention,
    patch: Linear,
}

/// What all steps of one pass share.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The encoded captions.
    pub words: Words,
    /// Last forward and first backward state of the captions `[B, 2 language]`.
    pub sentence: Tensor,
    read: Glimpses<'a>,
    write: Glimpses<'a>,
}

/// The generator between two steps.
#[derive(Debug)]
pub struct State {
    /// $h^{gen}_t$ and its cell.
    pub generative: LstmState,
    /// $c_t$ `[B, H, C W]`, logits.
    pub canvas: Tensor,
}

/// What a pass over a batch of pictures gives.
#[derive(Debug)]
pub struct Inferred {
    /// $c_T$ `[B, H, C W]`, logits.
    pub canvas: Tensor,
    /// $Q(Z_t|\cdot)$ of all steps `[T, B, d_z]`.
    pub posterior: Gaussians,
    /// $P(Z_t|\cdot)$ of all steps `[T, B, d_z]`.
    pub prior: Gaussians,
}

impl AlignDraw {
    /// Declares the weights at `path`.
    ///
    /// # Errors
    /// A grid without filters, or a name that is taken.
    pub fn new(path: &Path, config: &AlignDrawConfig) -> Result<Self, TextError> {
        let AlignDrawConfig { channels, side, language, hidden, latent, filters: n, .. } = *config;
        let (words, patch) = (2 * language, channels * n * n);
        let encoder = BiLstmConfig { vocabulary: config.words, embedding: config.embedding, hidden: language };
        let grid = Grid { n, height: side, width: side };
        Ok(Self {
            config: *config,
            language: BiLstm::new(&path.sub("language"), encoder)?,
            alignment: Alignment::new(&path.sub("alignment"), words, hidden, config.alignment)?,
            inference: LstmCell::new(&path.sub("inference"), 2 * patch + hidden, hidden)?,
            generative: LstmCell::new(&path.sub("generative"), latent + words, hidden)?,
            start_inference: path.declare("start_inference", &[hidden], Role::Offset)?,
            start_generative: path.declare("start_generative", &[hidden], Role::Offset)?,
            start_canvas: path.declare("start_canvas", &[side, channels * side], Role::Offset)?,
            prior: Prior::new(&path.sub("prior"), hidden, latent)?,
            posterior: Posterior::new(&path.sub("posterior"), hidden, latent)?,
            read: Attention::new(&path.sub("read"), hidden, grid, Use::Read)?,
            write: Attention::new(&path.sub("write"), hidden, grid, Use::Write)?,
            patch: Linear::new(&path.sub("patch"), hidden, patch)?,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &AlignDrawConfig {
        &self.config
    }

    /// The layer of the writing window.
    pub fn write_attention(&self) -> &Attention {
        &self.write
    }

    /// Encodes captions and computes what does not change from step to step.
    ///
    /// # Errors
    /// Ids outside the vocabulary.
    pub fn pass(&self, captions: &Tokens) -> Result<Pass<'_>, TextError> {
        let encoded = self.language.forward(captions)?;
        Ok(Pass {
            words: self.alignment.words(encoded.words, captions),
            sentence: encoded.sentence,
            read: self.read.glimpses(),
            write: self.write.glimpses(),
        })
    }

    /// $h^{gen}_0$ and $c_0$ for a batch.
    pub fn start(&self, batch: i64) -> State {
        let AlignDrawConfig { channels, side, canvas, .. } = self.config;
        State {
            generative: start_state(&self.start_generative, batch),
            canvas: (&self.start_canvas + canvas).expand([batch, side, channels * side], false),
        }
    }

    /// $s_t$ and $\alpha^t$.
    pub fn align(&self, pass: &Pass, state: &State) -> (Tensor, Tensor) {
        if self.config.align {
            self.alignment.forward(&pass.words, &state.generative.hidden)
        } else {
            pass.words.mean()
        }
    }

    /// $P(Z_t|\cdot)$ at step `t` (from 1), `[B, d_z]`.
    pub fn prior(&self, t: i64, state: &State) -> Gaussians {
        let prior = self.prior.forward(&state.generative.hidden);
        if t == 1 { Prior::first(&prior.mean) } else { prior }
    }

    /// One step of the generator from $z_t$ `[B, d_z]` and $s_t$ `[B, 2 language]`.
    pub fn generate(&self, pass: &Pass, state: &State, z: &Tensor, s: &Tensor) -> State {
        let generative = self.generative.forward(&Tensor::cat(&[z, s], 1), &state.generative);
        let AlignDrawConfig { channels, filters: n, .. } = self.config;
        let patch = self.patch.forward(&generative.hidden).view([-1, n * channels, n]);
        let canvas = pass.write.filters(&generative.hidden).write(&patch, &state.canvas);
        State { generative, canvas }
    }

    /// Infers $z_1..z_T$ of pictures `x` `[B, H, C W]` in [0, 1] with the normals `epsilon` `[T, B, d_z]`, and draws them.
    ///
    /// # Errors
    /// Those of [`AlignDraw::pass`].
    pub fn infer(&self, x: &Tensor, captions: &Tokens, epsilon: &Tensor) -> Result<Inferred, TextError> {
        let pass = self.pass(captions)?;
        let batch = x.size()[0];
        let (mut state, mut inference) = (self.start(batch), start_state(&self.start_inference, batch));
        let (mut previous, mut means, mut log_stds) = (Vec::new(), Vec::new(), Vec::new());
        // excerpt: infer
        for t in 0..self.config.steps {
            let hidden = &state.generative.hidden;
            let r = pass.read.filters(hidden).read_error(x, &state.canvas.sigmoid());
            inference = self.inference.forward(&Tensor::cat(&[&r, hidden], 1), &inference);
            let q = self.posterior.forward(&inference.hidden);
            let z = q.sample(&epsilon.get(t));
            let (s, _) = self.align(&pass, &state);
            let next = self.generate(&pass, &state, &z, &s);
            previous.push(state.generative.hidden);
            means.push(q.mean);
            log_stds.push(q.log_std);
            state = next;
        }
        // end excerpt
        let posterior = Gaussians { mean: Tensor::stack(&means, 0), log_std: Tensor::stack(&log_stds, 0) };
        // All priors in one product; the first is fixed.
        let learned = self.prior.forward(&Tensor::stack(&previous, 0));
        let known = Tensor::ones([self.config.steps, 1, 1], (Kind::Float, x.device()));
        let _ = known.get(0).zero_();
        let prior = Gaussians { mean: learned.mean * &known, log_std: learned.log_std * &known };
        Ok(Inferred { canvas: state.canvas, posterior, prior })
    }
}

fn start_state(hidden: &Tensor, batch: i64) -> LstmState {
    let hidden = hidden.unsqueeze(0).expand([batch, -1], false);
    LstmState { cell: hidden.zeros_like(), hidden }
}
