//! What gradients reach what, and finite differences of the composed operations.

use controlgan::correlation::correlate;
use controlgan::damsm::{Gammas, loss};
use controlgan::loss::cross_entropy;
use controlgan::perceptual::{Vgg, perceptual_loss};
use controlgan::{AttributeNet, ControlGanConfig, CorreMode, ImageEncoder, WordPerception, attention};
use easel_nn::{InitScheme, Params};
use tch::{Device, Kind, Tensor};

use crate::common::{distance, mask, normal, text, values, vgg_file};

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

#[test]
fn a_vgg_reads_blue_first_and_its_features_have_the_scale_of_real_pictures() {
    let load = || Vgg::load(&vgg_file(), Device::Cpu).unwrap();
    let images = (normal(1, "image", &[2, 3, 16, 16]) * 0.3).clamp(-1.0, 1.0).to_kind(Kind::Float);
    // By hand: 0..=255, blue first, less the mean; without biases the trunk is homogeneous.
    let file = vgg_file();
    let conv = |x: &Tensor, name: &str| {
        let kernel = &file.tensors[&format!("{name}.weight")];
        x.conv2d(kernel, None::<Tensor>, [1, 1], [1, 1], [1, 1], 1).relu()
    };
    let planes = [(2, 104.00699), (1, 116.66877), (0, 122.67892)]
        .map(|(channel, mean)| (images.narrow(1, channel, 1) + 1.0) * 127.5 - mean);
    let x = conv(&conv(&Tensor::cat(&planes, 1), "block1_conv1"), "block1_conv2");
    let x = x.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
    let expected = conv(&conv(&x, "block2_conv1"), "block2_conv2");
    let found = load().relu2_2(&images);
    assert_eq!(found.size(), [2, 128, 8, 8]);
    assert!(distance(&found, &expected) < 1e-4 * expected.abs().max().double_value(&[]));

    let scaled = load().scaled_to(&images).relu2_2(&images);
    assert!((scaled.square().mean(Kind::Double).double_value(&[]) - 1.0).abs() < 1e-4);
    let picture = images.copy().set_requires_grad(true);
    let loss = perceptual_loss(&load().relu2_2(&picture), &(&expected * 0.5));
    let gradient = Tensor::run_backward(&[loss], &[&picture], false, false).remove(0);
    assert!(gradient.abs().sum(Kind::Double).double_value(&[]) > 0.0);

    let mut cut = vgg_file();
    cut.tensors.remove("block2_conv2.bias");
    let refused = Vgg::load(&cut, Device::Cpu).unwrap_err().to_string();
    assert!(refused.contains("block2_conv2.bias"), "{refused}");
}
