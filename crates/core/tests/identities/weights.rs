//! Weight files: everything that is not exactly right is refused, and nothing is half done.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use easel_core::weights::{WeightsError, load_cast, load_strict, read, write};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;

type Named = Vec<(String, Tensor)>;

fn named(entries: Vec<(&str, Tensor)>) -> Named {
    entries.into_iter().map(|(key, tensor)| (key.to_owned(), tensor)).collect()
}

fn model() -> Named {
    named(vec![
        ("conv.weight", Tensor::arange(8, (Kind::Float, Device::Cpu)).reshape([4, 2])),
        ("conv.bias", Tensor::from_slice(&[0.5f32, -1.0, 2.0, 3.5])),
        ("steps", Tensor::from_slice(&[7i64])),
    ])
}

fn zeros() -> Named {
    model().into_iter().map(|(key, tensor)| (key, tensor.zeros_like())).collect()
}

fn metadata() -> BTreeMap<String, String> {
    [("paper", "ddpm"), ("config", "small")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

fn saved(tensors: &Named) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path, tensors, &metadata()).unwrap();
    (folder, path)
}

fn equal(a: &Tensor, b: &Tensor) -> bool {
    a.kind() == b.kind() && a.size() == b.size() && a.equal(b)
}

/// Loads into zeros, expects a refusal that leaves them zero, and returns the message.
fn refusal(file: &Path, mut targets: Named) -> String {
    let before: Vec<Tensor> = targets.iter().map(|(_, t)| t.copy()).collect();
    let error = load_strict(&mut targets, &read(file).unwrap()).unwrap_err();
    for ((key, after), before) in targets.iter().zip(&before) {
        assert!(equal(after, before), "{key} was touched");
    }
    assert!(matches!(error, WeightsError::Mismatch { .. }));
    error.to_string()
}

#[test]
fn tensors_and_metadata_survive_the_round_trip() {
    let (_folder, path) = saved(&model());
    let file = read(&path).unwrap();
    assert_eq!(file.metadata, metadata());
    let mut targets = zeros();
    load_strict(&mut targets, &file).unwrap();
    for ((key, loaded), (_, original)) in targets.iter().zip(&model()) {
        assert!(equal(loaded, original), "{key}");
    }
}

#[test]
fn every_supported_type_and_shape_survives() {
    let x = Tensor::from_slice(&[0.0f64, 1.0, -2.5, 3.0, 0.25, 100.0]);
    let kinds = [Kind::Half, Kind::BFloat16, Kind::Float, Kind::Double, Kind::Int64, Kind::Uint8, Kind::Bool];
    let mut tensors: Named = kinds.iter().map(|&kind| (format!("{kind:?}"), x.abs().to_kind(kind))).collect();
    tensors.extend(named(vec![
        ("scalar", Tensor::from(1.5f32)),
        ("empty", Tensor::zeros([0, 3], (Kind::Float, Device::Cpu))),
        ("turned", x.reshape([2, 3]).tr()),
        ("leaf", x.copy().set_requires_grad(true)),
    ]));
    let (_folder, path) = saved(&tensors);
    let file = read(&path).unwrap();
    assert_eq!(file.tensors.len(), tensors.len());
    for (key, tensor) in &tensors {
        assert!(equal(&file.tensors[key], tensor), "{key}");
    }
}

#[test]
fn unsupported_types_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let complex = named(vec![("wave", Tensor::zeros([2], (Kind::ComplexFloat, Device::Cpu)))]);
    let message = write(&path, &complex, &metadata()).unwrap_err().to_string();
    assert!(message.ends_with("\"wave\" has the unsupported element type ComplexFloat"), "{message}");
    assert!(!path.exists());
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::I16, vec![1], &[0, 0]).unwrap();
    fs::write(&path, safetensors::serialize([("short", view)], None).unwrap()).unwrap();
    let message = read(&path).unwrap_err().to_string();
    assert!(message.ends_with("\"short\" has the unsupported element type I16"), "{message}");
}

#[test]
fn files_of_other_programs_need_no_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("public.safetensors");
    let bytes = 1.5f32.to_le_bytes();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &bytes).unwrap();
    fs::write(&path, safetensors::serialize([("w", view)], None).unwrap()).unwrap();
    assert_eq!(read(&path).unwrap().tensors["w"].double_value(&[0]), 1.5);
}

#[test]
fn equal_content_gives_equal_bytes() {
    let (_one, first) = saved(&model());
    let reversed: Named = model().into_iter().rev().collect();
    for _ in 0..8 {
        let (_two, second) = saved(&reversed);
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    }
}

#[test]
fn missing_and_unexpected_keys_are_all_listed() {
    let (_folder, path) = saved(&model());
    let mut targets = zeros();
    targets[0].0 = "conv.w".to_owned();
    targets[1].0 = "conv.b".to_owned();
    let message = refusal(&path, targets);
    let expected = "does not fit the model:\n  2 missing:\n    conv.w\n    conv.b\n  2 unexpected:\n    conv.bias\n    conv.weight";
    assert!(message.ends_with(expected), "{message}");
    assert!(message.starts_with(&path.display().to_string()));
}

#[test]
fn mismatched_shapes_are_listed_with_both_shapes() {
    let (_folder, path) = saved(&model());
    let mut targets = zeros();
    targets[0].1 = Tensor::zeros([2, 4], (Kind::Float, Device::Cpu));
    let message = refusal(&path, targets);
    assert!(
        message.ends_with("1 mismatched:\n    conv.weight: file has Float [4, 2], model has Float [2, 4]"),
        "{message}"
    );
}

#[test]
fn nothing_is_broadcast() {
    let (_folder, path) = saved(&named(vec![("bias", Tensor::from_slice(&[3f32]))]));
    let message = refusal(&path, named(vec![("bias", Tensor::zeros([4], (Kind::Float, Device::Cpu)))]));
    assert!(message.contains("file has Float [1], model has Float [4]"), "{message}");
}

#[test]
fn types_change_only_when_asked() {
    let half: Named = named(vec![("w", Tensor::from_slice(&[0.5f32, 1.25]).to_kind(Kind::Half))]);
    let (_folder, path) = saved(&half);
    let target = || named(vec![("w", Tensor::zeros([2], (Kind::Float, Device::Cpu)))]);
    let message = refusal(&path, target());
    assert!(message.contains("file has Half [2], model has Float [2]"), "{message}");
    let mut targets = target();
    load_cast(&mut targets, &read(&path).unwrap()).unwrap();
    assert!(equal(&targets[0].1, &Tensor::from_slice(&[0.5f32, 1.25])));
    // Whole numbers are never turned into floats.
    let (_folder, path) = saved(&named(vec![("w", Tensor::from_slice(&[1i64, 2]))]));
    assert!(load_cast(&mut targets, &read(&path).unwrap()).is_err());
    assert!(equal(&targets[0].1, &Tensor::from_slice(&[0.5f32, 1.25])));
}

#[test]
fn trainable_targets_are_filled_in_place() {
    let (_folder, path) = saved(&named(vec![("w", Tensor::from_slice(&[1f32, 2.0]))]));
    let weight = Tensor::zeros([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    load_strict(&mut [("w".to_owned(), weight.shallow_clone())], &read(&path).unwrap()).unwrap();
    assert!(weight.requires_grad());
    assert!(weight.equal(&Tensor::from_slice(&[1f32, 2.0])));
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let (folder, path) = saved(&model());
    let bytes = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.safetensors");
    for length in 0..bytes.len() {
        fs::write(&cut, &bytes[..length]).unwrap();
        let message = read(&cut).unwrap_err().to_string();
        assert!(message.contains("cut.safetensors is not a complete safetensors file"), "{length}: {message}");
    }
}

#[test]
fn a_flipped_bit_never_changes_what_is_read() {
    let (folder, path) = saved(&model());
    let bytes = fs::read(&path).unwrap();
    let payload = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let flipped = folder.path().join("flipped.safetensors");
    for bit in 0..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&flipped, &damaged).unwrap();
        match read(&flipped) {
            Err(_) => {}
            Ok(_) if bit / 8 >= payload => panic!("bit {bit} of the values went unnoticed"),
            // In the header, a flip may hide the checksum itself, but what it protects is then intact.
            Ok(file) => assert!(model().iter().all(|(key, t)| equal(&file.tensors[key], t)), "bit {bit}"),
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = read(&folder.path().join("absent.safetensors")).unwrap_err().to_string();
    assert!(message.starts_with("cannot read ") && message.contains("absent.safetensors"), "{message}");
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let (folder, path) = saved(&model());
    let old = fs::read(&path).unwrap();
    // A folder where the temporary file would go makes writing fail for every user, root included.
    let temporary = folder.path().join(format!(".model.safetensors.{}.tmp", std::process::id()));
    fs::create_dir(&temporary).unwrap();
    let message = write(&path, &zeros(), &metadata()).unwrap_err().to_string();
    assert!(message.starts_with("cannot write ") && message.contains("model.safetensors"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), old);

    let nowhere = folder.path().join("absent").join("model.safetensors");
    assert!(matches!(write(&nowhere, &model(), &metadata()), Err(WeightsError::Write(_))));
    let occupied = folder.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    assert!(write(&occupied, &model(), &metadata()).is_err());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "a failed rename leaves its temporary file: {left:?}");
}

#[test]
fn a_key_given_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let twice = named(vec![("w", Tensor::from(1f32)), ("w", Tensor::from(2f32))]);
    let message = write(&folder.path().join("x"), &twice, &metadata()).unwrap_err().to_string();
    assert!(message.ends_with("the key \"w\" is given twice"), "{message}");
}
