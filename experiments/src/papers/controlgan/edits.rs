//! One changed word: what changes in the picture, and where.
//!
//! A generated object lies where the generator put it, so the region of a word is read from the picture before the change:
//! the ground is the median colour of the picture's rim, the objects are what differs from it, grown by two pixels. A
//! caption of two objects tells how they lie to each other, so each owns the objects' pixels in its half of the picture. The
//! region of a word of the ground is everything but the objects. Nothing of it depends on the picture after the change, so
//! that an object that grows or moves counts as a change outside.

use anyhow::Result;
use easel_core::Stream;
use easel_data::shapes::Relation;
use easel_data::sprite_scenes::{Edit, EditKind, Layout, Scene, SpriteScenes};

use super::config::RunConfig;
use super::data::held_out;

/// The kinds of words, with their names in results.
pub const KINDS: [(EditKind, &str); 3] =
    [(EditKind::Colour, "colour"), (EditKind::Noun, "noun"), (EditKind::Ground, "ground")];
/// Distance of a pixel, 0..=255 a channel, from which it differs from the ground.
const FAR: f64 = 60.0;
/// Pixels by which the objects grow.
const MARGIN: usize = 2;
/// Shares of the picture between which a region can be judged.
const JUDGED: std::ops::RangeInclusive<f64> = 0.01..=0.9;

/// A caption and the same with one word changed.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Scene of the first caption.
    pub scene: Scene,
    /// The change.
    pub edit: Edit,
}

impl Pair {
    /// Both captions.
    pub fn captions(&self) -> [String; 2] {
        [self.scene.caption(), self.edit.scene.caption()]
    }
}

/// `count` held-out scenes whose caption tells where its objects are, each with a change of this kind drawn for it.
pub fn pairs(config: &RunConfig, scenes: &SpriteScenes, kind: EditKind, count: usize, stream: &Stream) -> Vec<Pair> {
    let placed = |scene: &Scene| matches!(scene.layout(), Layout::Alone(_) | Layout::Beside(_));
    let candidates = (0..).map(|index| (index, held_out(config, scenes, index))).filter(|(_, scene)| placed(scene));
    let with_edit = candidates.filter_map(|(index, scene)| {
        let edits: Vec<Edit> = scene.edits().into_iter().filter(|edit| edit.kind == kind).collect();
        let chosen = (!edits.is_empty()).then(|| stream.below(kind as u64, index, edits.len()))?;
        Some(Pair { scene, edit: edits[chosen].clone() })
    });
    with_edit.take(count).collect()
}

/// The pixels `[side, side]` that the changed word names in `picture` u8 `[3, side, side]`, the one before the change; `None`
/// where they are too few or too many to be judged.
pub fn region(pair: &Pair, picture: &[u8], side: usize) -> Option<Vec<bool>> {
    let objects = grown(&objects(picture, side), side, MARGIN);
    let region: Vec<bool> = match pair.edit.kind {
        EditKind::Ground => objects.iter().map(|inside| !inside).collect(),
        EditKind::Colour | EditKind::Noun => {
            let mine = |at: usize| half(pair.scene.layout(), &pair.edit.objects, (at % side, at / side), side);
            objects.iter().enumerate().map(|(at, inside)| *inside && mine(at)).collect()
        }
    };
    let share = region.iter().filter(|inside| **inside).count() as f64 / region.len() as f64;
    JUDGED.contains(&share).then_some(region)
}

/// Whether the pixel lies in the half of the picture that belongs to the object.
fn half(layout: Layout, objects: &[usize], (x, y): (usize, usize), side: usize) -> bool {
    let Layout::Beside(relation) = layout else { return true };
    let first = objects.first() == Some(&0);
    let low = match relation {
        Relation::Left | Relation::Above => first,
        Relation::Right | Relation::Below => !first,
    };
    let at = if matches!(relation, Relation::Left | Relation::Right) { x } else { y };
    (2 * at < side) == low
}

/// Pixels that differ from the median colour of the picture's rim.
fn objects(picture: &[u8], side: usize) -> Vec<bool> {
    let plane = side * side;
    let rim = |at: usize| {
        let (x, y) = (at % side, at / side);
        x == 0 || y == 0 || x == side - 1 || y == side - 1
    };
    let ground = [0, 1, 2].map(|c| {
        let mut values: Vec<u8> = (0..plane).filter(|&at| rim(at)).map(|at| picture[c * plane + at]).collect();
        values.sort_unstable();
        f64::from(values[values.len() / 2])
    });
    let distance = |at: usize| {
        let square = |c: usize| (f64::from(picture[c * plane + at]) - ground[c]).powi(2);
        (square(0) + square(1) + square(2)).sqrt()
    };
    (0..plane).map(|at| distance(at) > FAR).collect()
}

/// The mask with all pixels within `margin` of it, along both axes.
fn grown(mask: &[bool], side: usize, margin: usize) -> Vec<bool> {
    let near = |at: usize, size: usize| at.saturating_sub(margin)..(at + margin + 1).min(size);
    let any = |at: usize| {
        let (x, y) = (at % side, at / side);
        near(y, side).any(|row| near(x, side).any(|column| mask[row * side + column]))
    };
    (0..mask.len()).map(any).collect()
}

/// Mean absolute change of a pixel, 0..=1, inside and outside of a region.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change {
    /// Inside.
    pub inside: f64,
    /// Outside.
    pub outside: f64,
}

/// Between two pictures u8 `[3, side, side]`.
pub fn change(before: &[u8], after: &[u8], region: &[bool]) -> Change {
    let (mut sums, mut counts) = ([0.0; 2], [0usize; 2]);
    for (channel_before, channel_after) in before.chunks(region.len()).zip(after.chunks(region.len())) {
        for ((a, b), inside) in channel_before.iter().zip(channel_after).zip(region) {
            sums[usize::from(!inside)] += f64::from(a.abs_diff(*b)) / 255.0;
            counts[usize::from(!inside)] += 1;
        }
    }
    let mean = |k: usize| sums[k] / counts[k].max(1) as f64;
    Change { inside: mean(0), outside: mean(1) }
}

/// Change of all pairs of a kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Locality {
    /// Mean over the pairs.
    pub change: Change,
    /// Share of the pairs that could be judged.
    pub judged: f64,
}

impl Locality {
    /// How many times more a pixel changes inside than outside; NaN where nothing could be judged.
    pub fn ratio(self) -> f64 {
        self.change.inside / self.change.outside
    }
}

/// Over pictures before and after each of `pairs`.
pub fn locality(pairs: &[Pair], before: &[Vec<u8>], after: &[Vec<u8>], side: usize) -> Result<Locality> {
    let (mut sum, mut judged) = (Change::default(), 0usize);
    for ((pair, before), after) in pairs.iter().zip(before).zip(after) {
        if let Some(region) = region(pair, before, side) {
            let one = change(before, after, &region);
            (sum.inside, sum.outside) = (sum.inside + one.inside, sum.outside + one.outside);
            judged += 1;
        }
    }
    let n = judged.max(1) as f64;
    let change = Change { inside: sum.inside / n, outside: sum.outside / n };
    Ok(Locality { change, judged: judged as f64 / pairs.len().max(1) as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 16;

    /// A picture with a square of another colour at columns and rows 4..8.
    fn picture(ground: u8, object: u8) -> Vec<u8> {
        let inside = |at: usize| (4..8).contains(&(at % SIDE)) && (4..8).contains(&(at / SIDE % SIDE));
        (0..3 * SIDE * SIDE).map(|at| if inside(at) { object } else { ground }).collect()
    }

    #[test]
    fn the_objects_are_what_differs_from_the_rim() {
        let found = objects(&picture(20, 220), SIDE);
        assert_eq!(found.iter().filter(|inside| **inside).count(), 16);
        assert_eq!(grown(&found, SIDE, 2).iter().filter(|inside| **inside).count(), 64);
    }

    #[test]
    fn a_change_of_the_object_is_inside_alone() {
        let region = grown(&objects(&picture(20, 220), SIDE), SIDE, 0);
        let change = change(&picture(20, 220), &picture(20, 169), &region);
        assert!((change.inside - 0.2).abs() < 1e-9 && change.outside == 0.0);
    }

    #[test]
    fn each_of_two_objects_owns_its_half() {
        let layout = Layout::Beside(Relation::Right);
        assert!(half(layout, &[0], (12, 3), SIDE) && !half(layout, &[0], (3, 3), SIDE));
        assert!(half(layout, &[1], (3, 3), SIDE) && !half(layout, &[1], (12, 3), SIDE));
        assert!(half(Layout::Beside(Relation::Above), &[0], (12, 3), SIDE));
    }
}
