//! Pseudo numerical methods (Liu et al. 2022, arXiv:2202.09778): classical formulas for the slope, DDIM for the step.
//!
//! Their weights assume even steps of one measure while the exact integral weighs by $d\hat\sigma$, so all of them
//! converge with order 2 only.

use std::collections::VecDeque;

use easel_core::sampling::{Run, State, epsilon};

use crate::euler::euler_step;

/// Adams-Bashforth weights of the last 1 to 4 slopes, the latest first (eq. 12).
pub fn adams_bashforth(slopes: usize) -> &'static [f64] {
    const WEIGHTS: [&[f64]; 4] = [
        &[1.0],
        &[3.0 / 2.0, -1.0 / 2.0],
        &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
        &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
    ];
    WEIGHTS[slopes - 1]
}

fn mixed<S: State>(history: &VecDeque<S>) -> S {
    let weights = adams_bashforth(history.len());
    let terms: Vec<(f64, &S)> = weights.iter().copied().zip(history).collect();
    S::combine(&terms)
}

/// F-PNDM: three steps of the pseudo Runge-Kutta method (four evaluations each), then the fourth-order formula
/// (algorithm 2). The step to clean data takes one evaluation.
pub fn pndm<S: State>(run: Run<'_, S>, x: S) -> S {
    let mut history: VecDeque<S> = VecDeque::new();
    run.walk(x, |run, step, x, from, to| {
        let x0 = run.x0(x, from);
        let e_1 = epsilon(x, &x0, from);
        if step >= 3 || to.is_data() {
            history.push_front(e_1);
            history.truncate(4);
            return (euler_step(x, &mixed(&history), from, to), x0);
        }
        let middle = run.schedule.level((from.t + to.t) / 2.0);
        let mut slope_at = |e: &S, level| {
            let u = euler_step(x, e, from, level);
            let estimate = run.x0(&u, level);
            epsilon(&u, &estimate, level)
        };
        let e_2 = slope_at(&e_1, middle);
        let e_3 = slope_at(&e_2, middle);
        let e_4 = slope_at(&e_3, to);
        let mean = S::combine(&[(1.0 / 6.0, &e_1), (1.0 / 3.0, &e_2), (1.0 / 3.0, &e_3), (1.0 / 6.0, &e_4)]);
        history.push_front(e_1);
        (euler_step(x, &mean, from, to), x0)
    })
}

/// PLMS: a first step by the improved Euler method (two evaluations), then formulas of rising order up to 4 (Rombach
/// et al. 2022, released code).
pub fn plms<S: State>(run: Run<'_, S>, x: S) -> S {
    let mut history: VecDeque<S> = VecDeque::new();
    run.walk(x, |run, step, x, from, to| {
        let x0 = run.x0(x, from);
        history.push_front(epsilon(x, &x0, from));
        history.truncate(4);
        if step > 0 || to.is_data() {
            return (euler_step(x, &mixed(&history), from, to), x0);
        }
        let predicted = euler_step(x, &history[0], from, to);
        let at_end = run.x0(&predicted, to);
        let mean = S::combine(&[(0.5, &history[0]), (0.5, &epsilon(&predicted, &at_end, to))]);
        (euler_step(x, &mean, from, to), x0)
    })
}
