//! The networks: shapes, initial weights, what depends on what.

use controlgan::discriminator::LAST_SIDE;
use controlgan::{AttributeNet, ControlGanConfig, Discriminator, Generator, ImageEncoder};
use easel_nn::{InitScheme, Params};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::common::{distance, normal, text};

fn generator(config: &ControlGanConfig) -> (Generator, Params) {
    let params = Params::new(Device::Cpu, 3, InitScheme::Orthogonal);
    (Generator::new(&params.root(), config).unwrap(), params)
}

fn noise(seed: u64, config: &ControlGanConfig, b: i64) -> (Tensor, Tensor) {
    let f32 = |t: Tensor| t.to_kind(Kind::Float);
    (f32(normal(seed, "z", &[b, config.z])), f32(normal(seed, "epsilon", &[b, config.conditioning])))
}

#[test]
fn presets_are_valid_and_have_the_published_sizes() {
    for name in ["smoke", "small", "paper"] {
        ControlGanConfig::preset(name).unwrap().validate().unwrap();
    }
    let paper = ControlGanConfig::paper();
    let params = Params::counting();
    Generator::new(&params.root(), &paper).unwrap();
    let shapes: std::collections::HashMap<String, Vec<i64>> = params.shapes().into_iter().collect();
    assert_eq!(shapes["stages.1.channel"], [4096, 256]);
    assert_eq!(shapes["stages.2.channel"], [16384, 256]);
    assert_eq!(shapes["conditioning.linear.weight"], [400, 256]);
    assert_eq!(shapes["stages.0.weight"], [16 * 32 * 16 * 2, 200]);
    assert_eq!(shapes["stages.0.ups.3.conv.weight"], [64, 64, 3, 3]);
    assert_eq!(shapes["stages.1.residual.1.gated.conv.weight"], [192, 96, 3, 3]);
}

#[test]
fn stages_double_and_pictures_stay_in_range() {
    for (stages, side) in [(1, 16), (2, 32), (3, 64), (3, 32)] {
        let config = ControlGanConfig { stages, side, ..ControlGanConfig::smoke() };
        let (generator, _params) = generator(&config);
        let (z, epsilon) = noise(1, &config, 2);
        let made = generator.forward(&text(1, &config, &[3, 5], 6), &z, &epsilon, true);
        for (k, image) in made.images.iter().enumerate() {
            let expected = config.stage_side(0) << k;
            assert_eq!(image.size(), [2, 3, expected, expected]);
            assert!(image.abs().max().double_value(&[]) <= 1.0);
        }
        assert_eq!(made.last().size()[3], side);
        assert_eq!(made.attention.len() as i64, stages - 1);
    }
}

#[test]
fn every_trunk_ends_at_four_by_four_with_at_most_eight_ndf() {
    for side in [8i64, 16, 32, 64, 128, 256] {
        let config = ControlGanConfig { discriminator: 2, ..ControlGanConfig::smoke() };
        let params = Params::new(Device::Cpu, 0, InitScheme::Orthogonal);
        let d = Discriminator::new(&params.root(), &config, side).unwrap();
        let features = d.features(&Tensor::zeros([2, 3, side, side], (Kind::Float, Device::Cpu)), true);
        let halvings = (side / LAST_SIDE).ilog2();
        assert_eq!(features.size(), [2, 2 * 8.min(1 << (halvings - 1)), LAST_SIDE, LAST_SIDE]);
        assert_eq!(d.unconditional(&features).size(), [2]);
        let sentence = Tensor::zeros([2, config.width], (Kind::Float, Device::Cpu));
        assert_eq!(d.conditional(&features, &sentence, true).size(), [2]);
    }
}

#[test]
fn first_weights_are_orthogonal() {
    let (_, params) = generator(&ControlGanConfig::smoke());
    for (name, tensor) in params.named().iter().filter(|(name, t)| name.ends_with("weight") && t.dim() >= 2) {
        let matrix = tensor.flatten(1, -1).to_kind(Kind::Double);
        let (rows, columns) = (matrix.size()[0], matrix.size()[1]);
        let gram = if rows <= columns { matrix.matmul(&matrix.tr()) } else { matrix.tr().matmul(&matrix) };
        let identity = Tensor::eye(rows.min(columns), (Kind::Double, Device::Cpu));
        assert!(distance(&gram, &identity) < 1e-5, "{name}");
    }
}

#[test]
fn a_picture_is_a_function_of_caption_and_noise_and_a_word_matters() {
    let config = ControlGanConfig::smoke();
    let (generator, _params) = generator(&config);
    let (z, epsilon) = noise(2, &config, 2);
    let caption = text(2, &config, &[4, 6], 6);
    let draw = |words: &controlgan::TextFeatures| no_grad(|| generator.forward(words, &z, &epsilon, false));
    let (first, second) = (draw(&caption), draw(&caption));
    for (a, b) in first.images.iter().zip(&second.images) {
        assert_eq!(distance(a, b), 0.0);
    }
    // Another vector in place of word 1 of the first caption, the sentence as it was: later stages see it, the first cannot.
    let mut edited = caption.select(&Tensor::from_slice(&[0i64, 1]));
    edited.words.get(0).select(-1, 1).copy_(&Tensor::ones([config.width], (Kind::Float, Device::Cpu)));
    let third = draw(&edited);
    assert_eq!(distance(&first.images[0], &third.images[0]), 0.0);
    assert!(distance(&first.last().get(0), &third.last().get(0)) > 0.0);
    assert_eq!(distance(&first.last().get(1), &third.last().get(1)), 0.0);
    // A vector in the padding is seen by nobody.
    edited.words.copy_(&caption.words);
    edited.words.get(0).select(-1, 5).copy_(&Tensor::ones([config.width], (Kind::Float, Device::Cpu)));
    assert!(distance(first.last(), draw(&edited).last()) < 1e-6);
}

#[test]
fn the_official_wiring_attends_to_padding() {
    let config = ControlGanConfig { official_wiring: true, ..ControlGanConfig::smoke() };
    let (generator, _params) = generator(&config);
    let (z, epsilon) = noise(2, &config, 1);
    let made = no_grad(|| generator.forward(&text(2, &config, &[3], 6), &z, &epsilon, false));
    let alpha = made.attention[0].channel.as_ref().unwrap();
    assert!(alpha.narrow(-1, 3, 3).min().double_value(&[]) > 0.0);
}

#[test]
fn encoders_have_their_shapes() {
    let config = ControlGanConfig::smoke();
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let encoder = ImageEncoder::new(&params.root().sub("image"), &config).unwrap();
    let attributes = AttributeNet::new(&params.root().sub("attributes"), config.perceptual, 7).unwrap();
    let images = Tensor::zeros([2, 3, config.side, config.side], (Kind::Float, Device::Cpu));
    let features = encoder.forward(&images);
    let places = config.region_side() * config.region_side();
    assert_eq!(features.regions.size(), [2, config.width, places]);
    assert_eq!(features.local.size(), [2, config.encoder[2], places]);
    assert_eq!(features.global.size(), [2, config.width]);
    assert_eq!(attributes.forward(&images).size(), [2, 7]);
    assert_eq!(attributes.relu2_2(&images).size(), [2, config.perceptual[1], config.side / 2, config.side / 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_picture_is_drawn_alike_alone_and_in_a_batch(seed in 0u64..100, lengths in prop::collection::vec(1i64..=6, 2..=3)) {
        let config = ControlGanConfig::smoke();
        let (generator, _params) = generator(&config);
        let b = lengths.len() as i64;
        let (z, epsilon) = noise(seed, &config, b);
        let caption = text(seed, &config, &lengths, 7);
        let together = no_grad(|| generator.forward(&caption, &z, &epsilon, false));
        for k in 0..b {
            let row = Tensor::from_slice(&[k]);
            let alone = no_grad(|| {
                generator.forward(&caption.select(&row), &z.index_select(0, &row), &epsilon.index_select(0, &row), false)
            });
            prop_assert!(distance(alone.last(), &together.last().narrow(0, k, 1)) < 1e-4);
        }
    }
}
