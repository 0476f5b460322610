//! The pass in few operations against the paper's equations one by one.

use draw::attention::{Attention, Grid, Use};
use draw::bound::{Bounded, latent_noise};
use draw::window::{read, write};
use draw::{Draw, DrawConfig};
use easel_core::Noise;
use easel_core::tensor::to_array;
use easel_nn::layers::Linear;
use easel_nn::recurrent::{LstmCell, LstmState};
use easel_nn::{InitScheme, Params};
use ndarray::{Array2, ArrayView2};
use tch::{Device, Kind, Tensor, no_grad};

use super::common::{binary, distance, model, noise_for, tensor};

/// Equations 3 to 8 with PyTorch's LSTM cell and f64 filterbanks: $L^x$ `[B]`, $KL_t$ `[B, T]` and $c_t$.
fn by_the_equations(config: &DrawConfig, params: &Params, x: &Tensor, noise: &Tensor) -> (Tensor, Tensor, Vec<Tensor>) {
    let copy = Params::zeros(Device::Cpu);
    let root = copy.root();
    let (hidden, latent) = (config.hidden, config.latent);
    let (seen, written) = match config.attention {
        true => (2 * config.read * config.read, config.write * config.write),
        false => (2 * config.pixels(), config.pixels()),
    };
    let encoder = LstmCell::new(&root.sub("encoder"), seen + hidden, hidden).expect("new");
    let decoder = LstmCell::new(&root.sub("decoder"), latent, hidden).expect("new");
    let linear = |name, outputs| Linear::new(&root.sub(name), hidden, outputs).expect("new");
    let (mean, log_sigma, patch) = (linear("mean", latent), linear("log_sigma", latent), linear("patch", written));
    let attention = |name, n, purpose| {
        let grid = Grid { n, height: config.height, width: config.width };
        config.attention.then(|| Attention::new(&root.sub(name), hidden, grid, purpose).expect("new"))
    };
    let (reader, writer) = (attention("read", config.read, Use::Read), attention("write", config.write, Use::Write));
    for (name, mut t) in copy.named() {
        no_grad(|| t.copy_(&params.get(&name).expect("the same names")));
    }
    let start = |name: &str| params.get(name).expect("declared").unsqueeze(0).expand([x.size()[0], -1], false);
    let zero = || Tensor::zeros([x.size()[0], hidden], (Kind::Float, Device::Cpu));
    let mut state = LstmState { hidden: start("encoder_start"), cell: zero() };
    let mut decoded = LstmState { hidden: start("decoder_start"), cell: zero() };
    let mut canvas = start("canvas_start").contiguous();
    let side = (config.height as usize, config.width as usize);
    let by_picture = |rows: &Tensor, f: &dyn Fn(usize, ArrayView2<f64>) -> Array2<f64>| {
        let pictures: Vec<Tensor> = (0..rows.size()[0])
            .map(|b| {
                let picture: Array2<f64> = to_array("picture", &rows.get(b).to_kind(Kind::Double)).expect("a matrix");
                tensor(&f(b as usize, picture.view()), Kind::Float).flatten(0, 1)
            })
            .collect();
        Tensor::stack(&pictures, 0)
    };
    let (mut kls, mut canvases) = (Vec::new(), Vec::new());
    for epsilon in noise.unbind(0) {
        let error = x - canvas.sigmoid();
        let seen = match &reader {
            Some(reader) => {
                let windows = reader.windows(&decoded.hidden).expect("windows");
                let shape = [-1, config.height, config.width];
                let look = |pictures: &Tensor| {
                    by_picture(&pictures.view(shape), &|b, picture| {
                        let (f_y, f_x) = windows[b].filters(side, config.read as usize);
                        read(picture, f_y.view(), f_x.view(), windows[b].gamma)
                    })
                };
                Tensor::cat(&[look(x), look(&error)], 1)
            }
            None => Tensor::cat(&[x, &error], 1),
        };
        state = encoder.forward(&Tensor::cat(&[&seen, &decoded.hidden], 1), &state);
        let (mu, log) = (mean.forward(&state.hidden), log_sigma.forward(&state.hidden));
        decoded = decoder.forward(&(&mu + log.exp() * epsilon), &decoded);
        let w = patch.forward(&decoded.hidden);
        canvas = match &writer {
            Some(writer) => {
                let windows = writer.windows(&decoded.hidden).expect("windows");
                let n = config.write;
                canvas
                    + by_picture(&w.view([-1, n, n]), &|b, patch| {
                        let (f_y, f_x) = windows[b].filters(side, n as usize);
                        write(patch, f_y.view(), f_x.view(), windows[b].gamma)
                    })
            }
            None => canvas + w,
        };
        kls.push(draw::loss::kl(&mu, &log));
        canvases.push(canvas.shallow_clone());
    }
    (draw::loss::reconstruction(x, &canvas), Tensor::stack(&kls, 1), canvases)
}

#[test]
fn the_pass_computes_the_papers_equations() {
    for attention in [true, false] {
        let (draw, params) = model(attention, 11);
        let (x, noise) = (binary(4, 3), noise_for(&draw, 3, 0));
        let terms = no_grad(|| draw.terms(&x, &noise));
        let trace = no_grad(|| draw.pass(draw.shared()).forward(&x, &noise));
        let (reconstruction, kl, canvases) = no_grad(|| by_the_equations(draw.config(), &params, &x, &noise));
        assert!(distance(&terms.kl, &kl) < 1e-4, "attention {attention}");
        assert!(distance(&terms.reconstruction, &reconstruction) < 1e-2, "attention {attention}");
        for (found, expected) in trace.canvases.iter().zip(&canvases) {
            assert!(distance(found, expected) < 1e-4, "attention {attention}");
        }
    }
}

/// One product over all glimpses gives the gradients that automatic differentiation sums up glimpse by glimpse.
#[test]
fn gradients_of_the_weights_are_those_of_automatic_differentiation() {
    for attention in [true, false] {
        let (draw, params) = model(attention, 12);
        let (x, noise) = (binary(5, 6), noise_for(&draw, 6, 0));
        let named = params.named();
        let weights: Vec<&Tensor> = named.iter().map(|(_, t)| t).collect();
        let plain = Tensor::run_backward(&[draw.terms(&x, &noise).bound().mean(Kind::Float)], &weights, false, false);
        let draw = draw.in_parts(2);
        let gradient = draw.gradient(&x, &noise).expect("weights take a gradient");
        let ours = Tensor::run_backward(&[gradient.surrogate], &weights, false, false);
        for ((name, _), (a, b)) in named.iter().zip(plain.iter().zip(&ours)) {
            let size = a.norm().double_value(&[]);
            assert!(size > 0.0, "{name} has no gradient");
            assert!((a - b).norm().double_value(&[]) < 1e-4 * size, "{name}: {size}");
        }
        let bound = draw.terms(&x, &noise).bound().mean(Kind::Double).double_value(&[]);
        let parts = gradient.reconstruction.double_value(&[]) + gradient.kl.double_value(&[]);
        assert!((bound - parts).abs() < 1e-2);
    }
}

/// The bound's gradient by finite differences, at the entries of each weight where it is largest.
#[test]
fn gradients_agree_with_finite_differences() {
    for attention in [true, false] {
        let (draw, params) = model(attention, 13);
        let (x, noise) = (binary(6, 4), noise_for(&draw, 4, 0));
        let named = params.named();
        let weights: Vec<&Tensor> = named.iter().map(|(_, t)| t).collect();
        let gradient = draw.gradient(&x, &noise).expect("weights take a gradient");
        let gradients = Tensor::run_backward(&[gradient.surrogate], &weights, false, false);
        for ((name, t), gradient) in named.iter().zip(&gradients) {
            let gradient = gradient.view(-1);
            let i = gradient.abs().argmax(None, false).int64_value(&[]);
            let mut entry = t.detach().view(-1).get(i);
            let (value, h) = (entry.double_value(&[]), 1e-2);
            let mut at = |v: f64| {
                no_grad(|| {
                    let _ = entry.fill_(v);
                    draw.terms(&x, &noise).bound().mean(Kind::Double).double_value(&[])
                })
            };
            let numeric = (at(value + h) - at(value - h)) / (2.0 * h);
            at(value);
            let exact = gradient.double_value(&[i]);
            assert!((numeric - exact).abs() < 0.02 * exact.abs() + 0.02, "{name}: {numeric} {exact}");
        }
    }
}

#[test]
fn a_canvas_is_the_sum_of_its_writes() {
    let (draw, params) = model(true, 14);
    let stream = Noise::new(2).purpose("sample");
    let noise = latent_noise(&stream, 0, 0..3, draw.noise_shape(), Device::Cpu);
    let glimpses = no_grad(|| draw.generator().run(&noise));
    let patch = |state: &Tensor| {
        let get = |name| params.get(name).expect("declared");
        state.linear(&get("patch.weight"), Some(&get("patch.bias"))).view([-1, 4, 4])
    };
    let mut canvas = params.get("canvas_start").expect("declared").unsqueeze(0).repeat([3, 1]);
    let windows = draw.generate(&stream, 0..3).expect("windows").windows;
    for (t, glimpse) in glimpses.iter().enumerate() {
        let written: Vec<Tensor> = (0..3)
            .map(|b| {
                let w: Array2<f64> =
                    to_array("patch", &patch(&glimpse.state).get(b).to_kind(Kind::Double)).expect("a matrix");
                let window = windows[t][b as usize];
                let (f_y, f_x) = window.filters((28, 28), 4);
                tensor(&write(w.view(), f_y.view(), f_x.view(), window.gamma), Kind::Float).flatten(0, 1)
            })
            .collect();
        canvas += Tensor::stack(&written, 0);
        assert!(distance(&canvas, &glimpse.canvas) < 1e-4, "t = {t}");
    }
}

#[test]
fn a_sample_follows_from_its_number_alone() {
    for attention in [true, false] {
        let (draw, _) = model(attention, 15);
        let stream = Noise::new(7).purpose("sample");
        let (all, part) =
            (draw.generate(&stream, 0..5).expect("samples"), draw.generate(&stream, 3..5).expect("samples"));
        let last = |s: &draw::sample::Sequence| s.means.last().expect("a glimpse").shallow_clone();
        assert_eq!(last(&all).size(), [5, 28, 28]);
        assert!(distance(&last(&all).narrow(0, 3, 2), &last(&part)) < 1e-6);
        assert_eq!(all.windows.len(), if attention { 3 } else { 0 });
    }
}

/// Noise is drawn anew at each glimpse: one draw for all of them makes a bound that is not one.
#[test]
fn each_glimpse_has_noise_of_its_own() {
    let (draw, _) = model(true, 16);
    let noise = noise_for(&draw, 4, 0);
    assert!(distance(&noise.get(0), &noise.get(1)) > 0.1);
    assert!(distance(&noise, &noise_for(&draw, 4, 1)) > 0.1);
    assert!(distance(&noise.narrow(1, 0, 2), &noise_for(&draw, 2, 0)) == 0.0);
}

#[test]
fn the_papers_model_has_the_papers_size() {
    let params = Params::counting();
    Draw::new(&params.root(), &DrawConfig::paper()).expect("the sizes fit");
    // 2048 more than with one bias a gate.
    assert_eq!(params.count(), 962_811);
    assert!(DrawConfig { read: 1, ..DrawConfig::paper() }.validate().is_err());
    assert!(DrawConfig { read: 1, attention: false, ..DrawConfig::paper() }.validate().is_ok());
    assert!(DrawConfig { glimpses: 0, ..DrawConfig::paper() }.validate().is_err());
}

#[test]
fn a_reconstruction_has_the_shape_of_the_pictures() {
    let params = Params::new(Device::Cpu, 1, InitScheme::Public);
    let config = DrawConfig { height: 10, width: 14, ..DrawConfig::smoke() };
    let draw = Draw::new(&params.root(), &config).expect("the sizes fit");
    let x = binary(1, 2).narrow(1, 0, 140);
    assert_eq!(draw.reconstruct(&x, &noise_for(&draw, 2, 0)).size(), [2, 10, 14]);
}
