//! The classifier of noisy pictures.

use easel_core::sampling::NoiseLevel;
use easel_nn::{InitScheme, Params};
use guidance::{NoisyClassifier, NoisyClassifierConfig};
use tch::{Device, Kind, Tensor, no_grad};

use crate::tensors::{distance, normal};

fn classifier(config: &NoisyClassifierConfig) -> NoisyClassifier {
    // The public scheme leaves no layer at zero, so that everything is seen in the output.
    NoisyClassifier::new(&Params::new(Device::Cpu, 1, InitScheme::Public).root(), config).expect("a classifier")
}

fn times(t: &[i64]) -> Tensor {
    Tensor::from_slice(t)
}

#[test]
fn presets_are_small_and_valid() {
    for name in NoisyClassifierConfig::PRESETS {
        let config = NoisyClassifierConfig::preset(name).unwrap();
        config.validate().unwrap();
        let params = Params::counting();
        NoisyClassifier::new(&params.root(), &config).unwrap();
        assert!(params.count() < 100_000, "{name}: {}", params.count());
        assert!(name != "small" || params.count() == 97_706);
        let written = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<NoisyClassifierConfig>(&written).unwrap(), config);
    }
    assert!(NoisyClassifierConfig::preset("large").is_none());
}

#[test]
fn configurations_that_cannot_be_are_refused() {
    let small = NoisyClassifierConfig::small;
    for (config, key) in [
        (NoisyClassifierConfig { timesteps: 0, ..small() }, "timesteps"),
        (NoisyClassifierConfig { classes: 0, ..small() }, "classes"),
        (NoisyClassifierConfig { channels: -1, ..small() }, "channels"),
        (NoisyClassifierConfig { side: 30, ..small() }, "side"),
        (NoisyClassifierConfig { levels: vec![], ..small() }, "levels"),
        (NoisyClassifierConfig { levels: vec![16, 30], ..small() }, "groups"),
        (NoisyClassifierConfig { groups: 0, ..small() }, "groups"),
        (NoisyClassifierConfig { blocks: 0, ..small() }, "blocks"),
        (NoisyClassifierConfig { heads: 3, ..small() }, "heads"),
    ] {
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with(&format!("classifier.{key} = ")), "{message}");
    }
}

/// Group normalisation: neither the pictures nor the times beside it change a picture's logits.
#[test]
fn rows_do_not_see_each_other_and_times_are_seen() {
    let model = classifier(&NoisyClassifierConfig::small());
    let x = normal(2, &[3, 1, 28, 28]);
    let logits = no_grad(|| model.forward(&x, &times(&[1, 300, 1000])));
    assert_eq!((logits.size(), logits.kind()), (vec![3, 10], Kind::Float));
    for (i, t) in [1i64, 300, 1000].into_iter().enumerate() {
        let row = |t: i64| no_grad(|| model.forward(&x.narrow(0, i as i64, 1), &times(&[t])));
        assert!(distance(&row(t), &logits.narrow(0, i as i64, 1)) < 1e-5);
        assert!(distance(&row(t), &row(t % 1000 + 1)) > 1e-6, "t = {t}");
    }
    let fractional = Tensor::from_slice(&[1f32, 300.0, 1000.0]);
    assert_eq!(no_grad(|| model.forward(&x, &fractional)), logits);
}

/// Positions are told apart, which pooling by the mean alone would not do.
#[test]
fn positions_are_told_apart() {
    let model = classifier(&NoisyClassifierConfig::smoke());
    let x = normal(3, &[1, 1, 28, 28]);
    let at = |x: &Tensor| no_grad(|| model.forward(x, &times(&[10])));
    assert!(distance(&at(&x), &at(&x.flip([3]))) > 1e-4);
}

#[test]
fn the_gradient_ascends_the_label() {
    let model = classifier(&NoisyClassifierConfig::smoke());
    let (x, labels) = (normal(4, &[2, 1, 28, 28]), times(&[3, 7]));
    let level = NoiseLevel { t: 40.0, alpha: 0.8, sigma: 0.6 };
    let g = no_grad(|| model.gradient(&x, level, &labels)).unwrap();
    assert_eq!(g.size(), x.size());
    let log_p = |x: &Tensor| {
        let log_p = no_grad(|| model.forward(x, &times(&[40, 40]))).log_softmax(-1, Kind::Double);
        log_p.gather(1, &labels.unsqueeze(1), false).sum(Kind::Double).double_value(&[])
    };
    // Along the gradient; f32 leaves four digits.
    let unit = &g / g.norm();
    let h = 0.05;
    let slope = (log_p(&(&x + &unit * h)) - log_p(&(&x - &unit * h))) / (2.0 * h);
    let expected = g.norm().double_value(&[]);
    assert!((slope / expected - 1.0).abs() < 1e-2, "{slope}, expected {expected}");
    assert!(model.gradient(&x, level, &times(&[3, 10])).is_err());
}
