//! Noise along one Brownian path, the same at any number of steps.
//!
//! With $\hat x_0$ frozen the reverse SDE of a diffusion process is exactly Gaussian, and its noise over a step from s to
//! t is $\alpha_t\hat\sigma_t^2\,(W(1/\hat\sigma_t^2) - W(1/\hat\sigma_s^2))$ for one Brownian motion W whose clock is the
//! signal-to-noise ratio $1/\hat\sigma^2$: its variance is $\sigma_t^2(1-e^{-2h})$, that of the first-order SDE solver
//! (Lu et al. 2022, arXiv:2211.01095, appendix A). A sampler that draws its normals from increments of W therefore
//! approximates the same path more closely with more steps.
//!
//! W is a function of its nodes' normals: a dyadic tree of Brownian bridges over the logarithm of the clock, evaluated
//! where it is asked for, so that nothing is stored and no order of questions matters.

use super::level::NoiseLevel;
use super::state::State;
use super::{Draw, NoiseSource};

/// Ends of the tree's clock, and the number of halvings: resolves $\lambda$ to about 1e-6.
const CLOCK: (f64, f64) = (1e-10, 1e10);
const DEPTH: u32 = 24;

/// A source of noise for samplers that only move towards the data (not for those that add noise between steps).
#[derive(Debug)]
pub struct BrownianPath<S, F> {
    normal: F,
    last: Option<(f64, S)>,
}

impl<S: State, F: FnMut(u64) -> S> BrownianPath<S, F> {
    /// A path from the standard normals of its nodes: `normal` gives that of a node's number, always the same one.
    pub fn new(normal: F) -> Self {
        Self { normal, last: None }
    }

    /// W at `clock`, with W(0) = 0.
    pub fn at(&mut self, clock: f64) -> S {
        let (low, high) = CLOCK;
        let start = (self.normal)(0);
        if clock <= low {
            // Below the tree, where no picture has any signal, the path is a straight line.
            return S::combine(&[(low.sqrt() * clock.max(0.0) / low, &start)]);
        }
        let (mut a, mut b) = (low, high);
        let mut w_a = S::combine(&[(low.sqrt(), &start)]);
        let mut w_b = S::combine(&[(1.0, &w_a), ((high - low).sqrt(), &(self.normal)(1))]);
        let mut node = 1u64;
        for _ in 0..DEPTH {
            let middle = (a * b).sqrt();
            node = 2 * node + u64::from(clock >= middle);
            let part = (middle - a) / (b - a);
            let deviation = (part * (b - middle)).sqrt();
            let w = S::combine(&[(1.0 - part, &w_a), (part, &w_b), (deviation, &(self.normal)(node / 2 + 1))]);
            if clock >= middle { (a, w_a) = (middle, w) } else { (b, w_b) = (middle, w) }
        }
        let part = ((clock - a) / (b - a)).clamp(0.0, 1.0);
        S::combine(&[(1.0 - part, &w_a), (part, &w_b)])
    }
}

fn clock(level: NoiseLevel) -> f64 {
    level.sigma_hat().powi(-2).min(CLOCK.1)
}

impl<S: State, F: FnMut(u64) -> S> NoiseSource<S> for BrownianPath<S, F> {
    fn normal(&mut self, draw: &Draw) -> S {
        let (from, to) = (clock(draw.from), clock(draw.to));
        let before = match self.last.take() {
            Some((at, w)) if at == from => w,
            _ => self.at(from),
        };
        let after = self.at(to);
        let scale = 1.0 / (to - from).abs().sqrt();
        let z = S::combine(&[(scale, &after), (-scale, &before)]);
        self.last = Some((to, after));
        z
    }
}
