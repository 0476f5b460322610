//! `easel doctor`: the run-time part; the set-up part comes from `cargo easel doctor` in `EASEL_DOCTOR`.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::experiment::registry;

/// Prints what this program found.
pub fn doctor(as_json: bool) -> Result<()> {
    let setup: Option<Value> = std::env::var("EASEL_DOCTOR").ok().and_then(|t| serde_json::from_str(&t).ok());
    let mut found = match setup {
        Some(Value::Object(setup)) => setup,
        _ => Map::new(),
    };
    found.insert("program".into(), json!({
        "version": env!("CARGO_PKG_VERSION"),
        "threads": tch::get_num_threads(),
        "interop_threads": tch::get_num_interop_threads(),
        "instruction_sets": instruction_sets(),
        "devices": devices(),
        "bf16_in_hardware": crate::papers::ddpm::settings::native_precision() == ddpm::learner::Precision::Bf16,
        "experiments": registry().iter().map(|e| e.name()).collect::<Vec<_>>(),
    }));
    found.insert("data".into(), json!(super::data::table()));
    if as_json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    let program = &found["program"];
    println!("program");
    for (key, value) in program.as_object().into_iter().flatten() {
        println!("  {:<18} {}", key.replace('_', " "), plain(value));
    }
    println!("data");
    for row in super::data::table() {
        println!("  {:<18} {}", row.name, row.state);
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn devices() -> Vec<String> {
    let mut devices = vec!["cpu".to_string()];
    devices.extend((0..tch::Cuda::device_count()).map(|i| format!("cuda:{i}")));
    if tch::utils::has_mps() {
        devices.push("mps".into());
    }
    devices
}

#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> Vec<&'static str> {
    let mut found = Vec::new();
    macro_rules! probe {
        ($($name:tt),*) => { $( if std::arch::is_x86_feature_detected!($name) { found.push($name); } )* };
    }
    probe!("avx2", "fma", "avx512f", "avx512bw", "avx512vnni", "avx512bf16");
    found
}

#[cfg(not(target_arch = "x86_64"))]
fn instruction_sets() -> Vec<&'static str> {
    vec![std::env::consts::ARCH]
}
