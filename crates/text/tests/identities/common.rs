//! What the tests share.

use easel_nn::{InitScheme, Params};
use easel_text::{BiLstm, BiLstmConfig, Tokens};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

pub const SIZES: BiLstmConfig = BiLstmConfig { vocabulary: 20, embedding: 6, hidden: 5 };

/// An encoder with drawn weights, and where they lie.
pub fn encoder(seed: u64) -> (Params, BiLstm) {
    let params = Params::new(Device::Cpu, seed, InitScheme::Public);
    let lstm = BiLstm::new(&params.root(), SIZES).unwrap();
    (params, lstm)
}

/// Captions of 1 to 9 words.
pub fn rows() -> impl Strategy<Value = Vec<Vec<i64>>> {
    prop::collection::vec(prop::collection::vec(1..SIZES.vocabulary, 1..10), 1..6)
}

pub fn tokens(rows: &[Vec<i64>]) -> Tokens {
    Tokens::new(rows, 0)
}

/// Largest difference of two tensors of one shape.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}
