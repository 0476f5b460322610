//! `shapes`: coloured shapes in compositional scenes, with exact captions, masks, boxes and edges, and an [`oracle`]
//! that reads a picture back.
//!
//! Everything is true by construction and with a margin: objects do not touch, and a word such as "left" is only used
//! where the picture leaves no doubt. A scene follows from (seed, index) alone.

pub mod caption;
pub mod geometry;
pub mod oracle;
pub mod render;
pub mod scene;

use std::ops::RangeInclusive;

use easel_core::noise::Noise;

pub use caption::{CaptionError, Claim, Claims, Style};
pub use oracle::{Description, Oracle, OracleError, Seen, Verdict};
pub use render::{Bounds, Rendered};
pub use scene::{Colour, Object, Place, Relation, Scene, Shape, Size, magnified};

use crate::dataset::{Dataset, DatasetError};

/// A combination of colour and shape.
pub type Pair = (Colour, Shape);

/// An endless, seeded list of scenes.
#[derive(Debug, Clone)]
pub struct Shapes {
    /// Height and width of the pictures in pixels, 16..=256; the scenes do not depend on it.
    pub side: usize,
    /// Seed of all scenes.
    pub seed: u64,
    /// Objects a scene, within 1..=3.
    pub objects: RangeInclusive<usize>,
    /// Pairs that no scene shows: train without them, test on them (compositional split).
    pub held_out: Vec<Pair>,
}

/// A generator that cannot make scenes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShapesError {
    /// Too small to tell shapes apart or needlessly large.
    #[error("shapes: pictures of {0} pixels a side; 16 to 256 are possible")]
    Side(usize),
    /// No scene has that many objects.
    #[error("shapes: {0:?} objects a scene; 1 to 3 are possible")]
    Objects(RangeInclusive<usize>),
    /// Too many pairs are held out to fill a scene.
    #[error("shapes: {0} pairs of colour and shape are held out; leave at least half of them")]
    HeldOut(usize),
    /// The parts do not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

impl Shapes {
    /// Scenes of 1 to 3 objects, nothing held out.
    pub fn new(side: usize, seed: u64) -> Result<Self, ShapesError> {
        if !(16..=256).contains(&side) {
            return Err(ShapesError::Side(side));
        }
        Ok(Self { side, seed, objects: 1..=3, held_out: Vec::new() })
    }

    /// Limits the number of objects a scene.
    pub fn with_objects(mut self, objects: RangeInclusive<usize>) -> Result<Self, ShapesError> {
        if objects.is_empty() || *objects.start() < 1 || *objects.end() > 3 {
            return Err(ShapesError::Objects(objects));
        }
        self.objects = objects;
        Ok(self)
    }

    /// Leaves out all scenes that show one of `pairs`.
    pub fn without(mut self, pairs: Vec<Pair>) -> Result<Self, ShapesError> {
        if 2 * pairs.len() > Colour::OBJECTS.len() * Shape::ALL.len() {
            return Err(ShapesError::HeldOut(pairs.len()));
        }
        self.held_out = pairs;
        Ok(self)
    }

    /// Scene `index`.
    pub fn scene(&self, index: u64) -> Scene {
        let mut rng = Noise::new(self.seed).purpose("shapes/scene").rng(0, index);
        Scene::draw(&mut rng, self.objects.clone(), &self.held_out)
    }

    /// Caption of scene `index`, in a style drawn for it.
    pub fn caption(&self, index: u64) -> String {
        let mut rng = Noise::new(self.seed).purpose("shapes/caption").rng(0, index);
        let style = Style::draw(&mut rng);
        Claims::of(&self.scene(index), style).words(style)
    }

    /// Scenes `range` as u8 `[N, 3, side, side]` with captions. Where every scene has one object, the label is its
    /// shape.
    pub fn dataset(&self, range: std::ops::Range<u64>) -> Result<Dataset, ShapesError> {
        let scenes: Vec<Scene> = range.clone().map(|index| self.scene(index)).collect();
        let images: Vec<u8> = scenes.iter().flat_map(|scene| scene.render(self.side).image).collect();
        let captions = range.map(|index| self.caption(index)).collect();
        let shape = [scenes.len(), 3, self.side, self.side];
        let data = Dataset::new("shapes", shape, images)?.with_captions(captions)?;
        if *self.objects.end() > 1 {
            return Ok(data);
        }
        let labels = scenes.iter().map(|scene| scene.objects[0].shape as i64).collect();
        Ok(data.with_labels(labels, Shape::ALL.iter().map(ToString::to_string).collect())?)
    }
}
