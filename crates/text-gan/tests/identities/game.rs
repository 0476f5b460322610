//! What GAN-CLS optimises, on tables.

use gan::game::{LOG_4, jensen_shannon, value};
use proptest::prelude::*;
use text_gan::optimum::{criterion, implied_fake, mixture, optimal_discriminator};

fn normalised(values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    values.into_iter().map(|v| v / sum).collect()
}

fn table(entries: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.05..1.0f64, entries).prop_map(normalised)
}

/// Independent mismatches: the product of the marginals of a table of `images` x `texts`.
fn product(real: &[f64], texts: usize) -> Vec<f64> {
    let rows: Vec<f64> = real.chunks(texts).map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..texts).map(|t| real.iter().skip(t).step_by(texts).sum()).collect();
    rows.iter().flat_map(|r| columns.iter().map(move |c| r * c)).collect()
}

proptest! {
    #[test]
    fn gradient_ascent_finds_the_optimal_discriminator(real in table(6), wrong in table(6), fake in table(6)) {
        // Ascent on the logits of a table D, with step widths of Newton's method (the objective is concave in each).
        let middle = mixture(&wrong, &fake);
        let mut logits = [0.0; 6];
        for _ in 0..50 {
            for (a, (r, m)) in logits.iter_mut().zip(real.iter().zip(&middle)) {
                let d = 1.0 / (1.0 + f64::exp(-*a));
                *a += ((r * (1.0 - d) - m * d) / ((r + m) * d * (1.0 - d))).clamp(-1.0, 1.0);
            }
        }
        let found: Vec<f64> = logits.iter().map(|a| 1.0 / (1.0 + f64::exp(-a))).collect();
        let best = optimal_discriminator(&real, &wrong, &fake);
        prop_assert!(found.iter().zip(&best).all(|(a, b)| (a - b).abs() < 1e-4));
        let reached = value(&real, &middle, &found);
        prop_assert!((reached - criterion(&real, &wrong, &fake)).abs() < 1e-9);
    }

    #[test]
    fn the_criterion_is_a_divergence_from_the_mixture(real in table(6), wrong in table(6), fake in table(6)) {
        let c = criterion(&real, &wrong, &fake);
        prop_assert!(c >= -LOG_4 - 1e-12);
        prop_assert!((c + LOG_4 - 2.0 * jensen_shannon(&real, &mixture(&wrong, &fake))).abs() < 1e-12);
    }

    /// The optimum is 2 p_r - p_w and not p_r: the data themselves are no equilibrium of GAN-CLS.
    #[test]
    fn the_minimum_is_not_at_the_data(real in table(6), noise in table(6), share in 0.05..0.9f64) {
        // A p_w near p_r, so that 2 p_r - p_w is a distribution.
        let wrong: Vec<f64> = real.iter().zip(&noise).map(|(r, n)| r + share * r.min(*n) * 0.1 * (n - r)).collect();
        let wrong = normalised(wrong);
        let implied = implied_fake(&real, &wrong);
        prop_assume!(implied.iter().all(|p| *p >= 0.0));
        prop_assert!((implied.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!((criterion(&real, &wrong, &implied) + LOG_4).abs() < 1e-10);
        let apart: f64 = real.iter().zip(&wrong).map(|(r, w)| (r - w).abs()).sum();
        prop_assume!(apart > 1e-4);
        prop_assert!(criterion(&real, &wrong, &real) > -LOG_4);
    }

    #[test]
    fn independent_mismatches_keep_the_marginals(real in table(12)) {
        const TEXTS: usize = 4;
        let wrong = product(&real, TEXTS);
        let implied = implied_fake(&real, &wrong);
        for t in 0..TEXTS {
            let column = |p: &[f64]| p.iter().skip(t).step_by(TEXTS).sum::<f64>();
            prop_assert!((column(&implied) - column(&real)).abs() < 1e-12);
        }
        for (a, b) in implied.chunks(TEXTS).zip(real.chunks(TEXTS)) {
            prop_assert!((a.iter().sum::<f64>() - b.iter().sum::<f64>()).abs() < 1e-12);
        }
        // Over-sharpened: what is more likely than by chance becomes more so.
        for ((i, r), w) in implied.iter().zip(&real).zip(&wrong) {
            prop_assert!((i - r) * (r - w) >= -1e-15);
        }
    }
}

#[test]
fn without_wrong_pairs_the_minimum_is_at_the_data() {
    let real = [0.1, 0.2, 0.3, 0.4];
    assert!((criterion(&real, &real, &real) + LOG_4).abs() < 1e-12, "m = p_r");
}
