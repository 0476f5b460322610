//! Generation, encoding and interpolation.

use easel_core::sampling::{Run, State, Step, epsilon};

use crate::process::{StepNoise, coefficients};

/// Samples along the run's times from the state `x` at the first (Song et al. 2021, eq. 12).
///
/// Draws one normal a step where the step's noise is not 0.
// excerpt: ddim
pub fn ddim<S: State>(run: Run<'_, S>, x: S, noise: StepNoise) -> S {
    run.walk(x, |run, step, x, from, to| {
        let x0 = run.x0(x, from);
        let c = coefficients(noise, from, to);
        let direction = epsilon(x, &x0, from);
        let next = if c.noise == 0.0 {
            S::combine(&[(c.x0, &x0), (c.epsilon, &direction)])
        } else {
            let z = run.normal(step, 0, from, to);
            S::combine(&[(c.x0, &x0), (c.epsilon, &direction), (c.noise, &z)])
        };
        (next, x0)
    })
}
// end excerpt

/// Encodes data `x0` (at the run's last time) deterministically to the run's first time: the sampler's ODE, upwards
/// (section 4.3).
///
/// The estimate of each step is taken at its lower end, except at clean data, for which no network is trained: there it
/// is that of the lowest noisy time. Reconstruct with [`ddim`], the same times and `Eta(0.0)`.
// excerpt: encode
pub fn encode<S: State>(mut run: Run<'_, S>, x0: S) -> S {
    let levels = run.levels();
    let mut x = x0;
    for (index, pair) in levels.windows(2).rev().enumerate() {
        let (to, from) = (pair[0], pair[1]);
        let asked = if from.is_data() { to } else { from };
        let estimate = run.x0(&x, asked);
        let direction = epsilon(&x, &estimate, asked);
        let keep = to.alpha / from.alpha;
        x = S::combine(&[(keep, &x), (to.sigma - keep * from.sigma, &direction)]);
        (run.observer)(&Step { index, level: to, x: &x, x0: &estimate });
    }
    x
}
// end excerpt

/// Weights of both ends in the spherical interpolation of vectors at the angle arccos `cosine`, at `part` in [0, 1]
/// (appendix D.5); linear where they are parallel.
pub fn slerp_weights(cosine: f64, part: f64) -> (f64, f64) {
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let sine = angle.sin();
    if sine < 1e-6 {
        return (1.0 - part, part);
    }
    (((1.0 - part) * angle).sin() / sine, (part * angle).sin() / sine)
}

/// The spherical interpolation of two states, each taken as one vector.
pub fn slerp<S: State>(a: &S, b: &S, part: f64) -> S {
    let cosine = a.dot(b) / (a.dot(a) * b.dot(b)).sqrt();
    let (of_a, of_b) = slerp_weights(cosine, part);
    S::combine(&[(of_a, a), (of_b, b)])
}
