//! The bridge to libtorch.

use easel_core::tensor::{TensorError, check_shape, normal_tensor, time_tensor, to_array, to_tensor};
use easel_core::{Coefficients, Noise, NoiseSchedule, parse_device};
use ndarray::{Array, Array2, Array3, ArrayD, Ix2, Ix3, IxDyn, array};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn arrays_survive_the_round_trip(shape in prop::collection::vec(0usize..4, 0..5)) {
        let mut next = 0.0;
        let array = ArrayD::from_shape_simple_fn(IxDyn(&shape), || { next += 0.1; next });
        let tensor = to_tensor(&array, Device::Cpu);
        prop_assert_eq!(tensor.kind(), Kind::Double);
        prop_assert_eq!(to_array::<f64, IxDyn>("x", &tensor).unwrap(), array);
    }

    #[test]
    fn noise_rows_do_not_depend_on_the_batch(first in 0u64..50, count in 0u64..8) {
        let stream = Noise::new(11).purpose("batch");
        let batch = normal_tensor(&stream, 2, first..first + count, &[3, 2, 2], Device::Cpu);
        prop_assert_eq!(batch.size(), [count as i64, 3, 2, 2]);
        for row in 0..count {
            let mut expected = [0f32; 12];
            stream.normal(2, first + row, &mut expected);
            prop_assert_eq!(Vec::<f32>::try_from(batch.get(row as i64).reshape(-1)).unwrap(), expected);
        }
    }
}

#[test]
fn layouts_are_followed_not_copied_blindly() {
    let array = Array3::from_shape_fn((2, 3, 4), |(a, b, c)| (100 * a + 10 * b + c) as f32);
    let turned = to_tensor(&array.view().permuted_axes([2, 0, 1]), Device::Cpu);
    assert_eq!(turned.double_value(&[3, 1, 2]), 123.0);
    let back = to_array::<f32, Ix3>("x", &turned.permute([1, 2, 0])).unwrap();
    assert_eq!(back, array);
    let integers = to_tensor(&array![[1i64, 2], [3, 4]], Device::Cpu);
    assert_eq!(to_array::<i64, Ix2>("tokens", &integers.tr()).unwrap(), array![[1, 3], [2, 4]]);
}

#[test]
fn an_array_is_detached_from_the_graph() {
    let weight = Tensor::from_slice(&[1f32, 2.0]).set_requires_grad(true);
    let found: Array<f32, _> = to_array::<f32, ndarray::Ix1>("weight", &(&weight * 2.0)).unwrap();
    assert_eq!(found, array![2.0, 4.0]);
}

#[test]
fn shape_errors_name_the_tensor() {
    let x = Tensor::zeros([2, 3, 8, 8], (Kind::Float, Device::Cpu));
    assert!(check_shape("x_t", &x, &[-1, 3, 8, 8]).is_ok());
    let message = |expected: &[i64]| check_shape("x_t", &x, expected).unwrap_err().to_string();
    assert_eq!(message(&[-1, 4, 8, 8]), "x_t has shape [2, 3, 8, 8], expected [_, 4, 8, 8]");
    assert_eq!(message(&[2, 3, 8]), "x_t has shape [2, 3, 8, 8], expected [2, 3, 8]");
    let wrong: Result<Array2<f32>, _> = to_array("x_t", &x);
    assert_eq!(wrong.unwrap_err().to_string(), "x_t has shape [2, 3, 8, 8], expected 2 dimension(s)");
    let wrong: Result<ArrayD<f64>, _> = to_array("x_t", &x);
    assert!(matches!(wrong, Err(TensorError::Kind { expected: Kind::Double, found: Kind::Float, .. })));
}

#[test]
fn times_are_those_of_the_stream() {
    let stream = Noise::new(4).purpose("train");
    let times = Vec::<i64>::try_from(time_tensor(&stream, 9, 5..25, 1000, Device::Cpu)).unwrap();
    let expected: Vec<i64> = (5..25).map(|sample| stream.time(9, sample, 1000) as i64).collect();
    assert_eq!(times, expected);
}

#[test]
fn coefficients_are_rounded_once() {
    let schedule = NoiseSchedule::linear(1000).unwrap();
    let table = Coefficients::from_fn(1..=1000, Device::Cpu, |t| schedule.posterior(t - 1, t).x0);
    let t = Tensor::from_slice(&[1i64, 500, 1000, 0]);
    let gathered = table.gather(&t);
    assert_eq!((gathered.size(), gathered.kind()), (vec![4, 1, 1, 1], Kind::Float));
    for (row, t) in [1, 500, 1000].into_iter().enumerate() {
        assert_eq!(gathered.double_value(&[row as i64, 0, 0, 0]) as f32, table.at(t) as f32);
        assert_eq!(table.at(t), schedule.posterior(t - 1, t).x0);
    }
    assert!(gathered.double_value(&[3, 0, 0, 0]).is_nan(), "t = 0 has no posterior");
    let points = Tensor::zeros([4, 2], (Kind::Float, Device::Cpu));
    assert_eq!(table.gather_like(&t, &points).size(), [4, 1]);
}

#[test]
fn devices_are_parsed_or_refused_with_a_reason() {
    assert_eq!(parse_device("cpu"), Ok(Device::Cpu));
    for name in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "CPU"] {
        let message = parse_device(name).unwrap_err().to_string();
        assert_eq!(message, format!("unknown device \"{name}\"; use cpu, cuda, cuda:N or mps"));
    }
    let missing = if tch::Cuda::is_available() { "cuda:4096" } else { "cuda" };
    assert!(parse_device(missing).unwrap_err().to_string().contains("is not available"));
    if !tch::utils::has_mps() {
        assert!(parse_device("mps").unwrap_err().to_string().contains("built without it"));
    }
}
