//! Randomness as a function of (seed, purpose, step, sample), never of history.
//!
//! Each draw keys its own ChaCha8 generator, so that resuming a run, changing the batch size, drawing previews in
//! between or filling samples in another order leaves every value as it was. Kinds of draws use separate ChaCha
//! streams of the same key: normals and uniforms of one (purpose, step, sample) are independent.
//!
//! A generator seeded once per run was rejected: its values depend on everything drawn before.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The ChaCha stream number of each kind of draw.
#[derive(Clone, Copy)]
enum Draw {
    Normal = 1,
    Uniform = 2,
    Below = 3,
    Permutation = 4,
    Other = 5,
}

/// The root of all randomness of a run: its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noise {
    seed: u64,
}

impl Noise {
    /// Randomness that follows from `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of one purpose, such as `"train"` or `"sample"`; different names are independent.
    pub fn purpose(&self, name: &str) -> Stream {
        Stream { seed: self.seed, purpose: fnv1a(name) }
    }
}

/// The random values of one purpose, addressed by step and sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    seed: u64,
    purpose: u64,
}

impl Stream {
    /// A generator of this (step, sample) for draws that no other method offers.
    pub fn rng(&self, step: u64, sample: u64) -> ChaCha8Rng {
        self.keyed(Draw::Other, step, sample)
    }

    /// Fills `out` with standard normals: those of [`Stream::normal_f64`], rounded to f32.
    pub fn normal(&self, step: u64, sample: u64, out: &mut [f32]) {
        let mut rng = self.keyed(Draw::Normal, step, sample);
        out.fill_with(|| StandardNormal.sample(&mut rng));
    }

    /// Fills `out` with standard normals (ziggurat); a shorter `out` is a prefix of a longer one.
    pub fn normal_f64(&self, step: u64, sample: u64, out: &mut [f64]) {
        let mut rng = self.keyed(Draw::Normal, step, sample);
        out.fill_with(|| StandardNormal.sample(&mut rng));
    }

    /// Fills `out` with uniforms on [0, 1).
    pub fn uniform(&self, step: u64, sample: u64, out: &mut [f64]) {
        let mut rng = self.keyed(Draw::Uniform, step, sample);
        out.fill_with(|| rng.random());
    }

    /// One integer, uniform on 0..n.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn below(&self, step: u64, sample: u64, n: usize) -> usize {
        // u64, so that the value is the same on every word size.
        self.keyed(Draw::Below, step, sample).random_range(0..n as u64) as usize
    }

    /// One time t ~ U{1..=T} (Ho et al. 2020, Algorithm 1, line 3).
    ///
    /// # Panics
    /// When `steps` (T) is 0.
    pub fn time(&self, step: u64, sample: u64, steps: usize) -> usize {
        1 + self.below(step, sample, steps)
    }

    /// A uniformly drawn order of 0..n, one for each epoch.
    pub fn permutation(&self, epoch: u64, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut self.keyed(Draw::Permutation, epoch, 0));
        order
    }

    fn keyed(&self, draw: Draw, step: u64, sample: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        for (slot, word) in key.chunks_exact_mut(8).zip([self.seed, self.purpose, step, sample]) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(draw as u64);
        rng
    }
}

/// The 64-bit FNV-1a hash: stable across versions and platforms, unlike the standard library's hashers.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_hash_has_the_published_test_vectors() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }
}
