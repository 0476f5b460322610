//! Scenes, their captions and words.

use anyhow::Result;
use controlgan::captions::attribute_words;
use easel_data::Dataset;
use easel_data::sprite_scenes::{Scene, SpriteScenes};
use easel_text::Vocabulary;

use super::config::RunConfig;

/// Captions from which vocabulary and attributes are taken.
const READ: u64 = 4000;

/// The scenes of a configuration: the first `data.scenes` are for training, all later ones are held out.
pub fn scenes(config: &RunConfig) -> Result<SpriteScenes> {
    let scenes = SpriteScenes::new(config.model.side as usize, 0)?;
    Ok(scenes.with_objects(1..=config.data.objects)?.with_styles(config.data.styles.clone())?)
}

/// The training scenes as pictures.
pub fn training(config: &RunConfig) -> Result<Dataset> {
    Ok(scenes(config)?.dataset(0..config.data.scenes)?)
}

/// Held-out scene `index`.
pub fn held_out(config: &RunConfig, scenes: &SpriteScenes, index: u64) -> Scene {
    scenes.scene(config.data.scenes + index)
}

/// Vocabulary and attributes: of all captions that the scenes can have, rare words included.
pub fn words(config: &RunConfig) -> Result<(Vocabulary, Vec<String>)> {
    let scenes = scenes(config)?;
    let captions: Vec<String> = (0..READ).map(|index| scenes.scene(index).caption()).collect();
    let vocabulary = Vocabulary::from_captions(&captions, 1);
    let attributes = attribute_words(&vocabulary, &captions);
    Ok((vocabulary, attributes))
}
