//! A network that knows classes, and the label that stands for none.

use ddpm::learner::{Precision, TimeSampling};
use ddpm::{DdpmConfig, DdpmLearner, TrainConfig};
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Split, digits};
use easel_train::{Learner, OptimConfig};
use tch::{Device, Kind, Tensor, no_grad};

use crate::common::{distance, normal, times};

const BATCH: usize = 16;

fn learner(classes: i64, drop_labels: f64) -> Result<DdpmLearner, easel_train::TrainError> {
    tch::set_num_threads(1);
    let data = digits::digits(Split::Train).unwrap();
    let loader = Loader::new(&data, LoaderConfig { batch: BATCH, ..LoaderConfig::default() }, Device::Cpu).unwrap();
    let model = DdpmConfig { classes: Some(classes), ..DdpmConfig::smoke() };
    let train = TrainConfig {
        batch: BATCH as i64,
        times: TimeSampling::Stratified,
        precision: Precision::F32,
        drop_labels,
        optim: OptimConfig::default(),
    };
    DdpmLearner::new(&model, &train, loader, None, 3, 100, Device::Cpu)
}

fn labels(of: &[i64]) -> Tensor {
    Tensor::from_slice(of)
}

/// Ho and Salimans 2022, algorithm 1: each label is dropped with the same probability, independently.
#[test]
fn labels_are_dropped_at_their_rate() {
    let learner = learner(10, 0.1).unwrap();
    let batch = Tensor::zeros([1000], (Kind::Int64, Device::Cpu));
    let dropped = |step| learner.told_labels(step, Some(&batch)).unwrap().eq(10).sum(Kind::Int64).int64_value(&[]);
    let total: i64 = (0..20).map(dropped).sum();
    let expected = 20_000.0 * 0.1;
    let deviation = (20_000.0 * 0.1 * 0.9f64).sqrt();
    assert!((total as f64 - expected).abs() < 4.0 * deviation, "{total} of 20000");
    assert_eq!(learner.told_labels(3, Some(&batch)), learner.told_labels(3, Some(&batch)));
    assert_ne!(learner.told_labels(3, Some(&batch)), learner.told_labels(4, Some(&batch)));
}

#[test]
fn where_every_label_is_dropped_only_the_null_row_learns() {
    let mut learner = learner(10, 1.0).unwrap();
    let table = |learner: &DdpmLearner| {
        let named = learner.average();
        named.into_iter().find(|(name, _)| name == "class_embedding.weight").expect("a table").1
    };
    let before = table(&learner);
    // The last layers start at zero, so that the table hears of its errors after some steps.
    for step in 0..6 {
        learner.step(step).unwrap();
    }
    let change = (table(&learner) - before).abs().amax([1], false);
    let change = Vec::<f64>::try_from(change.to_kind(Kind::Double)).unwrap();
    assert!(change[10] > 0.0, "{change:?}");
    assert!(change[..10].iter().all(|c| *c == 0.0), "rows that were never told changed: {change:?}");
}

#[test]
fn no_label_is_the_null_label_and_labels_matter() {
    let mut learner = learner(10, 0.1).unwrap();
    let noise = normal(1, &[learner.groups()[0].params.numel()]);
    learner.groups()[0].params.update(|master| *master += noise * 0.05);
    let (x, t) = (normal(2, &[2, 1, 28, 28]), times(&[40, 7]));
    let output = |of: Option<&Tensor>| no_grad(|| learner.model.forward(&x, &t, of, false));
    assert_eq!(output(None), output(Some(&labels(&[10, 10]))));
    assert!(distance(&output(Some(&labels(&[3, 3]))), &output(Some(&labels(&[4, 4])))) > 1e-4);
    // A doubled batch is two passes.
    let both = no_grad(|| {
        learner.model.forward(
            &Tensor::cat(&[&x, &x], 0),
            &Tensor::cat(&[&t, &t], 0),
            Some(&labels(&[10, 10, 3, 3])),
            false,
        )
    });
    assert!(distance(&both.narrow(0, 0, 2), &output(None)) < 1e-5);
    assert!(distance(&both.narrow(0, 2, 2), &output(Some(&labels(&[3, 3])))) < 1e-5);
}

#[test]
fn data_that_do_not_fit_the_classes_are_refused() {
    assert!(learner(9, 0.1).unwrap_err().to_string().contains("0 to 8"));
    assert!(learner(10, 1.5).unwrap_err().to_string().contains("drop_labels"));
    let none = DdpmConfig { classes: Some(0), ..DdpmConfig::smoke() };
    assert!(none.validate().unwrap_err().to_string().contains("classes"));
}
