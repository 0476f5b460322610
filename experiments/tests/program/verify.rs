//! `easel verify`: cases that hold, cases that do not, cases that are broken.

use std::fs;
use std::path::{Path, PathBuf};

use easel_core::weights;
use serde_json::Value;

use crate::{folder, good, path, refusal};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/parity/cases").join(name)
}

/// A copy of a case, to be changed.
fn copy(name: &str, to: &str) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(case(name)).expect("the case").flatten() {
        fs::copy(entry.path(), Path::new(to).join(entry.file_name())).expect("copied");
    }
}

fn edit(file: &Path, change: impl Fn(String) -> String) {
    let text = fs::read_to_string(file).expect("text");
    let changed = change(text.clone());
    assert_ne!(text, changed, "nothing was changed in {}", file.display());
    fs::write(file, changed).expect("written");
}

#[test]
fn cases_hold_and_what_was_computed_can_be_kept() {
    let folder = folder();
    let (network, sampler) = (case("unet2d_ddpm"), case("ddpm_linear"));
    let (network, sampler) = (network.to_str().expect("UTF-8"), sampler.to_str().expect("UTF-8"));
    let text = good(&["verify", network, sampler]);
    assert_eq!(text.matches("ok ").count(), 2, "{text}");
    let report: Value = serde_json::from_str(&good(&["verify", network, sampler, "--json"])).expect("JSON");
    assert!(report[0]["holds"] == true && report[1]["errors"]["trajectory"].as_f64() < Some(1e-4), "{report}");

    let out = path(&folder, "computed.safetensors");
    good(&["verify", sampler, "--save", &out]);
    let (mine, theirs) =
        (weights::read(Path::new(&out)), weights::read(&Path::new(sampler).join("outputs.safetensors")));
    let (mine, theirs) = (mine.expect("whole").tensors, theirs.expect("whole").tensors);
    assert_eq!(mine.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    assert!(refusal(&["verify", network, sampler, "--save", &out]).contains("--save"));
    assert!(refusal(&["verify", network, "--tolerance", "0"]).contains("--tolerance 0"));
}

#[test]
fn an_error_above_the_tolerance_fails_and_names_the_case() {
    let folder = folder();
    let to = path(&folder, "wrong");
    copy("unet2d_ddpm", &to);
    let file = Path::new(&to).join("outputs.safetensors");
    let output = &weights::read(&file).expect("whole").tensors["output"] + 0.01;
    weights::write(&file, &[("output".into(), output)], &Default::default()).expect("written");
    let text = refusal(&["verify", &to, case("ddpm_linear").to_str().expect("UTF-8")]);
    assert!(text.contains("1 of 2") && text.contains(&to), "{text}");
    good(&["verify", &to, "--tolerance", "0.02"]);
}

#[test]
fn broken_cases_are_refused_by_name() {
    let folder = folder();
    let mut number = 0;
    let mut refused = |name: &str, named: &[&str], change: &dyn Fn(&Path)| {
        number += 1;
        let to = path(&folder, &number.to_string());
        copy(name, &to);
        change(Path::new(&to));
        let text = refusal(&["verify", &to]);
        assert!(named.iter().all(|part| text.contains(part)) && text.contains(&to), "{named:?}: {text}");
    };
    let halve = |file: PathBuf| {
        let bytes = fs::read(&file).expect("bytes");
        fs::write(file, &bytes[..bytes.len() / 2]).expect("written");
    };
    refused("unet2d_ddpm", &["model.safetensors", "not a complete"], &|to| halve(to.join("model.safetensors")));
    refused("unet2d_ddpm", &["inputs.safetensors"], &|to| {
        fs::remove_file(to.join("inputs.safetensors")).expect("gone")
    });
    refused("unet2d_ddpm", &["config.json"], &|to| fs::remove_file(to.join("config.json")).expect("gone"));
    refused("unet2d_ddpm", &["config.json", "JSON"], &|to| halve(to.join("config.json")));
    refused("unet2d_ddpm", &["mismatched"], &|to| {
        edit(&to.join("config.json"), |t| t.replace("\"in_channels\": 2", "\"in_channels\": 3"))
    });
    refused("unet2d_ddpm", &["depth"], &|to| edit(&to.join("config.json"), |t| t.replacen('{', "{\"depth\": 3,", 1)));
    refused("unet2d_ddpm", &["UNet3DModel", "not supported"], &|to| {
        edit(&to.join("config.json"), |t| t.replace("UNet2DModel", "UNet3DModel"));
    });
    refused("ddpm_linear", &["LCMScheduler", "not supported"], &|to| {
        edit(&to.join("scheduler_config.json"), |t| t.replace("DDPMScheduler", "LCMScheduler"));
    });
    refused("ddpm_linear", &["beta_schedule", "zigzag"], &|to| {
        edit(&to.join("scheduler_config.json"), |t| t.replace("\"linear\"", "\"zigzag\""));
    });
    refused("ddpm_linear", &["noise", "draw"], &|to| {
        edit(&to.join("case.json"), |t| t.replace("\"steps\": 10", "\"steps\": 20"));
    });
}
