//! Parity with the public implementations, on cases written by `parity/make_cases.py`.

use std::path::{Path, PathBuf};

use easel_nn::parity::{Verdict, verify_unet2d};
use tch::Device;

const TOLERANCE: f64 = 1e-4;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/cases").join(name)
}

fn holds(name: &str, verdict: Verdict) {
    tch::set_num_threads(1);
    assert!(!verdict.errors.is_empty(), "{name}: nothing was compared");
    for (tensor, error) in &verdict.errors {
        assert!(*error <= TOLERANCE, "{name}: {tensor} differs by {error:e}");
    }
}

#[test]
fn networks_agree_with_the_public_implementation() {
    for name in ["unet2d_ddpm", "unet2d_scale_shift"] {
        holds(name, verify_unet2d(&case(name), Device::Cpu).unwrap_or_else(|e| panic!("{name}: {e}")));
    }
}

#[test]
fn samplers_agree_with_the_public_implementation() {
    for name in ["ddpm_linear", "ddpm_cosine_large", "ddpm_learned_range", "ddpm_v_thresholding"] {
        let verdict = ddpm::public_scheduler::verify_sampler_case(&case(name));
        holds(name, verdict.unwrap_or_else(|e| panic!("{name}: {e}")));
    }
}

#[test]
fn exponential_integrators_agree_with_the_public_implementation() {
    use solvers::public::{deis, dpm_multistep, dpm_singlestep, edm_dpm, unipc};
    type Verify = fn(&Path) -> Result<Verdict, easel_nn::NnError>;
    let cases: [(&str, Verify); 10] = [
        ("dpm_multistep_karras_heun_v", dpm_multistep::verify_sampler_case),
        ("dpm_multistep_third_order_lu", dpm_multistep::verify_sampler_case),
        ("dpm_multistep_sde_third_order_learned", dpm_multistep::verify_sampler_case),
        ("dpm_multistep_timesteps_thresholding", dpm_multistep::verify_sampler_case),
        ("dpm_singlestep_third_order", dpm_singlestep::verify_sampler_case),
        ("dpm_singlestep_flow", dpm_singlestep::verify_sampler_case),
        ("edm_dpm_third_order_exponential", edm_dpm::verify_sampler_case),
        ("unipc_third_order_noise", unipc::verify_sampler_case),
        ("unipc_flow_sigmas", unipc::verify_sampler_case),
        ("deis_third_order", deis::verify_sampler_case),
    ];
    for (name, verify) in cases {
        holds(name, verify(&case(name)).unwrap_or_else(|e| panic!("{name}: {e}")));
    }
}

#[test]
fn ddim_and_solvers_in_sigma_agree_with_the_public_implementation() {
    let cases = [
        ("ddim_eta_thresholding", "DDIMScheduler"),
        ("ddim_zero_snr_v", "DDIMScheduler"),
        ("ddim_inverse_trailing", "DDIMInverseScheduler"),
        ("euler_karras_churn", "EulerDiscreteScheduler"),
        ("euler_log_linear_continuous", "EulerDiscreteScheduler"),
        ("euler_sigmas", "EulerDiscreteScheduler"),
        ("euler_ancestral_zero_snr", "EulerAncestralDiscreteScheduler"),
        ("heun_exp_beta_clip", "HeunDiscreteScheduler"),
        ("heun_timesteps", "HeunDiscreteScheduler"),
        ("kdpm2_karras", "KDPM2DiscreteScheduler"),
        ("kdpm2_ancestral_exponential", "KDPM2AncestralDiscreteScheduler"),
        ("lms_order_three", "LMSDiscreteScheduler"),
        ("pndm_runge_kutta_v", "PNDMScheduler"),
        ("pndm_multistep_trailing", "PNDMScheduler"),
        ("edm_euler_churn", "EDMEulerScheduler"),
    ];
    for (name, class) in cases {
        let verdict = ddim::public_scheduler::verify_sampler_case(class, &case(name))
            .or_else(|| solvers::public::verify_sampler_case(class, &case(name)));
        let verdict = verdict.unwrap_or_else(|| panic!("{name}: no such class as {class}"));
        holds(name, verdict.unwrap_or_else(|e| panic!("{name}: {e}")));
    }
}

#[test]
fn a_wrong_output_is_noticed() {
    let folder = tempfile::TempDir::new().expect("a folder");
    for file in ["scheduler_config.json", "case.json", "inputs.safetensors"] {
        std::fs::copy(case("ddpm_linear").join(file), folder.path().join(file)).expect("copied");
    }
    let other = case("ddpm_v_thresholding").join("outputs.safetensors");
    std::fs::copy(other, folder.path().join("outputs.safetensors")).expect("copied");
    let verdict = ddpm::public_scheduler::verify_sampler_case(folder.path()).expect("the same shapes");
    assert!(verdict.worst() > TOLERANCE);
}
