//! Inputs and small models that several tests use.

use align_draw::learner::epsilon;
use align_draw::source::{Batch, Pictures};
use align_draw::{AlignDraw, AlignDrawConfig};
use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_data::Split;
use easel_data::captioned_digits::{CaptionedDigits, WORDS};
use easel_nn::{InitScheme, Params};
use easel_text::{Tokens, Vocabulary};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tch::{Device, Kind, Tensor, no_grad};

/// Property tests of `cases` inputs, the same in every run.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() }
}

/// Standard normals, f32.
pub fn normal(seed: u64, shape: &[i64]) -> Tensor {
    tch::set_num_threads(1);
    normal_tensor(&Noise::new(seed).purpose("test"), 0, 0..shape[0] as u64, &shape[1..], Device::Cpu)
}

/// The largest |a - b|.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}

pub fn values(x: &Tensor) -> Vec<f64> {
    Vec::try_from(x.detach().to_kind(Kind::Double).reshape([-1])).expect("a tensor on the processor")
}

pub fn vocabulary() -> Vocabulary {
    Vocabulary::from_captions(WORDS, 1)
}

/// A small network with weights from `seed`.
pub fn network(seed: u64, config: &AlignDrawConfig) -> AlignDraw {
    tch::set_num_threads(1);
    let params = Params::new(Device::Cpu, seed, InitScheme::Public);
    AlignDraw::new(&params.root(), config).expect("the configuration is valid")
}

/// The same with all weights times `factor`, so that squashing and saturation show.
pub fn scaled_network(seed: u64, config: &AlignDrawConfig, factor: f64) -> AlignDraw {
    let params = Params::new(Device::Cpu, seed, InitScheme::Public);
    let network = AlignDraw::new(&params.root(), config).expect("the configuration is valid");
    no_grad(|| params.named().into_iter().for_each(|(_, mut tensor)| drop(tensor.g_mul_scalar_(factor))));
    network
}

pub fn scenes(split: Split) -> CaptionedDigits {
    CaptionedDigits::new(AlignDrawConfig::smoke().side as usize, 0, split).expect("the digits are built in")
}

/// Some pictures with captions.
pub fn batch(size: usize) -> Batch {
    tch::set_num_threads(1);
    Pictures::Scenes(scenes(Split::Train)).batch(0, size, &vocabulary(), Device::Cpu)
}

pub fn tokens(captions: &[&str]) -> Tokens {
    vocabulary().encode_batch(captions, 30)
}

/// Normals `[T, B, d_z]` of samples 0..B.
pub fn latent_noise(seed: u64, size: u64, config: &AlignDrawConfig) -> Tensor {
    epsilon(&Noise::new(seed).purpose("test/latent"), 0, 0..size, config, Device::Cpu)
}
