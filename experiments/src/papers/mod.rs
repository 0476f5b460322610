//! The experiments. A new one is a module here and its line in [`ALL`].

pub mod align_draw;
pub mod classifier;
pub mod ddim;
pub mod ddpm;
pub mod draw;
pub mod guidance;
pub mod inpaint;
pub mod solvers;
pub mod study;

use crate::experiment::Experiment;

/// Every experiment, in the order of the lecture.
pub const ALL: &[&dyn Experiment] = &[
    &draw::DrawExperiment,
    &align_draw::AlignDrawExperiment,
    &ddpm::DdpmExperiment,
    &ddim::STUDY,
    &solvers::STUDY,
    &guidance::GuidanceExperiment,
    &inpaint::STUDY,
    &classifier::ClassifierExperiment,
];

use anyhow::{Result, bail};
use easel_data::captioned_digits::{CaptionedDigits, PAPER_SIDE};
use easel_data::fetch::Cache;
use easel_data::shapes::Shapes;
use easel_data::{Dataset, Split};

/// Scenes of the training split; each index is a scene of its own.
const SHAPES_TRAIN: u64 = 9_000;
const SHAPES_TEST: u64 = 1_000;
/// Scenes of captioned digits where a fixed number is asked for; the list itself is endless.
const CAPTIONED_TRAIN: u64 = 10_000;
const CAPTIONED_TEST: u64 = 1_000;

/// A data set by name, or a folder of pictures (resized to `side`, its last tenth held out).
pub fn open_data(name: &str, split: Split, side: usize) -> Result<Dataset> {
    Ok(match name {
        "digits" => easel_data::digits::digits(split)?,
        "fashion-mnist" => Cache::of_user()?.fashion_mnist(split)?,
        "captioned-digits" => {
            let count = if split == Split::Train { CAPTIONED_TRAIN } else { CAPTIONED_TEST };
            CaptionedDigits::new(side.min(PAPER_SIDE), 0, split)?.dataset(0..count)?
        }
        "shapes" => {
            let range = match split {
                Split::Train => 0..SHAPES_TRAIN,
                Split::Test => SHAPES_TRAIN..SHAPES_TRAIN + SHAPES_TEST,
            };
            Shapes::new(side, 0)?.dataset(range)?
        }
        folder if std::path::Path::new(folder).is_dir() => {
            let all = easel_data::folder::load(std::path::Path::new(folder), side)?;
            anyhow::ensure!(all.len() >= 2, "{folder}: 1 picture; at least 2 are needed, as one is held out");
            let (train, test) = all.split((all.len() / 10).max(1));
            match split {
                Split::Train => train,
                Split::Test => test,
            }
        }
        other => bail!("`{other}` is neither a data set (see `easel data list`) nor a folder"),
    })
}
