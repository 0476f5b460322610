//! Vectors kept in a file.

use easel_text::{TextError, TextVectors};
use tch::{Device, Kind, Tensor};

const CAPTIONS: [&str; 4] = ["a cat", "a dog", "a cat", ""];

/// Row k is k + 1, k + 1.25.
fn encode(captions: &[&str]) -> Result<Tensor, TextError> {
    let n = captions.len() as i64;
    let rows = Tensor::arange(n, (Kind::Float, Device::Cpu)).unsqueeze(1) + 1.0;
    Ok(rows + Tensor::from_slice(&[0f32, 0.25]))
}

#[test]
fn equal_captions_share_a_row_and_the_file_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.safetensors");
    let computed = TextVectors::cached(&path, "toy", &CAPTIONS, encode).unwrap();
    let read = TextVectors::cached(&path, "toy", &CAPTIONS, |_| unreachable!("the file is there")).unwrap();
    for vectors in [&computed, &read] {
        assert_eq!(vectors.vectors(), encode(&["", "", ""]).unwrap());
        assert_eq!(vectors.rows(&["", "a cat", "a dog"]).unwrap(), [2, 0, 1]);
        let error = vectors.rows(&["a cow"]).unwrap_err().to_string();
        assert!(error.contains("a cow"), "{error}");
    }
}

#[test]
fn other_captions_or_encoders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.safetensors");
    TextVectors::compute("toy", &CAPTIONS, encode).unwrap().write(&path).unwrap();
    for (encoder, captions) in
        [("other", CAPTIONS), ("toy", ["a cat", "a dog", "a cat", "a"]), ("toy", ["a dog", "a cat", "", ""])]
    {
        let error = TextVectors::read(&path, encoder, &captions).unwrap_err();
        assert!(matches!(error, TextError::OtherVectors { .. }), "{error}");
    }
    let none: [&str; 0] = [];
    assert!(matches!(TextVectors::compute("toy", &none, encode), Err(TextError::Empty { .. })));
    let wrong = TextVectors::compute("toy", &CAPTIONS, |_| encode(&["one"]));
    assert!(matches!(wrong, Err(TextError::Tensor(_))));
}
