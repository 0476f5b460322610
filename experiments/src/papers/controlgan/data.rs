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
    /// Other real pictures, the reference of distances.
    pub reference: Tensor,
    /// What the pictures show, where that is known exactly.
    pub scenes: Option<Vec<Scene>>,
}

impl HeldOut {
    /// The first `count`, or as many as there are.
    pub fn of(config: &RunConfig, count: usize) -> Result<Self> {
        if config.data.set != EMOJI {
            let list = scenes(config)?;
            let from = |start: u64| (start..start + count as u64).map(|i| held_out(config, &list, i)).collect();
            let (own, reference): (Vec<Scene>, Vec<Scene>) = (from(0), from(REFERENCE));
            return Ok(Self {
                captions: own.iter().map(Scene::caption).collect(),
                images: rendered(&own, list.side()),
                reference: rendered(&reference, list.side()),
                scenes: Some(own),
            });
        }
        let test = open_emoji(config.model.side as usize)?.dataset(Split::Test)?;
        let order = |n: usize| {
            let mut order = Noise::new(0).purpose("controlgan/held-out").permutation(0, n);
            order.truncate(count);
            order
        };
        let (own, train) = (test.subset(&order(test.len())), training(config)?);
        Ok(Self {
            captions: captions_of(&own)?,
            images: to_unit(&all_images(&own)),
            reference: to_unit(&all_images(&train.subset(&order(train.len())))),
            scenes: None,
        })
    }
}

/// Real pictures of scenes, f32 `[N, 3, side, side]` in [-1, 1].
pub fn rendered(scenes: &[Scene], side: usize) -> Tensor {
    let picture = |scene: &Scene| Tensor::from_slice(&scene.render(side).image).view([3, side as i64, side as i64]);
    to_unit(&Tensor::stack(&scenes.iter().map(picture).collect::<Vec<_>>(), 0))
}
