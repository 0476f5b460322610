//! What GAN-CLS optimises, on tables of probabilities over (image, text) pairs.
//!
//! $\mathbb E_r\log D+\frac12\mathbb E_w\log(1-D)+\frac12\mathbb E_f\log(1-D)$ is the ordinary game ([`gan::game`]) between
//! $p_r$ and $m=\frac12(p_w+p_f)$. Its optimum is therefore not $p_f=p_r$ but $p_f=2p_r-p_w$ wherever that is not
//! negative: with independent mismatches the marginals are right, and the condition is over-sharpened. The paper does not say so.

/// $m=\frac12p_w+\frac12p_f$, entry by entry.
///
/// # Panics
/// When the lengths differ.
pub fn mixture(wrong: &[f64], fake: &[f64]) -> Vec<f64> {
    assert_eq!(wrong.len(), fake.len(), "one probability a pair in both lists");
    wrong.iter().zip(fake).map(|(w, f)| 0.5 * (w + f)).collect()
}

// excerpt: optimum
/// $D^*=p_r/(p_r+\frac12p_w+\frac12p_f)$, entry by entry; ½ where no pair ever is.
///
/// # Panics
/// When the lengths differ.
pub fn optimal_discriminator(real: &[f64], wrong: &[f64], fake: &[f64]) -> Vec<f64> {
    assert_eq!(real.len(), fake.len(), "one probability a pair in all lists");
    real.iter().zip(mixture(wrong, fake)).map(|(&r, m)| gan::game::optimal_discriminator(r, m)).collect()
}

/// $C(G)=-\log4+2\,\mathrm{JSD}(p_r\|m)$, which the generator minimises.
///
/// # Panics
/// When the lengths differ.
pub fn criterion(real: &[f64], wrong: &[f64], fake: &[f64]) -> f64 {
    gan::game::virtual_criterion(real, &mixture(wrong, fake))
}
// end excerpt

/// $2p_r-p_w$: the $p_f$ at which $C(G)=-\log4$; no distribution where an entry is negative.
///
/// # Panics
/// When the lengths differ.
pub fn implied_fake(real: &[f64], wrong: &[f64]) -> Vec<f64> {
    assert_eq!(real.len(), wrong.len(), "one probability a pair in both lists");
    real.iter().zip(wrong).map(|(r, w)| 2.0 * r - w).collect()
}
