//! Embeddings of time.

use easel_nn::embedding::{GaussianFourier, Sinusoids, SinusoidsConfig};
use easel_nn::parity::relative_error;
use easel_nn::{InitScheme, Params};
use tch::{Device, Kind, Tensor};

#[test]
fn sinusoids_have_the_values_of_both_conventions() {
    let t = Tensor::from_slice(&[10i64]);
    let row = |config: SinusoidsConfig| Sinusoids::new(&config, Device::Cpu).unwrap().forward(&t);
    let check = |row: &Tensor, at: i64, golden: &[f64]| {
        for (i, g) in golden.iter().enumerate() {
            let value = row.double_value(&[0, at + i as i64]);
            assert!((value - g).abs() < 1e-6, "entry {at} + {i}: {value}, expected {g}");
        }
    };
    let width = 128;
    let ddpm = row(SinusoidsConfig { width, ..Default::default() });
    check(&ddpm, 0, &[-0.544021, 0.706750, 0.925205]);
    check(&ddpm, 63, &[0.0009999998]);
    check(&ddpm, 64, &[-0.839072, -0.707464, 0.379468]);
    let improved = row(SinusoidsConfig { width, flip_sin_to_cos: true, freq_shift: 0.0, ..Default::default() });
    check(&improved, 0, &[-0.839072, -0.721289, 0.347627]);
    check(&improved, 64, &[-0.544021, 0.692634, 0.937633]);
}

#[test]
fn sinusoids_of_odd_width_end_in_a_zero_and_scale_acts_on_time() {
    let of = |scale: f64, t: f64| {
        let config = SinusoidsConfig { width: 9, scale, ..Default::default() };
        Sinusoids::new(&config, Device::Cpu).unwrap().forward(&Tensor::from_slice(&[t]))
    };
    assert_eq!(of(1.0, 12.5).size(), [1, 9]);
    assert_eq!(of(1.0, 12.5).double_value(&[0, 8]), 0.0);
    assert!(relative_error(&of(2.0, 12.5), &of(1.0, 25.0)) < 1e-6);
    assert!(Sinusoids::new(&SinusoidsConfig { width: 2, ..Default::default() }, Device::Cpu).is_err());
}

#[test]
fn fourier_frequencies_are_drawn_and_not_trained() {
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let fourier = GaussianFourier::new(&params.root(), 4096).unwrap();
    let weight = params.get("weight").unwrap();
    assert!(!weight.requires_grad());
    assert!((weight.std(true).double_value(&[]) - 16.0).abs() < 0.6);
    let features = fourier.forward(&Tensor::from_slice(&[1.0f32]));
    assert_eq!(features.sum(Kind::Float).double_value(&[]), 4096.0, "log 1 = 0: sines 0, cosines 1");
}
