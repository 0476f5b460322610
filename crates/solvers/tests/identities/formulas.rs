//! Formulas against closed forms, quadrature and published numbers.

use approx::assert_relative_eq;
use easel_core::sampling::{NoiseLevel, Schedule, VpLinear};
use easel_core::{NoiseSchedule, Parameterisation};
use ndarray::{Array2, array};
use proptest::prelude::*;
use solvers::edm::Preconditioning;
use solvers::euler::ancestral_levels;
use solvers::exponential::{Form, node_weights, phi, weights};
use solvers::lms::lagrange_integral;
use solvers::multistep::{Multistep, SecondOrder, ThirdOrder};
use solvers::spacing::{beta_quantile, exponential, karras};
use solvers::threshold::dynamic_threshold;
use solvers::weighting::min_snr;

use crate::common::schedules;

/// Simpson's rule on 2000 intervals.
fn quadrature(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    const N: usize = 2000;
    let h = (b - a) / N as f64;
    let at = |i: usize| f(a + h * i as f64);
    let inner: f64 = (1..N).map(|i| at(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (at(0) + inner + at(N)) * h / 3.0
}

fn step(t: f64, s: f64) -> (NoiseLevel, NoiseLevel) {
    (VpLinear::PUBLISHED.level(t), VpLinear::PUBLISHED.level(s))
}

proptest! {
    #[test]
    fn phi_is_its_integral(k in 1u32..5, z in -6.0..6.0f64) {
        let factorial: f64 = (1..k).map(f64::from).product();
        let integral = quadrature(|u| ((1.0 - u) * z).exp() * u.powi(k as i32 - 1) / factorial, 0.0, 1.0);
        prop_assert!((phi(k, z) / integral - 1.0).abs() < 1e-9, "{} {integral}", phi(k, z));
    }

    /// With m a polynomial of lambda alone the step must be the integral of the exact solution.
    #[test]
    fn steps_are_exact_for_polynomials(
        t in 0.3..0.9f64, gap in 0.02..0.2f64, back in 0.02..0.1f64, c in prop::array::uniform3(-1.0..1.0f64), x in -1.0..1.0f64
    ) {
        let (from, to) = step(t, t - gap);
        let older = [VpLinear::PUBLISHED.level(t + back), VpLinear::PUBLISHED.level((t + 2.0 * back).min(1.0))];
        let h = to.lambda() - from.lambda();
        let at = |degree: usize, lambda: f64| -> f64 {
            (0..=degree).map(|k| c[k] * (lambda - from.lambda()).powi(k as i32)).sum()
        };
        let nodes = older.map(|l| (l.lambda() - from.lambda()) / h);
        for (form, degree, history, solver) in [
            (Form::Data, 0, 1, Multistep::new(Form::Data, 2)),
            (Form::Data, 1, 1, Multistep { second: SecondOrder::Linear, ..Multistep::new(Form::Data, 2) }),
            (Form::Data, 2, 2, Multistep::new(Form::Data, 3)),
            (Form::Epsilon, 2, 2, Multistep::new(Form::Epsilon, 3)),
        ] {
            let w = weights(form, from, to);
            let of = solver.history_weights(&w, &nodes[..history], to);
            let m0 = at(degree, from.lambda());
            let found = w.x * x + of[0] * m0
                + (0..history).map(|k| of[k + 1] * (at(degree, older[k].lambda()) - m0)).sum::<f64>();
            let kernel = |l: f64| match form {
                Form::Data => to.sigma * l.exp() * at(degree, l),
                _ => -to.alpha * (-l).exp() * at(degree, l),
            };
            let linear = if form == Form::Data { to.sigma / from.sigma } else { to.alpha / from.alpha };
            let expected = linear * x + quadrature(kernel, from.lambda(), to.lambda());
            prop_assert!((found - expected).abs() < 1e-9, "{form:?} {degree}: {found} {expected}");
        }
    }

    #[test]
    fn equal_outputs_make_a_step_of_order_one(t in 0.3..0.9, gap in 0.02..0.2, r in -3.0..-0.1) {
        let (from, to) = step(t, t - gap);
        let w = weights(Form::Data, from, to);
        for solver in [Multistep::new(Form::Data, 2), Multistep::new(Form::Data, 3)] {
            let nodes = if solver.order == 2 { vec![r] } else { vec![r, 2.0 * r - 0.1] };
            // All differences vanish, and the own weight is that of order 1 in the data form: alpha (1 - e^{-h}).
            let own = solver.history_weights(&w, &nodes, to)[0];
            let h = to.lambda() - from.lambda();
            prop_assert!((own + to.alpha * (-h).exp_m1()).abs() < 1e-13);
        }
    }

    #[test]
    fn second_order_is_k_diffusions(t in 0.3..0.9, gap in 0.02..0.2, back in 0.02..0.1, m in -1.0..1.0f64, n in -1.0..1.0f64, x in -1.0..1.0f64) {
        let (from, to) = step(t, t - gap);
        let older = VpLinear::PUBLISHED.level(t + back);
        let h = to.lambda() - from.lambda();
        let node = (older.lambda() - from.lambda()) / h;
        let w = weights(Form::Data, from, to);
        let of = Multistep::new(Form::Data, 2).history_weights(&w, &[node], to);
        let found = w.x * x + of[0] * m + of[1] * (n - m);
        let r = -node;
        let d = (1.0 + 1.0 / (2.0 * r)) * m - n / (2.0 * r);
        let bar = to.sigma_hat() / from.sigma_hat() * x / from.alpha - (-h).exp_m1() * d;
        prop_assert!((found - to.alpha * bar).abs() < 1e-12);
    }

    #[test]
    fn lagrange_integrals_are_exact_for_cubics(nodes in prop::array::uniform4(0.1..5.0), c in prop::array::uniform4(-1.0..1.0), a in 0.0..5.0, b in 0.0..5.0) {
        let mut sorted = nodes;
        sorted.sort_by(f64::total_cmp);
        prop_assume!(sorted.windows(2).all(|w| w[1] - w[0] > 0.05));
        let cubic = |s: f64| c[0] + c[1] * s + c[2] * s * s + c[3] * s.powi(3);
        let sum: f64 = (0..4).map(|k| lagrange_integral(&nodes, k, a, b) * cubic(nodes[k])).sum();
        let exact = quadrature(cubic, a, b);
        prop_assert!((sum - exact).abs() < 1e-6 * exact.abs().max(1.0), "{sum} {exact}");
    }

    #[test]
    fn levels_and_times_are_inverse((schedule, share) in (schedules(), 0.0..1.0)) {
        let t = share * schedule.end();
        let level = Schedule::level(&schedule, t);
        prop_assert!((level.alpha * level.alpha + level.sigma * level.sigma - 1.0).abs() < 1e-12);
        let back = schedule.time_of_sigma_hat(level.sigma_hat());
        prop_assert!((back - t).abs() < 1e-6 * t.max(1.0), "{t} {back}");
        let vp = VpLinear::PUBLISHED;
        prop_assert!((vp.time_of_sigma_hat(vp.level(share).sigma_hat()) - share).abs() < 1e-10);
    }

    /// Over eight decades of noise levels, neighbours that f32 hardly tells apart among them: no root of a negative
    /// number, and nothing of the variance lost.
    #[test]
    fn ancestral_levels_share_the_variance(exponent in -4.0..4.0f64, gap in -7.0..0.0f64, eta in 0.0..3.0f64) {
        let from = 10f64.powf(exponent);
        let to = (from as f32 * (1.0 - 10f64.powf(gap)) as f32) as f64;
        let (down, up) = ancestral_levels(from, to.min(from), eta);
        prop_assert!((0.0..=to).contains(&up) && (0.0..=to).contains(&down), "{from} {to}: {down} {up}");
        prop_assert!((down * down + up * up - to * to).abs() <= 1e-12 * to * to);
    }

    #[test]
    fn edm_targets_have_unit_variance(sigma in 0.002..80.0, sigma_data in 0.1..1.0) {
        let p = Preconditioning::new(sigma, sigma_data);
        // target = (x0 - skip (x0 + sigma n)) / out with Var x0 = sigma_data^2
        let variance = ((1.0 - p.skip) * sigma_data / p.out).powi(2) + (p.skip * sigma / p.out).powi(2);
        prop_assert!((variance - 1.0).abs() < 1e-9);
        prop_assert!((p.loss_weight() * p.out * p.out - 1.0).abs() < 1e-12);
        let (x0, x) = (0.3, 0.3 + sigma * 0.7);
        prop_assert!((p.denoised(&x, &p.target(&x0, &x)) - x0).abs() < 1e-9);
    }

    #[test]
    fn min_snr_is_one_weight_in_all_parameterisations((schedule, share) in (schedules(), 0.01..1.0)) {
        let t = ((share * schedule.steps() as f64) as usize).max(1);
        let in_x0 = |p: Parameterisation| min_snr(&schedule, p, t, 5.0) * p.loss_in_x0(schedule.alpha_bar(t), schedule.alpha_bar(t - 1));
        let expected = schedule.snr(t).min(5.0);
        for p in [Parameterisation::Epsilon, Parameterisation::X0, Parameterisation::V] {
            prop_assert!((in_x0(p) / expected - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn dynamic_threshold_leaves_what_is_in_range(values in prop::collection::vec(-1.0..1.0, 8), big in 2.0..5.0) {
        let within = Array2::from_shape_vec((2, 4), values.clone()).expect("the shape");
        prop_assert_eq!(&dynamic_threshold(&within, 0.9), &within);
        let mut beyond = within.clone();
        beyond.row_mut(0).mapv_inplace(|v| v * big);
        let held = dynamic_threshold(&beyond, 1.0);
        prop_assert!(held.iter().all(|v| v.abs() <= 1.0));
        prop_assert_eq!(held.row(1), within.row(1));
    }
}

/// (1 + e^{-2h} ..) of the SDE: the sheet's closed forms of the second and third coefficients.
#[test]
fn stochastic_weights_have_their_closed_forms() {
    let (from, to) = step(0.6, 0.5);
    let h = to.lambda() - from.lambda();
    let w = weights(Form::DataSde, from, to);
    let decay = 1.0 - (-2.0 * h).exp();
    assert_relative_eq!(w.derivatives[0], to.alpha * decay, max_relative = 1e-12);
    assert_relative_eq!(w.derivatives[1], to.alpha * (1.0 - decay / (2.0 * h)), max_relative = 1e-10);
    let third = (decay - 2.0 * h) / (4.0 * h * h) + 0.5;
    assert_relative_eq!(w.derivatives[2], to.alpha * third, max_relative = 1e-8);
    assert_relative_eq!(w.noise, to.sigma * decay.sqrt(), max_relative = 1e-12);
    // What is published has -1/2 in the last place, which tends to -1 and not to 0 with h.
    let published = Multistep { third: ThirdOrder::Published, ..Multistep::new(Form::DataSde, 3) };
    let nodes = [-1.0, -2.0];
    let of = published.history_weights(&w, &nodes, to);
    let parabola: f64 = nodes.iter().zip(&of[1..]).map(|(r, c)| c * r * r).sum();
    assert_relative_eq!(parabola, to.alpha * (third - 1.0), max_relative = 1e-8);
}

#[test]
fn published_second_derivative_is_half_of_what_it_should_be() {
    let (from, to) = step(0.6, 0.5);
    let w = weights(Form::Data, from, to);
    let nodes = [-1.3, -2.1];
    let parabola = |of: &[f64]| nodes.iter().zip(of).map(|(r, c)| c * r * r).sum::<f64>();
    let published = Multistep { third: ThirdOrder::Published, ..Multistep::new(Form::Data, 3) };
    assert_relative_eq!(parabola(&node_weights(&w, &nodes)), 2.0 * w.derivatives[2], max_relative = 1e-9);
    assert_relative_eq!(
        parabola(&published.history_weights(&w, &nodes, to)[1..]),
        w.derivatives[2],
        max_relative = 1e-9
    );
}

#[test]
fn spacings_have_the_published_values() {
    let edm = karras(0.002, 80.0, 18, 7.0);
    let published = [
        80.0, 57.58598, 40.78557, 28.37458, 19.35245, 12.91008, 8.40094, 5.31519, 3.25682, 1.92334, 1.08817, 0.58535,
        0.29644, 0.13952, 0.05995, 0.02293, 0.00753, 0.002,
    ];
    for (found, expected) in edm.iter().zip(published) {
        assert!((found - expected).abs() < 5e-6, "{found} {expected}");
    }
    let even = exponential(0.01, 100.0, 5);
    for (found, expected) in even.iter().zip([100.0, 10.0, 1.0, 0.1, 0.01]) {
        assert_relative_eq!(*found, expected, max_relative = 1e-12);
    }
    // Beta(1, 1) is uniform; Beta(1/2, 1/2) is the arcsine law; Beta(2, 1) has the quantile sqrt(p).
    for p in [0.0, 0.1, 0.37, 0.5, 0.93, 1.0] {
        assert!((beta_quantile(p, 1.0, 1.0) - p).abs() < 1e-10);
        assert!((beta_quantile(p, 0.5, 0.5) - (std::f64::consts::FRAC_PI_2 * p).sin().powi(2)).abs() < 1e-8);
        assert!((beta_quantile(p, 2.0, 1.0) - p.sqrt()).abs() < 1e-10);
    }
}

#[test]
fn min_snr_has_its_published_crossings() {
    let first_below =
        |schedule: &NoiseSchedule, limit| (1..=1000).find(|&t| schedule.snr(t) < limit).expect("it falls") - 1;
    let linear = NoiseSchedule::linear(1000).expect("a schedule");
    let latent = NoiseSchedule::scaled_linear(1000, 0.00085, 0.012).expect("a schedule");
    assert_eq!((first_below(&linear, 5.0), first_below(&latent, 5.0), first_below(&latent, 1.0)), (130, 147, 354));
    let zero = linear.rescale_zero_terminal_snr().expect("a schedule");
    assert_eq!(min_snr(&zero, Parameterisation::Epsilon, 1000, 5.0), 1.0);
    assert_eq!(min_snr(&zero, Parameterisation::V, 1000, 5.0), 0.0);
    assert_eq!(dynamic_threshold(&array![[0.5, -3.0]], 1.0), array![[0.5 / 3.0, -1.0]]);
}
