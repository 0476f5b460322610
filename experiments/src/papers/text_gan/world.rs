//! The pictures with their classes and captions, and what can be read off a picture.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use easel_data::emoji::{ArtStyle, Emoji};
use easel_data::fetch::Cache;
use easel_data::shapes::caption::{Claim, Style as Wording};
use easel_data::shapes::{Claims, Colour, Object, Place, Scene, Shape, Shapes, Size, magnified};
use easel_data::sprite_scenes::{self, COLOURS, GROUNDS, Noun, SpriteScenes};
use easel_data::{Dataset, Split};

use crate::papers::scenes;

/// Scenes of the training split.
const SCENES: u64 = 6_000;
/// Scenes among which the held-out pairs are looked for.
const HELD_SCENES: u64 = 4_000;
/// Held-out scenes that are kept.
const HELD: usize = 400;
/// Pairs of colour and shape that no training picture shows, each colour and shape being seen in others.
const HELD_PAIRS: usize = 7;
/// How many times as large as in scenes of several objects the only one is: as the paper's birds and flowers, it is what the picture
/// shows.
pub const CLOSER: f64 = 1.6;
/// Openings of a caption: none, "a picture of", "there is".
const OPENINGS: usize = 3;
/// Captions of an emoji.
const EMOJI_CAPTIONS: usize = 8;

/// Something that a picture has one of several values of.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Vec<String>,
    /// Whether captions leave it out, so that it is the noise's to decide.
    pub style: bool,
}

/// Pictures, and the value of each attribute of each.
#[derive(Debug)]
pub struct Part {
    /// The pictures; a label is a class.
    pub data: Dataset,
    /// Values, `[attribute][picture]`.
    pub values: Vec<Vec<i64>>,
}

/// A captioned data set whose captions say what and not how.
#[derive(Debug)]
pub struct World {
    /// Its name.
    pub name: &'static str,
    /// What is learnt from.
    pub train: Part,
    /// What is held out: pairs of colour and shape, (concept, art style) cells, or further scenes.
    pub held: Part,
    /// What can be read off a picture; what captions say comes first.
    pub attributes: Vec<Attribute>,
    /// Captions of each class; the first is the plainest.
    pub captions: Vec<Vec<String>>,
    /// What captions say, `[class][attribute]`.
    pub said: Vec<Vec<i64>>,
    /// Classes with training pictures.
    pub seen: Vec<usize>,
    /// Classes without.
    pub unseen: Vec<usize>,
}

impl World {
    /// The data set of this name.
    pub fn open(name: &str, side: usize) -> Result<Self> {
        match name {
            "shapes" => shapes(side),
            "emoji" => emoji("emoji", &Emoji::embedded()?),
            "emoji-full" => emoji("emoji-full", &Emoji::fetched(&Cache::of_user()?, side)?),
            "sprite-scenes" => sprites(side),
            other => bail!("data = \"{other}\": `shapes`, `sprite-scenes`, `emoji` or `emoji-full`"),
        }
    }

    /// Classes of a split.
    pub fn classes(part: &Part) -> &[i64] {
        part.data.labels().unwrap_or_default()
    }

    /// Attributes that captions leave out.
    pub fn styles(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.attributes.len()).filter(|&a| self.attributes[a].style)
    }

    /// Attributes that captions say.
    pub fn contents(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.attributes.len()).filter(|&a| !self.attributes[a].style)
    }

    /// The plainest caption of a class.
    pub fn caption(&self, class: usize) -> &str {
        &self.captions[class][0]
    }
}

fn attribute<T: ToString>(name: &'static str, values: &[T], style: bool) -> Attribute {
    Attribute { name, values: values.iter().map(ToString::to_string).collect(), style }
}

/// Class of an object: what its caption says.
fn class_of(object: &Object) -> usize {
    (object.colour as usize * Shape::ALL.len() + object.shape as usize) * Size::ALL.len() + object.size as usize
}

fn held_pairs() -> Vec<(Colour, Shape)> {
    (0..HELD_PAIRS).map(|k| (Colour::OBJECTS[k], Shape::ALL[k % Shape::ALL.len()])).collect()
}

/// The scene from nearer by.
fn closer(scene: &Scene) -> Scene {
    let mut scene = scene.clone();
    for object in &mut scene.objects {
        (object.centre, object.radius) = magnified(object.centre, object.radius, CLOSER);
    }
    scene
}

/// One object a scene, seen closer by; captions say colour, shape and size, and leave out background and place.
fn shapes(side: usize) -> Result<World> {
    let all = Shapes::new(side, 0)?.with_objects(1..=1)?;
    let train = all.clone().without(held_pairs())?;
    let attributes = vec![
        attribute("shape", Shape::ALL, false),
        attribute("colour", Colour::OBJECTS, false),
        attribute("size", Size::ALL, false),
        attribute("background", Colour::ALL, true),
        attribute("place", Place::ALL, true),
    ];
    let (mut captions, mut said) = (Vec::new(), Vec::new());
    for &colour in Colour::OBJECTS {
        for &shape in Shape::ALL {
            for &size in Size::ALL {
                let claim = Claim { size: Some(size), colour, shape, place: None };
                let claims = Claims { objects: vec![claim], relations: vec![], background: None };
                captions
                    .push((0..OPENINGS).map(|opening| claims.words(Wording { opening, ..Wording::FULL })).collect());
                said.push(vec![shape as i64, colour as i64, size as i64]);
            }
        }
    }
    let part = |scenes: Vec<Scene>| -> Result<Part> {
        let images: Vec<u8> = scenes.iter().flat_map(|scene| closer(scene).render(side).image).collect();
        let classes: Vec<String> = captions.iter().map(|c: &Vec<String>| c[0].clone()).collect();
        let labels = scenes.iter().map(|scene| class_of(&scene.objects[0]) as i64).collect();
        let value = |read: fn(&Scene) -> i64| scenes.iter().map(read).collect::<Vec<i64>>();
        let values = vec![
            value(|s| s.objects[0].shape as i64),
            value(|s| s.objects[0].colour as i64),
            value(|s| s.objects[0].size as i64),
            value(|s| s.background as i64),
            value(|s| Place::of(s.objects[0].centre) as i64),
        ];
        let data = Dataset::new("shapes", [scenes.len(), 3, side, side], images)?.with_labels(labels, classes)?;
        Ok(Part { data, values })
    };
    let is_held = |scene: &Scene| held_pairs().contains(&scene.objects[0].pair());
    let held = (SCENES..SCENES + HELD_SCENES).map(|i| all.scene(i)).filter(is_held).take(HELD).collect();
    let (train, held) = (part((0..SCENES).map(|i| train.scene(i)).collect())?, part(held)?);
    let pair_of = |class: usize| (Colour::OBJECTS[said[class][1] as usize], Shape::ALL[said[class][0] as usize]);
    let (unseen, seen): (Vec<usize>, Vec<usize>) =
        (0..captions.len()).partition(|&c| held_pairs().contains(&pair_of(c)));
    Ok(World { name: "shapes", train, held, attributes, captions, said, seen, unseen })
}

/// Concepts in four art styles; captions name the concept and leave out the style.
fn emoji(name: &'static str, emoji: &Emoji) -> Result<World> {
    let concepts = emoji.concepts();
    let names: Vec<String> = concepts.iter().map(|c| c.name.clone()).collect();
    let part = |split: Split| -> Result<Part> {
        let cells = emoji.cells(split);
        let values = vec![
            cells.iter().map(|&(concept, _)| concept as i64).collect(),
            cells.iter().map(|&(_, style)| style as i64).collect(),
        ];
        Ok(Part { data: emoji.dataset(split)?, values })
    };
    let captions = (0..concepts.len()).map(|c| {
        let mut all = emoji.captions(c);
        all.truncate(EMOJI_CAPTIONS);
        all
    });
    Ok(World {
        name,
        train: part(Split::Train)?,
        held: part(Split::Test)?,
        attributes: vec![
            attribute("concept", &names, false),
            attribute("art style", &ArtStyle::ALL.map(ArtStyle::name), true),
        ],
        captions: captions.collect(),
        said: (0..concepts.len()).map(|c| vec![c as i64]).collect(),
        seen: (0..concepts.len()).collect(),
        unseen: vec![],
    })
}

/// Scenes of one to three sprites; a class is a caption, and captions leave out the art style. The judge reads what the
/// first object is.
fn sprites(side: usize) -> Result<World> {
    let list = SpriteScenes::new(side, 0)?;
    let split = |split: Split| scenes(split).map(|i| list.scene(i)).collect::<Vec<sprite_scenes::Scene>>();
    let (train, held) = (split(Split::Train), split(Split::Test));
    let index = |all: &[Colour], colour: Colour| all.iter().position(|c| *c == colour).unwrap_or_default() as i64;
    let contents = |scene: &sprite_scenes::Scene| {
        let first = scene.objects()[0];
        vec![index(&COLOURS, first.colour), first.noun as i64, index(&GROUNDS, scene.ground())]
    };
    let (mut classes, mut captions, mut said) = (BTreeMap::<String, usize>::new(), Vec::new(), Vec::new());
    for scene in train.iter().chain(&held) {
        let caption = scene.caption();
        if !classes.contains_key(&caption) {
            captions.push(vec![caption.clone()]);
            said.push(contents(scene));
            classes.insert(caption, classes.len());
        }
    }
    let label = |scene: &sprite_scenes::Scene| classes[&scene.caption()];
    let seen: std::collections::BTreeSet<usize> = train.iter().map(label).collect();
    let unseen = (0..captions.len()).filter(|class| !seen.contains(class)).collect();
    let names: Vec<String> = captions.iter().map(|c| c[0].clone()).collect();
    let part = |scenes: &[sprite_scenes::Scene]| -> Result<Part> {
        let images: Vec<u8> = scenes.iter().flat_map(|scene| scene.render(side).image).collect();
        let labels = scenes.iter().map(|scene| label(scene) as i64).collect();
        let data =
            Dataset::new("sprite-scenes", [scenes.len(), 3, side, side], images)?.with_labels(labels, names.clone())?;
        let of = |a: usize| scenes.iter().map(|scene| contents(scene)[a]).collect::<Vec<i64>>();
        let styles = scenes.iter().map(|scene| scene.style() as i64).collect();
        Ok(Part { data, values: vec![of(0), of(1), of(2), styles] })
    };
    Ok(World {
        name: "sprite-scenes",
        train: part(&train)?,
        held: part(&held)?,
        attributes: vec![
            attribute("colour", &COLOURS, false),
            attribute("noun", Noun::ALL, false),
            attribute("background", &GROUNDS, false),
            attribute("art style", &ArtStyle::ALL.map(ArtStyle::name), true),
        ],
        captions,
        said,
        seen: seen.into_iter().collect(),
        unseen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_say_what_and_not_how() {
        let world = World::open("shapes", 32).expect("made on demand");
        for (class, captions) in world.captions.iter().enumerate() {
            for caption in captions {
                for a in world.contents() {
                    let value = &world.attributes[a].values[world.said[class][a] as usize];
                    assert!(caption.contains(value.as_str()), "{caption}");
                }
                assert!(!caption.contains("background") && !caption.contains(" at "), "{caption}");
            }
        }
    }

    #[test]
    fn captions_of_scenes_name_what_the_judge_reads() {
        let world = World::open("sprite-scenes", 32).expect("made on demand");
        assert_eq!(world.train.data.len(), 9_000);
        for (class, captions) in world.captions.iter().enumerate() {
            for a in world.contents() {
                let word = &world.attributes[a].values[world.said[class][a] as usize];
                // "strawberries": one letter fewer stands in every plural.
                assert!(captions[0].contains(&word[..word.len() - 1]), "{}: {word}", captions[0]);
            }
            assert!(captions.len() == 1 && world.styles().all(|a| world.attributes[a].name == "art style"));
        }
        let train = World::classes(&world.train);
        assert!(world.unseen.len() > 500 && world.unseen.iter().all(|&c| !train.contains(&(c as i64))));
    }

    #[test]
    fn held_out_classes_have_no_training_pictures() {
        let world = World::open("shapes", 32).expect("made on demand");
        assert_eq!((world.seen.len(), world.unseen.len()), (82, 14));
        let train = World::classes(&world.train);
        assert!(world.unseen.iter().all(|&c| !train.contains(&(c as i64))));
        assert!(world.seen.iter().all(|&c| train.contains(&(c as i64))));
        assert!(World::classes(&world.held).iter().all(|&c| world.unseen.contains(&(c as usize))));
    }
}
