//! The published sentence encoder; the numbers need its weights.

use std::path::PathBuf;

use easel_text::{MiniLm, TextVectors};
use tch::{Device, Kind};

use crate::common::distance;

/// The weights in the user's cache, where `easel data fetch minilm` puts them.
fn folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = variable("EASEL_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|c| c.join("easel")))
        .or_else(|| variable("HOME").map(|h| h.join(".cache/easel")))?;
    let folder = cache.join("data/minilm");
    if folder.join("model.safetensors").exists() {
        return Some(folder);
    }
    eprintln!("ignored: {} does not hold the weights; `easel data fetch minilm` gets them", folder.display());
    None
}

#[test]
fn it_has_the_published_size() {
    // 22.7 million, of which the word table is 11.7.
    assert_eq!(MiniLm::parameters().unwrap(), 22_713_216);
}

#[test]
fn published_similarities() {
    let Some(folder) = folder() else { return };
    let model = MiniLm::load(&folder, Device::Cpu).unwrap();
    let sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."];
    let v = model.sentences(&sentences).unwrap();
    assert_eq!((v.size(), v.kind()), (vec![3, 384], Kind::Float));
    let similarity = v.matmul(&v.tr());
    for (i, j, expected) in [(0, 1, 0.6660), (0, 2, 0.1046), (1, 2, 0.1411)] {
        let found = similarity.double_value(&[i, j]);
        assert!((found - expected).abs() < 5e-5, "{i} {j}: {found}, published {expected}");
    }
    for k in 0..3 {
        assert!((similarity.double_value(&[k, k]) - 1.0).abs() < 1e-6);
    }

    // Padding and batch mates change nothing.
    let alone = model.sentences(&sentences[1..2]).unwrap();
    let long = "a very long sentence about ".repeat(20);
    let padded = model.sentences(&[sentences[1], &long]).unwrap();
    assert!(distance(&alone.get(0), &padded.get(0)) < 1e-5);
    let tokens = model.tokens(&["sunny", &"word ".repeat(400)]).unwrap();
    assert_eq!(tokens.lengths, [3, 256]); // [CLS] sunny [SEP]; as much as is read
    assert_eq!(model.states(&tokens).unwrap().size(), [2, 256, 384]);

    // Kept vectors are those of the model, but for half precision.
    let path = tempfile::tempdir().unwrap();
    let kept = TextVectors::cached(&path.path().join("v.safetensors"), "minilm", &sentences, |c| model.sentences(c));
    assert!(distance(&kept.unwrap().vectors(), &v) < 1e-3);
}

#[test]
fn a_file_with_other_keys_is_refused() {
    let Some(folder) = folder() else { return };
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("tokenizer.json"), other.path().join("tokenizer.json")).unwrap();
    let file = easel_core::weights::read(&folder.join("model.safetensors")).unwrap();
    let mut tensors: Vec<_> = file.tensors.into_iter().filter(|(key, _)| !key.starts_with("pooler")).collect();
    tensors.push(("extra".into(), tch::Tensor::from(1f32)));
    easel_core::weights::write(&other.path().join("model.safetensors"), &tensors, &Default::default()).unwrap();
    let error = MiniLm::load(other.path(), Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("pooler.dense.weight") && error.contains("extra"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let error = MiniLm::load(empty.path(), Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json"), "{error}");
}
