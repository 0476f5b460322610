//! Training: who changes whom, resuming, and the signs of collapse.

use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Dataset, Split};
use easel_train::Learner;
use easel_train::{LoopConfig, OptimConfig, Progress, RunDir, TrainError, train};
use gan::augment::Augment;
use gan::config::{Form, GanConfig};
use gan::health::{Health, Symptom, Vitals};
use gan::learner::{Observer, Reading};
use gan::{GanLearner, Loss, TrainConfig, UpdateRule};
use tch::{Device, Kind, Tensor};

fn digits() -> Dataset {
    easel_data::digits::digits(Split::Train).expect("built in")
}

fn config(rule: UpdateRule, loss: Loss) -> TrainConfig {
    let mut optim = OptimConfig { clip: 0.0, ..OptimConfig::default() };
    optim.adam.beta1 = 0.5;
    TrainConfig {
        batch: 8,
        augment: Augment { shift: 0.1, ..Augment::OFF },
        loss,
        rule,
        generator: optim,
        discriminator: optim,
        patience: 2,
    }
}

fn learner_of(model: &GanConfig, train: &TrainConfig, steps: u64, observer: Option<Observer>) -> GanLearner {
    let loader = LoaderConfig { batch: train.batch, pad: model.pad as usize, ..LoaderConfig::default() };
    let loader = Loader::new(&digits(), loader, Device::Cpu).expect("the digits fit");
    GanLearner::new(model, train, loader, observer, 3, steps, Device::Cpu).expect("valid")
}

fn small_mlp() -> GanConfig {
    let form = Form::Mlp { generator: vec![16], discriminator: vec![8], pieces: 2, drop_input: 0.2, drop: 0.5 };
    GanConfig { latent: 8, form, ..GanConfig::small() }
}

const ALTERNATING: UpdateRule = UpdateRule::Alternating { k: 1 };
const RULES: [UpdateRule; 3] = [ALTERNATING, UpdateRule::Alternating { k: 2 }, UpdateRule::Simultaneous {}];

fn copies(named: &[(String, Tensor)]) -> Vec<Tensor> {
    named.iter().map(|(_, t)| t.detach().copy()).collect()
}

fn same(a: &[Tensor], b: &[Tensor]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// D's step leaves G without gradient and unchanged to the bit, and the other way round.
#[test]
fn each_step_changes_its_own_player_alone() {
    for model in [GanConfig::smoke(), small_mlp()] {
        let mut learner = learner_of(&model, &config(ALTERNATING, Loss::NonSaturating {}), 10, None);
        let [g, d] = learner.parameters();
        let fake = learner.fakes(0);
        let (g_before, d_before) = (copies(&g), copies(&d));
        learner.step_discriminator(0, &fake).expect("a step of D");
        assert!(same(&copies(&g), &g_before), "D's step changed G");
        assert!(!same(&copies(&d), &d_before), "D's step changed nothing");
        assert!(g.iter().all(|(_, t)| !t.grad().defined()), "D's step left G a gradient");
        let d_before = copies(&d);
        let _ = learner.step_generator(0).expect("a step of G");
        assert!(same(&copies(&d), &d_before), "G's step changed D");
        assert!(!same(&copies(&g), &g_before), "G's step changed nothing");
        assert!(d.iter().all(|(_, t)| !t.grad().defined()), "G's step left D a gradient");
    }
}

fn run(model: &GanConfig, train_config: &TrainConfig, stops: &[u64]) -> Vec<(String, Tensor)> {
    let folder = tempfile::tempdir().expect("a folder");
    for (k, &stop) in stops.iter().enumerate() {
        let observe = |x: &Tensor| {
            let mean = x.mean(Kind::Double).double_value(&[]);
            Ok(Reading { rank: 1.0 + mean, classes: Some(1.0), scalars: vec![("mean", mean)] })
        };
        let observer = Observer { every: 4, count: 8, observe: Box::new(observe) };
        // The length is the whole run's, whatever the stop: learning rates follow it.
        let mut learner = learner_of(model, train_config, 8, Some(observer));
        let mut dir = RunDir::open(folder.path(), "a = 1\n", k > 0).expect("a run");
        let steps = LoopConfig { steps: stop, log_every: 2, checkpoint_every: 4, keep: 2 };
        let outcome = train(&mut learner, &steps, &mut dir, Progress::new("test", stop, "steps")).expect("trained");
        assert_eq!(outcome.step, stop);
        if stop == 8 {
            let mut all = learner.average();
            let parameters = learner.parameters();
            all.extend(parameters.into_iter().flatten().map(|(n, t)| (n, t.detach().copy())));
            return all;
        }
    }
    unreachable!("the last stop is 8")
}

#[test]
fn resumed_training_ends_in_the_same_bits() {
    for model in [GanConfig::smoke(), small_mlp()] {
        for rule in RULES {
            let train_config = config(rule, Loss::Smoothed { alpha: 0.9 });
            let (whole, halves) = (run(&model, &train_config, &[8]), run(&model, &train_config, &[4, 8]));
            for ((name, a), (_, b)) in whole.iter().zip(&halves) {
                assert_eq!(a, b, "{name} under {rule:?}");
            }
        }
    }
}

/// Both networks' updates are computed from the old ones: G's is the one that it makes when D stands still.
#[test]
fn simultaneous_updates_use_the_old_networks() {
    let model = GanConfig::smoke();
    let updated = |rule| {
        let mut learner = learner_of(&model, &config(rule, Loss::NonSaturating {}), 10, None);
        learner.step(0).expect("a step");
        let [g, d] = learner.parameters();
        (copies(&g), copies(&d))
    };
    let (simultaneous, alternating) = (updated(UpdateRule::Simultaneous {}), updated(ALTERNATING));
    // From the same first networks, pictures and fakes D moves alike.
    assert!(same(&simultaneous.1, &alternating.1));
    assert!(!same(&simultaneous.0, &alternating.0));
}

#[test]
fn every_loss_and_rule_trains() {
    for loss in [Loss::Saturating {}, Loss::NonSaturating {}, Loss::LeastSquares {}, Loss::Hinge {}] {
        for rule in RULES {
            let mut learner = learner_of(&GanConfig::smoke(), &config(rule, loss), 10, None);
            for step in 0..3 {
                let scalars = learner.step(step).expect("a step");
                assert!(scalars.iter().all(|(_, v)| v.double_value(&[]).is_finite()), "{loss:?} {rule:?}");
            }
        }
    }
}

/// On one picture repeated, G learns to paint it.
#[test]
fn a_game_about_one_picture_is_won() {
    let data = digits().subset(&[0; 64]);
    let loader = Loader::new(&data, LoaderConfig { batch: 16, ..LoaderConfig::default() }, Device::Cpu).expect("fits");
    let mut train_config = config(ALTERNATING, Loss::LeastSquares {});
    (train_config.batch, train_config.generator.rate.lr, train_config.discriminator.rate.lr) = (16, 5e-3, 1e-3);
    let model = small_mlp();
    let target = loader.batch(0).images.narrow(0, 0, 1);
    let mut learner = GanLearner::new(&model, &train_config, loader, None, 0, 400, Device::Cpu).expect("valid");
    let stream = easel_core::Noise::new(1).purpose("test");
    let error = |learner: &mut GanLearner| {
        let model = model.clone();
        let x = learner.with_average(|g, _| gan::sample::sample(g, &model, &stream, 0..32, Device::Cpu));
        (x - &target).square().mean(Kind::Double).double_value(&[])
    };
    let before = error(&mut learner);
    for step in 0..400 {
        learner.step(step).expect("a step");
    }
    let after = error(&mut learner);
    assert!(after < 0.2 * before, "{before} to {after}");
}

fn after(vitals: Vitals, steps: usize) -> Health {
    let mut health = Health::default();
    (0..steps).for_each(|_| health.observe(vitals));
    health
}

#[test]
fn symptoms_are_told_apart() {
    let well = Vitals { real: 0.6, fake: 0.4, g_grad: 1.0, d_grad: 1.0 };
    assert_eq!(after(well, 500).symptom(Some(1.0)), None);
    let means = after(well, 3).vitals();
    assert!((means.real - 0.6).abs() < 1e-12 && (means.fake - 0.4).abs() < 1e-12, "few steps are weighted: {means:?}");
    assert!(matches!(after(well, 500).symptom(Some(0.3)), Some(Symptom::ModeCollapse { .. })));
    assert_eq!(after(well, 500).symptom(None), None);
    let won = Vitals { real: 0.999, fake: 0.001, ..well };
    assert!(matches!(after(won, 500).symptom(Some(1.0)), Some(Symptom::DiscriminatorWins { .. })));
    let wild = Vitals { g_grad: 1e3, ..well };
    assert!(matches!(after(wild, 500).symptom(Some(1.0)), Some(Symptom::Gradient { .. })));
    let mut health = after(won, 500);
    assert_eq!(health.verdict(Some(1.0), 2), None);
    assert!(health.verdict(Some(1.0), 2).is_some(), "the second in a row ends the run");
    let mut health = Health::from_row(health.to_row());
    assert!(health.verdict(Some(1.0), 2).is_some(), "the count is kept");
    assert_eq!(health.verdict(Some(1.0), 0), None, "patience 0 never ends it");
}

/// A collapse is reported with words after the patience is over, and the checkpoints stay.
#[test]
fn a_collapsed_run_stops_and_says_why() {
    let observe = |_: &Tensor| Ok(Reading { rank: 1.0, classes: Some(0.1), scalars: vec![] });
    let observer = Observer { every: 2, count: 8, observe: Box::new(observe) };
    let train_config = config(ALTERNATING, Loss::NonSaturating {});
    let mut learner = learner_of(&GanConfig::smoke(), &train_config, 20, Some(observer));
    let folder = tempfile::tempdir().expect("a folder");
    let mut dir = RunDir::open(folder.path(), "a = 1\n", false).expect("a run");
    let steps = LoopConfig { steps: 20, log_every: 2, checkpoint_every: 2, keep: 2 };
    let error = train(&mut learner, &steps, &mut dir, Progress::new("test", 20, "steps")).expect_err("collapsed");
    let text = error.to_string();
    assert!(matches!(error, TrainError::Model(_)) && text.contains("mode collapse") && text.contains("Try"), "{text}");
    assert!(folder.path().join("checkpoints").read_dir().expect("a folder").count() > 0);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let good = config(ALTERNATING, Loss::NonSaturating {});
    let bad = [
        TrainConfig { batch: 1, ..good.clone() },
        TrainConfig { augment: Augment { shift: 1.5, ..good.augment }, ..good.clone() },
        TrainConfig { loss: Loss::Smoothed { alpha: 0.2 }, ..good.clone() },
        TrainConfig { rule: UpdateRule::Alternating { k: 0 }, ..good.clone() },
        TrainConfig { generator: OptimConfig { accumulate: 2, ..good.generator }, ..good.clone() },
    ];
    assert!(good.validate().is_ok());
    assert!(bad.iter().all(|c| c.validate().is_err()));
    let loader = Loader::new(&digits(), LoaderConfig::default(), Device::Cpu).expect("fits");
    let padded = GanConfig {
        pad: 2,
        form: Form::Dcgan { generator: 4, discriminator: 4, start: 4, dense: 0 },
        ..GanConfig::smoke()
    };
    let error = GanLearner::new(&padded, &good, loader, None, 0, 1, Device::Cpu).err().expect("sizes differ");
    assert!(error.to_string().contains("32"), "{error}");
    let odd = TrainConfig { batch: 7, ..good.clone() };
    let loader = Loader::new(&digits(), LoaderConfig::default(), Device::Cpu).expect("fits");
    let error =
        GanLearner::new(&GanConfig::smoke(), &odd, loader, None, 0, 1, Device::Cpu).err().expect("packs of two");
    assert!(error.to_string().contains("train.batch = 7") && error.to_string().contains("model.pack"), "{error}");
}
