//! The filterbanks, read and write (equations 19 to 29).

use draw::attention::{Grid, Use};
use draw::window::{Window, centres, filterbank, read, write};
use ndarray::Array2;
use proptest::prelude::*;
use tch::{Kind, Tensor};

use super::common::{DOUBLE, FLOAT, distance, filters, identity, normals, tensor, uniforms};

const N: usize = 5;
const SIDE: usize = 28;
const GRID: Grid = Grid { n: 5, height: 28, width: 28 };

/// Five outputs of an attention layer in a range that training visits.
fn outputs() -> impl Strategy<Value = [f64; 5]> {
    [-1.5..1.5, -1.5..1.5, -1.5..1.5, -2.0..0.5, -1.0..1.0]
}

fn batch(outputs: &[[f64; 5]], kind: Kind) -> Tensor {
    Tensor::from_slice(&outputs.concat()).view([-1, 5]).to_kind(kind)
}

fn relative(a: f64, b: f64) -> f64 {
    (a - b).abs() / a.abs().max(b.abs()).max(1e-12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tensors_agree_with_the_papers_form(o in outputs(), other in outputs(), height in 6usize..30, width in 6usize..30, n in 2usize..9) {
        let grid = Grid { n: n as i64, height: height as i64, width: width as i64 };
        let all = [o, other];
        for (kind, tolerance) in [(Kind::Double, 1e-10), (Kind::Float, 2e-3)] {
            let banks = filters(&batch(&all, kind), grid, Use::Read);
            for (b, numbers) in all.iter().enumerate() {
                let window = Window::from_outputs(*numbers, (height, width), n);
                let (f_y, f_x) = window.filters((height, width), n);
                prop_assert!(distance(&banks.y.get(b as i64), &tensor(&f_y, kind)) < tolerance);
                prop_assert!(distance(&banks.x.get(b as i64), &tensor(&f_x, kind)) < tolerance);
                let gain = banks.gain.double_value(&[b as i64, 0, 0]);
                prop_assert!(relative(gain, window.gamma) < 1e-5);
            }
        }
    }

    #[test]
    fn rows_sum_to_one_wherever_the_window_is(g in -40.0f64..40.0, log_variance in -8.0f64..6.0, log_delta in -6.0f64..3.0) {
        let numbers = [g, -g, log_variance, log_delta, 0.0];
        let banks = filters(&batch(&[numbers], Kind::Float), GRID, Use::Read);
        for bank in [&banks.x, &banks.y] {
            let sums = bank.sum_dim_intlist([-1i64].as_slice(), false, Kind::Float);
            prop_assert!(distance(&sums, &sums.ones_like()) < 1e-5);
            prop_assert!(bank.isfinite().all().int64_value(&[]) == 1);
        }
        let window = Window::from_outputs(numbers, (SIDE, SIDE), N);
        let (f_y, f_x) = window.filters((SIDE, SIDE), N);
        for row in f_y.rows().into_iter().chain(f_x.rows()) {
            prop_assert!((row.sum() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_constant_picture_reads_as_constant_and_reads_stay_in_range(mut o in outputs(), c in 0.0f64..1.0, seed in 0u64..1000) {
        o[4] = 0.0;
        let banks = filters(&batch(&[o], Kind::Float), GRID, Use::Read);
        let patch = banks.read(&Tensor::full([1, 28, 28], c, FLOAT));
        prop_assert!((patch - c).abs().max().double_value(&[]) < 2e-6);
        let x = tensor(&uniforms(seed, SIDE, SIDE), Kind::Float).unsqueeze(0);
        let patch = banks.read(&x);
        prop_assert!(patch.min().double_value(&[]) >= -1e-6 && patch.max().double_value(&[]) <= 1.0 + 1e-6);
    }

    #[test]
    fn write_is_the_adjoint_of_read(mut o in outputs(), seed in 0u64..1000) {
        o[4] = 0.0;
        let (x, w) = (normals(seed, SIDE, SIDE), normals(seed + 1, N, N));
        let (f_y, f_x) = Window::from_outputs(o, (SIDE, SIDE), N).filters((SIDE, SIDE), N);
        let left = (&read(x.view(), f_y.view(), f_x.view(), 1.0) * &w).sum();
        let right = (&x * &write(w.view(), f_y.view(), f_x.view(), 1.0)).sum();
        prop_assert!((left - right).abs() < 1e-9);
        // And on tensors, in f32.
        let outputs = batch(&[o], Kind::Float);
        let (reading, writing) = (filters(&outputs, GRID, Use::Read), filters(&outputs, GRID, Use::Write));
        let (x, w) = (tensor(&x, Kind::Float).unsqueeze(0), tensor(&w, Kind::Float).unsqueeze(0));
        let left = (reading.read(&x) * &w).sum(Kind::Double).double_value(&[]);
        let right = (&x * writing.write(&w, &x.zeros_like())).sum(Kind::Double).double_value(&[]);
        prop_assert!((left - right).abs() < 1e-5 * (1.0 + w.abs().sum(Kind::Double).double_value(&[])));
    }

    #[test]
    fn writing_keeps_the_mass_and_has_the_rank_of_the_patch(o in outputs(), seed in 0u64..1000) {
        let w = normals(seed, N, N);
        let banks = filters(&batch(&[o], Kind::Double), GRID, Use::Write);
        let canvas = banks.write(&tensor(&w, Kind::Double).unsqueeze(0), &Tensor::zeros([1, 28, 28], DOUBLE));
        let gamma = o[4].exp();
        let mass = canvas.sum(Kind::Double).double_value(&[]);
        prop_assert!((mass - w.sum() / gamma).abs() < 1e-9 * (1.0 + w.mapv(f64::abs).sum()));
        let (_, singular, _) = canvas.get(0).svd(true, true);
        let singular = Vec::<f64>::try_from(singular).expect("a vector");
        prop_assert!(singular[N] <= 1e-12 * singular[0], "{singular:?}");
    }

    #[test]
    fn reading_a_write_mixes_by_the_gram_matrices(o in outputs(), seed in 0u64..1000) {
        let w = normals(seed, N, N);
        let outputs = batch(&[o], Kind::Double);
        let canvas = filters(&outputs, GRID, Use::Write)
            .write(&tensor(&w, Kind::Double).unsqueeze(0), &Tensor::zeros([1, 28, 28], DOUBLE));
        let found = filters(&outputs, GRID, Use::Read).read(&canvas).get(0);
        let (f_y, f_x) = Window::from_outputs(o, (SIDE, SIDE), N).filters((SIDE, SIDE), N);
        let expected = f_y.dot(&f_y.t()).dot(&w).dot(&f_x.dot(&f_x.t()));
        prop_assert!(distance(&found, &tensor(&expected, Kind::Double)) < 1e-9);
    }

    #[test]
    fn filters_move_with_the_window(g in 10.0f64..14.0, sigma in 0.3f64..1.0, delta in 0.5f64..1.5, k in 1usize..5) {
        let bank = |g| filterbank(centres(g, delta, 3).view(), sigma, SIDE);
        let (here, there) = (bank(g), bank(g + k as f64));
        for i in 0..3 {
            for a in k..SIDE {
                prop_assert!((here[[i, a - k]] - there[[i, a]]).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn read_is_linear_in_the_picture_and_write_in_the_patch(o in outputs(), a in -2.0f64..2.0, seed in 0u64..1000) {
        let outputs = batch(&[o], Kind::Double);
        let picture = |k| tensor(&normals(seed + k, SIDE, SIDE), Kind::Double).unsqueeze(0);
        let patch = |k| tensor(&normals(seed + k, N, N), Kind::Double).unsqueeze(0);
        let banks = filters(&outputs, GRID, Use::Read);
        let sum = banks.read(&(picture(0) * a + picture(1)));
        prop_assert!(distance(&sum, &(banks.read(&picture(0)) * a + banks.read(&picture(1)))) < 1e-9);
        let banks = filters(&outputs, GRID, Use::Write);
        let empty = Tensor::zeros([1, 28, 28], DOUBLE);
        let sum = banks.write(&(patch(0) * a + patch(1)), &empty);
        let parts = banks.write(&patch(0), &empty) * a + banks.write(&patch(1), &empty);
        prop_assert!(distance(&sum, &parts) < 1e-9);
        // The error's patch is the difference of two reads, and a write is added to the canvas.
        let banks = filters(&outputs, GRID, Use::Read);
        let both = banks.read_error(&picture(0), &picture(1));
        let expected = Tensor::cat(&[banks.read(&picture(0)), banks.read(&(picture(0) - picture(1)))], 1).flatten(1, 2);
        prop_assert!(distance(&both, &expected) < 1e-9);
        let banks = filters(&outputs, GRID, Use::Write);
        let onto = banks.write(&patch(0), &picture(2));
        prop_assert!(distance(&onto, &(banks.write(&patch(0), &empty) + picture(2))) < 1e-9);
    }

    #[test]
    fn channels_are_read_and_written_one_by_one(o in outputs(), seed in 0u64..1000) {
        let grid = Grid { n: 3, height: 9, width: 11 };
        let outputs = batch(&[o], Kind::Double);
        let channels: Vec<Tensor> = (0..3).map(|k| tensor(&normals(seed + k, 9, 11), Kind::Double)).collect();
        let side_by_side = Tensor::cat(&channels, 1).unsqueeze(0);
        let banks = filters(&outputs, grid, Use::Read);
        let all = banks.read(&side_by_side).view([3, 3, 3]);
        let writing = filters(&outputs, grid, Use::Write);
        let canvas = writing.write(&all.view([1, 9, 3]), &side_by_side.zeros_like()).view([9, 3, 11]);
        for (c, channel) in channels.iter().enumerate() {
            let alone = banks.read(&channel.unsqueeze(0));
            prop_assert!(distance(&all.select(1, c as i64), &alone.get(0)) < 1e-10);
            let written = writing.write(&alone, &channel.unsqueeze(0).zeros_like()).get(0);
            prop_assert!(distance(&canvas.select(1, c as i64), &written) < 1e-9);
        }
    }
}

#[test]
fn outputs_of_zero_give_the_whole_picture() {
    let window = Window::from_outputs([0.0; 5], (SIDE, SIDE), N);
    let mu = centres(window.g_x, window.delta, N);
    assert!((mu[0] - 1.0).abs() < 1e-12 && (mu[N - 1] - SIDE as f64).abs() < 1e-12);
    assert!((mu.mean().expect("not empty") - window.g_x).abs() < 1e-12);
    assert!(mu.windows(2).into_iter().all(|w| (w[1] - w[0] - window.delta).abs() < 1e-12));
    let grid = Grid { n: 5, height: 28, width: 28 };
    let windows = identity(grid, Use::Read, DOUBLE).windows(&Tensor::zeros([2, 5], DOUBLE)).expect("two windows");
    assert_eq!(windows, vec![window; 2]);
    assert_eq!(window.bounds(N), [1.0, 1.0, 28.0, 28.0]);
}

/// The grid of much public code, which counts filters from 0 with the paper's offset, is not centred.
#[test]
fn counting_filters_from_zero_moves_the_grid_by_a_stride() {
    let wrong: Vec<f64> = (0..N).map(|i| 14.5 + (i as f64 - 0.5 * N as f64 - 0.5) * 6.75).collect();
    let right = centres(14.5, 6.75, N);
    assert!((wrong[0] - (right[0] - 6.75)).abs() < 1e-12);
    assert!((wrong.iter().sum::<f64>() / N as f64 - 14.5).abs() > 6.0);
}

/// $\|FF^\top - I\|$ grows with sigma: reading is the adjoint of writing, not its inverse.
#[test]
fn read_is_no_inverse_of_write() {
    let gram = |sigma, delta| {
        let f = filterbank(centres(14.0, delta, N).view(), sigma, SIDE);
        let difference: Array2<f64> = f.dot(&f.t()) - Array2::<f64>::eye(N);
        difference.fold(0.0, |m: f64, v| m.max(v.abs()))
    };
    for delta in [1.0, 2.0, 3.0] {
        assert!(gram(0.1, delta) < 1e-20);
        for (sigma, expected) in [(0.2, 1.5e-5), (0.25, 1.3e-3), (0.3, 1.5e-2), (0.5, 0.36), (1.0, 0.72)] {
            assert!(relative(gram(sigma, delta), expected) < 0.05, "{sigma} {delta}: {}", gram(sigma, delta));
        }
    }
    // So "read of a write returns the patch" holds for narrow filters at whole pixels alone.
    let w = normals(3, N, N);
    let back = |sigma| {
        let f = filterbank(centres(14.0, 2.0, N).view(), sigma, SIDE);
        let canvas = write(w.view(), f.view(), f.view(), 2.0);
        (read(canvas.view(), f.view(), f.view(), 2.0) - &w).fold(0.0, |m: f64, v| m.max(v.abs()))
    };
    assert!(back(0.2) < 2e-4 && back(1.0) > 0.5, "{} {}", back(0.2), back(1.0));
}

/// The lecture's write without $1/\hat\gamma$ does not undo the gain of the read.
#[test]
fn without_the_reciprocal_gain_a_write_keeps_the_gain() {
    let w = normals(4, N, N);
    let f = filterbank(centres(14.0, 2.0, N).view(), 0.1, SIDE);
    let gamma = 3.0;
    let lecture = f.t().dot(&w).dot(&f);
    let back = read(lecture.view(), f.view(), f.view(), gamma);
    assert!((back - &w * gamma).fold(0.0, |m: f64, v| m.max(v.abs())) < 1e-12);
}

#[test]
fn gradients_agree_with_finite_differences() {
    let grid = Grid { n: 3, height: 7, width: 6 };
    let numbers = tensor(&(normals(5, 2, 5) * 0.5), Kind::Double).set_requires_grad(true);
    let picture = |seed| tensor(&normals(seed, 14, 6), Kind::Double).view([2, 7, 6]).set_requires_grad(true);
    let (x, mean) = (picture(6), picture(7));
    let patch = tensor(&normals(8, 6, 3), Kind::Double).view([2, 3, 3]).set_requires_grad(true);
    let (weights_r, weights_w) = (tensor(&normals(9, 2, 18), Kind::Double), tensor(&normals(10, 14, 6), Kind::Double));
    let loss = || {
        let r = filters(&numbers, grid, Use::Read).read_error(&x, &mean);
        let w = filters(&numbers, grid, Use::Write).write(&patch, &mean);
        (r * &weights_r).sum(Kind::Double) + (w.sigmoid() * weights_w.view([2, 7, 6])).sum(Kind::Double)
    };
    let inputs = [&numbers, &x, &mean, &patch];
    let gradients = Tensor::run_backward(&[loss()], &inputs, false, false);
    for (input, gradient) in inputs.iter().zip(&gradients) {
        let flat = input.detach().view(-1);
        for i in 0..flat.size()[0] {
            let mut entry = flat.get(i);
            let (value, h) = (entry.double_value(&[]), 1e-5);
            let mut at = |v: f64| {
                let _ = tch::no_grad(|| entry.fill_(v));
                tch::no_grad(|| loss().double_value(&[]))
            };
            let numeric = (at(value + h) - at(value - h)) / (2.0 * h);
            at(value);
            let exact = gradient.view(-1).double_value(&[i]);
            assert!((numeric - exact).abs() < 1e-6 * (1.0 + exact.abs()), "{i}: {numeric} {exact}");
        }
    }
}

#[test]
fn one_filter_a_side_is_refused() {
    let params = easel_nn::Params::counting();
    let grid = Grid { n: 1, height: 28, width: 28 };
    let error = draw::attention::Attention::new(&params.root(), 8, grid, Use::Read).expect_err("N - 1 divides");
    assert!(error.to_string().contains("at least 2 filters"), "{error}");
}
