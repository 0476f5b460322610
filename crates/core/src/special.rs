//! The normal distribution function, stable in both tails.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

/// $\Phi(z) = \frac12\mathrm{erfc}(-z/\sqrt2)$.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The z with $\Phi(z) = p$, for p in (0, 1); infinite at the ends.
pub fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // Newton's method on ln Phi of the smaller tail, which is concave: it converges from anywhere.
    let tail = p.min(1.0 - p).ln();
    let mut z = 0.0;
    for _ in 0..60 {
        let value = log_normal_cdf(z);
        let slope = (-0.5 * z * z - 0.5 * (2.0 * PI).ln() - value).exp();
        let step = (value - tail) / slope;
        z -= step;
        if step.abs() < 1e-14 * z.abs().max(1.0) {
            break;
        }
    }
    if p < 0.5 { z } else { -z }
}

/// $\ln\Phi(z)$ with small relative error for every finite z; 0 at infinity.
pub fn log_normal_cdf(z: f64) -> f64 {
    if z > 0.0 {
        libm::log1p(-normal_cdf(-z))
    } else if z > -30.0 {
        normal_cdf(z).ln()
    } else if z == f64::NEG_INFINITY {
        z
    } else {
        // Mills ratio; the first neglected term is below 1e-13 here.
        let r = 1.0 / (z * z);
        let series = -r * (1.0 - 3.0 * r * (1.0 - 5.0 * r * (1.0 - 7.0 * r)));
        -0.5 * z * z - (-z).ln() - 0.5 * (2.0 * PI).ln() + libm::log1p(series)
    }
}

/// $\Phi(z) \approx \frac12\big[1+\tanh\big(\sqrt{2/\pi}\,(z+0.044715 z^3)\big)\big]$, within 1.8e-4.
///
/// Source: the released code of Ho et al. 2020.
pub fn normal_cdf_tanh(z: f64) -> f64 {
    0.5 * (1.0 + ((2.0 / PI).sqrt() * (z + 0.044715 * z.powi(3))).tanh())
}

/// $\ln(\Phi(b)-\Phi(a))$ for a <= b, without cancellation in the tails.
pub fn log_normal_interval(a: f64, b: f64) -> f64 {
    if a > 0.0 {
        return log_normal_interval(-b, -a);
    }
    if b > 0.0 {
        return (normal_cdf(b) - normal_cdf(a)).ln();
    }
    let upper = log_normal_cdf(b);
    upper + log_one_minus_exp(log_normal_cdf(a) - upper)
}

/// $\ln(1-e^x)$ for x <= 0.
fn log_one_minus_exp(x: f64) -> f64 {
    if x > -LN_2 { (-x.exp_m1()).ln() } else { libm::log1p(-x.exp()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_cdf_branches_meet() {
        for z in [0.0, -30.0] {
            let (below, above) = (log_normal_cdf(z - 1e-9), log_normal_cdf(z + 1e-9));
            let slope = if z == 0.0 { 0.798 } else { 30.04 };
            assert!((above - below - 2e-9 * slope).abs() < 2e-12 * below.abs().max(1.0), "{z}: {below} {above}");
        }
    }

    #[test]
    fn log_cdf_obeys_its_differential_equation_in_the_far_tail() {
        // d/dz ln Phi = phi / Phi
        for z in [-35.0_f64, -100.0, -1e4] {
            let h = 1e-5 * z.abs();
            let slope = (log_normal_cdf(z + h) - log_normal_cdf(z - h)) / (2.0 * h);
            let hazard = (-0.5 * z * z - 0.5 * (2.0 * PI).ln() - log_normal_cdf(z)).exp();
            assert!((slope / hazard - 1.0).abs() < 1e-6, "{z}: {slope} {hazard}");
        }
    }

    #[test]
    fn quantile_inverts_the_distribution_function() {
        for z in [-8.0, -3.0, -0.7, 0.0, 0.4, 2.5, 5.0] {
            assert!((normal_quantile(normal_cdf(z)) - z).abs() < 1e-9 * (1.0 + (0.5 * z * z).exp() * 1e-6), "{z}");
        }
        assert!(normal_quantile(0.0).is_infinite() && normal_quantile(1.0).is_infinite());
    }

    #[test]
    fn interval_is_finite_where_the_plain_difference_underflows() {
        let far = log_normal_interval(60.0, 60.1);
        assert_eq!(normal_cdf(60.1) - normal_cdf(60.0), 0.0);
        assert!(far.is_finite() && far < -1800.0);
        assert_eq!(far, log_normal_interval(-60.1, -60.0));
    }

    #[test]
    fn tanh_approximation_is_within_its_published_error() {
        let worst = (-6000..=6000)
            .map(|i| f64::from(i) / 1000.0)
            .map(|z| (normal_cdf_tanh(z) - normal_cdf(z)).abs())
            .fold(0.0, f64::max);
        assert!((1.7e-4..1.8e-4).contains(&worst), "{worst}");
    }
}
