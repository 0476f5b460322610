//! IDX files of unsigned bytes, the format of MNIST and Fashion-MNIST: plain or gzip.
//!
//! A file is the magic `00 00 08 D`, then D big-endian u32 sizes, then the bytes, row by row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, DatasetError, Split};

/// What is wrong with an IDX file.
#[derive(Debug, thiserror::Error)]
pub enum IdxError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// File at fault.
        path: PathBuf,
        /// What the system says; for gzip files also a damaged stream.
        source: std::io::Error,
    },
    /// Not an IDX file.
    #[error("{}: not an IDX file: begins with {found:02x?}, expected 00 00 08 and the number of dimensions", path.display())]
    Magic {
        /// File at fault.
        path: PathBuf,
        /// The first four bytes.
        found: [u8; 4],
    },
    /// An IDX file of another element type.
    #[error("{}: IDX element type {found:#04x}; only unsigned bytes (0x08) are read", path.display())]
    ElementType {
        /// File at fault.
        path: PathBuf,
        /// Type code.
        found: u8,
    },
    /// Fewer bytes than the header promises.
    #[error("{}: truncated: {found} bytes of {what}, expected {expected}; fetch or copy the file again", path.display())]
    Truncated {
        /// File at fault.
        path: PathBuf,
        /// `"header"` or `"data"`.
        what: &'static str,
        /// Bytes expected.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// More bytes than the header promises.
    #[error("{}: bytes after the {expected} that the sizes {dims:?} announce", path.display())]
    Trailing {
        /// File at fault.
        path: PathBuf,
        /// Sizes in the header.
        dims: Vec<usize>,
        /// Their product.
        expected: u64,
    },
    /// Sizes whose product does not fit.
    #[error("{}: the sizes {dims:?} are too large", path.display())]
    TooLarge {
        /// File at fault.
        path: PathBuf,
        /// Sizes in the header.
        dims: Vec<usize>,
    },
    /// Another number of dimensions than the use needs.
    #[error("{}: {what} need {expected} dimensions, the file has {dims:?}", path.display())]
    Dimensions {
        /// File at fault.
        path: PathBuf,
        /// `"images"` or `"labels"`.
        what: &'static str,
        /// Dimensions needed.
        expected: usize,
        /// Sizes in the header.
        dims: Vec<usize>,
    },
    /// Images and labels of different files do not pair up.
    #[error("{} holds {images} images but {} holds {labels} labels", images_path.display(), labels_path.display())]
    CountMismatch {
        /// File of images.
        images_path: PathBuf,
        /// File of labels.
        labels_path: PathBuf,
        /// Images in it.
        images: usize,
        /// Labels in it.
        labels: usize,
    },
    /// No file of that name, plain or gzip.
    #[error("{}: neither {name} nor {name}.gz is here", folder.display())]
    Missing {
        /// Folder searched.
        folder: PathBuf,
        /// Name without `.gz`.
        name: String,
    },
    /// A label outside the classes.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// The content of one IDX file of unsigned bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, outermost first.
    pub dims: Vec<usize>,
    /// `dims.product()` bytes, row by row.
    pub data: Vec<u8>,
}

impl Idx {
    /// Reads a plain or gzip file; gzip is recognised by its content, not by its name.
    pub fn open(path: &Path) -> Result<Self, IdxError> {
        let reader = open(path).map_err(|source| IdxError::Io { path: path.to_path_buf(), source })?;
        Self::read(reader, path)
    }

    /// Reads an uncompressed stream; `path` only names it in errors.
    pub fn read(mut reader: impl Read, path: &Path) -> Result<Self, IdxError> {
        let mut magic = [0; 4];
        exactly(&mut reader, &mut magic, path)?;
        let [0, 0, element, rank] = magic else {
            return Err(IdxError::Magic { path: path.to_path_buf(), found: magic });
        };
        if element != 0x08 {
            return Err(IdxError::ElementType { path: path.to_path_buf(), found: element });
        }
        let mut sizes = vec![0; 4 * usize::from(rank)];
        exactly(&mut reader, &mut sizes, path)?;
        let dims: Vec<usize> =
            sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
        let Some(expected) = dims.iter().try_fold(1usize, |product, &n| product.checked_mul(n)) else {
            return Err(IdxError::TooLarge { path: path.to_path_buf(), dims });
        };
        let expected = expected as u64;
        // One byte more than announced shows trailing bytes; nothing is reserved on the header's word.
        let mut data = Vec::new();
        reader
            .take(expected.saturating_add(1))
            .read_to_end(&mut data)
            .map_err(|source| read_error(source, "data", expected, data.len(), path))?;
        match (data.len() as u64).cmp(&expected) {
            std::cmp::Ordering::Equal => Ok(Self { dims, data }),
            std::cmp::Ordering::Greater => Err(IdxError::Trailing { path: path.to_path_buf(), dims, expected }),
            std::cmp::Ordering::Less => {
                let found = data.len() as u64;
                Err(IdxError::Truncated { path: path.to_path_buf(), what: "data", expected, found })
            }
        }
    }
}

/// A plain or gzip file as the stream of its plain content.
pub(crate) fn open(path: &Path) -> std::io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(File::open(path)?);
    Ok(if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

fn exactly(reader: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<(), IdxError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => {
                let (expected, found) = (buffer.len() as u64, filled as u64);
                return Err(IdxError::Truncated { path: path.to_path_buf(), what: "header", expected, found });
            }
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(read_error(source, "header", buffer.len() as u64, filled, path)),
        }
    }
    Ok(())
}

/// A gzip stream that stops early is a truncated file; everything else is the system's word.
fn read_error(source: std::io::Error, what: &'static str, expected: u64, found: usize, path: &Path) -> IdxError {
    let path = path.to_path_buf();
    match source.kind() {
        std::io::ErrorKind::UnexpectedEof => IdxError::Truncated { path, what, expected, found: found as u64 },
        _ => IdxError::Io { path, source },
    }
}

/// Grey pictures `[N, 1, H, W]` with labels, from a file of images `[N, H, W]` and a file of labels `[N]`.
pub fn dataset(name: &str, images: &Path, labels: &Path, classes: Vec<String>) -> Result<Dataset, IdxError> {
    let (images_path, labels_path) = (images.to_path_buf(), labels.to_path_buf());
    let (images, labels) = (Idx::open(images)?, Idx::open(labels)?);
    let &[n, h, w] = images.dims.as_slice() else {
        let dims = images.dims;
        return Err(IdxError::Dimensions { path: images_path, what: "images", expected: 3, dims });
    };
    let &[count] = labels.dims.as_slice() else {
        let dims = labels.dims;
        return Err(IdxError::Dimensions { path: labels_path, what: "labels", expected: 1, dims });
    };
    if n != count {
        return Err(IdxError::CountMismatch { images_path, labels_path, images: n, labels: count });
    }
    let labels = labels.data.into_iter().map(i64::from).collect();
    Ok(Dataset::new(name, [n, 1, h, w], images.data)?.with_labels(labels, classes)?)
}

/// The two files of a split under their usual names (`train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, ...; plain or
/// with `.gz`) in `folder`, as a [`dataset`].
pub fn folder(name: &str, folder: &Path, split: Split, classes: Vec<String>) -> Result<Dataset, IdxError> {
    let prefix = match split {
        Split::Train => "train",
        Split::Test => "t10k",
    };
    let images = find(folder, &format!("{prefix}-images-idx3-ubyte"))?;
    let labels = find(folder, &format!("{prefix}-labels-idx1-ubyte"))?;
    dataset(name, &images, &labels, classes)
}

/// `name` or `name.gz` in `folder`.
pub(crate) fn find(folder: &Path, name: &str) -> Result<PathBuf, IdxError> {
    [folder.join(name), folder.join(format!("{name}.gz"))]
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| IdxError::Missing { folder: folder.to_path_buf(), name: name.to_owned() })
}
