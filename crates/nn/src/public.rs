//! Published files in the `diffusers` layout: configurations, and folders of weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use easel_core::weights::{Weights, WeightsError, read};
use serde::Deserialize;

use crate::error::NnError;

/// Names under which weights are published, in the order in which they are tried.
const FILES: [&str; 2] = ["diffusion_pytorch_model.safetensors", "model.safetensors"];

/// Names that attention layers had in older files, and have now.
const OLD_ATTENTION: [(&str, &str); 4] =
    [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")];

/// The index of a checkpoint in several files.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Public JSON text with the infinities that JSON does not know but the public code writes as null.
pub fn without_infinity(text: &str) -> String {
    let outside = |(i, part): (usize, &str)| match i % 2 {
        0 => part.replace("-Infinity", "null").replace("Infinity", "null"),
        _ => part.to_owned(),
    };
    text.split('"').enumerate().map(outside).collect::<Vec<_>>().join("\"")
}

/// Reads a public JSON configuration of the class `class`, without the keys that describe the file.
///
/// # Errors
/// Text that is not a JSON object, another `_class_name`, an unknown key or an unsuitable value, by name.
pub fn public_json<T: serde::de::DeserializeOwned>(text: &str, class: &str) -> Result<T, NnError> {
    let refuse = |key: &str, message: String| NnError::ConfigKey { key: key.to_owned(), message };
    let mut keys: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&without_infinity(text)).map_err(|e| refuse(".", format!("not a JSON object: {e}")))?;
    if let Some(found) = keys.get("_class_name")
        && found != class
    {
        return Err(refuse("_class_name", format!("found {found}, expected \"{class}\"")));
    }
    keys.retain(|key, _| !key.starts_with('_'));
    serde_path_to_error::deserialize(serde_json::Value::Object(keys))
        .map_err(|e| refuse(&e.path().to_string(), e.into_inner().to_string()))
}

/// Reads all weights of a folder, from one file or from the shards that an `.index.json` lists; names of older
/// attention layers become today's.
///
/// # Errors
/// No weights, a damaged file, or shards that do not hold what the index says.
pub fn read_weights(folder: &Path) -> Result<Weights, NnError> {
    for name in FILES {
        let whole = folder.join(name);
        if whole.is_file() {
            return Ok(renamed(read(&whole)?)?);
        }
        let index = folder.join(format!("{name}.index.json"));
        if index.is_file() {
            return Ok(renamed(read_shards(&index)?)?);
        }
    }
    let message = format!("no weights here, expected {} or either with .index.json", FILES.join(" or "));
    Err(NnError::File { path: folder.to_owned(), message })
}

fn read_shards(path: &Path) -> Result<Weights, NnError> {
    let wrong = |message: String| NnError::File { path: path.to_owned(), message };
    let text = std::fs::read_to_string(path).map_err(|source| NnError::Read { path: path.to_owned(), source })?;
    let index: Index = serde_json::from_str(&text).map_err(|e| wrong(format!("not an index of shards: {e}")))?;
    let mut by_shard: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, shard) in &index.weight_map {
        by_shard.entry(shard).or_default().push(key);
    }
    let mut all = Weights { path: path.to_owned(), tensors: BTreeMap::new(), metadata: BTreeMap::new() };
    for (shard, keys) in by_shard {
        if PathBuf::from(shard).file_name() != Some(shard.as_ref()) {
            return Err(wrong(format!("the shard \"{shard}\" is not a file name")));
        }
        let mut weights = read(&path.with_file_name(shard))?;
        for key in keys {
            let tensor = weights.tensors.remove(key).ok_or_else(|| wrong(format!("\"{key}\" is not in {shard}")))?;
            all.tensors.insert(key.to_owned(), tensor);
        }
        if let Some(key) = weights.tensors.keys().next() {
            return Err(wrong(format!("{shard} holds \"{key}\", which the index does not list there")));
        }
    }
    Ok(all)
}

fn renamed(weights: Weights) -> Result<Weights, WeightsError> {
    let mut tensors = BTreeMap::new();
    for (old, tensor) in weights.tensors {
        let key = attention_key(&old);
        if tensors.insert(key.clone(), tensor).is_some() {
            return Err(WeightsError::DuplicateKey { path: weights.path, key });
        }
    }
    Ok(Weights { tensors, ..weights })
}

/// Today's name of a parameter of an older attention layer: `..attentions.0.query.weight` is
/// `..attentions.0.to_q.weight`; other names stay.
pub fn attention_key(key: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    if let [.., "attentions", _, layer, leaf] = parts.as_slice()
        && let Some((_, new)) = OLD_ATTENTION.iter().find(|(old, _)| old == layer)
    {
        let place = &key[..key.len() - layer.len() - leaf.len() - 1];
        return format!("{place}{new}.{leaf}");
    }
    key.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinity_is_read_outside_of_strings_alone() {
        let text = r#"{"lambda_min_clipped": -Infinity, "s_tmax": Infinity, "a": "-Infinity"}"#;
        assert_eq!(without_infinity(text), r#"{"lambda_min_clipped": null, "s_tmax": null, "a": "-Infinity"}"#);
    }
}
