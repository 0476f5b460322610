//! Which pictures a step sees: a function of (seed, step), so that a resumed run sees what it would have seen.

use easel_core::noise::Noise;

/// Indices of batch `step` of size `batch` among `n` pictures: the stream of all epochs' permutations, cut into
/// batches. Each epoch shows every picture once, and a batch may reach over the end of an epoch. Empty when `n` is 0.
pub fn batch_indices(seed: u64, step: u64, batch: usize, n: usize) -> Vec<usize> {
    let stream = Noise::new(seed).purpose("data/order");
    let mut indices = Vec::with_capacity(batch);
    let mut position = u128::from(step) * batch as u128;
    while indices.len() < batch && n > 0 {
        let (epoch, start) = ((position / n as u128) as u64, (position % n as u128) as usize);
        let end = n.min(start + batch - indices.len());
        indices.extend_from_slice(&stream.permutation(epoch, n)[start..end]);
        position += (end - start) as u128;
    }
    indices
}
