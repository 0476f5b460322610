//! What gradients reach what, and finite differences of the composed operations.

use controlgan::correlation::correlate;
use controlgan::damsm::{Gammas, loss};
use controlgan::loss::cross_entropy;
use controlgan::perceptual::perceptual_loss;
use controlgan::{AttributeNet, ControlGanConfig, CorreMode, ImageEncoder, WordPerception, attention};
use easel_nn::{InitScheme, Params};
use tch::{Device, Kind, Tensor};

use crate::common::{distance, mask, normal, text, values};

/// Central differences of the scalar `f` at `x` (f64) against its gradient.
fn check(x: &Tensor, f: impl Fn(&Tensor) -> Tensor) {
    let leaf = x.copy().set_requires_grad(true);
    let gradient = Tensor::run_backward(&[f(&leaf)], &[&leaf], false, false).remove(0);
    let h = 1e-6;
    for (i, g) in values(&gradient).into_iter().enumerate() {
        let at = |sign: f64| {
            let moved = x.copy().reshape([-1]);
            let _ = moved.get(i as i64).g_add_scalar_(sign * h);
            f(&moved.view_as(x)).double_value(&[])
        };
        let difference = (at(1.0) - at(-1.0)) / (2.0 * h);
        assert!((difference - g).abs() < 1e-6 * (1.0 + g.abs()), "entry {i}: {difference} against {g}");
    }
}

#[test]
fn finite_differences_agree_with_the_gradients() {
    let mask = mask(&[2, 3], 3);
    let (words, regions) = (normal(1, "w", &[2, 4, 3]), normal(2, "n", &[2, 4, 5]));
    let (sentences, global) = (normal(3, "s", &[2, 4]), normal(4, "g", &[2, 4]));
    for mode in [CorreMode::Weighted, CorreMode::Product, CorreMode::PaperSum] {
        let total = |t: Tensor| t.sum(Kind::Double);
        check(&regions, |n| total(correlate(&words, n, &mask, 3.0).score(mode)));
        check(&words, |w| total(correlate(w, &regions, &mask, 3.0).score(mode)));
    }
    let none = Tensor::zeros([2, 2], (Kind::Bool, Device::Cpu));
    check(&words, |w| loss((w, &sentences, &mask), (&regions, &global), &none, Gammas::default()).total());
    check(&regions, |v| loss((&words, &sentences, &mask), (v, &global), &none, Gammas::default()).total());
    let v = normal(5, "v", &[2, 4, 2, 2]);
    let (weight, perceived) = (normal(6, "c", &[2, 4, 2, 2]), normal(7, "p", &[2, 4, 3]));
    check(&v, |v| (attention::spatial(v, &words, &mask).features * &weight).sum(Kind::Double));
    check(&v, |v| (attention::channel(v, &perceived, &mask, 0.5).features * &weight).sum(Kind::Double));
}

/// The released code cuts the word-level term out of the graph, so that it teaches neither player (its issue 9).
#[test]
fn the_word_level_term_reaches_both_players() {
    let config = ControlGanConfig::smoke();
    let frozen = Params::new(Device::Cpu, 1, InitScheme::Public);
    let encoder = ImageEncoder::new(&frozen.root(), &config).unwrap();
    let trained = Params::new(Device::Cpu, 2, InitScheme::Orthogonal);
    let perception = WordPerception::new(&trained.root(), &config).unwrap();
    let caption = text(1, &config, &[3, 5], 5);
    let image = normal(3, "image", &[2, 3, config.side, config.side]).to_kind(Kind::Float).set_requires_grad(true);
    let local = encoder.forward(&image).local;
    let term = |perceived: &Tensor| {
        let found = correlate(&caption.words, perceived, &caption.mask, config.temperature);
        cross_entropy(&found.score(CorreMode::Weighted), true)
    };
    let weight = trained.get("weight").unwrap();
    let size = |loss: Tensor, leaf: &Tensor| {
        let gradient = Tensor::run_backward(&[loss], &[leaf], true, false).remove(0);
        gradient.abs().max().double_value(&[])
    };
    // G's step: to the picture, and none to F'.
    let in_g = term(&perception.forward_frozen(&local));
    assert!(size(in_g, &image) > 0.0);
    assert!(!perception.forward_frozen(&local.detach()).requires_grad());
    // D's step: to F'.
    assert!(size(term(&perception.forward(&local.detach())), &weight) > 0.0);
}

#[test]
fn the_perceptual_network_stays_as_it_is_while_pictures_learn() {
    let params = Params::new(Device::Cpu, 1, InitScheme::Public);
    let network = AttributeNet::new(&params.root(), [8, 8], 3).unwrap();
    let before: Vec<Tensor> = params.named().iter().map(|(_, t)| t.copy()).collect();
    let real = normal(1, "real", &[2, 3, 16, 16]).to_kind(Kind::Float);
    let mut image = normal(2, "image", &[2, 3, 16, 16]).to_kind(Kind::Float).set_requires_grad(true);
    let mut last = f64::INFINITY;
    for _ in 0..5 {
        let loss = perceptual_loss(&network.relu2_2(&image), &network.relu2_2(&real));
        let now = loss.double_value(&[]);
        assert!(now < last);
        last = now;
        let gradient = Tensor::run_backward(&[loss], &[&image], false, false).remove(0);
        let step = 0.1 / gradient.abs().max().double_value(&[]);
        image = (image.detach() - gradient * step).set_requires_grad(true);
    }
    for ((_, now), then) in params.named().iter().zip(&before) {
        assert_eq!(distance(now, then), 0.0);
    }
}
