//! `easel verify`: parity with reference tensors.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use easel_core::weights;
use easel_nn::parity::{Verdict, verify_unet2d};
use serde_json::{Value, json};
use tch::Device;

/// Verifies each case; an error names the cases above the tolerance.
pub fn verify(
    cases: &[std::path::PathBuf],
    tolerance: f64,
    save: Option<&Path>,
    as_json: bool,
    device: Device,
) -> Result<()> {
    anyhow::ensure!(tolerance > 0.0, "--tolerance {tolerance}: above 0");
    anyhow::ensure!(save.is_none() || cases.len() == 1, "--save takes one case");
    let (mut failed, mut report) = (Vec::new(), Vec::new());
    for case in cases {
        let verdict = verify_case(case, device).with_context(|| format!("case {}", case.display()))?;
        if let Some(path) = save {
            weights::write(path, &verdict.computed, &BTreeMap::new())?;
        }
        let holds = verdict.worst() <= tolerance;
        if as_json {
            let errors: BTreeMap<_, _> = verdict.errors.iter().cloned().collect();
            report.push(json!({"case": case, "errors": errors, "worst": verdict.worst(), "holds": holds}));
        } else {
            println!("{} {}", if holds { "ok  " } else { "FAIL" }, case.display());
            for (name, error) in &verdict.errors {
                println!("       {name:<20} {error:.2e}");
            }
            if verdict.errors.is_empty() {
                println!("       no outputs to compare with");
            }
        }
        if !holds {
            failed.push(case.display().to_string());
        }
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    if !failed.is_empty() {
        bail!("{} of {} cases above the tolerance {tolerance:e}: {}", failed.len(), cases.len(), failed.join(", "));
    }
    Ok(())
}

/// Dispatches on the class that the case's configuration names.
fn verify_case(case: &Path, device: Device) -> Result<Verdict> {
    let path = ["config.json", "scheduler_config.json"].map(|f| case.join(f)).into_iter().find(|p| p.is_file());
    let path = path.with_context(|| "neither config.json nor scheduler_config.json is there".to_string())?;
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let config: Value = serde_json::from_str(&easel_nn::public::without_infinity(&text))
        .with_context(|| format!("{} is not JSON", path.display()))?;
    let Some(class) = config["_class_name"].as_str() else {
        bail!("{} names no _class_name", path.display());
    };
    let solver = || {
        ddim::public_scheduler::verify_sampler_case(class, case)
            .or_else(|| solvers::public::verify_sampler_case(class, case))
    };
    match class {
        "UNet2DModel" => Ok(verify_unet2d(case, device)?),
        "DDPMScheduler" => Ok(ddpm::public_scheduler::verify_sampler_case(case)?),
        _ => match solver() {
            Some(verdict) => Ok(verdict?),
            None => bail!("the class {class} is not supported; supported: {}", supported().join(", ")),
        },
    }
}

/// Every class that has cases.
fn supported() -> Vec<&'static str> {
    let ours = ["UNet2DModel", "DDPMScheduler"].as_slice();
    [ours, &ddim::public_scheduler::CLASSES, solvers::public::CLASSES].concat()
}
