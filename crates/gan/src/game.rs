//! The two-player game on finite sets and single points, in f64 (Goodfellow et al. 2014, section 4).

use std::f64::consts::LN_2;

/// $\log 4$: the value of the game at its solution is its negative, and there L_D is it.
pub const LOG_4: f64 = 2.0 * LN_2;

// excerpt: optimal-d
/// $D^*_G(x)=p_{data}(x)/(p_{data}(x)+p_g(x))$ from the two densities at x (eq. 2); 1/2 where both are 0, as D is free there.
pub fn optimal_discriminator(p_data: f64, p_g: f64) -> f64 {
    smoothed_optimal_discriminator(p_data, p_g, 1.0, 0.0)
}

/// $(\alpha p_{data}+\beta p_g)/(p_{data}+p_g)$: the best D where real pictures have the target alpha and fakes beta.
///
/// A $\beta>0$ puts $p_g$ into the numerator, which rewards G for what it already makes; hence one-sided smoothing, beta = 0
/// (the argument of Salimans et al. 2016). 1/2 where both densities are 0.
pub fn smoothed_optimal_discriminator(p_data: f64, p_g: f64, alpha: f64, beta: f64) -> f64 {
    let total = p_data + p_g;
    if total > 0.0 { (alpha * p_data + beta * p_g) / total } else { 0.5 }
}
// end excerpt

/// $V(D,G)=\sum_x p_{data}(x)\log D(x)+p_g(x)\log(1-D(x))$ (eq. 1) of probabilities over the same points, with
/// $0\log 0=0$.
///
/// # Panics
/// When the lengths differ.
pub fn value(p_data: &[f64], p_g: &[f64], d: &[f64]) -> f64 {
    assert!(p_data.len() == p_g.len() && p_g.len() == d.len(), "one value a point in each list");
    p_data.iter().zip(p_g).zip(d).map(|((&p, &q), &d)| times_log(p, d) + times_log(q, 1.0 - d)).sum()
}

/// $\mathrm{KL}(p\|q)$ of two probability vectors, in nats; infinite where q is 0 and p is not.
///
/// # Panics
/// When the lengths differ.
pub fn kl(p: &[f64], q: &[f64]) -> f64 {
    assert_eq!(p.len(), q.len(), "one probability a point in both lists");
    p.iter().zip(q).map(|(&p, &q)| times_log(p, p) - times_log(p, q)).sum()
}

// excerpt: criterion
/// The Jensen-Shannon divergence of two probability vectors, in nats: symmetric, in $[0,\log 2]$.
///
/// # Panics
/// When the lengths differ.
pub fn jensen_shannon(p: &[f64], q: &[f64]) -> f64 {
    assert_eq!(p.len(), q.len(), "one probability a point in both lists");
    let middle: Vec<f64> = p.iter().zip(q).map(|(p, q)| 0.5 * (p + q)).collect();
    0.5 * (kl(p, &middle) + kl(q, &middle))
}

/// $C(G)=\max_D V(D,G)=-\log4+2\,\mathrm{JSD}(p_{data}\|p_g)$ (eqs. 5, 6), in $[-\log 4, 0]$.
///
/// # Panics
/// When the lengths differ.
pub fn virtual_criterion(p_data: &[f64], p_g: &[f64]) -> f64 {
    -LOG_4 + 2.0 * jensen_shannon(p_data, p_g)
}
// end excerpt

/// $a\log b$ with $0\log b=0$.
fn times_log(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a * b.ln() }
}
