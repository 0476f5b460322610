//! Weight files: safetensors, read and loaded strictly, written atomically.
//!
//! What is written carries a BLAKE3 hash of its names, types, shapes, values and metadata under the metadata key
//! `blake3`, because the format has no checksum of its own; it is verified wherever it is present. Files of other
//! programs have none and are read as they are.
//!
//! libtorch's own loader was rejected: it broadcasts a `[1]` into a `[4]`, converts types silently, and leaves half of
//! the targets changed when a later key fails.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, View};
use tch::{Device, Kind, TchError, Tensor};

use crate::files::{WriteError, write_atomic};

const CHECKSUM: &str = "blake3";

/// The tensors of one file.
#[derive(Debug)]
pub struct Weights {
    /// Where they were read.
    pub path: PathBuf,
    /// Tensors on the processor, by key.
    pub tensors: BTreeMap<String, Tensor>,
    /// The file's free-form strings, without the checksum.
    pub metadata: BTreeMap<String, String>,
}

/// A weight file that cannot be read, written or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a whole safetensors file.
    #[error("{} is not a complete safetensors file ({source}); fetch or write it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: SafeTensorError,
    },
    /// The content is not what was written.
    #[error("{} is damaged: its content does not match its {CHECKSUM} checksum; fetch or write it again", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
    },
    /// An element type outside f16, bf16, f32, f64, i64, u8 and bool.
    #[error("{}: \"{key}\" has the unsupported element type {dtype}", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        key: String,
        /// Its element type.
        dtype: String,
    },
    /// Two tensors of one name are to be written.
    #[error("{}: the key \"{key}\" is given twice", path.display())]
    DuplicateKey {
        /// The file.
        path: PathBuf,
        /// The name.
        key: String,
    },
    /// The file and the model differ.
    #[error("{} does not fit the model:\n{differences}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// All differences.
        differences: Differences,
    },
    /// The file cannot be written; an older one is untouched.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// libtorch refused.
    #[error("{}: \"{key}\": {source}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// The tensor.
        key: String,
        /// What libtorch said.
        source: TchError,
    },
}

/// Every way in which a file differs from the tensors that it was to fill.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Differences {
    /// Keys that the model has and the file lacks.
    pub missing: Vec<String>,
    /// Keys that the file has and the model lacks.
    pub unexpected: Vec<String>,
    /// Keys of another shape or element type, with both.
    pub mismatched: Vec<String>,
}

impl std::fmt::Display for Differences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds = [("missing", &self.missing), ("unexpected", &self.unexpected), ("mismatched", &self.mismatched)];
        let mut separator = "";
        for (what, keys) in kinds.into_iter().filter(|(_, keys)| !keys.is_empty()) {
            write!(f, "{separator}  {} {what}:", keys.len())?;
            for key in keys {
                write!(f, "\n    {key}")?;
            }
            separator = "\n";
        }
        Ok(())
    }
}

/// Reads a whole file.
///
/// # Errors
/// A file that is missing, or that [`parse`] refuses.
pub fn read(path: &Path) -> Result<Weights, WeightsError> {
    let bytes = std::fs::read(path).map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
    parse(path, &bytes)
}

/// Reads the bytes of a file; `path` names them in errors.
///
/// # Errors
/// Bytes that are truncated, damaged, fail their checksum or hold an unsupported element type.
pub fn parse(path: impl AsRef<Path>, bytes: &[u8]) -> Result<Weights, WeightsError> {
    let owned = || path.as_ref().to_owned();
    let damaged = |source| WeightsError::Damaged { path: owned(), source };
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let mut metadata: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();

    let views: BTreeMap<&str, _> = file.iter().collect();
    if let Some(stored) = metadata.remove(CHECKSUM)
        && stored != checksum(&views, &metadata)
    {
        return Err(WeightsError::Checksum { path: owned() });
    }
    let mut tensors = BTreeMap::new();
    for (key, view) in views {
        let kind = kind_of(view.dtype()).ok_or_else(|| WeightsError::Dtype {
            path: owned(),
            key: key.to_owned(),
            dtype: view.dtype().to_string(),
        })?;
        let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|source| WeightsError::Torch {
            path: owned(),
            key: key.to_owned(),
            source,
        })?;
        tensors.insert(key.to_owned(), tensor);
    }
    Ok(Weights { path: owned(), tensors, metadata })
}

/// Writes tensors and free-form strings; equal content gives equal bytes.
///
/// # Errors
/// A key given twice, an unsupported element type, or a failure to write; the old file then stays.
pub fn write(path: &Path, named: &[(String, Tensor)], metadata: &BTreeMap<String, String>) -> Result<(), WeightsError> {
    let mut views = BTreeMap::new();
    for (key, tensor) in named {
        if views.insert(key.as_str(), Stored::new(path, key, tensor)?).is_some() {
            return Err(WeightsError::DuplicateKey { path: path.to_owned(), key: key.clone() });
        }
    }
    let mut info: HashMap<String, String> = metadata.clone().into_iter().filter(|(k, _)| k != CHECKSUM).collect();
    let sorted: BTreeMap<String, String> = info.clone().into_iter().collect();
    info.insert(CHECKSUM.to_owned(), checksum(&views, &sorted));
    let damaged = |source| WeightsError::Damaged { path: path.to_owned(), source };
    let bytes = safetensors::serialize(views, Some(info)).and_then(sort_header).map_err(damaged)?;
    Ok(write_atomic(path, &bytes)?)
}

/// Copies a file into named tensors: exactly the same keys, shapes and element types, all or nothing.
///
/// # Errors
/// Any difference, all of them listed; no target is then touched.
pub fn load_strict(targets: &mut [(String, Tensor)], weights: &Weights) -> Result<(), WeightsError> {
    load(targets, weights, |stored, wanted| stored == wanted)
}

/// `load_strict` that also converts between floating-point types, such as weights stored as f16 and used as f32.
///
/// # Errors
/// Any other difference, all of them listed; no target is then touched.
pub fn load_cast(targets: &mut [(String, Tensor)], weights: &Weights) -> Result<(), WeightsError> {
    let float = |kind| matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Float | Kind::Double);
    load(targets, weights, |stored, wanted| stored == wanted || float(stored) && float(wanted))
}

fn load(
    targets: &mut [(String, Tensor)],
    weights: &Weights,
    accepts: impl Fn(Kind, Kind) -> bool,
) -> Result<(), WeightsError> {
    let mut differences = Differences::default();
    let mut sources = Vec::new();
    for (key, target) in targets.iter() {
        match weights.tensors.get(key) {
            None => differences.missing.push(key.clone()),
            Some(t) if t.size() == target.size() && accepts(t.kind(), target.kind()) => sources.push(t),
            Some(t) => {
                let found = format!("file has {:?} {:?}", t.kind(), t.size());
                differences.mismatched.push(format!(
                    "{key}: {found}, model has {:?} {:?}",
                    target.kind(),
                    target.size()
                ));
            }
        }
    }
    let wanted: BTreeSet<&String> = targets.iter().map(|(key, _)| key).collect();
    differences.unexpected = weights.tensors.keys().filter(|key| !wanted.contains(key)).cloned().collect();
    if differences != Differences::default() {
        return Err(WeightsError::Mismatch { path: weights.path.clone(), differences });
    }

    let failed = |key: &str, source| WeightsError::Torch { path: weights.path.clone(), key: key.to_owned(), source };
    tch::no_grad(|| {
        // All that can fail for want of memory comes before the first target changes.
        let mut ready = Vec::new();
        for ((key, target), source) in targets.iter().zip(sources) {
            let moved = source.f_to_kind(target.kind()).and_then(|t| t.f_to_device(target.device()));
            ready.push(moved.map_err(|e| failed(key, e))?);
        }
        for ((key, target), source) in targets.iter_mut().zip(&ready) {
            target.f_copy_(source).map_err(|e| failed(key, e))?;
        }
        Ok(())
    })
}

/// A tensor as the bytes that a file holds.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    fn new(path: &Path, key: &str, tensor: &Tensor) -> Result<Self, WeightsError> {
        let dtype = dtype_of(tensor.kind()).ok_or_else(|| WeightsError::Dtype {
            path: path.to_owned(),
            key: key.to_owned(),
            dtype: format!("{:?}", tensor.kind()),
        })?;
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor
            .detach()
            .f_to_device(Device::Cpu)
            .and_then(|t| t.f_contiguous())
            .and_then(|t| t.f_copy_data_u8(&mut bytes, t.numel()))
            .map_err(|source| WeightsError::Torch { path: path.to_owned(), key: key.to_owned(), source })?;
        Ok(Self { dtype, shape: tensor.size().iter().map(|&n| n as usize).collect(), bytes })
    }
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// BLAKE3 in hexadecimal over the metadata and the tensors in order of their names, each field with its length.
fn checksum<V: View>(views: &BTreeMap<&str, V>, metadata: &BTreeMap<String, String>) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(&(metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        field(key.as_bytes());
        field(value.as_bytes());
    }
    for (key, view) in views {
        field(key.as_bytes());
        field(view.dtype().to_string().as_bytes());
        field(format!("{:?}", view.shape()).as_bytes());
        field(&view.data());
    }
    hasher.finalize().to_hex().to_string()
}

/// Sorts the header of a serialized file, whose metadata comes in a hash map's random order.
fn sort_header(bytes: Vec<u8>) -> Result<Vec<u8>, SafeTensorError> {
    let (length, _) = SafeTensors::read_metadata(&bytes)?;
    let (header, payload) = bytes[8..].split_at(length);
    let mut sorted: serde_json::Value =
        serde_json::from_slice(header).map_err(SafeTensorError::InvalidHeaderDeserialization)?;
    sorted.sort_all_objects();
    let mut text = sorted.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    Ok([&(text.len() as u64).to_le_bytes(), text.as_slice(), payload].concat())
}

fn kind_of(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::I64 => Kind::Int64,
        Dtype::U8 => Kind::Uint8,
        Dtype::BOOL => Kind::Bool,
        _ => return None,
    })
}

fn dtype_of(kind: Kind) -> Option<Dtype> {
    Some(match kind {
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        Kind::Int64 => Dtype::I64,
        Kind::Uint8 => Dtype::U8,
        Kind::Bool => Dtype::BOOL,
        _ => return None,
    })
}
