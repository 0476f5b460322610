use easel_nn::NnError;
use tch::Tensor;

use super::chain::Grid;
use super::edm_euler::EdmConfig;
use super::euler::{Churn, EulerConfig, EulerDiscrete};
use super::euler_ancestral::{EulerAncestralConfig, EulerAncestralDiscrete, ancestral_levels};
use super::heun::{HeunConfig, HeunDiscrete};
use super::kdpm2::{Kdpm2Config, Kdpm2Discrete};
use super::lms::{LmsConfig, LmsDiscrete, lms_weights};
use super::options::Options;
use super::pndm::{Pndm, PndmConfig};
use super::sigmas::{beta, beta_quantile, exponential, karras, linspace, log_table, sigma_at, sigma_to_t};

/// The options of a latent diffusion model, and more.
fn latent(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(r#"{{"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012{comma} {more}}}"#)
}

fn network(x: &Tensor, t: f64) -> Tensor {
    (x / 2.0).tanh() + 0.1 * (t / 100.0).cos()
}

fn start() -> Tensor {
    Tensor::from_slice(&[1f32, -0.5, 0.25, 2.0]).reshape([1, 1, 2, 2])
}

fn no_noise() -> Result<Tensor, NnError> {
    unreachable!("this chain draws no noise")
}

fn still() -> Churn {
    Churn::from_arguments(&serde_json::Map::new()).unwrap()
}

fn euler(more: &str) -> Result<EulerDiscrete, NnError> {
    EulerDiscrete::new(EulerConfig::from_json(&latent(more))?)
}

fn ends(name: &str, chain: Result<Vec<Tensor>, NnError>, expected: [f64; 4]) {
    let chain = chain.unwrap_or_else(|e| panic!("{name}: {e}"));
    let end = Vec::<f32>::try_from(chain[chain.len() - 1].flatten(0, -1)).unwrap();
    for (value, expected) in end.into_iter().map(f64::from).zip(expected) {
        assert!((value - expected).abs() < 2e-5 * expected.abs().max(1.0), "{name}: {value}, not {expected}");
    }
}

#[test]
fn chains_in_sigma_end_where_the_public_ones_do() {
    for (name, more, expected) in [
        ("linspace", "", [5.636706, -1.498294, 0.934712, 16.923860]),
        ("leading", r#""timestep_spacing": "leading", "steps_offset": 1"#, [4.193724, -1.303448, 0.732302, 12.700315]),
        ("Karras", r#""use_karras_sigmas": true"#, [5.610132, -1.512447, 0.935615, 16.871133]),
    ] {
        let scheduler = euler(more).unwrap();
        let grid = scheduler.grid(20).unwrap();
        ends(name, scheduler.run(&grid, &start(), network, still(), no_noise), expected);
    }

    let heun = HeunDiscrete::new(HeunConfig::from_json(&latent("")).unwrap()).unwrap();
    let chain = heun.run(&heun.grid(20, None).unwrap(), &start(), network);
    ends("Heun", chain, [5.209628, -1.443386, 0.821429, 16.541987]);

    let config = Kdpm2Config::from_json(&latent(""), "KDPM2DiscreteScheduler").unwrap();
    let kdpm2 = Kdpm2Discrete::new(config).unwrap();
    let chain = kdpm2.run(&kdpm2.grid(20, None).unwrap(), &start(), network, no_noise);
    ends("KDPM2", chain, [5.231521, -1.441548, 0.830756, 16.548186]);

    let lms = LmsDiscrete::new(LmsConfig::from_json(&latent("")).unwrap()).unwrap();
    let chain = lms.run(&lms.grid(20).unwrap(), &start(), network, 4);
    ends("LMS", chain, [5.370430, -1.465583, 0.857545, 16.709790]);
}

#[test]
fn pseudo_numerical_chains_end_where_the_public_ones_do() {
    for (name, more, expected) in [
        ("PLMS", r#""skip_prk_steps": true, "steps_offset": 1"#, [3.936687, -1.292650, 0.666253, 12.427162]),
        ("PRK", r#""steps_offset": 1"#, [3.935816, -1.295589, 0.664932, 12.429384]),
    ] {
        let pndm = Pndm::new(PndmConfig::from_json(&latent(more)).unwrap()).unwrap();
        ends(name, pndm.run(&pndm.grid(20).unwrap(), &start(), network), expected);
    }
    let pndm = Pndm::new(PndmConfig::from_json(&latent(r#""skip_prk_steps": true, "steps_offset": 1"#)).unwrap());
    assert_eq!(pndm.unwrap().grid(50).unwrap().timesteps[..5], [981, 961, 961, 941, 921]);
}

#[test]
fn grids_are_those_of_the_public_classes() {
    let close = |a: f32, b: f32| (a - b).abs() < 2e-5 * b.max(1.0);
    let grid = euler("").unwrap().grid(10).unwrap();
    assert!(close(grid.sigmas[0], 14.61465) && close(grid.sigmas[1], 7.83988) && close(grid.sigmas[9], 0.02917));
    assert_eq!((grid.timesteps[1], grid.sigmas[10]), (888.0, 0.0));
    let leading = euler(r#""timestep_spacing": "leading", "steps_offset": 1"#).unwrap().grid(10).unwrap();
    assert!(close(leading.initial_scale(easel_nn::public_schedule::TimestepSpacing::Leading), 8.450067));

    let golden = [80.0, 57.58598, 40.78557, 28.37458, 19.35245, 12.91008, 8.40094, 5.31519, 3.25682, 1.92334];
    for (sigma, expected) in karras(80.0, 0.002, 18, 7.0).into_iter().zip(golden) {
        assert!(close(sigma as f32, expected), "{sigma}, not {expected}");
    }
    let mut options = Options::of_config("{}", "EDMEulerScheduler").unwrap();
    let edm = EdmConfig::take(&mut options).unwrap().grid(&linspace(0.0, 1.0, 18)).unwrap();
    assert!(close(edm.sigmas[5], 12.91008) && close(edm.timesteps[5] as f32, 0.25 * 12.91008f32.ln()));
}

#[test]
fn spacings_have_both_ends_and_one_level_is_the_highest() {
    for (name, levels) in [("exponential", exponential(10.0, 0.1, 5)), ("beta", beta(10.0, 0.1, 5))] {
        assert!((levels[0] - 10.0).abs() < 1e-12 && (levels[4] - 0.1).abs() < 1e-12, "{name}: {levels:?}");
        assert!(levels.is_sorted_by(|a, b| a > b), "{name}: {levels:?}");
    }
    assert_eq!(linspace(3.0, 1.0, 1), [3.0]);
    for (p, expected) in [
        (1e-6, 1.8558824624053043e-10),
        (0.001, 1.855873851745199e-5),
        (0.1, 0.03958440558878085),
        (0.25, 0.17568037865269498),
        (0.5, 0.5),
        (0.9, 0.9604155944112192),
        (0.999, 0.9999814412614826),
    ] {
        assert!((beta_quantile(p) - expected).abs() < 1e-9, "{p}: {}, not {expected}", beta_quantile(p));
    }
}

#[test]
fn timesteps_and_levels_are_inverse_within_a_table_and_clamped_beyond() {
    let sigmas: Vec<f32> = (0..50).map(|i| 0.05 * 1.12f32.powi(i)).collect();
    let logs = log_table(&sigmas);
    for t in [0.0, 7.0, 49.0] {
        assert!((sigma_to_t(sigma_at(t, &sigmas), &logs) - t).abs() < 1e-4);
    }
    assert_eq!((sigma_to_t(0.0, &logs), sigma_to_t(1e9, &logs)), (0.0, 49.0));
    assert_eq!((sigma_at(-3.0, &sigmas), sigma_at(99.0, &sigmas)), (f64::from(sigmas[0]), f64::from(sigmas[49])));
    assert!(sigma_to_t(1.0, &logs[..1]).is_nan());
}

#[test]
fn weights_of_slopes_are_those_of_adams_and_bashforth() {
    for (nodes, expected) in [
        (vec![0.0], vec![-1.0]),
        (vec![0.0, 1.0], vec![-1.5, 0.5]),
        (vec![0.0, 1.0, 2.0, 3.0], vec![-55.0 / 24.0, 59.0 / 24.0, -37.0 / 24.0, 9.0 / 24.0]),
    ] {
        for (weight, expected) in lms_weights(&nodes, -1.0).into_iter().zip(expected) {
            assert!((weight - expected).abs() < 1e-6, "{weight}, not {expected}");
        }
    }
    assert!(lms_weights(&[1.0, 1.0], 0.5).iter().any(|weight| !weight.is_finite()));
}

#[test]
fn ancestral_levels_have_the_variance_of_the_next() {
    let (down, up) = ancestral_levels(3.0, 2.0);
    assert!((down * down + up * up - 4.0).abs() < 1e-5 && (up - (4.0 * 5.0 / 9.0f32).sqrt()).abs() < 1e-6);
    assert_eq!(ancestral_levels(3.0, 0.0), (0.0, 0.0));
}

#[test]
fn ancestral_classes_draw_at_the_end_of_steps_and_churn_before_them() {
    let drawn = std::cell::Cell::new(0);
    let draw = || {
        drawn.set(drawn.get() + 1);
        Ok(start().zeros_like())
    };
    let ancestral = EulerAncestralDiscrete::new(EulerAncestralConfig::from_json(&latent("")).unwrap()).unwrap();
    ancestral.run(&ancestral.grid(6).unwrap(), &start(), network, draw).unwrap();
    assert_eq!(drawn.replace(0), 6);

    let config = Kdpm2Config::from_json(&latent(""), "KDPM2AncestralDiscreteScheduler").unwrap();
    let kdpm2 = Kdpm2Discrete::new(config).unwrap();
    let grid = kdpm2.grid(6, None).unwrap();
    assert_eq!(kdpm2.run(&grid, &start(), network, draw).unwrap().len(), 12);
    assert_eq!(drawn.replace(0), 5);

    let euler = euler("").unwrap();
    let grid = euler.grid(6).unwrap();
    let churn = Churn { s_churn: 1.0, s_tmin: 1.0, s_tmax: 10.0, s_noise: 1.0 };
    euler.run(&grid, &start(), network, churn, draw).unwrap();
    assert_eq!(drawn.get(), grid.sigmas[..6].iter().filter(|sigma| (1.0..=10.0).contains(*sigma)).count());
}

#[test]
fn unsupported_options_are_refused_by_name() {
    let names = |message: String, words: [&str; 2]| {
        assert!(words.iter().all(|word| message.contains(word)), "{words:?} are not in: {message}");
    };
    let both = r#""use_karras_sigmas": true, "use_beta_sigmas": true"#;
    names(EulerConfig::from_json(&latent(both)).unwrap_err().to_string(), ["use_karras_sigmas", "use_beta_sigmas"]);
    for (more, key, word) in [
        (r#""beta_schedul": "linear""#, "beta_schedul", "unknown"),
        (r#""interpolation_type": "cubic""#, "interpolation_type", "cubic"),
        (r#""use_karras_sigmas": null"#, "use_karras_sigmas", "null"),
        (r#""sigma_min": -1.0"#, "sigma_min", "-1"),
        (r#""num_train_timesteps": 0"#, "num_train_timesteps", "0"),
    ] {
        names(EulerConfig::from_json(&latent(more)).unwrap_err().to_string(), [key, word]);
    }
    let exp = r#"{"beta_schedule": "exp"}"#;
    names(LmsConfig::from_json(exp).unwrap_err().to_string(), ["beta_schedule", "exp"]);
    assert!(HeunConfig::from_json(exp).is_ok());
    let sample = r#"{"prediction_type": "sample"}"#;
    names(EulerAncestralConfig::from_json(sample).unwrap_err().to_string(), ["prediction_type", "sample"]);
    names(PndmConfig::from_json(sample).unwrap_err().to_string(), ["prediction_type", "sample"]);
    assert!(EulerConfig::from_json(r#"{"prediction_type": "original_sample"}"#).is_ok());
    let beyond = r#"{"steps_offset": 9000000000000000000}"#;
    names(PndmConfig::from_json(beyond).unwrap_err().to_string(), ["steps_offset", "9000000000000000000"]);
}

#[test]
fn grids_that_the_public_classes_cannot_run_through_are_refused() {
    let names = |grid: Result<Grid, NnError>, words: [&str; 2]| {
        let message = grid.unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{words:?} are not in: {message}");
    };
    names(euler("").unwrap().grid(0), ["num_inference_steps", "0"]);
    names(euler("").unwrap().grid(usize::MAX), ["num_inference_steps", "1000000"]);
    names(euler("").unwrap().grid_of_timesteps(&[900.0, 900.0, 5.0]), ["timesteps", "900"]);
    names(euler(r#""timestep_spacing": "leading""#).unwrap().grid(1500), ["timesteps", "fewer steps"]);
    names(euler(r#""use_karras_sigmas": true"#).unwrap().grid_of_timesteps(&[9.0]), ["use_karras_sigmas", "true"]);
    names(euler("").unwrap().grid_of_sigmas(vec![1.0]), ["sigmas", "two"]);
    names(euler("").unwrap().grid_of_sigmas(vec![1.0, 0.0, 0.0]), ["sigmas", "0"]);
    names(euler(r#""beta_start": 0.0"#).map(|_| unreachable!("no noise at timestep 0")), ["beta_schedule", "sigma 0"]);

    let pndm = Pndm::new(PndmConfig::from_json("{}").unwrap()).unwrap();
    assert!(pndm.grid(3).unwrap_err().to_string().contains("4 to"));
    let far = r#"{"beta_start": 0.0001, "beta_end": 0.04, "use_beta_sigmas": true}"#;
    let kdpm2 = Kdpm2Config::from_json(far, "KDPM2AncestralDiscreteScheduler").and_then(Kdpm2Discrete::new).unwrap();
    assert!(kdpm2.grid(2, None).unwrap_err().to_string().contains("fresh noise"));
    let lms = LmsDiscrete::new(LmsConfig::from_json(&latent("")).unwrap()).unwrap();
    let order = lms.run(&lms.grid(3).unwrap(), &start(), network, 0).unwrap_err();
    assert!(order.to_string().contains("step.order"));
    let arguments = serde_json::from_str(r#"{"s_chrun": 1.0}"#).unwrap();
    assert!(Churn::from_arguments(&arguments).unwrap_err().to_string().contains("step.s_chrun"));
}
