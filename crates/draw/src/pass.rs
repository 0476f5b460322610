//! One pass over all glimpses: what does not change between them is computed once, and each glimpse is few operations.
//!
//! - All layers that take $h^{dec}_t$ are one matrix product: the gates of both LSTMs at $t + 1$, the read window at $t + 1$, the
//!   write window and the patch at $t$. So are those that take $h^{enc}_t$: $\mu_t$, $\log\sigma_t$ and the encoder's gates at $t + 1$.
//! - Gates are ordered input, forget, output, candidate, so that three of them share one sigmoid.
//! - Without attention the encoder sees $W_1 x + W_2 (x - \sigma(c)) = (W_1 + W_2) x - W_2\,\sigma(c)$, and the first term is constant.
//!
//! The gradient of the weights takes one product over all glimpses for each of these products: see [`Trace`].

use tch::{Kind, TchError, Tensor, no_grad};

use crate::attention::{Basis, Filters, MIXED, joined};
use crate::config::DrawConfig;
use crate::loss::{self, Terms};
use crate::model::Draw;

/// The weights of a pass, arranged for it.
#[derive(Debug)]
pub struct Shared {
    from_decoder: Affine,         // [out, hidden]: encoder gates, decoder gates, windows, patch
    from_encoder: Affine,         // [4 hidden + 2 d_z, hidden]: encoder gates, mean, log sigma
    from_latent: Tensor,          // [4 hidden, d_z]
    from_reading: Tensor,         // [4 hidden, 2 N^2], or without attention -W_2 [4 hidden, pixels]
    from_picture: Option<Tensor>, // without attention W_1 + W_2
    encoder_start: Tensor,
    decoder_start: Tensor,
    canvas_start: Tensor,
}

/// What generation needs: the decoder's gates, the write window and the patch.
#[derive(Debug)]
pub struct Generator {
    config: DrawConfig,
    from_decoder: Affine, // [out, hidden]: decoder gates, write window, patch
    from_latent: Tensor,  // [4 hidden, d_z]
    basis: Option<Basis>,
    decoder_start: Tensor,
    canvas_start: Tensor,
}

/// Weights `[out, in]` and biases `[out]`.
#[derive(Debug)]
struct Affine {
    weight: Tensor,
    bias: Tensor,
}

impl Affine {
    /// Several layers of one input as one.
    fn joined(weights: &[Tensor], biases: &[Tensor]) -> Self {
        Self { weight: Tensor::cat(weights, 0), bias: Tensor::cat(biases, 0) }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}

impl Shared {
    pub(crate) fn of(model: &Draw) -> Self {
        let config = model.config();
        let ((encoder_in, encoder_hh, encoder_bias), (decoder_in, decoder_hh, decoder_bias)) =
            (model.encoder.weights(), model.decoder.weights());
        let hidden = config.hidden;
        let (encoder_in, encoder_hh, encoder_bias) = (ordered(encoder_in), ordered(encoder_hh), ordered(&encoder_bias));
        let seen = encoder_in.size()[1] - hidden;
        let (reading, of_decoder) = (encoder_in.narrow(1, 0, seen), encoder_in.narrow(1, seen, hidden));
        let (patch, patch_bias) = model.patch.weights();
        let mut weights = vec![of_decoder, ordered(decoder_hh)];
        let mut biases = vec![encoder_bias.zeros_like(), ordered(&decoder_bias)];
        if let Some((read, write)) = &model.attention {
            let (weight, bias) = joined(&[read, write]);
            weights.push(weight);
            biases.push(bias);
        }
        weights.push(patch.shallow_clone());
        biases.push(patch_bias.shallow_clone());
        let ((mean, mean_bias), (log_sigma, log_sigma_bias)) = (model.mean.weights(), model.log_sigma.weights());
        let (from_reading, from_picture) = match config.attention {
            true => (reading, None),
            false => {
                let halves = reading.chunk(2, 1);
                (halves[1].neg(), Some(&halves[0] + &halves[1]))
            }
        };
        Self {
            from_decoder: Affine::joined(&weights, &biases),
            from_encoder: Affine {
                weight: Tensor::cat(&[&encoder_hh, mean, log_sigma], 0),
                bias: Tensor::cat(&[&encoder_bias, mean_bias, log_sigma_bias], 0),
            },
            from_latent: ordered(decoder_in),
            from_reading,
            from_picture,
            encoder_start: model.encoder_start.shallow_clone(),
            decoder_start: model.decoder_start.shallow_clone(),
            canvas_start: model.canvas_start.shallow_clone(),
        }
    }

    /// All tensors, in a fixed order.
    fn tensors(&self) -> Vec<&Tensor> {
        let mut all = vec![
            &self.from_decoder.weight,
            &self.from_decoder.bias,
            &self.from_encoder.weight,
            &self.from_encoder.bias,
            &self.from_latent,
            &self.from_reading,
            &self.encoder_start,
            &self.decoder_start,
            &self.canvas_start,
        ];
        all.extend(&self.from_picture);
        all
    }

    /// The same values without their history; the starts are leaves that take a gradient.
    pub fn detached(&self) -> Self {
        let affine = |a: &Affine| Affine { weight: a.weight.detach(), bias: a.bias.detach() };
        let start = |t: &Tensor| t.detach().set_requires_grad(true);
        Self {
            from_decoder: affine(&self.from_decoder),
            from_encoder: affine(&self.from_encoder),
            from_latent: self.from_latent.detach(),
            from_reading: self.from_reading.detach(),
            from_picture: self.from_picture.as_ref().map(Tensor::detach),
            encoder_start: start(&self.encoder_start),
            decoder_start: start(&self.decoder_start),
            canvas_start: start(&self.canvas_start),
        }
    }

    /// $\sum_i \langle W_i, G_i\rangle$ for constant `gradients`, in the order of [`Pass::gradients`]: a scalar whose gradient with
    /// respect to these weights they are.
    pub fn inner(&self, gradients: &[Tensor]) -> Tensor {
        let products: Vec<Tensor> =
            self.tensors().into_iter().zip(gradients).map(|(w, g)| (w * g).sum(Kind::Float)).collect();
        Tensor::stack(&products, 0).sum(Kind::Float)
    }
}

/// Rows of an LSTM's weights or biases from the order input, forget, candidate, output to input, forget, output, candidate.
fn ordered(gates: &Tensor) -> Tensor {
    let parts = gates.chunk(4, 0);
    Tensor::cat(&[&parts[0], &parts[1], &parts[3], &parts[2]], 0)
}

/// New state and cell `[B, hidden]` from gates `[B, 4 hidden]` in the order of [`ordered`].
fn lstm(gates: &Tensor, cell: &Tensor) -> (Tensor, Tensor) {
    let hidden = cell.size()[1];
    let parts = gates.unsafe_split_with_sizes([3 * hidden, hidden], 1);
    let opening = parts[0].sigmoid().unsafe_split(hidden, 1);
    let cell = (&opening[0] * parts[1].tanh()).addcmul(&opening[1], cell);
    (&opening[2] * cell.tanh(), cell)
}

/// A model in one pass.
#[derive(Debug)]
pub struct Pass {
    config: DrawConfig,
    shared: Shared,
    basis: Option<Basis>,
}

/// What the decoder's state gives to the next glimpse and to the canvas.
struct Decoded {
    encoder_gates: Tensor,
    decoder_gates: Tensor,
    /// The read window of the next glimpse and the write window of this one.
    windows: Option<[Filters; 2]>,
    patch: Tensor,
}

/// A glimpse of generation.
#[derive(Debug)]
pub struct Glimpse {
    /// $c_t$ `[B, pixels]`, before the logistic function.
    pub canvas: Tensor,
    /// $h^{dec}_t$ `[B, hidden]`.
    pub state: Tensor,
}

impl Pass {
    pub(crate) fn new(config: DrawConfig, shared: Shared, basis: Option<Basis>) -> Self {
        Self { config, shared, basis }
    }

    fn decoded(&self, outputs: &Tensor) -> Decoded {
        let gates = 4 * self.config.hidden;
        let mut sizes = vec![gates, gates];
        match self.basis {
            Some(_) => sizes.extend([2 * MIXED, self.config.write * self.config.write]),
            None => sizes.push(self.config.pixels()),
        }
        let mut parts = outputs.unsafe_split_with_sizes(sizes, 1).into_iter();
        let mut next = || parts.next().expect("as many parts as sizes");
        let (encoder_gates, decoder_gates) = (next(), next());
        let windows = self.basis.as_ref().map(|basis| basis.filters(&next()).try_into().expect("two windows"));
        Decoded { encoder_gates, decoder_gates, windows, patch: next() }
    }

    /// What the encoder is shown, `[B, 2 N^2]`: both patches, or without attention $\sigma(c)$ `[B, pixels]`
    /// (eqs. 3, 17, 27).
    fn seen(&self, x: &Tensor, canvas: &Tensor, decoded: &Decoded) -> Tensor {
        let mean = canvas.sigmoid();
        match &decoded.windows {
            Some([read, _]) => {
                let shape = [-1, self.config.height, self.config.width];
                read.read_error(&x.view(shape), &mean.view(shape))
            }
            None => mean,
        }
    }

    /// The whole model on binary pictures `x` `[B, pixels]` with standard normals `[T, B, d_z]` (eqs. 3 to 8).
    pub fn forward(&self, x: &Tensor, noise: &Tensor) -> Trace {
        let DrawConfig { hidden, latent, .. } = self.config;
        let shared = &self.shared;
        let mut trace = Trace::default();
        let (mut canvas, mut state) = (grown(&shared.canvas_start, x), grown(&shared.decoder_start, x));
        let mut encoder_cell = state.zeros_like().detach();
        let mut decoder_cell = encoder_cell.shallow_clone();
        let constant = shared.from_picture.as_ref().map(|weight| x.mm(&weight.tr()));
        let mut decoded = self.decoded(&trace.decoder.through(&shared.from_decoder, state));
        state = grown(&shared.encoder_start, x);
        let mut encoded =
            trace.encoder.through(&shared.from_encoder, state).unsafe_split_with_sizes([4 * hidden, 2 * latent], 1);
        // excerpt: glimpse
        for epsilon in noise.unbind(0) {
            let seen = self.seen(x, &canvas, &decoded);
            let mut known = &decoded.encoder_gates + &encoded[0];
            if let Some(constant) = &constant {
                known += constant;
            }
            let gates = trace.reading.onto(&known, seen, &shared.from_reading);
            (state, encoder_cell) = lstm(&gates, &encoder_cell);
            let outputs = trace.encoder.through(&shared.from_encoder, state);
            encoded = outputs.unsafe_split_with_sizes([4 * hidden, latent, latent], 1);
            let z = encoded[1].addcmul(&encoded[2].exp(), &epsilon);
            let gates = trace.latent.onto(&decoded.decoder_gates, z, &shared.from_latent);
            (state, decoder_cell) = lstm(&gates, &decoder_cell);
            decoded = self.decoded(&trace.decoder.through(&shared.from_decoder, state));
            canvas = written(&self.config, &canvas, &decoded.patch, decoded.windows.as_ref().map(|[_, write]| write));
            trace.posteriors.push((encoded[1].shallow_clone(), encoded[2].shallow_clone()));
            trace.canvases.push(canvas.shallow_clone());
        }
        // end excerpt
        trace.picture = constant.map(|_| x.shallow_clone());
        trace
    }

    /// The sum of the bound over binary pictures `[B, pixels]` with standard normals `[T, B, d_z]`: its gradients in the order that
    /// [`Shared::inner`] takes, and its terms. The weights are those of [`Shared::detached`].
    ///
    /// # Errors
    /// Weights that take no gradient.
    pub fn gradients(&self, x: &Tensor, noise: &Tensor) -> Result<(Vec<Tensor>, Terms), TchError> {
        let trace = self.forward(x, noise);
        let terms = trace.terms(x, noise);
        Ok((trace.gradients(&terms.bound().sum(Kind::Float), &self.shared)?, terms))
    }
}

impl Generator {
    pub(crate) fn of(model: &Draw) -> Self {
        let ((inputs, recurrent, bias), (patch, patch_bias)) = (model.decoder.weights(), model.patch.weights());
        let (mut weights, mut biases) = (vec![ordered(recurrent)], vec![ordered(&bias)]);
        let write = model.write_attention();
        if let Some(write) = write {
            let (weight, bias) = joined(&[write]);
            weights.push(weight);
            biases.push(bias);
        }
        weights.push(patch.shallow_clone());
        biases.push(patch_bias.shallow_clone());
        Self {
            config: model.config().clone(),
            from_decoder: Affine::joined(&weights, &biases),
            from_latent: ordered(inputs),
            basis: write.map(|write| Basis::of(&[write])),
            decoder_start: model.decoder_start.shallow_clone(),
            canvas_start: model.canvas_start.shallow_clone(),
        }
    }

    /// The decoder alone on draws from the prior `[T, B, d_z]` (eqs. 13 to 15).
    pub fn run(&self, noise: &Tensor) -> Vec<Glimpse> {
        let like = noise.select(0, 0);
        let gates = 4 * self.config.hidden;
        let (mut canvas, mut state) = (grown(&self.canvas_start, &like), grown(&self.decoder_start, &like));
        let mut cell = state.zeros_like();
        let mut recurrent = self.from_decoder.forward(&state).narrow(1, 0, gates);
        let glimpse = |z: Tensor| {
            (state, cell) = lstm(&recurrent.addmm(&z, &self.from_latent.tr()), &cell);
            let outputs = self.from_decoder.forward(&state);
            recurrent = outputs.narrow(1, 0, gates);
            let rest = outputs.narrow(1, gates, outputs.size()[1] - gates);
            canvas = match &self.basis {
                Some(basis) => {
                    let window = basis.filters(&rest.narrow(1, 0, MIXED)).pop().expect("one window");
                    written(&self.config, &canvas, &rest.narrow(1, MIXED, rest.size()[1] - MIXED), Some(&window))
                }
                None => written(&self.config, &canvas, &rest, None),
            };
            Glimpse { canvas: canvas.shallow_clone(), state: state.shallow_clone() }
        };
        noise.unbind(0).into_iter().map(glimpse).collect()
    }
}

/// $c_t = c_{t-1} + \mathrm{write}(h^{dec}_t)$ for the patch `[B, N^2]` and its window, or the whole picture without (eqs. 8, 18,
/// 29).
fn written(config: &DrawConfig, canvas: &Tensor, patch: &Tensor, window: Option<&Filters>) -> Tensor {
    let (n, shape) = (config.write, [-1, config.height, config.width]);
    match window {
        Some(window) => window.write(&patch.reshape([-1, n, n]), &canvas.view(shape)).flatten(1, 2),
        None => canvas + patch,
    }
}

/// A vector as every row of a batch as large as that of `like`.
fn grown(vector: &Tensor, like: &Tensor) -> Tensor {
    vector.unsqueeze(0).expand([like.size()[0], -1], false).contiguous()
}

/// Inputs and outputs of one matrix product at all glimpses.
#[derive(Debug, Default)]
struct Products {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Products {
    /// The affine map of `input`.
    fn through(&mut self, map: &Affine, input: Tensor) -> Tensor {
        let outputs = map.forward(&input);
        self.keep(input, outputs)
    }

    /// `known` plus the linear map of `input`.
    fn onto(&mut self, known: &Tensor, input: Tensor, weight: &Tensor) -> Tensor {
        let outputs = known.addmm(&input, &weight.tr());
        self.keep(input, outputs)
    }

    fn keep(&mut self, input: Tensor, outputs: Tensor) -> Tensor {
        self.inputs.push(input);
        self.outputs.push(outputs.shallow_clone());
        outputs
    }

    /// Gradients of weight `[out, in]` and bias `[out]` from those of the outputs, over all glimpses in one product.
    fn gradients(&self, of_outputs: &[Tensor]) -> (Tensor, Tensor) {
        let of_outputs = Tensor::cat(of_outputs, 0);
        let weight = of_outputs.tr().mm(&Tensor::cat(&self.inputs, 0));
        (weight, of_outputs.sum_dim_intlist([0i64].as_slice(), false, Kind::Float))
    }
}

/// What a pass computed.
///
/// With [`Shared::detached`] weights it holds all that the gradient needs: one backward pass gives the gradients at the outputs
/// of the matrix products, and those of the weights are one product over all glimpses each, in place of one a glimpse
/// and a sum.
#[derive(Debug, Default)]
pub struct Trace {
    decoder: Products,
    encoder: Products,
    reading: Products,
    latent: Products,
    picture: Option<Tensor>,
    /// $(\mu_t, \log\sigma_t)$, each `[B, d_z]`.
    pub posteriors: Vec<(Tensor, Tensor)>,
    /// $c_t$ for t = 1..=T, `[B, pixels]`, before the logistic function.
    pub canvases: Vec<Tensor>,
}

impl Trace {
    /// The terms of the bound at the pictures and noise of the pass.
    pub fn terms(&self, x: &Tensor, noise: &Tensor) -> Terms {
        let (means, log_sigmas): (Vec<&Tensor>, Vec<&Tensor>) = self.posteriors.iter().map(|(m, s)| (m, s)).unzip();
        let (mean, log_sigma) = (Tensor::stack(&means, 1), Tensor::stack(&log_sigmas, 1));
        let ratio = no_grad(|| loss::log_prior_ratio(&mean, &log_sigma, &noise.transpose(0, 1)));
        Terms {
            reconstruction: loss::reconstruction(x, self.canvases.last().expect("at least one glimpse")),
            kl: loss::kl(&mean, &log_sigma),
            log_prior_ratio: ratio.sum_dim_intlist([1i64].as_slice(), false, Kind::Float),
        }
    }

    /// Gradients of the scalar `loss` of this pass, in the order that [`Shared::inner`] takes.
    fn gradients(&self, loss: &Tensor, shared: &Shared) -> Result<Vec<Tensor>, TchError> {
        let starts = [&shared.encoder_start, &shared.decoder_start, &shared.canvas_start];
        let products = [&self.decoder, &self.encoder, &self.latent, &self.reading];
        let mut wanted = starts.to_vec();
        wanted.extend(products.iter().flat_map(|p| &p.outputs));
        let all = Tensor::f_run_backward(&[loss], &wanted, false, false)?;
        let (at_starts, mut rest) = all.split_at(starts.len());
        no_grad(|| {
            let [decoder, encoder, latent, reading] = products.map(|p| {
                let (own, others) = rest.split_at(p.outputs.len());
                rest = others;
                (p.gradients(own), own)
            });
            let mut gradients = vec![decoder.0.0, decoder.0.1, encoder.0.0, encoder.0.1, latent.0.0, reading.0.0];
            gradients.extend(at_starts.iter().map(Tensor::shallow_clone));
            // The picture's term is part of the encoder's gates at every glimpse, the outputs of the last product.
            gradients.extend(self.picture.as_ref().map(|x| reading.1.iter().sum::<Tensor>().tr().mm(x)));
            Ok(gradients)
        })
    }
}
