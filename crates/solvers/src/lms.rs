//! Linear multistep in $\hat\sigma$ (k-diffusion's `lms`), which is DEIS with polynomials in $\rho = \hat\sigma$
//! (Zhang and Chen 2023, arXiv:2204.13902, section 3.3): Adams-Bashforth on an uneven grid.

use std::collections::VecDeque;

use easel_core::sampling::{Run, State, epsilon};

/// $\int_{from}^{to}$ of the Lagrange polynomial of node `k` of `nodes`, exactly.
pub fn lagrange_integral(nodes: &[f64], k: usize, from: f64, to: f64) -> f64 {
    // Coefficients of the polynomial in (s - from), which keeps the powers small.
    let mut polynomial = vec![1.0];
    for (j, &node) in nodes.iter().enumerate().filter(|(j, _)| *j != k) {
        let scale = 1.0 / (nodes[k] - nodes[j]);
        let mut next = vec![0.0; polynomial.len() + 1];
        for (i, c) in polynomial.iter().enumerate() {
            next[i + 1] += c * scale;
            next[i] -= c * (node - from) * scale;
        }
        polynomial = next;
    }
    let h = to - from;
    polynomial.iter().enumerate().map(|(i, c)| c * h.powi(i as i32 + 1) / (i + 1) as f64).sum()
}

/// Samples with polynomials through the last `order` slopes, 1 to 4. One evaluation a step.
///
/// # Panics
/// For an order outside 1..=4.
pub fn lms<S: State>(run: Run<'_, S>, x: S, order: usize) -> S {
    assert!((1..=4).contains(&order), "orders 1 to 4");
    let mut history: VecDeque<(f64, S)> = VecDeque::new(); // (sigma_hat, slope), the latest first
    run.walk(x, |run, _, x, from, to| {
        let x0 = run.x0(x, from);
        history.push_front((from.sigma_hat(), epsilon(x, &x0, from)));
        history.truncate(order);
        let nodes: Vec<f64> = history.iter().map(|(s, _)| *s).collect();
        let integral = |k| to.alpha * lagrange_integral(&nodes, k, from.sigma_hat(), to.sigma_hat());
        let mut terms = vec![(to.alpha / from.alpha, x)];
        terms.extend(history.iter().enumerate().map(|(k, (_, slope))| (integral(k), slope)));
        (S::combine(&terms), x0)
    })
}
