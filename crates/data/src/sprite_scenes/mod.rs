//! `sprite-scenes`: one to three real emoji of the embedded sample on a coloured ground, with a sentence that tells
//! objects, colours, counts and positions; exact masks and boxes, one-word [`Edit`]s, and an [`oracle`].
//!
//! Colours are ours: every saturated pixel of a sprite takes the named hue and keeps its shading (see [`sprite`]), so a
//! colour word names all that is coloured of an object. A scene follows from (seed, index) alone.

pub mod edit;
pub mod oracle;
pub mod render;
pub mod scene;
pub mod sprite;

use std::ops::{Range, RangeInclusive};

use easel_core::noise::Noise;

pub use edit::{Edit, EditKind};
pub use render::Rendered;
pub use scene::{COLOURS, GROUNDS, Layout, Noun, Object, Scene};

use crate::dataset::{Dataset, DatasetError};
use crate::emoji::{ArtStyle, EmojiError};
pub use crate::shapes::{Bounds, Colour, Place, Relation};
use sprite::Sprites;

/// A combination of colour and noun.
pub type Pair = (Colour, Noun);

/// An endless, seeded list of scenes.
#[derive(Debug, Clone)]
pub struct SpriteScenes {
    side: usize,
    seed: u64,
    objects: RangeInclusive<usize>,
    styles: Vec<ArtStyle>,
    pairs: Vec<Pair>,
    sprites: &'static Sprites,
}

/// A generator that cannot make scenes.
#[derive(Debug, thiserror::Error)]
pub enum SpriteScenesError {
    /// Too small to tell sprites apart or larger than they are drawn.
    #[error("sprite-scenes: pictures of {0} pixels a side; 32 to 128 are possible")]
    Side(usize),
    /// No scene has that many objects.
    #[error("sprite-scenes: {0:?} objects a scene; 1 to 3 are possible")]
    Objects(RangeInclusive<usize>),
    /// No style is left.
    #[error("sprite-scenes: no art style was given")]
    Styles,
    /// Too few pairs are left to fill every kind of scene.
    #[error("sprite-scenes: {0} pairs of colour and noun; three must be left without any one colour")]
    Pairs(usize),
    /// The sprites.
    #[error(transparent)]
    Emoji(#[from] EmojiError),
    /// The parts do not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

impl SpriteScenes {
    /// Scenes of 1 to 3 objects in all four styles, nothing held out; pictures of `side` pixels, 32..=128.
    pub fn new(side: usize, seed: u64) -> Result<Self, SpriteScenesError> {
        if !(32..=128).contains(&side) {
            return Err(SpriteScenesError::Side(side));
        }
        let pairs = all_pairs();
        Ok(Self { side, seed, objects: 1..=3, styles: ArtStyle::ALL.to_vec(), pairs, sprites: Sprites::embedded()? })
    }

    /// Limits the number of objects a scene, within 1..=3.
    pub fn with_objects(mut self, objects: RangeInclusive<usize>) -> Result<Self, SpriteScenesError> {
        if objects.is_empty() || *objects.start() < 1 || *objects.end() > 3 {
            return Err(SpriteScenesError::Objects(objects));
        }
        self.objects = objects;
        Ok(self)
    }

    /// Draws in these styles only.
    pub fn with_styles(mut self, styles: Vec<ArtStyle>) -> Result<Self, SpriteScenesError> {
        if styles.is_empty() {
            return Err(SpriteScenesError::Styles);
        }
        self.styles = styles;
        Ok(self)
    }

    /// Leaves out all scenes that show one of `held_out`: train on these (compositional split).
    pub fn without(self, held_out: &[Pair]) -> Result<Self, SpriteScenesError> {
        let rest = self.pairs.iter().copied().filter(|pair| !held_out.contains(pair)).collect();
        self.of(rest)
    }

    /// Shows no pairs but `shown`: test on these.
    pub fn only(self, shown: &[Pair]) -> Result<Self, SpriteScenesError> {
        let rest = self.pairs.iter().copied().filter(|pair| shown.contains(pair)).collect();
        self.of(rest)
    }

    fn of(mut self, pairs: Vec<Pair>) -> Result<Self, SpriteScenesError> {
        // A ground takes one colour away; a scene of three different objects needs three pairs of the others.
        let without = |colour: Colour| pairs.iter().filter(|pair| pair.0 != colour).count();
        if COLOURS.iter().any(|&colour| without(colour) < 3) {
            return Err(SpriteScenesError::Pairs(pairs.len()));
        }
        self.pairs = pairs;
        Ok(self)
    }

    /// Height and width of the pictures in pixels; the scenes do not depend on it.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Scene `index`.
    pub fn scene(&self, index: u64) -> Scene {
        let mut rng = Noise::new(self.seed).purpose("sprite-scenes/scene").rng(0, index);
        Scene::draw(&mut rng, self.objects.clone(), &self.styles, &self.pairs, self.sprites)
    }

    /// Whether `scene` shows allowed pairs only; tells edited scenes that leave a split from those that do not.
    pub fn allows(&self, scene: &Scene) -> bool {
        scene.objects().iter().all(|object| self.pairs.contains(&object.pair()))
    }

    /// Scenes `range` as u8 `[N, 3, side, side]` with captions. Where all have one object, the label is its noun.
    pub fn dataset(&self, range: Range<u64>) -> Result<Dataset, SpriteScenesError> {
        let scenes: Vec<Scene> = range.map(|index| self.scene(index)).collect();
        let images: Vec<u8> = scenes.iter().flat_map(|scene| scene.render(self.side).image).collect();
        let captions = scenes.iter().map(Scene::caption).collect();
        let shape = [scenes.len(), 3, self.side, self.side];
        let data = Dataset::new("sprite-scenes", shape, images)?.with_captions(captions)?;
        if *self.objects.end() > 1 {
            return Ok(data);
        }
        let labels = scenes.iter().map(|scene| scene.objects()[0].noun as i64).collect();
        Ok(data.with_labels(labels, Noun::ALL.iter().map(ToString::to_string).collect())?)
    }
}

/// Every colour with every noun.
pub fn all_pairs() -> Vec<Pair> {
    COLOURS.iter().flat_map(|&colour| Noun::ALL.iter().map(move |&noun| (colour, noun))).collect()
}

/// One pair a noun, all colours in turn: held out, every colour and every noun is still seen, five pairs a noun.
pub fn held_out_pairs() -> Vec<Pair> {
    Noun::ALL.iter().enumerate().map(|(i, &noun)| (COLOURS[i % COLOURS.len()], noun)).collect()
}
