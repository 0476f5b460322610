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
