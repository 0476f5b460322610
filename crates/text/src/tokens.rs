//! Captions of different lengths as one tensor.

use tch::{Device, Kind, Tensor};

/// Captions as rows of ids, padded on the right to the longest.
#[derive(Debug)]
pub struct Tokens {
    /// Ids i64 `[B, L]`, padded with the vocabulary's padding.
    pub ids: Tensor,
    /// Tokens of each caption, `[B]`, each in 1..=L.
    pub lengths: Vec<i64>,
    /// bool `[B, L]`: true for a token, false for padding.
    pub mask: Tensor,
}

impl Tokens {
    /// Rows of at least one id each, padded with `padding` to the longest, on the processor.
    ///
    /// # Panics
    /// When a row is empty.
    pub fn new(rows: &[Vec<i64>], padding: i64) -> Self {
        assert!(rows.iter().all(|row| !row.is_empty()), "a caption without tokens");
        let lengths: Vec<i64> = rows.iter().map(|row| row.len() as i64).collect();
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let padded = |row: &Vec<i64>| row.iter().copied().chain(std::iter::repeat(padding)).take(longest).collect();
        let ids: Vec<i64> = rows.iter().flat_map(|row| -> Vec<i64> { padded(row) }).collect();
        let ids = Tensor::from_slice(&ids).reshape([rows.len() as i64, longest as i64]);
        let places = Tensor::arange(longest as i64, (Kind::Int64, Device::Cpu));
        let mask = places.unsqueeze(0).less_tensor(&Tensor::from_slice(&lengths).unsqueeze(1));
        Self { ids, lengths, mask }
    }

    /// The same tokens with their tensors on `device`.
    pub fn to_device(&self, device: Device) -> Self {
        Self { ids: self.ids.to_device(device), lengths: self.lengths.clone(), mask: self.mask.to_device(device) }
    }
}
