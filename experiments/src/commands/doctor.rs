//! `easel doctor`: the run-time part; `cargo easel doctor` prints the set-up part before it.

use anyhow::Result;
use ddpm::learner::Precision;
use serde_json::{Value, json};

use crate::experiment::registry;
use crate::papers::ddpm::settings::native_precision;

/// Prints what this program found.
pub fn doctor(as_json: bool) -> Result<()> {
    let found = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "threads": tch::get_num_threads(),
        "interop_threads": tch::get_num_interop_threads(),
        "instruction_sets": instruction_sets(),
        "bf16_in_hardware": native_precision() == Precision::Bf16,
        "devices": devices(),
        "experiments": registry().iter().map(|e| e.name()).collect::<Vec<_>>(),
        "data": super::data::table()?,
    });
    if as_json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    println!("program");
    for (key, value) in found.as_object().into_iter().flatten().filter(|(key, _)| *key != "data") {
        println!("  {:<18} {}", key.replace('_', " "), plain(value));
    }
    println!("data");
    for row in super::data::table()? {
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
