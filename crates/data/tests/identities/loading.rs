//! Batches as tensors.

use easel_core::noise::Noise;
use easel_data::digits::digits;
use easel_data::loader::{LoaderError, scaled};
use easel_data::{Dataset, Loader, LoaderConfig, Split};
use tch::{Device, Kind, Tensor};

/// Pictures of random bytes `[n, c, h, w]` with labels 0..n.
fn random(shape: [usize; 4]) -> Dataset {
    let mut values = vec![0.0; shape.iter().product()];
    Noise::new(5).purpose("test").uniform(0, 0, &mut values);
    let images: Vec<u8> = values.iter().map(|v| (v * 256.0) as u8).collect();
    let classes = (0..shape[0]).map(|i| i.to_string()).collect();
    Dataset::new("random", shape, images).unwrap().with_labels((0..shape[0] as i64).collect(), classes).unwrap()
}

fn loader(data: &Dataset, config: LoaderConfig) -> Loader {
    Loader::new(data, config, Device::Cpu).unwrap()
}

fn bytes(image: &Tensor) -> Vec<u8> {
    let bytes = ((image + 1.0) * 127.5).round().to_kind(Kind::Uint8).contiguous().view([-1]);
    Vec::<u8>::try_from(bytes).unwrap()
}

#[test]
fn a_batch_is_the_pictures_of_its_indices() {
    let data = digits(Split::Test).unwrap();
    let loader = loader(&data, LoaderConfig { batch: 32, seed: 1, ..Default::default() });
    let batch = loader.batch(3);
    assert_eq!(batch.images.size(), [32, 1, 28, 28]);
    assert_eq!(batch.images.kind(), Kind::Float);
    assert_eq!((batch.images.min().double_value(&[]), batch.images.max().double_value(&[])), (-1.0, 1.0));
    let labels = Vec::<i64>::try_from(batch.labels.unwrap()).unwrap();
    for (b, &index) in batch.indices.iter().enumerate() {
        assert_eq!(bytes(&batch.images.get(b as i64)), data.image(index));
        assert_eq!(labels[b], data.labels().unwrap()[index]);
    }
    let again = loader.batch(3);
    assert_eq!((again.images == batch.images, again.indices), (true, batch.indices));
}

#[test]
fn padding_is_black_around() {
    let data = random([3, 2, 4, 6]);
    let loader = loader(&data, LoaderConfig { batch: 3, pad: 2, ..Default::default() });
    assert_eq!(loader.picture_shape(), [2, 8, 10]);
    let batch = loader.batch(0);
    let inner = batch.images.narrow(2, 2, 4).narrow(3, 2, 6);
    assert_eq!(bytes(&inner.get(0)), data.image(batch.indices[0]));
    let border = (&batch.images + 1.0).sum(Kind::Double) - (inner + 1.0).sum(Kind::Double);
    assert!(border.double_value(&[]).abs() < 1e-6);
}

#[test]
fn flips_and_shifts_read_the_right_pixels() {
    let data = random([1, 3, 5, 7]);
    let config = LoaderConfig { batch: 400, flip: true, shift: 2, ..Default::default() };
    let images = loader(&data, config).batch(0).images;
    let picture = data.image(0);
    let at = |c: i64, y: i64, x: i64| picture[((c * 5 + y.clamp(0, 4)) * 7 + x.clamp(0, 6)) as usize];
    let variant = |flip: bool, dy: i64, dx: i64| -> Vec<u8> {
        let place = |i: i64| (i / 35, i / 7 % 5, i % 7);
        (0..105).map(place).map(|(c, y, x)| at(c, y + dy, if flip { 6 - x } else { x } + dx)).collect()
    };
    let all: Vec<Vec<u8>> = (0..50).map(|i| variant(i / 25 == 1, i / 5 % 5 - 2, i % 5 - 2)).collect();
    let mut counts = [0; 50];
    for b in 0..400 {
        let found = bytes(&images.get(b));
        counts[all.iter().position(|v| *v == found).expect("no flip and shift gives this picture")] += 1;
    }
    assert!(counts.iter().all(|&n| n > 0), "{counts:?}");
}

#[test]
fn rotation_and_scale_follow_the_drawn_angles() {
    // A quarter turn is exact: with 180 degrees allowed, sin and cos take all signs; compare with bilinear by hand.
    let data = random([1, 1, 6, 9]);
    let config = LoaderConfig { batch: 20, seed: 3, rotate: 180.0, scale: 0.3, ..Default::default() };
    let images = loader(&data, config).batch(7).images;
    let picture = |y: i64, x: i64| f64::from(data.image(0)[(y.clamp(0, 5) * 9 + x.clamp(0, 8)) as usize]) / 127.5 - 1.0;
    for b in 0..20u64 {
        let mut d = [0.0; 5];
        Noise::new(3).purpose("data/augment").uniform(7, b, &mut d);
        let (sin, cos) = (std::f64::consts::PI * (2.0 * d[3] - 1.0)).sin_cos();
        let factor = 1.0 + 0.3 * (2.0 * d[4] - 1.0);
        for (y, x) in [(0, 0), (2, 3), (3, 5), (5, 8)] {
            // Pixels from the centre, rotated and scaled.
            let (py, px) = (f64::from(y) - 2.5, f64::from(x) - 4.0);
            let sx = ((cos * px - sin * py) / factor + 4.0).clamp(0.0, 8.0);
            let sy = ((sin * px + cos * py) / factor + 2.5).clamp(0.0, 5.0);
            let (fx, fy) = (sx - sx.floor(), sy - sy.floor());
            let (ix, iy) = (sx.floor() as i64, sy.floor() as i64);
            let expected = (1.0 - fy) * ((1.0 - fx) * picture(iy, ix) + fx * picture(iy, ix + 1))
                + fy * ((1.0 - fx) * picture(iy + 1, ix) + fx * picture(iy + 1, ix + 1));
            let found = images.double_value(&[b as i64, 0, i64::from(y), i64::from(x)]);
            assert!((found - expected).abs() < 1e-4, "{b} {y} {x}: {found} {expected}");
        }
    }
}

#[test]
fn every_byte_survives_the_scaling() {
    let all: Vec<u8> = (0..=255).collect();
    let values = scaled(&Tensor::from_slice(&all));
    assert_eq!(bytes(&values), all);
    assert_eq!((values.double_value(&[0]), values.double_value(&[255])), (-1.0, 1.0));
}

#[test]
fn meaningless_settings_are_refused() {
    let data = random([2, 1, 2, 2]);
    for (name, config) in [
        ("batch", LoaderConfig { batch: 0, ..Default::default() }),
        ("rotate", LoaderConfig { rotate: f64::NAN, ..Default::default() }),
        ("scale", LoaderConfig { scale: 1.0, ..Default::default() }),
    ] {
        let error = Loader::new(&data, config, Device::Cpu).unwrap_err();
        assert!(matches!(error, LoaderError::Setting { name: n, .. } if n == name), "{error}");
    }
    assert!(matches!(Loader::new(&data.subset(&[]), LoaderConfig::default(), Device::Cpu), Err(LoaderError::Empty(_))));
}
