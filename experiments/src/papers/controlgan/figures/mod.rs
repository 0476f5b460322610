//! The figures.

mod ablation;
mod architecture;
mod edits;
mod locality;
mod maps;
mod stages;
mod training;
mod wordlevel;

use anyhow::{Result, bail};
use easel_data::sprite_scenes::{Layout, Scene};
use easel_plot::Figure;
use serde_json::{Map, Value};

use super::config::{EMOJI, RunConfig};
use super::data::{held_out, scenes};
use super::model::Trained;
use crate::experiment::FigureInfo;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "controlgan_arch", about: "the networks, with shapes, parameters and pictures of every stage" },
    FigureInfo {
        name: "controlgan_wordlevel",
        about: "channel-wise attention and the word-level discriminator at work",
    },
    FigureInfo { name: "controlgan_locality", about: "channels with their word, and the places of every word" },
    FigureInfo { name: "controlgan_edits", about: "one word changed under fixed noise, and where the picture changes" },
    FigureInfo { name: "controlgan_stages", about: "three stages side by side" },
    FigureInfo { name: "controlgan_training", about: "the losses of the three parts of training" },
    FigureInfo { name: "controlgan_ablation", about: "what each part does for locality" },
];

/// The figures of a run: those that show scenes are of runs on scenes alone.
pub fn of(config: &RunConfig) -> impl Iterator<Item = &'static FigureInfo> {
    let scenes = config.data.set != EMOJI;
    ALL.iter().filter(move |f| scenes || matches!(f.name, "controlgan_stages" | "controlgan_training"))
}

/// What figures are drawn from.
#[derive(Debug)]
pub struct Material {
    /// The model.
    pub trained: Trained,
    /// Its metrics, and those of its ablations.
    pub metrics: Map<String, Value>,
    /// The log of training.
    pub log: Vec<Map<String, Value>>,
}

/// Draws the figure called `name`.
pub fn draw(name: &str, material: &Material) -> Result<Figure> {
    let known = ALL.iter().any(|figure| figure.name == name);
    if known && !of(&material.trained.config).any(|figure| figure.name == name) {
        bail!("{name} needs scenes of sprites; the model was trained on {EMOJI}");
    }
    match name {
        "controlgan_arch" => architecture::draw(&material.trained),
        "controlgan_wordlevel" => wordlevel::draw(&material.trained),
        "controlgan_locality" => locality::draw(&material.trained),
        "controlgan_edits" => edits::draw(&material.trained),
        "controlgan_stages" => stages::draw(&material.trained),
        "controlgan_training" => training::draw(material),
        "controlgan_ablation" => ablation::draw(material),
        other => bail!(
            "controlgan has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The first `count` held-out scenes whose caption tells where a single object is.
fn single(trained: &Trained, count: usize) -> Result<Vec<Scene>> {
    let source = scenes(&trained.config)?;
    let all = (0..).map(|index| held_out(&trained.config, &source, index));
    Ok(all.filter(|scene| matches!(scene.layout(), Layout::Alone(_))).take(count).collect())
}
