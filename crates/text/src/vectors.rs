//! Vectors of captions, computed once and kept in a file, so that a run does not need the encoder again.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use easel_core::weights;
use tch::{Device, Kind, Tensor};

use crate::error::TextError;

const VECTORS: &str = "vectors";
const CAPTIONS: &str = "captions_blake3";
const ENCODER: &str = "encoder";

/// One vector for each distinct caption of a list.
#[derive(Debug)]
pub struct TextVectors {
    vectors: Tensor, // f16 [M, D], as stored
    rows: HashMap<String, i64>,
    encoder: String,
    hash: String,
}

impl TextVectors {
    /// Vectors of the distinct `captions`, in the order of their first appearance, by `encode` (captions to `[M, D]`),
    /// which `encoder` names.
    ///
    /// # Errors
    /// [`TextError::Empty`] without captions, those of `encode`, a result of another shape.
    pub fn compute(
        encoder: &str,
        captions: &[impl AsRef<str>],
        encode: impl FnOnce(&[&str]) -> Result<Tensor, TextError>,
    ) -> Result<Self, TextError> {
        let (distinct, rows, hash) = table(captions);
        if distinct.is_empty() {
            return Err(TextError::Empty { what: "a table of text vectors" });
        }
        let vectors = encode(&distinct)?;
        easel_core::tensor::check_shape(VECTORS, &vectors, &[distinct.len() as i64, -1])?;
        let vectors = vectors.detach().to_device(Device::Cpu).to_kind(Kind::Half);
        Ok(Self { vectors, rows, encoder: encoder.to_owned(), hash })
    }

    /// Those in the file `path` if it holds them, otherwise computes and writes them.
    ///
    /// # Errors
    /// [`TextError::OtherVectors`] for a file of other captions or of another encoder; those of [`TextVectors::compute`].
    pub fn cached(
        path: &Path,
        encoder: &str,
        captions: &[impl AsRef<str>],
        encode: impl FnOnce(&[&str]) -> Result<Tensor, TextError>,
    ) -> Result<Self, TextError> {
        if path.exists() {
            return Self::read(path, encoder, captions);
        }
        let vectors = Self::compute(encoder, captions, encode)?;
        vectors.write(path)?;
        Ok(vectors)
    }

    /// Writes the vectors in half precision, with a hash of their captions and the encoder's name.
    ///
    /// # Errors
    /// [`TextError::Weights`].
    pub fn write(&self, path: &Path) -> Result<(), TextError> {
        let info = [(CAPTIONS, &self.hash), (ENCODER, &self.encoder)];
        let info: BTreeMap<String, String> = info.map(|(key, value)| (key.to_owned(), value.clone())).into();
        Ok(weights::write(path, &[(VECTORS.to_owned(), self.vectors.shallow_clone())], &info)?)
    }

    /// Reads the vectors of `captions` (the list that they were computed for) by `encoder`.
    ///
    /// # Errors
    /// [`TextError::OtherVectors`], or a file that cannot be read.
    pub fn read(path: &Path, encoder: &str, captions: &[impl AsRef<str>]) -> Result<Self, TextError> {
        let mut file = weights::read(path)?;
        let (distinct, rows, hash) = table(captions);
        let found = |key| file.metadata.get(key).map_or("nothing", String::as_str);
        for (key, what, expected) in [(ENCODER, "the encoder", encoder), (CAPTIONS, "captions with hash", &*hash)] {
            if found(key) != expected {
                let (found, expected) = (format!("{what} {}", found(key)), format!("{what} {expected}"));
                return Err(TextError::OtherVectors { path: path.to_owned(), found, expected });
            }
        }
        let missing =
            || TextError::Stored { what: path.display().to_string(), message: format!("holds no \"{VECTORS}\"") };
        let vectors = file.tensors.remove(VECTORS).ok_or_else(missing)?;
        easel_core::tensor::check_shape(VECTORS, &vectors, &[distinct.len() as i64, -1])?;
        Ok(Self { vectors, rows, encoder: encoder.to_owned(), hash })
    }

    /// All vectors f32 `[M, D]`, as half precision rounds them.
    pub fn vectors(&self) -> Tensor {
        self.vectors.to_kind(Kind::Float)
    }

    /// The rows of captions in [`TextVectors::vectors`].
    ///
    /// # Errors
    /// [`TextError::Unknown`] for a caption that was not in the list.
    pub fn rows(&self, captions: &[impl AsRef<str>]) -> Result<Vec<i64>, TextError> {
        let row = |caption: &str| self.rows.get(caption).copied();
        captions
            .iter()
            .map(|c| row(c.as_ref()).ok_or_else(|| TextError::Unknown { caption: c.as_ref().to_owned() }))
            .collect()
    }
}

/// Distinct captions in order of appearance, their rows, and a hash of the list.
fn table(captions: &[impl AsRef<str>]) -> (Vec<&str>, HashMap<String, i64>, String) {
    let (mut distinct, mut rows, mut hasher) = (Vec::new(), HashMap::new(), blake3::Hasher::new());
    for caption in captions.iter().map(AsRef::as_ref) {
        if !rows.contains_key(caption) {
            rows.insert(caption.to_owned(), distinct.len() as i64);
            distinct.push(caption);
            hasher.update(&(caption.len() as u64).to_le_bytes());
            hasher.update(caption.as_bytes());
        }
    }
    (distinct, rows, hasher.finalize().to_hex().to_string())
}
