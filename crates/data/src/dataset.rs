//! The one shape of every data set: bytes in memory, with labels and captions where there are any.

use std::borrow::Cow;

/// Which part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// Pictures to learn from.
    Train,
    /// Pictures held out for measuring.
    Test,
}

impl Split {
    /// `"train"` or `"test"`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Test => "test",
        }
    }
}

/// Parts that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// The bytes do not fill the shape.
    #[error("data set {name}: shape {shape:?} needs {expected} bytes, {found} were given")]
    Bytes {
        /// Data set.
        name: String,
        /// `[N, C, H, W]`.
        shape: [usize; 4],
        /// N·C·H·W.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// One label or caption a picture is required.
    #[error("data set {name}: {pictures} pictures but {found} {what}; one a picture is needed")]
    Count {
        /// Data set.
        name: String,
        /// `"labels"` or `"captions"`.
        what: &'static str,
        /// N.
        pictures: usize,
        /// Entries given.
        found: usize,
    },
    /// A label that names no class.
    #[error("data set {name}: picture {index} has label {label}, but there are {classes} classes")]
    Label {
        /// Data set.
        name: String,
        /// Picture at fault.
        index: usize,
        /// Its label.
        label: i64,
        /// Number of classes.
        classes: usize,
    },
}

/// Pictures u8 `[N, C, H, W]` in memory, with optional labels i64 `[N]` and captions `[N]`.
#[derive(Debug, Clone)]
pub struct Dataset {
    name: String,
    shape: [usize; 4],
    images: Cow<'static, [u8]>,
    labels: Option<Vec<i64>>,
    classes: Vec<String>,
    captions: Option<Vec<String>>,
}

impl Dataset {
    /// Pictures of shape `[N, C, H, W]`, row by row, 0..=255.
    pub fn new(
        name: impl Into<String>,
        shape: [usize; 4],
        images: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self, DatasetError> {
        let (name, images) = (name.into(), images.into());
        let expected = shape.iter().product();
        if images.len() != expected {
            let found = images.len();
            return Err(DatasetError::Bytes { name, shape, expected, found });
        }
        Ok(Self { name, shape, images, labels: None, classes: Vec::new(), captions: None })
    }

    /// Adds a class a picture: `labels[n]` indexes `classes`.
    pub fn with_labels(mut self, labels: Vec<i64>, classes: Vec<String>) -> Result<Self, DatasetError> {
        self.same_count("labels", labels.len())?;
        let valid = 0..classes.len() as i64;
        if let Some(index) = labels.iter().position(|label| !valid.contains(label)) {
            let (label, classes) = (labels[index], classes.len());
            return Err(DatasetError::Label { name: self.name, index, label, classes });
        }
        self.labels = Some(labels);
        self.classes = classes;
        Ok(self)
    }

    /// Adds a caption a picture.
    pub fn with_captions(mut self, captions: Vec<String>) -> Result<Self, DatasetError> {
        self.same_count("captions", captions.len())?;
        self.captions = Some(captions);
        Ok(self)
    }

    fn same_count(&self, what: &'static str, found: usize) -> Result<(), DatasetError> {
        let pictures = self.len();
        if found == pictures {
            return Ok(());
        }
        Err(DatasetError::Count { name: self.name.clone(), what, pictures, found })
    }

    /// Name of the set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of pictures N.
    pub fn len(&self) -> usize {
        self.shape[0]
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `[N, C, H, W]`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// All pictures, u8 `[N, C, H, W]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// Picture `index`, u8 `[C, H, W]`. Panics when there is no such picture, as a slice does.
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.shape[1] * self.shape[2] * self.shape[3];
        &self.images[index * size..(index + 1) * size]
    }

    /// Class a picture, i64 `[N]`.
    pub fn labels(&self) -> Option<&[i64]> {
        self.labels.as_deref()
    }

    /// Names of the classes; empty without labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Caption a picture.
    pub fn captions(&self) -> Option<&[String]> {
        self.captions.as_deref()
    }

    /// The pictures `indices`, in that order, with their labels and captions.
    pub fn subset(&self, indices: &[usize]) -> Self {
        let [_, c, h, w] = self.shape;
        let mut images = Vec::with_capacity(indices.len() * c * h * w);
        for &index in indices {
            images.extend_from_slice(self.image(index));
        }
        Self {
            name: self.name.clone(),
            shape: [indices.len(), c, h, w],
            images: images.into(),
            labels: self.labels.as_ref().map(|l| indices.iter().map(|&i| l[i]).collect()),
            classes: self.classes.clone(),
            captions: self.captions.as_ref().map(|c| indices.iter().map(|&i| c[i].clone()).collect()),
        }
    }

    /// Training and test part: the last pictures of each class are held out, `test` of them in all (see [`held_out`]).
    pub fn split(&self, test: usize) -> (Self, Self) {
        let unlabelled = vec![0; self.len()];
        let held = held_out(self.labels().unwrap_or(&unlabelled), test);
        let (test, train): (Vec<_>, Vec<_>) = (0..self.len()).partition(|&i| held[i]);
        (self.subset(&train), self.subset(&test))
    }

    /// BLAKE3 in hexadecimal of shape, pictures, labels, class names and captions: equal for equal content.
    pub fn content_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(&self.shape.iter().flat_map(|&n| (n as u64).to_le_bytes()).collect::<Vec<_>>());
        part(&self.images);
        let labels = self.labels.iter().flatten().flat_map(|l| l.to_le_bytes());
        part(&labels.collect::<Vec<_>>());
        part(&(self.classes.len() as u64).to_le_bytes());
        self.classes.iter().chain(self.captions.iter().flatten()).for_each(|text| part(text.as_bytes()));
        hasher.finalize().to_hex().to_string()
    }
}

/// Marks the last pictures of each class as held out: exactly `min(test, N)`, shared among the classes in proportion
/// to their counts by largest remainder (ties go to the smaller label).
pub fn held_out(labels: &[i64], test: usize) -> Vec<bool> {
    let test = test.min(labels.len());
    let mut counts = std::collections::BTreeMap::<i64, usize>::new();
    labels.iter().for_each(|&label| *counts.entry(label).or_default() += 1);
    // test * count / N in whole numbers, so that the shares do not depend on rounding.
    let mut shares: Vec<(i64, usize, usize)> = counts
        .into_iter()
        .map(|(label, count)| (label, test * count / labels.len(), test * count % labels.len()))
        .collect();
    let missing = test - shares.iter().map(|share| share.1).sum::<usize>();
    shares.sort_by_key(|&(label, _, remainder)| (std::cmp::Reverse(remainder), label));
    shares.iter_mut().take(missing).for_each(|share| share.1 += 1);
    let mut left: std::collections::BTreeMap<_, _> = shares.into_iter().map(|s| (s.0, s.1)).collect();
    let mut held = vec![false; labels.len()];
    for (index, label) in labels.iter().enumerate().rev() {
        if let Some(quota) = left.get_mut(label).filter(|quota| **quota > 0) {
            *quota -= 1;
            held[index] = true;
        }
    }
    held
}
