//! Data sets with captions, kept as bytes in memory, and a loader that hands them out as tensors.
//!
//! | set | where it comes from | pictures | module |
//! |---|---|---|---|
//! | `digits` | embedded | 10,000 grey 28×28, labels, captions | [`digits`] |
//! | `fashion-mnist` | fetched once into the cache | 70,000 grey 28×28, labels, captions | [`fetch`] |
//! | `shapes` | synthesised from a seed | any number, RGB 16..=256, captions, masks, boxes, edges, oracle | [`shapes`] |
//! | `captioned-digits` | synthesised from a seed and `digits` | any number, grey 32..=60, captions, boxes | [`captioned_digits`] |
//! | `emoji` | embedded; more fetched once into the cache | RGBA, four art styles, names, keywords | [`emoji`] |
//! | `sprite-scenes` | embedded emoji and a seed | RGB 32..=128, captions, masks, edits, oracle | [`sprite_scenes`] |
//! | no pictures, the weights of `hed` | fetched once into the cache | | [`hed`] |
//! | a user's IDX files | plain or gzip | grey, labels | [`idx`] |
//! | a user's folder | PNG and JPEG | RGB of one size, captions or labels | [`folder`] |
//!
//! All give a [`Dataset`]. Without the feature `torch` the crate is free of libtorch and has no `loader`.

pub mod alpha;
pub mod captioned_digits;
pub mod dataset;
pub mod digits;
pub mod emoji;
pub mod fetch;
pub mod folder;
pub mod hdf5;
pub mod hed;
pub mod idx;
#[cfg(feature = "torch")]
pub mod loader;
pub mod order;
pub mod shapes;
pub mod sprite_scenes;
mod words;

pub use dataset::{Dataset, Split};
#[cfg(feature = "torch")]
pub use loader::{Batch, Loader, LoaderConfig};
