//! `emoji`: one list of named concepts, drawn in four independent art styles, with transparent ground.
//!
//! 245 concepts of things are embedded at 32 pixels (`assets/EMOJI.md` tells whose pictures they are); all 1,387
//! concepts that the four styles share come with [`Emoji::fetched`], at 32 and 64 pixels. About a tenth of the
//! (concept, style) cells are held out: their concept is seen in the three other styles.

pub(crate) mod build;
mod pack;

use std::borrow::Cow;
use std::sync::OnceLock;

pub use pack::PackError;

use crate::alpha::over;
use crate::dataset::{Dataset, DatasetError, Split};
use crate::fetch::{Cache, FetchError};

/// Side of the embedded pictures in pixels.
pub const EMBEDDED_SIDE: usize = 32;
/// Sides in which the fetched set comes.
pub const SIDES: [usize; 2] = [32, 64];

/// Who drew an emoji.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtStyle {
    /// Twemoji: flat areas.
    Twemoji,
    /// Noto Color Emoji: soft shading.
    Noto,
    /// Fluent 3D: rendered look.
    Fluent,
    /// OpenMoji: black outlines.
    OpenMoji,
}

impl ArtStyle {
    /// All styles, in the order of the pictures in memory.
    pub const ALL: [Self; 4] = [Self::Twemoji, Self::Noto, Self::Fluent, Self::OpenMoji];

    /// `"twemoji"`, `"noto"`, `"fluent"` or `"openmoji"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twemoji => "twemoji",
            Self::Noto => "noto",
            Self::Fluent => "fluent",
            Self::OpenMoji => "openmoji",
        }
    }
}

/// What an emoji shows, in any style.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Concept {
    /// Its code points in lower-case hexadecimal, joined by `-`, without variation selectors: `"1f34e"`.
    pub key: String,
    /// Its Unicode name: `"red apple"`.
    pub name: String,
    /// Further words, at most eight, none of them the name.
    pub keywords: Vec<String>,
    /// Its Unicode group: `"Food & Drink"`.
    pub group: String,
}

/// A set of emoji that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EmojiError {
    /// The embedded file is not the one that was packed.
    #[error("crates/data/assets/emoji.zst: {0}; check it out again and rebuild")]
    Embedded(PackError),
    /// A file of the cache is damaged.
    #[error("{}: {source}; `easel data fetch emoji` makes it anew", path.display())]
    Fetched {
        /// File at fault.
        path: std::path::PathBuf,
        /// What is wrong with it.
        source: PackError,
    },
    /// A side in which the set does not come.
    #[error("emoji of {0} pixels a side; they come with 32 and 64")]
    Side(usize),
    /// A concept that should be embedded.
    #[error("no emoji {0} in crates/data/assets/emoji.zst; check it out again and rebuild")]
    Concept(&'static str),
    /// No cache, or not fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The parts do not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// Concepts and their pictures u8 `[N, 4 styles, 4 (RGBA), side, side]`; colour is 0 where alpha is.
#[derive(Debug, Clone)]
pub struct Emoji {
    side: usize,
    concepts: Cow<'static, [Concept]>,
    pixels: Cow<'static, [u8]>,
}

impl Emoji {
    /// The embedded sample, 32 pixels a side. Decoded and verified on first use; later calls borrow it.
    pub fn embedded() -> Result<Self, EmojiError> {
        static DECODED: OnceLock<Result<Emoji, PackError>> = OnceLock::new();
        let decoded = DECODED.get_or_init(|| pack::decode(include_bytes!("../../assets/emoji.zst")));
        let emoji = decoded.as_ref().map_err(|error| EmojiError::Embedded(error.clone()))?;
        let (concepts, pixels) = (Cow::Borrowed(&*emoji.concepts), Cow::Borrowed(&*emoji.pixels));
        Ok(Self { side: emoji.side, concepts, pixels })
    }

    /// The full set from the cache, 32 or 64 pixels a side.
    pub fn fetched(cache: &Cache, side: usize) -> Result<Self, EmojiError> {
        if !SIDES.contains(&side) {
            return Err(EmojiError::Side(side));
        }
        let path = cache.folder(crate::fetch::source("emoji")?).join(format!("emoji-{side}.zst"));
        let bytes = std::fs::read(&path).map_err(|source| FetchError::Io { path: path.clone(), source })?;
        pack::decode(&bytes).map_err(|source| EmojiError::Fetched { path, source })
    }

    /// The concepts, in Unicode's order.
    pub fn concepts(&self) -> &[Concept] {
        &self.concepts
    }

    /// Height and width of the pictures.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The concept of that key, as an index.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.concepts.iter().position(|concept| concept.key == key)
    }

    /// The concepts of those indices, in that order.
    pub fn subset(&self, concepts: &[usize]) -> Self {
        let size = ArtStyle::ALL.len() * 4 * self.side * self.side;
        let pixels = concepts.iter().flat_map(|&i| &self.pixels[i * size..(i + 1) * size]).copied().collect();
        let concepts = concepts.iter().map(|&i| self.concepts[i].clone()).collect();
        Self { side: self.side, concepts, pixels }
    }

    /// Picture u8 `[4, side, side]` (red, green, blue, alpha). Panics when there is no such concept, as a slice does.
    pub fn rgba(&self, concept: usize, style: ArtStyle) -> &[u8] {
        let size = 4 * self.side * self.side;
        let at = concept * ArtStyle::ALL.len() + style as usize;
        &self.pixels[at * size..(at + 1) * size]
    }

    /// Whether the cell belongs to the test split. A function of the concept's key alone, so that the embedded sample
    /// and the full set agree; a concept is held out in at most one style, a tenth of all cells is.
    pub fn is_held_out(&self, concept: usize, style: ArtStyle) -> bool {
        held_out_style(&self.concepts[concept].key) == Some(style)
    }

    /// The (concept, style) cells of a split, concept by concept.
    pub fn cells(&self, split: Split) -> Vec<(usize, ArtStyle)> {
        let all = (0..self.concepts.len()).flat_map(|concept| ArtStyle::ALL.map(|style| (concept, style)));
        all.filter(|&(concept, style)| self.is_held_out(concept, style) == (split == Split::Test)).collect()
    }

    /// The [`Emoji::cells`] of a split over white: u8 `[N, 3, side, side]`; captions are the names, labels index
    /// the concepts, whose names are the classes.
    pub fn dataset(&self, split: Split) -> Result<Dataset, EmojiError> {
        let cells = self.cells(split);
        let plane = self.side * self.side;
        let mut images = Vec::with_capacity(cells.len() * 3 * plane);
        for &(concept, style) in &cells {
            let (colours, alpha) = self.rgba(concept, style).split_at(3 * plane);
            images.extend(colours.iter().enumerate().map(|(i, &v)| over(v, alpha[i % plane], 255)));
        }
        let names: Vec<String> = self.concepts.iter().map(|concept| concept.name.clone()).collect();
        let captions = cells.iter().map(|&(concept, _)| names[concept].clone()).collect();
        let labels = cells.iter().map(|&(concept, _)| concept as i64).collect();
        let data = Dataset::new("emoji", [cells.len(), 3, self.side, self.side], images)?;
        Ok(data.with_labels(labels, names)?.with_captions(captions)?)
    }

    /// Several captions of a concept, all different; the first is its name.
    pub fn captions(&self, concept: usize) -> Vec<String> {
        let Concept { name, keywords, .. } = &self.concepts[concept];
        let mut captions = vec![name.clone(), format!("a picture of {name}")];
        captions.extend(keywords.iter().map(|word| format!("{name}, {word}")));
        captions.extend(keywords.windows(2).map(|pair| format!("{name}, {} and {}", pair[0], pair[1])));
        captions
    }
}

/// The style in which a concept is held out: two concepts in five, each style as often.
fn held_out_style(key: &str) -> Option<ArtStyle> {
    let hash = blake3::derive_key("easel emoji held-out cells", key.as_bytes());
    let number = u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
    ArtStyle::ALL.get((number % 10) as usize).copied()
}

/// What is wrong with a file of emoji, if anything.
pub(crate) fn fault(file: &[u8]) -> Option<String> {
    pack::decode(file).err().map(|error| error.to_string())
}
