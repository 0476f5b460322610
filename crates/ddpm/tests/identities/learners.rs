//! Training: which times are drawn, what is minimised, and that a run is a function of its seed.

use std::collections::BTreeMap;

use ddpm::bound::evaluate;
use ddpm::config::{Objective, UNetConfig, VarianceConfig};
use ddpm::importance::LossHistory;
use ddpm::learner::{HYBRID_LAMBDA, Precision, TimeSampling};
use ddpm::loss::{Variance, l_simple, vlb_term};
use ddpm::{DdpmConfig, DdpmLearner, TrainConfig};
use easel_core::tensor::normal_tensor;
use easel_core::{Noise, Parameterisation, weights};
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::{Split, digits};
use easel_train::{Decay, Learner, OptimConfig, RateConfig};
use tch::{Device, Kind, Tensor};

use crate::common::{distance, levels, normal, times, values};

const BATCH: usize = 16;
const SEED: u64 = 5;

fn loader(split: Split) -> Loader {
    let data = digits::digits(split).unwrap();
    Loader::new(&data, LoaderConfig { batch: BATCH, ..LoaderConfig::default() }, Device::Cpu).unwrap()
}

fn train_config() -> TrainConfig {
    let rate = RateConfig { lr: 2e-3, final_lr: 0.0, warmup: 0, decay: Decay::Constant };
    let optim = OptimConfig { rate, ..OptimConfig::default() };
    TrainConfig {
        batch: BATCH as i64,
        times: TimeSampling::Stratified,
        precision: Precision::F32,
        drop_labels: 0.0,
        optim,
    }
}

fn learner_of(model: &DdpmConfig, train: &TrainConfig) -> DdpmLearner {
    tch::set_num_threads(1);
    let validation = Some(loader(Split::Test));
    DdpmLearner::new(model, train, loader(Split::Train), validation, SEED, 100, Device::Cpu).unwrap()
}

fn learner(model: &DdpmConfig) -> DdpmLearner {
    learner_of(model, &train_config())
}

fn with_objective(objective: Objective) -> DdpmConfig {
    let variance =
        if objective == Objective::Simple { VarianceConfig::FixedSmall } else { VarianceConfig::LearnedRange };
    DdpmConfig { objective, variance, ..DdpmConfig::smoke() }
}

/// The weights that are trained, flat.
fn master(learner: &mut DdpmLearner) -> Tensor {
    learner.groups()[0].params.master().copy()
}

fn scalars(learner: &mut DdpmLearner, step: u64) -> Vec<(&'static str, f64)> {
    learner.step(step).unwrap().into_iter().map(|(name, value)| (name, value.double_value(&[]))).collect()
}

/// Moves the weights off their initial zeros, so that outputs depend on everything.
fn shake(learner: &mut DdpmLearner) {
    let noise = normal(1, &[learner.groups()[0].params.numel()]);
    learner.groups()[0].params.update(|master| *master += noise * 0.05);
}

#[test]
fn drawn_times_cover_1_to_t_evenly() {
    let (steps, batch, draws) = (50usize, 16usize, 1000u64);
    let stream = Noise::new(3).purpose("times");
    for (sampling, limit) in [(TimeSampling::Uniform, 100.0), (TimeSampling::Stratified, 100.0)] {
        let mut counts = vec![0f64; steps];
        for step in 0..draws {
            let times = sampling.draw(&stream, step, batch, steps);
            assert_eq!(times.len(), batch);
            assert_eq!(times, sampling.draw(&stream, step, batch, steps), "a draw is a function of the step");
            times.iter().for_each(|&t| counts[t - 1] += 1.0);
            if sampling == TimeSampling::Stratified {
                // Picture i is within its stretch of T / B times.
                let inside = |(i, &t): (usize, &usize)| (i * steps / batch..(i + 1) * steps / batch + 2).contains(&t);
                assert!(times.iter().enumerate().all(inside), "{times:?}");
            }
        }
        // 49 degrees of freedom: 100 has a probability below 3e-5. Stratified draws vary less than independent ones.
        let expected = (draws as usize * batch) as f64 / steps as f64;
        let chi_square: f64 = counts.iter().map(|c| (c - expected).powi(2) / expected).sum();
        assert!(counts.iter().all(|c| *c > 0.0) && chi_square < limit, "{sampling:?}: {chi_square}");
    }
    assert_eq!(TimeSampling::Stratified.draw(&stream, 0, 4, 1), [1; 4]);
}

/// Uniform times are drawn one by one: over batches their means vary as independent draws do, stratified ones less.
#[test]
fn strata_lower_the_variance() {
    let stream = Noise::new(4).purpose("times");
    let variance = |sampling: TimeSampling| {
        let mean = |step| sampling.draw(&stream, step, 16, 100).iter().sum::<usize>() as f64 / 16.0;
        (0..400).map(|step| (mean(step) - 50.5f64).powi(2)).sum::<f64>() / 400.0
    };
    let independent = (100f64.powi(2) - 1.0) / 12.0 / 16.0;
    assert!((variance(TimeSampling::Uniform) / independent - 1.0).abs() < 0.3);
    assert!(variance(TimeSampling::Stratified) < 0.02 * independent);
}

#[test]
fn one_seed_gives_one_run() {
    for objective in [Objective::Simple, Objective::Hybrid, Objective::Vlb] {
        let mut config = with_objective(objective);
        config.unet.dropout = 0.2;
        let (mut a, mut b) = (learner(&config), learner(&config));
        for step in 0..3 {
            assert_eq!(scalars(&mut a, step), scalars(&mut b, step), "{objective:?}");
            tch::manual_seed(step as i64); // what others do with libtorch's generator does not matter
        }
        assert_eq!(master(&mut a), master(&mut b), "{objective:?}");
    }
}

/// L_vlb runs long enough for its times to be drawn by importance before and after the stop.
#[test]
fn a_resumed_run_takes_the_same_steps() {
    for objective in [Objective::Simple, Objective::Vlb] {
        let config = DdpmConfig { timesteps: 8, ..with_objective(objective) };
        let (stop, end) = (14, 18);
        let folder = tempfile::tempdir().unwrap();
        let mut whole = learner(&config);
        for step in 0..stop {
            scalars(&mut whole, step);
        }
        whole.groups()[0].save(folder.path(), &BTreeMap::new()).unwrap();
        whole.save_extra(folder.path()).unwrap();
        let by_importance = objective == Objective::Vlb;
        assert!(!by_importance || remembered(&whole).warmed_up(), "too few steps for importance sampling");
        let mut resumed = learner(&config);
        resumed.groups()[0].load(folder.path()).unwrap();
        resumed.load_extra(folder.path()).unwrap();
        for step in stop..end {
            assert_eq!(scalars(&mut whole, step), scalars(&mut resumed, step), "{objective:?}, step {step}");
        }
        assert_eq!(master(&mut whole), master(&mut resumed));
        assert_eq!(whole.average(), resumed.average());
    }
}

/// What a learner of L_vlb remembers.
fn remembered(learner: &DdpmLearner) -> LossHistory {
    let folder = tempfile::tempdir().unwrap();
    learner.save_extra(folder.path()).unwrap();
    let rows = &weights::read(&folder.path().join("history.safetensors")).unwrap().tensors["losses"];
    LossHistory::from_rows(&Vec::<f64>::try_from(rows).unwrap())
}

/// Nichol and Dhariwal 2021, section 3.3: times by importance, losses weighted by 1 / (T p_t), remembered unweighted.
#[test]
fn l_vlb_is_trained_by_importance() {
    let config = DdpmConfig { timesteps: 8, ..with_objective(Objective::Vlb) };
    let mut learner = learner(&config);
    let (data, noise) = (loader(Split::Train), Noise::new(SEED));
    for step in 0..18 {
        let mut history = remembered(&learner);
        let probabilities = history.probabilities();
        let draw = |i| {
            let mut u = [0.0];
            noise.purpose("train/times").uniform(step, i, &mut u);
            LossHistory::draw(&probabilities, u[0])
        };
        let (t, weights): (Vec<usize>, Vec<f64>) = (0..BATCH as u64).map(draw).unzip();
        let x0 = data.batch(step).images;
        let epsilon = normal_tensor(&noise.purpose("train/epsilon"), step, 0..BATCH as u64, &[1, 28, 28], Device::Cpu);
        let losses = values(&learner.loss(&x0, &times(&t), &epsilon, None, true));
        let expected = losses.iter().zip(&weights).map(|(l, w)| l * w).sum::<f64>() / BATCH as f64;
        let found = scalars(&mut learner, step)[0].1;
        assert!((found / expected - 1.0).abs() < 1e-5, "step {step}: {found}, expected {expected}");
        t.iter().zip(losses).for_each(|(&t, loss)| history.record(t, loss));
        assert_eq!(remembered(&learner), history);
        assert!(history.warmed_up() || step < 12, "too few steps for importance sampling");
    }
}

#[test]
fn the_loss_falls_on_digits() {
    let mut learner = learner(&DdpmConfig::smoke());
    let before = learner.evaluate(0).unwrap().unwrap();
    let losses: Vec<f64> = (0..30).map(|step| scalars(&mut learner, step)[0].1).collect();
    let after = learner.evaluate(30).unwrap().unwrap();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[25..]));
    assert!(last < 0.85 * first && after < 0.8 * before, "{first} to {last}, {before} to {after}");
}

/// A fresh network puts out 0, so that its validation loss is the mean square of the targets.
#[test]
fn validation_is_the_simple_loss_at_evenly_spread_times() {
    let config = DdpmConfig::smoke();
    let mut learner = learner(&config);
    let x0 = loader(Split::Test).batch(0).images;
    let t: Vec<usize> = (0..BATCH).map(|i| 1 + i * (config.timesteps - 1) / (BATCH - 1)).collect();
    assert_eq!((t[0], t[BATCH - 1]), (1, config.timesteps));
    let stream = Noise::new(SEED).purpose("train/epsilon");
    let epsilon = normal_tensor(&stream, u64::MAX, 0..BATCH as u64, &x0.size()[1..], Device::Cpu);
    let x_t = learner.process.q_sample(&x0, &times(&t), &epsilon);
    let target = learner.process.target(&x0, &x_t, &times(&t), &epsilon);
    let expected = target.square().mean(Kind::Double).double_value(&[]);
    let found = learner.evaluate(7).unwrap().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-5, "{found}, expected {expected}");
}

/// Nichol and Dhariwal 2021, eq. 16, with the bound's sum over t estimated from one of its T terms.
#[test]
fn objectives_are_those_of_the_papers() {
    let t = times(&[1, 2, 40, 100]);
    let shape = [4, 1, 28, 28];
    let (x0, epsilon) = (levels(1, &shape), normal(2, &shape));
    for objective in [Objective::Simple, Objective::Hybrid, Objective::Vlb] {
        let mut learner = learner(&with_objective(objective));
        shake(&mut learner);
        let process = &learner.process;
        let x_t = process.q_sample(&x0, &t, &epsilon);
        let prediction = learner.model.predict(&x_t, &t, None, false);
        let simple = l_simple(&process.target(&x0, &x_t, &t, &epsilon), &prediction.output);
        let variance = match &prediction.variance {
            Some(output) => Variance::LearnedRange(output),
            None => Variance::Fixed(learner.model.config().likelihood_variance()),
        };
        let x0_hat = process.predicted_x0(&x_t, &prediction.output, &t);
        assert!(x0_hat.abs().max().double_value(&[]) > 1.0, "nothing to clip, so that clipping is not seen");
        let sum = vlb_term(process, &x0, &x_t, &t, &x0_hat, &variance) * process.schedule.steps() as f64;
        let expected = match objective {
            Objective::Simple => simple,
            Objective::Hybrid => simple + sum * HYBRID_LAMBDA,
            Objective::Vlb => sum,
        };
        let found = learner.loss(&x0, &t, &epsilon, None, true);
        for (found, expected) in values(&found).iter().zip(values(&expected)) {
            assert!((found / expected - 1.0).abs() < 1e-5, "{objective:?}: {found}, expected {expected}");
        }
    }
    assert_eq!(HYBRID_LAMBDA, 0.001);
}

/// The mean of the pure L_vlb loss over all t is the bound without its prior.
#[test]
fn the_mean_of_l_vlb_over_t_is_the_bound() {
    let learner = learner(&with_objective(Objective::Vlb));
    let steps = learner.process.schedule.steps();
    // Small noise and dim pictures, so that the estimates of a fresh network need no clipping.
    let (x0, noise) = (levels(1, &[1, 1, 28, 28]), normal(2, &[1, 1, 28, 28]) * 0.1);
    let x0 = (x0 * 63.75).round() / 127.5 + 1.0 / 255.0;
    let all: Vec<usize> = (1..=steps).collect();
    let repeat = |x: &Tensor| x.repeat([steps as i64, 1, 1, 1]);
    let losses = tch::no_grad(|| learner.loss(&repeat(&x0), &times(&all), &repeat(&noise), None, true));
    let mean = losses.mean(Kind::Double).double_value(&[]);
    let bound = evaluate(&learner.model, &learner.process, &x0, 1, |_| noise.shallow_clone(), |_| {});
    assert!((mean / (bound.total() - bound.prior) - 1.0).abs() < 1e-5, "{mean} against {}", bound.total());
}

/// In L_hybrid the bound's term reaches the variance head alone: on the mean head the gradient is L_simple's, bit by
/// bit.
#[test]
fn l_hybrid_gives_the_mean_head_no_gradient_of_the_bound() {
    let t = times(&[1, 2, 40, 100]);
    let (x0, epsilon) = (levels(1, &[4, 1, 28, 28]), normal(2, &[4, 1, 28, 28]));
    // Gradients of the rows of the last layer: those of the mean, those of the variance.
    let heads = |objective: Objective| {
        let config = DdpmConfig { objective, variance: VarianceConfig::LearnedRange, ..DdpmConfig::smoke() };
        let mut learner = learner(&config);
        shake(&mut learner);
        let loss = learner.loss(&x0, &t, &epsilon, None, true).mean(Kind::Float);
        let group = &mut learner.groups()[0].params;
        let flat = group.gradient(&loss).unwrap();
        let named: BTreeMap<String, Tensor> = group.named(&flat).into_iter().collect();
        let weight = named["conv_out.weight"].copy();
        let half = weight.size()[0] / 2;
        (weight.narrow(0, 0, half), weight.narrow(0, half, half))
    };
    let (simple, hybrid, vlb) = (heads(Objective::Simple), heads(Objective::Hybrid), heads(Objective::Vlb));
    let largest = |x: &Tensor| x.abs().max().double_value(&[]);
    assert!(largest(&simple.0) > 0.0);
    assert_eq!(hybrid.0, simple.0);
    assert_eq!(largest(&simple.1), 0.0);
    assert!(largest(&hybrid.1) > 0.0);
    assert!(largest(&vlb.0) > 0.0, "pure L_vlb trains the mean");
}

/// Adam's first moment after one update shows the gradient: of two accumulated batches it is the mean of both.
#[test]
fn accumulated_gradients_are_averaged_over_their_batches() {
    let config = DdpmConfig::smoke();
    let moment = |accumulate: u64, step: u64| {
        let mut train = train_config();
        train.optim.clip = 0.0;
        train.optim.accumulate = accumulate;
        let mut learner = learner_of(&config, &train);
        shake(&mut learner);
        let loss = scalars(&mut learner, step)[0].1;
        let folder = tempfile::tempdir().unwrap();
        learner.groups()[0].save(folder.path(), &BTreeMap::new()).unwrap();
        let file = weights::read(&folder.path().join("model.adam_m.safetensors")).unwrap();
        let flat: Vec<Tensor> = file.tensors.values().map(|t| t.reshape([-1])).collect();
        (loss, Tensor::cat(&flat, 0))
    };
    let (first, second, both) = (moment(1, 2), moment(1, 3), moment(2, 1));
    let mean = (&first.1 + &second.1) / 2.0;
    let size = mean.abs().max().double_value(&[]);
    assert!(distance(&first.1, &second.1) > 1e-2 * size, "the batches must differ");
    assert!(distance(&both.1, &mean) < 1e-5 * size);
    assert!((both.0 / ((first.0 + second.0) / 2.0) - 1.0).abs() < 1e-6);
}

#[test]
fn every_parameterisation_and_precision_takes_steps() {
    for parameterisation in Parameterisation::ALL {
        let unet = UNetConfig { levels: vec![8], attention: vec![false], blocks: 1, groups: 4, dropout: 0.1 };
        let mut train = train_config();
        for precision in [Precision::F32, Precision::Bf16] {
            train.precision = precision;
            let model = DdpmConfig { parameterisation, unet: unet.clone(), ..DdpmConfig::smoke() };
            let mut learner = learner_of(&model, &train);
            let before = master(&mut learner);
            let line = scalars(&mut learner, 0);
            assert_eq!(line.iter().map(|s| s.0).collect::<Vec<_>>(), ["loss", "grad_norm"]);
            assert!(line.iter().all(|s| s.1.is_finite() && s.1 > 0.0), "{parameterisation:?} {precision:?}: {line:?}");
            assert!(distance(&master(&mut learner), &before) > 0.0);
        }
    }
}
