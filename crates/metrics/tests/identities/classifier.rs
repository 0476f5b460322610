use approx::assert_abs_diff_eq;
use easel_core::weights;
use easel_core::{Noise, tensor::normal_tensor};
use easel_metrics::classifier::{Classifier, ClassifierConfig, ClassifierError, prepare};
use easel_metrics::extractor::FeatureExtractor;
use easel_metrics::frechet::frechet_distance_of_features;
use easel_metrics::{MetricError, score::inception_score};
use easel_nn::{InitScheme, Params};
use tch::{Device, Kind, Tensor};

fn classifier(config: &ClassifierConfig, seed: u64) -> (Classifier, Params) {
    // Tests run beside each other: more threads in each would only wait for one another.
    tch::set_num_threads(1);
    let params = Params::new(Device::Cpu, seed, InitScheme::Public);
    (Classifier::new(&params.root(), config).unwrap(), params)
}

fn pictures(n: u64, channels: i64, side: i64) -> Tensor {
    normal_tensor(&Noise::new(3).purpose("pictures"), 0, 0..n, &[channels, side, side], Device::Cpu) * 0.5
}

/// Bright squares in one of four corners on dim noise, with the corner as label.
fn corners(n: i64) -> (Tensor, Tensor) {
    let x = pictures(n as u64, 1, 28) * 0.3 - 0.8;
    let labels = Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(4);
    for i in 0..n {
        let (row, column) = (4 + 12 * (i % 4 / 2), 4 + 12 * (i % 2));
        let _ = x.get(i).narrow(1, row, 8).narrow(2, column, 8).fill_(0.9);
    }
    (x, labels)
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn every_size_of_the_contract_gives_the_same_shapes() {
    for (channels, side) in [(1, 28), (3, 29), (3, 31), (3, 32)] {
        let config = ClassifierConfig { name: "test".into(), channels, classes: 7 };
        let (network, params) = classifier(&config, 0);
        assert!((100_000..300_000).contains(&params.count()), "{}", params.count());
        let x = pictures(2, channels, side);
        assert_eq!(network.features(&x).unwrap().size(), [2, 64]);
        let log_p = network.forward(&x, false).unwrap();
        assert_eq!(log_p.size(), [2, 7]);
        assert!(largest_difference(&log_p.exp().sum_dim_intlist(-1, false, Kind::Float), &Tensor::from(1f32)) < 1e-5);
    }
}

#[test]
fn features_do_not_depend_on_the_batch_or_on_training() {
    let (network, _params) = classifier(&ClassifierConfig::digits(), 1);
    let x = pictures(7, 1, 28);
    let together = network.features(&x).unwrap();
    assert!(together.max().double_value(&[]) > 0.01);
    for i in 0..7 {
        let alone = network.features(&x.narrow(0, i, 1)).unwrap();
        assert!(largest_difference(&alone, &together.narrow(0, i, 1)) < 1e-5);
    }
    // A pass in training mode leaves nothing behind.
    let before = network.forward(&x, false).unwrap();
    let dropped = network.forward(&x, true).unwrap();
    assert!(largest_difference(&before, &dropped) > 1e-4);
    assert!(before.equal(&network.forward(&x, false).unwrap()));
    assert!(together.equal(&network.features(&x).unwrap()));
}

#[test]
fn bytes_and_floats_are_prepared_alike() {
    let bytes = Tensor::arange(256, (Kind::Uint8, Device::Cpu));
    let levels = prepare(&bytes);
    assert_eq!((levels.min().double_value(&[]), levels.max().double_value(&[])), (-1.0, 1.0));
    assert!(levels.equal(&prepare(&levels)));
    // Less than half a level off, and what lies outside the range, is what would be saved.
    assert!(levels.equal(&prepare(&(&levels + 0.49 / 127.5))));
    assert!(levels.equal(&prepare(&(&levels - 0.49 / 127.5))));
    let outside = Tensor::from_slice(&[-7f32, 1.3]);
    assert_eq!(Vec::<f32>::try_from(prepare(&outside)).unwrap(), [-1.0, 1.0]);

    let (network, _params) = classifier(&ClassifierConfig::digits(), 2);
    let x = pictures(3, 1, 28);
    let saved = ((x.clamp(-1.0, 1.0) + 1.0) * 127.5).round().to_kind(Kind::Uint8);
    assert!(network.features(&x).unwrap().equal(&network.features(&saved).unwrap()));
}

#[test]
fn thirty_steps_lower_the_loss() {
    let config = ClassifierConfig { name: "corners".into(), channels: 1, classes: 4 };
    let (network, params) = classifier(&config, 4);
    let (x, labels) = corners(24);
    let before = network.evaluate(&x, &labels).unwrap();
    for _ in 0..30 {
        let loss = network.loss(&x, &labels, true).unwrap();
        loss.backward();
        tch::no_grad(|| {
            for (_, mut parameter) in params.named() {
                let step = parameter.grad() * 0.05;
                parameter -= step;
                let _ = parameter.grad().zero_();
            }
        });
    }
    let after = network.evaluate(&x, &labels).unwrap();
    assert!((before.loss - 4_f64.ln()).abs() < 0.3, "{before:?}");
    assert!(after.loss < 0.5 * before.loss && after.accuracy > 0.9, "{after:?}");
    assert_eq!(after.confusion.total(), 24);
    let direct = network.loss(&x, &labels, false).unwrap().double_value(&[]);
    assert_abs_diff_eq!(after.loss, direct, epsilon = 1e-5);
}

#[test]
fn extractor_reads_back_what_was_written() {
    let config = ClassifierConfig { name: "shapes".into(), channels: 3, classes: 5 };
    let (network, params) = classifier(&config, 5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("classifier.safetensors");
    weights::write(&path, &params.named(), &config.metadata()).unwrap();
    let extractor = FeatureExtractor::load(&path, Device::Cpu).unwrap();
    assert_eq!(extractor.classifier().config(), &config);
    assert_eq!(extractor.name("fd"), "fd-shapes");

    // More than one pass, with a rest.
    let x = pictures(260, 3, 32);
    let extracted = extractor.extract(&x).unwrap();
    let expected = FeatureExtractor::new(network, Device::Cpu).extract(&x).unwrap();
    assert_eq!(extracted, expected);
    assert_eq!((extracted.features.dim(), extracted.log_probabilities.dim()), ((260, 64), (260, 5)));
    let features = extracted.features.view();
    assert_abs_diff_eq!(frechet_distance_of_features(features, features).unwrap(), 0.0, epsilon = 1e-5);
    assert!((1.0..5.0).contains(&inception_score(extracted.log_probabilities.view()).unwrap()));

    // Another class count in the metadata: every difference is listed, nothing is loaded.
    let wrong = ClassifierConfig { classes: 6, ..config.clone() };
    weights::write(&path, &params.named(), &wrong.metadata()).unwrap();
    let error = FeatureExtractor::load(&path, Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("head.weight") && error.contains("head.bias"), "{error}");
    let mut metadata = config.metadata();
    metadata.insert("classifier_channels".into(), "-3".into());
    weights::write(&path, &params.named(), &metadata).unwrap();
    let error = FeatureExtractor::load(&path, Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("classifier_channels") && error.contains("-3"), "{error}");
}

#[test]
fn wrong_pictures_and_labels_are_refused() {
    let (network, _params) = classifier(&ClassifierConfig::digits(), 6);
    let labels = Tensor::zeros([2], (Kind::Int64, Device::Cpu));
    for x in [pictures(2, 3, 28), pictures(2, 1, 27), pictures(2, 1, 33), pictures(2, 1, 28).to_kind(Kind::Double)] {
        assert!(matches!(network.forward(&x, false), Err(ClassifierError::Pictures { .. })));
        assert!(matches!(network.evaluate(&x, &labels), Err(ClassifierError::Pictures { .. })));
    }
    let x = pictures(2, 1, 28);
    for bad in [10, -1] {
        let error = network.loss(&x, &Tensor::from_slice(&[0i64, bad]), false).unwrap_err();
        assert!(matches!(error, ClassifierError::Metric(MetricError::Label { index: 1, .. })), "{error}");
    }
    assert!(network.loss(&x, &Tensor::from_slice(&[0i64]), false).is_err());
    assert!(network.loss(&x, &Tensor::from_slice(&[0f32, 1.0]), false).is_err());
    let empty = network.evaluate(&x.narrow(0, 0, 0), &labels.narrow(0, 0, 0));
    assert!(matches!(empty, Err(ClassifierError::Metric(MetricError::TooFew { .. }))));
    let extractor = FeatureExtractor::new(network, Device::Cpu);
    assert!(extractor.extract(&Tensor::from(1f32)).is_err());
}
