//! Fashion-MNIST from the cache.

use super::{Cache, FetchError, source};
use crate::dataset::{Dataset, Split};
use crate::idx::{self, IdxError};

/// Names of the Fashion-MNIST classes, by label.
pub const FASHION_CLASSES: [&str; 10] =
    ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

impl Cache {
    /// Fashion-MNIST from the cache: u8 `[60000 | 10000, 1, 28, 28]`, 10 classes, captions as "a photo of a coat".
    pub fn fashion_mnist(&self, split: Split) -> Result<Dataset, FetchError> {
        let folder = self.folder(source("fashion-mnist")?);
        let classes = FASHION_CLASSES.map(String::from).to_vec();
        let data = idx::folder("fashion-mnist", &folder, split, classes)?;
        let captions = data.labels().into_iter().flatten().map(|&label| caption(label as usize)).collect();
        Ok(data.with_captions(captions).map_err(IdxError::from)?)
    }
}

fn caption(label: usize) -> String {
    match FASHION_CLASSES[label] {
        "trouser" => "a photo of trousers".to_owned(),
        name if name.starts_with('a') => format!("a photo of an {name}"),
        name => format!("a photo of a {name}"),
    }
}
