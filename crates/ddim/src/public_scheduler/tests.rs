use tch::{Device, Kind, Tensor};

use super::*;

const LATENT: &str = r#"{"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
    "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1"#;

fn scheduler(json: &str) -> Result<DdimScheduler, NnError> {
    DdimScheduler::new(DdimSchedulerConfig::from_json(json)?)
}

fn no_noise(_: usize) -> Result<Tensor, NnError> {
    unreachable!("a step without eta draws no noise")
}

fn network(x: &Tensor, t: i64) -> Tensor {
    (x / 2.0).tanh() + 0.1 * (t as f64 / 100.0).cos()
}

#[test]
fn chains_end_where_the_public_ones_do() {
    for (options, steps, expected) in [
        ("", 20, [4.223177, -1.316861, 0.745362, 12.726986]),
        ("", 50, [4.871005, -1.408081, 0.813187, 15.034022]),
        (
            r#", "timestep_spacing": "trailing", "set_alpha_to_one": true"#,
            20,
            [5.639917, -1.499670, 0.931103, 16.967357],
        ),
        (r#", "timestep_spacing": "linspace""#, 20, [5.087409, -1.435143, 0.897693, 15.071972]),
    ] {
        let json = match options.contains("set_alpha_to_one") {
            true => format!("{}{options}}}", LATENT.replace(r#""set_alpha_to_one": false, "#, "")),
            false => format!("{LATENT}{options}}}"),
        };
        let scheduler = scheduler(&json).unwrap();
        let x = Tensor::from_slice(&[1f32, -0.5, 0.25, 2.0]).reshape([1, 1, 2, 2]);
        let timesteps = scheduler.timesteps(steps).unwrap();
        let chain = scheduler.run(&timesteps, x, network, StepOptions::default(), no_noise).unwrap();
        let end = Vec::<f32>::try_from(chain[steps].flatten(0, -1)).unwrap();
        for (value, expected) in end.into_iter().map(f64::from).zip(expected) {
            let expected: f64 = expected;
            assert!((value - expected).abs() < 2e-5 * expected.abs().max(1.0), "{json}: {value}, not {expected}");
        }
    }
}

#[test]
fn every_step_with_eta_draws_noise() {
    let scheduler = scheduler("{}").unwrap();
    let (mut drawn, x) = (vec![], Tensor::ones([1, 1, 2, 2], (Kind::Float, Device::Cpu)));
    let noise = |k: usize| {
        drawn.push(k);
        Ok(x.zeros_like())
    };
    let options = StepOptions { eta: 1.0, ..StepOptions::default() };
    scheduler.run(&scheduler.timesteps(5).unwrap(), x.shallow_clone(), network, options, noise).unwrap();
    assert_eq!(drawn, [0, 1, 2, 3, 4]);
}

#[test]
fn clipping_may_change_epsilon_too() {
    let scheduler = scheduler("{}").unwrap();
    let x = Tensor::from(5f32).reshape([1, 1, 1, 1]);
    let end = |use_clipped_model_output: bool| {
        let options = StepOptions { eta: 0.0, use_clipped_model_output };
        scheduler.step(&x.zeros_like(), 500, 100, &x, options, || no_noise(0)).unwrap().double_value(&[0, 0, 0, 0])
    };
    let to = f64::from(scheduler.alphas_cumprod()[400]);
    assert!((end(false) - to.sqrt()).abs() < 1e-6, "x0 is clipped to 1, and epsilon is 0");
    let from = f64::from(scheduler.alphas_cumprod()[500]);
    let epsilon = (5.0 - from.sqrt()) / (1.0 - from).sqrt();
    assert!((end(true) - to.sqrt() - (1.0 - to).sqrt() * epsilon).abs() < 1e-5);
}

#[test]
fn inversion_undoes_a_step_with_the_same_output() {
    let up = DdimInverseScheduler::new(DdimInverseSchedulerConfig::from_json(r#"{"clip_sample": false}"#).unwrap());
    let down = scheduler(r#"{"clip_sample": false}"#).unwrap();
    let x = Tensor::from_slice(&[1f32, -0.5, 0.25, 2.0]).reshape([1, 1, 2, 2]);
    let output = x.tanh();
    let higher = up.unwrap().step(&output, 500, 100, &x).unwrap();
    let back = down.step(&output, 500, 100, &higher, StepOptions::default(), || no_noise(0)).unwrap();
    assert!((back - x).abs().max().double_value(&[]) < 1e-5);
}

#[test]
fn where_nothing_of_the_data_is_left_clipping_decides() {
    let options = r#"{"rescale_betas_zero_snr": true, "timestep_spacing": "trailing""#;
    let x = Tensor::from_slice(&[1f32, -0.5]).reshape([1, 1, 1, 2]);
    let step = |json: &str| {
        let output = x.zeros_like();
        scheduler(json).unwrap().step(&output, 999, 100, &x, StepOptions::default(), || no_noise(0))
    };
    let clipped = step(&format!("{options}}}")).unwrap();
    assert!(bool::try_from(clipped.sign().eq_tensor(&x.sign()).all()).unwrap(), "infinite x0 is clipped to its sign");
    let error = step(&format!(r#"{options}, "clip_sample": false}}"#)).unwrap_err().to_string();
    assert!(error.contains("prediction_type") && error.contains("predict v"), "{error}");
}

#[test]
fn unsupported_options_are_refused_by_name() {
    let refused = |json: &str, steps: usize| scheduler(json).and_then(|s| s.timesteps(steps)).unwrap_err().to_string();
    for (json, steps, key, value) in [
        (r#"{"beta_schedule": "laplace"}"#, 10, "beta_schedule", "laplace"),
        (r#"{"variance_type": "fixed_small"}"#, 10, "variance_type", "unknown field"),
        (r#"{"steps_offset": 1}"#, 1000, "steps_offset", "1000"),
        (r#"{"steps_offset": -1}"#, 10, "timesteps", "-1"),
        (r#"{"steps_offset": 9000000000000000000}"#, 10, "steps_offset", "9000000000000000000"),
        (r#"{"timestep_spacing": "trailing"}"#, 61, "num_inference_steps", "-1"),
        (r#"{"trained_betas": [0.1, 0.2]}"#, 10, "timesteps", "0 to 1"),
        (r#"{"dynamic_thresholding_ratio": 1.5}"#, 10, "dynamic_thresholding_ratio", "1.5"),
        (r#"{"num_train_timesteps": 0}"#, 10, "num_train_timesteps", "0"),
        ("{}", 0, "num_inference_steps", "0"),
        ("{}", 1001, "num_inference_steps", "1001"),
    ] {
        let message = refused(json, steps);
        assert!(message.contains(key) && message.contains(value), "{json} gave: {message}");
    }
    let inverse = DdimInverseSchedulerConfig::from_json(r#"{"timestep_spacing": "linspace"}"#).unwrap_err().to_string();
    assert!(inverse.contains("timestep_spacing") && inverse.contains("linspace"), "{inverse}");

    let arguments = |json: &str| StepOptions::from_arguments(&serde_json::from_str(json).unwrap());
    assert_eq!(arguments(r#"{"eta": 0.5}"#).unwrap().eta, 0.5);
    for json in [r#"{"eta": "much"}"#, r#"{"variance_noise": 1}"#] {
        let message = arguments(json).unwrap_err().to_string();
        assert!(message.contains("`step`"), "{json} gave: {message}");
    }
}

#[test]
fn eta_one_at_the_end_of_a_zero_snr_schedule_may_have_no_direction_left() {
    let json = r#"{"rescale_betas_zero_snr": true, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}"#;
    let x = Tensor::ones([1, 1, 1, 1], (Kind::Float, Device::Cpu));
    let options = StepOptions { eta: 1.01, ..StepOptions::default() };
    let error = scheduler(json).unwrap().step(&x, 999, 10, &x, options, || no_noise(0)).unwrap_err().to_string();
    assert!(error.contains("step.eta") && error.contains("1.01"), "{error}");
}
