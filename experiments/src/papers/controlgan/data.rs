//! Pictures, their captions and words.

use anyhow::{Context, Result, ensure};
use controlgan::captions::attribute_words;
use easel_core::Noise;
use easel_data::sprite_scenes::{Scene, SpriteScenes};
use easel_data::{Dataset, Split};
use easel_text::Vocabulary;
use tch::Tensor;

use super::config::{EMOJI, RunConfig};
use crate::papers::open_emoji;
use crate::tensors::{all_images, to_unit};

/// Captions of scenes from which vocabulary and attributes are taken.
const READ: u64 = 4000;
/// Held-out scenes from here on are the reference of distances.
const REFERENCE: u64 = 100_000;

/// The scenes of a configuration: the first `data.scenes` are for training, all later ones are held out.
///
/// # Errors
/// The configuration trains on other pictures.
pub fn scenes(config: &RunConfig) -> Result<SpriteScenes> {
    ensure!(config.data.set != EMOJI, "this needs scenes of sprites; the model was trained on {EMOJI}");
    let scenes = SpriteScenes::new(config.model.side as usize, 0)?;
    Ok(scenes.with_objects(1..=config.data.objects)?.with_styles(config.data.styles.clone())?)
}

/// The training pictures.
pub fn training(config: &RunConfig) -> Result<Dataset> {
    if config.data.set == EMOJI {
        return Ok(open_emoji(config.model.side as usize)?.dataset(Split::Train)?);
    }
    Ok(scenes(config)?.dataset(0..config.data.scenes)?)
}

/// Held-out scene `index`.
pub fn held_out(config: &RunConfig, scenes: &SpriteScenes, index: u64) -> Scene {
    scenes.scene(config.data.scenes + index)
}

/// Vocabulary and attributes: of all captions that the scenes can have, or of the training emoji; rare words included.
pub fn words(config: &RunConfig) -> Result<(Vocabulary, Vec<String>)> {
    let captions = if config.data.set == EMOJI {
        captions_of(&training(config)?)?
    } else {
        let scenes = scenes(config)?;
        (0..READ).map(|index| scenes.scene(index).caption()).collect()
    };
    let vocabulary = Vocabulary::from_captions(&captions, 1);
    let attributes = attribute_words(&vocabulary, &captions);
    Ok((vocabulary, attributes))
}

fn captions_of(data: &Dataset) -> Result<Vec<String>> {
    Ok(data.captions().context("the pictures have no captions")?.to_vec())
}

/// Pictures that training has not seen, with their captions.
#[derive(Debug)]
pub struct HeldOut {
    /// The captions.
    pub captions: Vec<String>,
    /// Their pictures, f32 `[N, 3, side, side]` in [-1, 1].
    pub images: Tensor,
    /// What the pictures show, where that is known exactly.
    pub scenes: Option<Vec<Scene>>,
}

impl HeldOut {
    /// `count` of them, or as many as there are: the first scenes, or emoji in an order of chance.
    pub fn of(config: &RunConfig, count: usize) -> Result<Self> {
        if config.data.set == EMOJI {
            let own = some(&open_emoji(config.model.side as usize)?.dataset(Split::Test)?, count);
            return Ok(Self { captions: captions_of(&own)?, images: to_unit(&all_images(&own)), scenes: None });
        }
        let list = scenes(config)?;
        let own: Vec<Scene> = (0..count as u64).map(|index| held_out(config, &list, index)).collect();
        let captions = own.iter().map(Scene::caption).collect();
        Ok(Self { captions, images: rendered(&own, list.side()), scenes: Some(own) })
    }
}

/// Other real pictures, f32 `[count, 3, side, side]` in [-1, 1], the reference of distances: further held-out scenes, or training
/// emoji, as few are held out.
pub fn reference(config: &RunConfig, count: usize) -> Result<Tensor> {
    if config.data.set == EMOJI {
        return Ok(to_unit(&all_images(&some(&training(config)?, count))));
    }
    let list = scenes(config)?;
    let all: Vec<Scene> = (0..count as u64).map(|index| held_out(config, &list, REFERENCE + index)).collect();
    Ok(rendered(&all, list.side()))
}

/// `count` pictures in an order of chance, or all.
fn some(data: &Dataset, count: usize) -> Dataset {
    let mut order = Noise::new(0).purpose("controlgan/pictures").permutation(0, data.len());
    order.truncate(count);
    data.subset(&order)
}

/// Real pictures of scenes, f32 `[N, 3, side, side]` in [-1, 1].
pub fn rendered(scenes: &[Scene], side: usize) -> Tensor {
    let picture = |scene: &Scene| Tensor::from_slice(&scene.render(side).image).view([3, side as i64, side as i64]);
    to_unit(&Tensor::stack(&scenes.iter().map(picture).collect::<Vec<_>>(), 0))
}
