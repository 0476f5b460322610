//! MANIFEST.json: what an export was made from, and what it holds. No dates: the same export has the same manifest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::source::Provenance;

/// Name of the file.
pub const NAME: &str = "MANIFEST.json";

/// By this the file is known as ours.
const GENERATOR: &str = "easel export";

/// Contents by path; folders are separated by `/`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The manifest of files, which do not include it.
pub fn text(papers: &[(String, Provenance)], files: &Files) -> String {
    let papers: serde_json::Map<String, Value> =
        papers.iter().map(|(name, provenance)| (name.clone(), json!(provenance))).collect();
    let entry = |bytes: &Vec<u8>| json!({"blake3": blake3::hash(bytes).to_hex().as_str(), "bytes": bytes.len()});
    let files: serde_json::Map<String, Value> =
        files.iter().map(|(path, bytes)| (path.clone(), entry(bytes))).collect();
    format!("{:#}\n", json!({"generator": GENERATOR, "papers": papers, "files": files}))
}

/// The paths that a manifest names; none where it is not one of ours.
pub fn paths(text: &str) -> Option<BTreeSet<String>> {
    let manifest: Value = serde_json::from_str(text).ok()?;
    let ours = manifest["generator"] == GENERATOR;
    let files = manifest["files"].as_object().filter(|_| ours)?;
    Some(files.keys().cloned().chain([NAME.to_owned()]).collect())
}
