//! Alignment, steps of the generator, samples, sharpening.

use align_draw::AlignDrawConfig;
use align_draw::alignment::Alignment;
use align_draw::sample::sample;
use align_draw::sharpen::{SharpenConfig, Sharpener, blurred, sharpness};
use align_draw::source::{channels, rows};
use easel_nn::{InitScheme, Params};
use easel_text::Tokens;
use proptest::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::common::{cases, distance, latent_noise, network, normal, tokens, values};

const CAPTIONS: [&str; 3] = [
    "the digit three is at the top left of the image .",
    "the digit seven is on the left of the digit two .",
    "the digit zero is at the bottom of the digit nine .",
];

fn alignment() -> Alignment {
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    Alignment::new(&params.root(), 6, 7, 5).unwrap()
}

fn captions_of(lengths: &[usize]) -> Tokens {
    Tokens::new(&lengths.iter().map(|&n| vec![2; n]).collect::<Vec<_>>(), 0)
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn weights_sum_to_one(seed in 0u64..1000, lengths in prop::collection::vec(1usize..9, 1..5)) {
        let alignment = alignment();
        let (b, k) = (lengths.len() as i64, *lengths.iter().max().unwrap() as i64);
        let states = normal(seed, &[b, k, 6]);
        let words = alignment.words(states.shallow_clone(), &captions_of(&lengths));
        let hidden = normal(seed + 1, &[b, 7]);
        for (s, alpha) in [alignment.forward(&words, &hidden), words.mean()] {
            for row in 0..b {
                let length = lengths[row as usize];
                let weights = values(&alpha.get(row));
                prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-6);
                prop_assert!(weights[length..].iter().all(|w| *w == 0.0), "padding has weight");
                // s lies between the words, coordinate by coordinate.
                let own = states.get(row).narrow(0, 0, length as i64);
                let (low, high) = (own.amin([0i64].as_slice(), false), own.amax([0i64].as_slice(), false));
                let s = s.get(row);
                prop_assert!((&s - low).min().double_value(&[]) > -1e-5 && (high - &s).min().double_value(&[]) > -1e-5);
                if length == 1 {
                    prop_assert_eq!(weights[0], 1.0);
                    prop_assert!(distance(&s, &own.get(0)) < 1e-6);
                }
            }
        }
    }

    #[test]
    fn rows_of_channels_come_back(seed in 0u64..1000, c in 1i64..4) {
        let images = normal(seed, &[2, c, 3, 5]);
        prop_assert_eq!(channels(&rows(&images), c), images);
    }
}

/// Erratum: the caption is not one vector. There is one for each word, and its weight changes with the state.
#[test]
fn the_words_are_weighed_anew_at_every_step() {
    let config = AlignDrawConfig::smoke();
    let model = network(0, &config);
    let captions = tokens(&CAPTIONS);
    let mut seen = Vec::new();
    let _ = sample(&model, &captions, &latent_noise(0, 3, &config), |step| seen.push(step.alpha.copy())).unwrap();
    assert_eq!(seen.len() as i64, config.steps);
    assert!(seen.iter().all(|alpha| alpha.size() == [3, 12]));
    assert!(distance(&seen[0], &seen[1]) > 1e-7, "the weights stay as they are");
    let fixed = network(0, &AlignDrawConfig { align: false, ..config });
    let mut seen = Vec::new();
    let _ = sample(&fixed, &captions, &latent_noise(0, 3, &config), |step| seen.push(step.alpha.copy())).unwrap();
    assert!(seen.iter().all(|alpha| distance(alpha, &(alpha.ones_like() / 12.0)) < 1e-7), "a mean has equal weights");
}

/// The released code reverses the batch instead of the words, so that captions read one another.
#[test]
fn captions_do_not_change_each_other() {
    let config = AlignDrawConfig::smoke();
    let model = network(1, &config);
    let noise = latent_noise(0, 3, &config);
    let together = sample(&model, &tokens(&CAPTIONS), &noise, |_| {}).unwrap();
    for (k, caption) in CAPTIONS.into_iter().enumerate() {
        let alone = sample(&model, &tokens(&[caption]), &noise.narrow(1, k as i64, 1), |_| {}).unwrap();
        assert!(distance(&together.get(k as i64), &alone.get(0)) < 1e-5, "{caption}");
    }
    assert!(together.min().double_value(&[]) >= 0.0 && together.max().double_value(&[]) <= 1.0);
}

#[test]
fn the_canvas_is_the_sum_of_what_is_written() {
    let config = AlignDrawConfig::smoke();
    let model = network(2, &config);
    let pass = no_grad(|| model.pass(&tokens(&CAPTIONS))).unwrap();
    no_grad(|| {
        let blank = || Tensor::zeros([3, config.side, config.side], (Kind::Float, Device::Cpu));
        let mut state = model.start(3);
        let (start, mut written) = (state.canvas.copy(), blank());
        for t in 1..=config.steps {
            let z = model.prior(t, &state).sample(&normal(t as u64, &[3, config.latent]));
            let (s, _) = model.align(&pass, &state);
            let on_blank = align_draw::model::State {
                generative: easel_nn::recurrent::LstmState {
                    hidden: state.generative.hidden.shallow_clone(),
                    cell: state.generative.cell.shallow_clone(),
                },
                canvas: blank(),
            };
            written += model.generate(&pass, &on_blank, &z, &s).canvas;
            state = model.generate(&pass, &state, &z, &s);
        }
        assert!(distance(&(&state.canvas - &start), &written) < 1e-5);
        assert!(written.abs().max().double_value(&[]) > 1e-3, "nothing was written");
    });
}

/// A draw is its noise: with none, every code is the prior's mean, and other noise gives another picture.
#[test]
fn samples_follow_the_prior() {
    let config = AlignDrawConfig::smoke();
    let model = network(4, &config);
    let captions = tokens(&CAPTIONS);
    let still = Tensor::zeros([config.steps, 3, config.latent], (Kind::Float, Device::Cpu));
    let drawn = sample(&model, &captions, &still, |_| {}).unwrap();
    let by_hand = no_grad(|| {
        let pass = model.pass(&captions).unwrap();
        let mut state = model.start(3);
        for t in 1..=config.steps {
            let (s, _) = model.align(&pass, &state);
            state = model.generate(&pass, &state, &model.prior(t, &state).mean, &s);
        }
        state.canvas.sigmoid()
    });
    assert!(distance(&drawn, &by_hand) < 1e-6);
    let other = sample(&model, &captions, &latent_noise(0, 3, &config), |_| {}).unwrap();
    assert!(distance(&drawn, &other) > 1e-6);
}

#[test]
fn three_channels_share_their_filters() {
    let config = AlignDrawConfig { channels: 3, ..AlignDrawConfig::smoke() };
    let model = network(0, &config);
    let drawn = sample(&model, &tokens(&CAPTIONS), &latent_noise(0, 3, &config), |_| {}).unwrap();
    assert_eq!(channels(&drawn, 3).size(), [3, 3, config.side, config.side]);
    let inferred = no_grad(|| model.infer(&drawn, &tokens(&CAPTIONS), &latent_noise(0, 3, &config))).unwrap();
    assert_eq!(inferred.canvas.size(), drawn.size());
}

#[test]
fn sharpening_stays_in_range() {
    let config = SharpenConfig { channels: 1, side: 8, sentence: 4, features: 3 };
    let x = (normal(0, &[2, 1, 8, 8]) * 0.3 + 0.5).clamp(0.0, 1.0);
    let sentence = normal(1, &[2, 4]);
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let sharpened = Sharpener::new(&params.root(), &config).unwrap().forward(&x, &sentence);
    assert_eq!(sharpened.size(), x.size());
    assert!(sharpened.min().double_value(&[]) >= 0.0 && sharpened.max().double_value(&[]) <= 1.0);
    assert!(distance(&sharpened, &x) > 1e-4, "nothing was added");
    // Without weights the residual is zero.
    let nothing = Sharpener::new(&Params::zeros(Device::Cpu).root(), &config).unwrap().forward(&x, &sentence);
    assert_eq!(distance(&nothing, &x), 0.0);
    // What is to be restored: same mean, less detail.
    let coarse = blurred(&x);
    assert!(sharpness(&coarse) < sharpness(&x));
    assert!((coarse.mean(Kind::Double) - x.mean(Kind::Double)).abs().double_value(&[]) < 0.02);
}

#[test]
fn published_sizes() {
    let config = AlignDrawConfig::paper();
    assert!(config.validate().is_ok() && AlignDrawConfig::paper_coco().validate().is_ok());
    let params = Params::counting();
    align_draw::AlignDraw::new(&params.root(), &config).unwrap();
    let of = |name: &str| -> i64 {
        let named = params.shapes().into_iter().filter(|(n, _)| n.starts_with(name));
        named.map(|(_, shape)| shape.iter().product::<i64>()).sum()
    };
    // LSTMs of 300 units: inputs 150 + 256 and 2 * 64 + 300, two biases.
    assert_eq!(of("generative"), 4 * 300 * (150 + 256 + 300 + 2));
    assert_eq!(of("inference"), 4 * 300 * (128 + 300 + 300 + 2));
    assert_eq!(of("alignment"), 512 * (256 + 1) + 512 * 300 + 512);
    assert_eq!(of("prior") + of("posterior"), 2 * 300 * (300 + 1));
    assert_eq!(of("start_canvas"), 60 * 60);
    for (broken, key) in [
        (AlignDrawConfig { filters: 1, ..config }, "filters"),
        (AlignDrawConfig { steps: 0, ..config }, "steps"),
        (AlignDrawConfig { canvas: f64::NAN, ..config }, "canvas"),
    ] {
        assert!(broken.validate().unwrap_err().to_string().contains(key));
    }
}
