//! The experiments. A new one is a module here and its line in [`ALL`].

pub mod align_draw;
pub mod classifier;
pub mod controlgan;
pub mod ddim;
pub mod ddpm;
pub mod draw;
pub mod gan;
pub mod guidance;
pub mod inpaint;
pub mod scorer;
pub mod solvers;
pub mod study;
pub mod text_gan;

use crate::experiment::Experiment;

/// Every experiment, in the order of the lecture.
pub const ALL: &[&dyn Experiment] = &[
    &draw::DrawExperiment,
    &align_draw::AlignDrawExperiment,
    &gan::GanExperiment,
    &text_gan::TextGanExperiment,
    &controlgan::ControlGanExperiment,
    &ddpm::DdpmExperiment,
    &ddim::STUDY,
    &solvers::STUDY,
    &guidance::GuidanceExperiment,
    &inpaint::STUDY,
    &classifier::ClassifierExperiment,
    &scorer::ScorerExperiment,
];

use std::path::PathBuf;

use anyhow::{Result, bail};
use easel_data::captioned_digits::{CaptionedDigits, PAPER_SIDE};
use easel_data::emoji::{EMBEDDED_SIDE, Emoji, SIDES};
use easel_data::fetch::{Cache, source};
use easel_data::shapes::Shapes;
use easel_data::sprite_scenes::SpriteScenes;
use easel_data::{Dataset, Split};

/// Scenes of the training and of the test split; each index is a scene of its own.
const SCENES_TRAIN: u64 = 9_000;
const SCENES_TEST: u64 = 1_000;

/// Scenes of captioned digits where a fixed number is asked for; the list itself is endless.
const CAPTIONED_TRAIN: u64 = 10_000;
const CAPTIONED_TEST: u64 = 1_000;

/// The scenes of a split.
fn scenes(split: Split) -> std::ops::Range<u64> {
    match split {
        Split::Train => 0..SCENES_TRAIN,
        Split::Test => SCENES_TRAIN..SCENES_TRAIN + SCENES_TEST,
    }
}

/// The emoji with pictures of `side` pixels, 32 or 64: the fetched set if it is here, else the embedded sample, which
/// has 32 only. Tells on standard error which it is.
pub fn open_emoji(side: usize) -> Result<Emoji> {
    let cache = Cache::of_user().ok();
    let emoji = match cache {
        Some(cache) if cache.holds(source("emoji")?) => Emoji::fetched(&cache, side)?,
        _ if side == EMBEDDED_SIDE => Emoji::embedded()?,
        _ if SIDES.contains(&side) => {
            bail!(
                "the emoji that are built in have {EMBEDDED_SIDE} pixels a side; `easel data fetch emoji` gets {side}"
            )
        }
        _ => bail!("emoji of {side} pixels a side; they come with {SIDES:?}"),
    };
    let concepts = emoji.concepts().len();
    let which = if concepts > Emoji::embedded()?.concepts().len() { "the fetched set" } else { "the sample built in" };
    eprintln!("emoji: {which}, {concepts} concepts in four styles, {side} x {side}");
    Ok(emoji)
}

/// The folder of fetched weights that the setting `asked` needs.
pub fn fetched(name: &str, asked: &str) -> Result<PathBuf> {
    let (cache, source) = (Cache::of_user()?, source(name)?);
    anyhow::ensure!(
        cache.holds(source),
        "{asked}: its weights are not here; fetch them with `easel data fetch {name}`"
    );
    Ok(cache.folder(source))
}

/// [`open_data`], with a check that a model for square pictures of `channels` and `side` fits.
pub fn open_fitting(name: &str, split: Split, channels: i64, side: i64) -> Result<Dataset> {
    let data = open_data(name, split, side as usize)?;
    let [_, c, h, w] = data.shape().map(|n| n as i64);
    anyhow::ensure!(
        [c, h, w] == [channels, side, side],
        "the pictures of `{name}` are {c} x {h} x {w}, the model's {channels} x {side} x {side}; set model.channels and \
         model.side"
    );
    Ok(data)
}

/// A data set by name, or a folder of pictures (resized to `side`, its last tenth held out).
pub fn open_data(name: &str, split: Split, side: usize) -> Result<Dataset> {
    Ok(match name {
        "digits" => easel_data::digits::digits(split)?,
        "fashion-mnist" => Cache::of_user()?.fashion_mnist(split)?,
        "captioned-digits" => {
            let count = if split == Split::Train { CAPTIONED_TRAIN } else { CAPTIONED_TEST };
            CaptionedDigits::new(side.min(PAPER_SIDE), 0, split)?.dataset(0..count)?
        }
        "shapes" => Shapes::new(side, 0)?.dataset(scenes(split))?,
        "sprite-scenes" => SpriteScenes::new(side, 0)?.dataset(scenes(split))?,
        "emoji" => open_emoji(side)?.dataset(split)?,
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
