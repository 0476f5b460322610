//! Pictures with the captions that match them, and captions that nearly do.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use easel_data::emoji::ArtStyle;
use easel_data::shapes::{Colour, Oracle, Shape, Size};
use easel_data::sprite_scenes::{COLOURS, GROUNDS, Noun, Scene, SpriteScenes, oracle};
use easel_data::{Dataset, LoaderConfig, Split};
use tch::Tensor;

use super::near_miss::{Change, WordClass, changes};
use crate::papers::{open_data, open_emoji, scenes};

/// Height and width of the pictures that a scorer sees.
pub const SIDE: usize = 32;

/// Pictures with their captions.
#[derive(Debug)]
pub struct Pairs {
    /// The pictures.
    pub data: Dataset,
    /// Captions of each picture, all true; the first is what the picture is known by.
    captions: Vec<Vec<String>>,
    world: World,
}

/// What captions of a set speak of.
#[derive(Debug)]
enum World {
    /// Scenes: words of a class can take each other's place. With the scenes themselves where an oracle needs them.
    Scenes { classes: Vec<WordClass>, scenes: Vec<Scene> },
    /// Concepts: each picture's group of concepts, without its own, and its style.
    Concepts { names: Vec<String>, mates: Vec<Vec<usize>>, concepts: Vec<usize>, styles: Vec<ArtStyle> },
}

impl Pairs {
    /// A split of a set by name.
    pub fn open(name: &str, split: Split) -> Result<Self> {
        match name {
            "emoji" => Self::emoji(split),
            "sprite-scenes" => {
                let set = SpriteScenes::new(SIDE, 0)?;
                Self::scenes(name, split, sprite_classes(), scenes(split).map(|index| set.scene(index)).collect())
            }
            "shapes" => Self::scenes(name, split, shape_classes(), Vec::new()),
            _ => Self::scenes(name, split, Vec::new(), Vec::new()),
        }
    }

    fn scenes(name: &str, split: Split, classes: Vec<WordClass>, scenes: Vec<Scene>) -> Result<Self> {
        let data = open_data(name, split, SIDE)?;
        let captions = data.captions().with_context(|| format!("the pictures of `{name}` have no captions"))?;
        let captions = captions.iter().map(|caption| vec![caption.clone()]).collect();
        Ok(Self { data, captions, world: World::Scenes { classes, scenes } })
    }

    fn emoji(split: Split) -> Result<Self> {
        let emoji = open_emoji(SIDE)?;
        let (all, cells) = (emoji.concepts(), emoji.cells(split));
        let mates = |concept: usize| {
            (0..all.len()).filter(|&other| other != concept && all[other].group == all[concept].group).collect()
        };
        let world = World::Concepts {
            names: all.iter().map(|concept| concept.name.clone()).collect(),
            mates: (0..all.len()).map(mates).collect(),
            concepts: cells.iter().map(|cell| cell.0).collect(),
            styles: cells.iter().map(|cell| cell.1).collect(),
        };
        let captions = cells.iter().map(|cell| emoji.captions(cell.0)).collect();
        Ok(Self { data: emoji.dataset(split)?, captions, world })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.captions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.captions.is_empty()
    }

    /// The caption that a picture is known by. Pictures known by the same are not told apart.
    pub fn key(&self, picture: usize) -> &str {
        &self.captions[picture][0]
    }

    /// All true captions of a picture, its key first.
    pub fn captions(&self, picture: usize) -> &[String] {
        &self.captions[picture]
    }

    /// All captions of all pictures.
    pub fn all_captions(&self) -> impl Iterator<Item = &String> {
        self.captions.iter().flatten()
    }

    /// The different keys, in alphabetical order.
    pub fn keys(&self) -> Vec<String> {
        let keys: BTreeSet<&str> = (0..self.len()).map(|i| self.key(i)).collect();
        keys.into_iter().map(str::to_owned).collect()
    }

    /// Art styles that the pictures of the set come in; 0 where that is not known.
    pub fn style_count(&self) -> i64 {
        match &self.world {
            World::Concepts { .. } => ArtStyle::ALL.len() as i64,
            World::Scenes { .. } => 0,
        }
    }

    /// Styles i64 `[B]` of pictures, where known.
    pub fn styles(&self, pictures: &[usize]) -> Option<Tensor> {
        let World::Concepts { styles, .. } = &self.world else { return None };
        Some(Tensor::from_slice(&pictures.iter().map(|&i| styles[i] as i64).collect::<Vec<_>>()))
    }

    /// Changes of a picture that leave all its captions true.
    pub fn augmentation(&self) -> LoaderConfig {
        match self.world {
            World::Scenes { .. } => LoaderConfig { shift: 1, ..LoaderConfig::default() },
            World::Concepts { .. } => {
                LoaderConfig { flip: true, shift: 2, rotate: 10.0, scale: 0.15, ..LoaderConfig::default() }
            }
        }
    }

    /// Share of what a picture's key claims that an exact oracle reads from another picture u8 `[3, side, side]`; none where
    /// the set has no oracle. That of sprite scenes reads ground, colours and positions, no nouns.
    pub fn claims(&self, picture: usize, drawn: &[u8], side: usize) -> Result<Option<f64>> {
        let World::Scenes { scenes, .. } = &self.world else { return Ok(None) };
        if let Some(scene) = scenes.get(picture) {
            let verdict = oracle::read(drawn, side)?.verdict(scene);
            let claims = [Some(verdict.ground), Some(verdict.colours), verdict.positions];
            let claims: Vec<bool> = claims.into_iter().flatten().collect();
            return Ok(Some(claims.iter().filter(|held| **held).count() as f64 / claims.len() as f64));
        }
        Ok(match self.data.name() {
            "shapes" => Some(Oracle.check(drawn, side, self.key(picture))?.score()),
            _ => None,
        })
    }

    /// One caption that nearly matches a picture, `pick` choosing among that many: its key with one word changed for another
    /// of its kind, or the name of a concept of the same group.
    pub fn near_miss(&self, picture: usize, pick: impl FnOnce(usize) -> usize) -> Option<String> {
        let key = self.key(picture);
        match &self.world {
            World::Scenes { classes, .. } => {
                let all = changes(key, classes);
                (!all.is_empty()).then(|| all[pick(all.len())].apply(key))
            }
            World::Concepts { names, mates, concepts, .. } => {
                let mates = &mates[concepts[picture]];
                (!mates.is_empty()).then(|| names[mates[pick(mates.len())]].clone())
            }
        }
    }

    /// All captions that nearly match a picture.
    pub fn near_misses(&self, picture: usize) -> Vec<String> {
        let key = self.key(picture);
        match &self.world {
            World::Scenes { classes, .. } => changes(key, classes).into_iter().map(|c: Change| c.apply(key)).collect(),
            World::Concepts { names, mates, concepts, .. } => {
                mates[concepts[picture]].iter().map(|&mate| names[mate].clone()).collect()
            }
        }
    }
}

fn shape_classes() -> Vec<WordClass> {
    vec![
        WordClass::before("background", Colour::ALL.iter().map(|c| c.word())),
        WordClass::anywhere(Colour::OBJECTS.iter().map(|c| c.word())),
        WordClass::anywhere(Shape::ALL.iter().map(|s| s.word())),
        WordClass::anywhere(Size::ALL.iter().map(|s| s.word())),
        WordClass::anywhere(["left", "right"]),
        WordClass::anywhere(["top", "bottom"]),
        WordClass::anywhere(["above", "below"]),
        WordClass::anywhere(["over", "under"]),
    ]
}

fn sprite_classes() -> Vec<WordClass> {
    vec![
        WordClass::before("ground", GROUNDS.iter().map(|c| c.word())),
        WordClass::anywhere(COLOURS.iter().map(|c| c.word())),
        WordClass::anywhere(Noun::ALL.iter().map(|n| n.word())),
        WordClass::anywhere(Noun::ALL.iter().map(|n| n.plural())),
        WordClass::anywhere(["two", "three"]),
        // Not "from left to right", which has no counterpart of one word.
        WordClass::before("of", ["left", "right"]),
        WordClass::anywhere(["above", "below"]),
    ]
}

#[cfg(test)]
mod tests {
    use easel_data::shapes::Claims;

    use super::*;

    #[test]
    fn near_misses_of_shapes_are_false_and_in_the_grammar() {
        let pairs = Pairs::open("shapes", Split::Test).expect("shapes are made on demand");
        let mut parsed = 0;
        for i in 0..40 {
            let truth = Claims::parse(pairs.key(i)).expect("a caption of the grammar");
            let misses = pairs.near_misses(i);
            assert!(!misses.is_empty() && !misses.contains(&pairs.key(i).to_owned()));
            for claims in misses.iter().filter_map(|m| Claims::parse(m).ok()) {
                assert_ne!(claims, truth);
                parsed += 1;
            }
            assert!(misses.contains(&pairs.near_miss(i, |n| n - 1).expect("some")));
        }
        assert!(parsed > 400, "{parsed}");
    }

    #[test]
    fn near_misses_of_scenes_hold_every_edit() {
        let pairs = Pairs::open("sprite-scenes", Split::Test).expect("made on demand");
        let World::Scenes { scenes, .. } = &pairs.world else { panic!("scenes") };
        for (i, scene) in scenes.iter().enumerate().take(40) {
            assert_eq!(scene.caption(), pairs.key(i));
            let misses = pairs.near_misses(i);
            let fish = |caption: &str| caption.contains("fish"); // one word for one and for several
            for edit in scene.edits() {
                let caption = edit.scene.caption();
                assert!(misses.contains(&caption) || fish(&caption) || fish(pairs.key(i)), "{caption}");
            }
            let bytes = scene.render(SIDE).image;
            assert_eq!(pairs.claims(i, &bytes, SIDE).expect("a picture"), Some(1.0), "{}", pairs.key(i));
        }
    }

    #[test]
    fn concepts_miss_within_their_group_and_have_styles() {
        let pairs = Pairs::open("emoji", Split::Test).expect("the sample is built in");
        let names = pairs.keys();
        assert!(names.len() > 50 && pairs.style_count() == 4);
        let all: Vec<usize> = (0..pairs.len()).collect();
        let styles = Vec::<i64>::try_from(pairs.styles(&all).expect("styles")).expect("i64");
        assert!((0..4).all(|style| styles.contains(&style)));
        for i in 0..20 {
            assert!(!pairs.near_misses(i).contains(&pairs.key(i).to_owned()));
            assert!(pairs.captions(i).iter().all(|caption| caption.contains(pairs.key(i))));
        }
    }
}
