//! Single-step solvers in $\lambda$: DPM-Solver-1, 2 and 3, DPM-Solver++(2S), and the stochastic 2S.

use easel_core::sampling::{NoiseLevel, Run, State, epsilon};

use crate::exponential::{Form, weights};

/// The level at the fraction `r` of the way from `from` to `to` in $\lambda$.
fn between<S: State>(run: &Run<'_, S>, from: NoiseLevel, to: NoiseLevel, r: f64) -> NoiseLevel {
    let (a, b) = (from.lambda(), to.lambda());
    run.schedule.level_of_lambda(a + r * (b - a))
}

/// The quantity that `form` extrapolates, from $\hat x_0$.
fn output<S: State>(form: Form, x: &S, x0: &S, level: NoiseLevel) -> S {
    if form.is_epsilon() { epsilon(x, x0, level) } else { S::combine(&[(1.0, x0)]) }
}

/// The first-order step from `from` to `to` with the output `m` at `from`.
fn first<S: State>(form: Form, x: &S, m: &S, from: NoiseLevel, to: NoiseLevel) -> S {
    let w = weights(form, from, to);
    S::combine(&[(w.x, x), (w.derivatives[0], m)])
}

/// DPM-Solver-`order` (Lu et al. 2022, arXiv:2206.00927, algorithms 1 and 2 with eq. 3.7; the nodes are the published
/// 1/2, and 1/3 with 2/3) in the form `Epsilon`, DPM-Solver++(2S) (arXiv:2211.01095, algorithm 1) in the form `Data`.
///
/// `order` evaluations a step; the step to clean data takes one and is of order 1.
///
/// # Panics
/// For an order outside 1..=3, or a stochastic form.
pub fn singlestep<S: State>(run: Run<'_, S>, x: S, form: Form, order: usize) -> S {
    assert!((1..=3).contains(&order) && !form.is_sde(), "orders 1 to 3 of the ODE");
    run.walk(x, |run, _, x, from, to| {
        let x0 = run.x0(x, from);
        if to.is_data() {
            return (S::combine(&[(to.alpha, &x0)]), x0);
        }
        let m = output(form, x, &x0, from);
        let next = match order {
            1 => first(form, x, &m, from, to),
            2 => second_order(run, x, &m, form, from, to),
            _ => third_order(run, x, &m, form, from, to),
        };
        (next, x0)
    })
}

fn at<S: State>(run: &mut Run<'_, S>, form: Form, x: &S, level: NoiseLevel) -> S {
    let x0 = run.x0(x, level);
    output(form, x, &x0, level)
}

fn second_order<S: State>(run: &mut Run<'_, S>, x: &S, m: &S, form: Form, from: NoiseLevel, to: NoiseLevel) -> S {
    let r = 0.5;
    let middle = between(run, from, to, r);
    let u = first(form, x, m, from, middle);
    let m_1 = at(run, form, &u, middle);
    let w = weights(form, from, to);
    let share = w.derivatives[0] / (2.0 * r);
    S::combine(&[(w.x, x), (w.derivatives[0] - share, m), (share, &m_1)])
}

fn third_order<S: State>(run: &mut Run<'_, S>, x: &S, m: &S, form: Form, from: NoiseLevel, to: NoiseLevel) -> S {
    let (r_1, r_2) = (1.0 / 3.0, 2.0 / 3.0);
    let (level_1, level_2) = (between(run, from, to, r_1), between(run, from, to, r_2));
    let u_1 = first(form, x, m, from, level_1);
    let m_1 = at(run, form, &u_1, level_1);
    let w_2 = weights(form, from, level_2);
    let share = w_2.derivatives[1] * r_2 / r_1;
    let u_2 = S::combine(&[(w_2.x, x), (w_2.derivatives[0] - share, m), (share, &m_1)]);
    let m_2 = at(run, form, &u_2, level_2);
    let w = weights(form, from, to);
    let share = w.derivatives[1] / r_2;
    S::combine(&[(w.x, x), (w.derivatives[0] - share, m), (share, &m_2)])
}

/// The stochastic DPM-Solver++(2S) of k-diffusion (`dpmpp_sde`), with $\eta$ = 1: two evaluations and two normals a
/// step, the second of which covers the interval of the first. Draw them from one
/// [`easel_core::sampling::BrownianPath`]; independent ones are another algorithm.
pub fn stochastic_2s<S: State>(run: Run<'_, S>, x: S) -> S {
    let r = 0.5;
    // In the coordinates x / alpha: down to `down`, then noise up to the level that was wanted.
    let towards = |x: &S, m: &S, z: &S, from: NoiseLevel, to: NoiseLevel| {
        let (start, end) = (from.sigma_hat(), to.sigma_hat());
        let up = (end * (start * start - end * end).sqrt() / start).min(end);
        let down = (end * end - up * up).sqrt();
        let keep = down / start;
        S::combine(&[(to.alpha / from.alpha * keep, x), (to.alpha * (1.0 - keep), m), (to.alpha * up, z)])
    };
    run.walk(x, |run, step, x, from, to| {
        let x0 = run.x0(x, from);
        if to.is_data() {
            return (S::combine(&[(to.alpha, &x0)]), x0);
        }
        let middle = between(run, from, to, r);
        let z_1 = run.normal(step, 0, from, middle);
        let u = towards(x, &x0, &z_1, from, middle);
        let m_1 = run.x0(&u, middle);
        let share = 1.0 / (2.0 * r);
        let m = S::combine(&[(1.0 - share, &x0), (share, &m_1)]);
        let z_2 = run.normal(step, 1, from, to);
        (towards(x, &m, &z_2, from, to), x0)
    })
}
